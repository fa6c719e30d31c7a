"""The command line: every command speaks to a person and in JSON, and says errors in one sentence."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner

from crmcore import CRM
from crmcore.cli import crm as command
from crmcore.cli.output import table
from crmcore.errors import DatabaseUnusable, MissingExtra, PostgreSQLNeeded, SettingsError
from crmcore.model.building import attribute
from tests.named_rule import Rules


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.setenv("CRM_CHANNELS__EMAIL__SENDER", "Shop <shop@example.com>")
    path = tmp_path / "shop.db"
    with CRM(str(path)) as crm:
        crm.identify("42", {"city": "Bandung", "email": "ada@example.com"}, tags=["vip"])
        crm.track("order_placed", "42", amount=1250, currency="EUR", ref="o1")
        crm.define_segment("locals", attribute("city") == "Bandung")
        crm.save_template("receipt", "email", {"subject": "Paid", "text": "{{ message.total }}"})
    return path


@pytest.fixture
def run(shop):
    def running(*words, code=0):
        result = CliRunner().invoke(command, ["--db", str(shop), *map(str, words)])
        assert result.exit_code == code, result.output
        return result.output

    return running


COMMANDS = [
    ("segment", "list"),
    ("segment", "show", "locals"),
    ("segment", "members", "locals"),
    ("segment", "members", "locals", "--at", "2026-01-01"),
    ("segment", "why", "locals", "42"),
    ("segment", "why", "locals", "--email", "ada@example.com"),
    ("segment", "overlap", "locals", "locals"),
    ("segment", "history", "locals", "--since", "2026-01-01"),
    ("segment", "trend", "locals", "--since", "2026-01-01"),
    ("customer", "42"),
    ("duplicates",),
    ("history", "42"),
    ("campaign", "list"),
    ("work",),
    ("send", "receipt", "--to", "42", "--field", "total=5 EUR", "--key", "order-1"),
    ("db", "status"),
    ("db", "upgrade"),
    ("plugins",),
    ("channels",),
    ("template", "list"),
    ("doctor",),
    ("stats",),
    ("schema",),
    ("schema", "plan"),
    ("schema", "diff"),
    ("quarantine", "list"),
    ("quarantine", "replay"),
]


@pytest.mark.parametrize("words", COMMANDS, ids=" ".join)
def test_every_command_speaks_to_a_person_and_in_json(run, words):
    assert run(*words).strip()
    json.loads(run("--json", *words))


def test_what_a_channel_can_do_and_what_carries_it_is_shown(run):
    [mail] = [one for one in json.loads(run("--json", "channels")) if one["channel"] == "email"]
    assert mail["capabilities"]["address_kinds"] == ["email"]
    assert mail["carriers"]["smtp"]["speaks"] == "its own"
    assert "email/smtp" in run("channels")


def test_a_message_is_sent_to_whoever_is_named_in_any_way(run):
    run("send", "receipt", "--to", "email=ada@example.com", "--field", "total=5")
    run("send", "receipt", "--to", "42", "--field", "total=5")
    assert json.loads(run("--json", "report", "send:receipt:email"))["eligible"] == 2


def test_what_is_named_is_printed_as_it_is(run):
    run("send", "receipt", "--to", "42", "--field", "total=5")
    assert "send:receipt:email" in run("report", "send:receipt:email")
    assert "send:receipt:email" in run("deliveries", "send:receipt:email")


def test_a_title_is_no_markup(capsys):
    table("All [bold] of it", ("name",), [(f":receipt:{'-' * 30}",)])
    said = capsys.readouterr().out
    assert "All [bold] of it" in said
    assert ":receipt:" in said


def test_a_field_without_a_value_is_refused(run):
    assert "NAME=VALUE" in run("send", "receipt", "--to", "42", "--field", "total", code=2)


def test_a_customer_is_shown_with_the_latest_events(run):
    shown = json.loads(run("--json", "customer", "--email", "ADA@example.com"))
    assert shown["customer"]["attributes"]["city"] == "Bandung"
    assert shown["timeline"][0]["amount"] == 1250
    assert isinstance(shown["customer"]["id"], str)


def test_what_was_said_of_a_customer_is_shown(run):
    [line] = json.loads(run("--json", "history", "--email", "ada@example.com", "--name", "city"))
    assert (line["new"], line["old"], line["identity"]["value"]) == ("Bandung", None, "42")
    assert "key 42" in run("history", "42")


def test_probable_duplicates_are_shown_with_reasons_and_what_was_skipped(run, shop):
    with CRM(str(shop)) as crm:
        for number in range(3):
            crm.identify(
                str(number), {"name": "Ada King", "birth_date": "1980-12-10", "phone": f"+44 20 12345{number}0"}
            )
    found = json.loads(run("--json", "duplicates", "--limit", "1"))
    assert (len(found["pairs"]), found["customers"]) == (1, 4)
    assert "birth_date: same" in run("duplicates")
    assert "Skipped: 1 groups" in run("duplicates", "--largest", "2")


def test_a_segment_is_created_from_a_file(run, tmp_path):
    (tmp_path / "vip.toml").write_text('tag = "vip"\n')
    assert json.loads(run("--json", "segment", "create", "vip", tmp_path / "vip.toml"))["size"] == 1


def test_a_segment_is_created_from_words_and_shown_in_words_beside_the_json(run):
    assert json.loads(run("--json", "segment", "create", "vip", "tag 'vip' and city exists"))["size"] == 1
    shown = run("segment", "show", "vip")
    assert 'tag "vip" and city exists\n' in shown
    assert json.loads(shown[shown.index("{") :]) == json.loads(run("--json", "segment", "show", "vip"))["condition"]


def test_words_that_cannot_be_read_are_refused_with_their_place(shop):
    done = crm("--db", shop, "segment", "create", "vip", 'tga "vip"')
    assert done.returncode == 1
    assert '\n    tga "vip"\n        ^\n' in done.stderr
    fields = json.loads(crm("--db", shop, "--json", "segment", "create", "vip", 'tga "vip"').stderr)["fields"]
    assert (fields["line"], fields["column"]) == (1, 5)


def test_a_file_is_imported(run, tmp_path):
    (tmp_path / "people.csv").write_text("id\n7\n")
    (tmp_path / "map.toml").write_text('kind = "customers"\nsource = "x"\n[columns]\ncustomer = "id"\n')
    done = json.loads(run("--json", "import", tmp_path / "people.csv", "--map", tmp_path / "map.toml"))
    assert (done["new"], done["unchanged"]) == (1, 0)


PLAN = """name = "web"
[events.page_viewed.fields]
page = "{type}"
"""


@pytest.fixture
def plan(tmp_path):
    def written(kind):
        path = tmp_path / f"{kind}.toml"
        path.write_text(PLAN.format(type=kind))
        return path

    return written


def view(shop):
    with CRM(str(shop)) as crm:
        crm.track("page_viewed", "42", properties={"page": "/"}, source="web")


def test_a_plan_is_declared_from_a_file_and_what_does_not_fit_is_replayed_after_a_fix(shop, run, plan):
    [declared] = json.loads(run("--json", "schema", "declare", plan("int")))
    assert (declared["source"], declared["version"]) == ("web", 1)
    view(shop)
    assert "page_viewed.page is text ('/')" in json.loads(run("--json", "quarantine", "list"))[0]["reason"]
    run("schema", "declare", plan("text"))
    assert json.loads(run("--json", "quarantine", "replay"))["taken"] == 1
    assert json.loads(run("--json", "schema", "--source", "web"))[0]["events"][0]["seen"]["count"] == 1


def test_a_difference_is_an_exit_code_where_that_is_asked_for(shop, run, plan):
    view(shop)
    assert "page_viewed.page" in run("schema", "diff", plan("int"))
    run("schema", "diff", plan("int"), "--check", code=1)
    run("schema", "diff", plan("text"), "--check")
    assert run("schema", "diff", plan("text")) == "What was sent is what is declared.\n"


def test_what_was_never_seen_is_shown_and_is_no_reason_to_fail(run, plan):
    assert "never seen" in run("schema", "diff", plan("text"), "--check")


def test_an_option_before_the_command_it_is_meant_for_is_an_error(run):
    assert "say --source after diff" in run("schema", "--source", "web", "diff", code=2)


def groups(command, words=()):
    """Yield the words of every command there is."""
    yield words
    for name, inner in getattr(command, "commands", {}).items():
        yield from groups(inner, (*words, name))


@pytest.mark.parametrize("words", list(groups(command)), ids=" ".join)
def test_every_help_has_an_example_on_lines_of_its_own(words):
    shown = CliRunner().invoke(command, [*words, "--help"]).output
    assert any(line.strip().startswith("crm ") for line in shown.splitlines())
    assert "\\b" not in shown


def crm(*words):
    return subprocess.run(
        [sys.executable, "-c", "from crmcore.cli import main; main()", *map(str, words)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_error_is_one_sentence_and_exit_1(shop):
    done = crm("--db", shop, "customer", "nobody")
    assert (done.returncode, done.stdout, done.stderr) == (
        1,
        "",
        "UnknownCustomer: No customer has the key 'nobody'.\n",
    )


def test_an_error_in_json_names_the_fields(shop):
    done = crm("--db", shop, "--json", "segment", "show", "nope")
    said = json.loads(done.stderr)
    assert (done.returncode, said["error"], said["fields"]["name"]) == (1, "UnknownSegment", "nope")


def test_a_command_that_is_none_is_a_usage_error(shop):
    assert crm("--db", shop, "nope").returncode == 2


def test_the_sql_of_an_upgrade_can_be_printed(run):
    assert "CREATE TABLE crm_event" in run("db", "upgrade", "--sql")


def test_a_store_is_carried_into_another_one(run, tmp_path):
    for kind in ("customers", "events"):
        assert json.loads(run("--json", "export-file", tmp_path / f"{kind}.csv", "--as", kind))["rows"] == 1
        run("--db", tmp_path / "other.db", "import", tmp_path / f"{kind}.csv", "--as", kind, "--yes")
    shown = json.loads(run("--json", "--db", tmp_path / "other.db", "customer", "42"))
    assert shown["customer"]["tags"] == ["vip"]
    assert shown["timeline"][0]["amount"] == 1250


def test_an_export_tells_a_person_how_many_rows_went_where(run, tmp_path):
    assert run("export-file", tmp_path / "customers.csv", "--as", "customers").startswith("1 rows written to ")


def test_an_export_writes_over_a_file_by_force_alone(shop, run, tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text("mine")
    done = crm("--db", shop, "export-file", path, "--as", "customers")
    assert (done.returncode, path.read_text()) == (1, "mine")
    assert "--force" in done.stderr
    run("export-file", path, "--as", "customers", "--force")
    assert "ada@example.com" in path.read_text()


def test_doctor_names_a_segment_whose_rule_is_gone(run, shop):
    with CRM(str(shop), plugins={"rules": Rules()}) as crm:
        crm.define_segment("lost", {"rule": "named", "params": {"keys": []}})
    said = " ".join(word for word in run("doctor", code=1).split() if word != "│")
    assert "The segment 'lost' asks for the rule 'named', which no plugin brings" in said
    assert "crm doctor" not in said


def test_row_level_security_needs_postgresql(shop):
    result = CliRunner().invoke(command, ["--db", str(shop), "db", "rls", "on"])
    assert isinstance(result.exception, PostgreSQLNeeded)


@pytest.mark.parametrize(
    "words", [("db", "status"), ("db", "upgrade"), ("stats",), ("doctor",), ("db", "rls", "on")], ids=" ".join
)
@pytest.mark.parametrize("url", ["postgresql://127.0.0.1:1/shop", "{folder}/notes.txt", "{folder}/none/shop.db"])
def test_a_database_that_cannot_be_opened_is_an_error_in_one_sentence(tmp_path, url, words):
    (tmp_path / "notes.txt").write_text("no database, but long enough to be looked at" * 100)
    result = CliRunner().invoke(command, ["--db", url.format(folder=tmp_path), *words])
    assert isinstance(result.exception, DatabaseUnusable)


def test_a_driver_that_is_missing_is_named_with_what_brings_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "psycopg", None)
    result = CliRunner().invoke(command, ["--db", "postgresql://127.0.0.1/shop", "db", "status"])
    assert isinstance(result.exception, MissingExtra)
    assert "crmcore[postgresql]" in str(result.exception)


def test_an_address_as_other_programs_write_it_is_told_as_it_has_to_be():
    result = CliRunner().invoke(command, ["--db", "postgres://ada:secret@127.0.0.1/shop", "db", "status"])
    assert isinstance(result.exception, SettingsError)
    assert "write postgresql:// instead of postgres://" in str(result.exception)
    assert "secret" not in str(result.exception)


def doctored(run):
    return " ".join(run("doctor", code=1).replace("\u2502", " ").split())


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("PROVIDER", "smpt", "setting channels.email.provider: There is no provider 'email/smpt'; known: email/smtp"),
        ("SENDER", "", "template 'receipt': Setting 'sender' from [channels.email] is not valid"),
        ("SMTP__PASSWORD", "env:NO_SUCH_VARIABLE", "the environment has no NO_SUCH_VARIABLE"),
        ("SMTP__PASSWORD", "file:no/such/file", "no/such/file is not valid: the file cannot be read"),
        ("SMTP__PASSWORD", "hunter2", "a secret is given by reference: env:NAME or file:PATH"),
    ],
)
def test_doctor_names_what_would_keep_mails_from_going(run, monkeypatch, variable, value, said):
    monkeypatch.setenv("CRM_CHANNELS__EMAIL__PROVIDER", "smtp")
    monkeypatch.setenv("CRM_CHANNELS__EMAIL__SMTP__USER", "shop")
    monkeypatch.setenv("CRM_CHANNELS__EMAIL__SMTP__PASSWORD", "env:CRM_WORKSPACE")
    monkeypatch.setenv("CRM_WORKSPACE", "default")
    run("doctor")
    monkeypatch.setenv(f"CRM_CHANNELS__EMAIL__{variable}", value)
    shown = doctored(run)
    assert said in shown
    assert "hunter2" not in shown


@pytest.mark.parametrize("content", [None, "", "no certificate\n"], ids=["missing", "empty", "no PEM"])
def test_doctor_names_a_file_of_certificates_that_is_none_once(run, monkeypatch, tmp_path, content):
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("CRM_HTTP__CA_FILE", str(path))
    monkeypatch.setenv("CRM_CHANNELS__WHATSAPP__CLOUD__TOKEN", "env:PATH")
    monkeypatch.setenv("CRM_CHANNELS__WHATSAPP__CLOUD__PHONE_NUMBER_ID", "4711")
    shown = doctored(run)
    assert shown.count("Setting 'http.ca_file' from the table [http] is not valid: no certificates can be read") == 1


def test_doctor_names_the_wrong_carriers_of_a_channel_and_only_those(run, monkeypatch):
    monkeypatch.setenv("CRM_CHANNELS__PUSH__APNS__KEYY", "env:P8")
    monkeypatch.setenv("CRM_CHANNELS__PUSH__FCM__SERVICE_ACCOUNT", "env:NO_SUCH_VARIABLE")
    shown = doctored(run)
    assert "Setting 'keyy' from [channels.push.apns] is not valid: there is no such setting; did you mean key?" in shown
    assert "the environment has no NO_SUCH_VARIABLE" in shown
    assert "pip install" not in shown


def test_a_template_is_saved_from_a_file_and_a_version_for_a_locale_from_a_directory(run, tmp_path):
    (tmp_path / "hello.toml").write_text('subject = "Hello"\ntext = "Hello {{ customer.name }}"\n')
    (tmp_path / "de").mkdir()
    for name, text in (("subject.txt", "Hallo\n"), ("html.html", "<p>Hallo</p>\n")):
        (tmp_path / "de" / name).write_text(text)
    run("template", "save", "hello", "--channel", "email", tmp_path / "hello.toml")
    run("template", "save", "hello", "--channel", "email", "--locale", "de", tmp_path / "de")
    found = [one for one in json.loads(run("--json", "template", "list")) if one["name"] == "hello"]
    assert [(one["locale"], one["version"], one["parts"]) for one in found] == [
        ("", 1, ["subject", "text"]),
        ("de", 1, ["html", "subject"]),
    ]


def test_a_part_that_is_no_text_is_named(shop, tmp_path):
    (tmp_path / "hello.toml").write_text("subject = 1\n")
    done = crm("--db", shop, "template", "save", "hello", "--channel", "email", tmp_path / "hello.toml")
    assert (done.returncode, "subject: a part of a template is a text, not 1" in done.stderr) == (1, True)


def test_a_template_that_nobody_has_saved_is_told_with_how_to_save_it(shop):
    assert "`crm template save`" in crm("--db", shop, "send", "nope", "--to", "42").stderr


@pytest.fixture
def launch(run, tmp_path):
    """Launch a campaign to everybody who has the tag; with a goal, or none."""

    def launching(goal=""):
        parts = 'purpose = "service"\nchannel = "email"\ntemplate = "hello"\n[audience]\ntag = "vip"\n'
        (tmp_path / "hello.toml").write_text('subject = "Hello"\ntext = "Hello"\n')
        (tmp_path / "campaign.toml").write_text(f'name = "hello"\n{parts}{goal}')
        run("template", "save", "hello", "--channel", "email", tmp_path / "hello.toml")
        return run("campaign", "launch", tmp_path / "campaign.toml")

    return launching


def test_who_launches_beside_a_run_that_goes_on_is_warned(launch, run):
    assert "Warning" not in launch()
    assert "an earlier run of hello is running" in launch()
    run("campaign", "pause", "hello")
    assert "an earlier run of hello is paused" in launch()
    run("campaign", "cancel", "hello")
    assert "Warning" not in launch()


def test_campaigns_are_listed_and_reported_with_their_state(launch, run):
    launch()
    run("campaign", "pause", "hello")
    assert "paused" in run("campaign", "list")
    assert "Campaign hello (paused)" in run("report", "hello")
    assert json.loads(run("--json", "stats"))["standing_still"] == 1


def test_a_goal_is_shown_where_there_is_one(launch, run):
    launch()
    assert "Goal" not in run("report", "hello")
    launch('[goal]\nevent = "order_placed"\n')
    assert "Goal: order_placed within 14 days" in run("report", "hello")


def test_deliveries_are_shown_with_when_they_are_due(launch, run):
    launch()
    [one] = json.loads(run("--json", "deliveries", "hello"))
    assert int(one["due_at"]) == int(one["planned_at"])
    assert "due (UTC)" in run("deliveries", "hello")


def test_deliveries_are_shown_with_how_and_where_they_go(launch, run):
    launch()
    [one] = json.loads(run("--json", "deliveries", "hello"))
    assert (one["channel"], one["address_kind"]) == ("email", "email")
    assert one["address_hint"] in run("deliveries", "hello")
    assert one["address_hint"] in run("campaign", "explain", "hello", "42")


def test_what_a_campaign_lacks_is_named_with_its_file(shop, tmp_path):
    (tmp_path / "c.toml").write_text('name = "hello"\npurpose = "service"\naudience = "locals"\n')
    done = crm("--db", shop, "campaign", "launch", tmp_path / "c.toml")
    assert (
        done.stderr
        == f"InvalidFile: {tmp_path}/c.toml, campaign hello: channel and template are missing; or say steps.\n"
    )


def test_doctor_names_a_channel_that_has_settings_and_no_plugin(run, monkeypatch):
    monkeypatch.setenv("CRM_CHANNELS__EMIAL__SENDER", "shop@example.com")
    assert "There is no channel 'emial'; known: email" in doctored(run)
