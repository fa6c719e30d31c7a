"""What modules add to the command line."""

from __future__ import annotations

import json
import sqlite3

import click
import pytest
from click.testing import CliRunner
from sqlalchemy import MetaData

from crmcore import CRM, loader
from crmcore.cli import crm as command
from crmcore.errors import LoadError
from crmcore.hooks.module import CommandContext, Job, Schema
from crmcore.migrations import HEAD
from tests.flow.modules.wallet import Wallet, coins, give

BROKEN = Schema(metadata=MetaData(), migrations="tests.flow.modules.wallet.revisions", head="wallet_9999")


class Installed:
    """An entry point of a distribution."""

    def __init__(self, plugin):
        self.name, self.value, self._plugin = f"crm_{plugin.name}", plugin.name, plugin

    def load(self):
        return self._plugin


@pytest.fixture
def install(monkeypatch):
    """Let plugins be all that is installed beside the core."""

    def install(*plugins):
        monkeypatch.setattr(loader, "entry_points", lambda group: [Installed(one) for one in plugins])

    install(Wallet())
    return install


@pytest.fixture
def run(database, install):
    def running(*words, code=0):
        result = CliRunner().invoke(command, ["--db", str(database), *map(str, words)])
        assert result.exit_code == code, result.output
        return result.output

    return running


def revisions(run):
    return {one["distribution"]: (one["current"], one["needed"]) for one in json.loads(run("--json", "db", "status"))}


def test_the_status_shows_what_each_distribution_has_and_needs(run):
    assert revisions(run) == {"crmcore": (HEAD, HEAD), "wallet": (None, "wallet_0002")}
    shown = run("db", "status")
    assert "wallet" in shown
    assert "wallet_0002" in shown


def test_an_upgrade_brings_the_core_and_all_modules_to_their_heads(run):
    run("db", "upgrade")
    assert revisions(run) == {"crmcore": (HEAD, HEAD), "wallet": ("wallet_0002", "wallet_0002")}
    run("doctor")


def test_an_upgrade_of_an_empty_database_makes_the_core_first(run, tmp_path):
    shown = run("--db", tmp_path / "empty.db", "--json", "db", "upgrade")
    assert [one["current"] for one in json.loads(shown)] == [HEAD, "wallet_0002"]


def test_the_statements_of_modules_are_printed_too(run, database):
    said = run("db", "upgrade", "--sql")
    assert "CREATE TABLE crm_event" in said
    assert "CREATE TABLE crm_wallet_coin" in said
    with sqlite3.connect(":memory:") as connection:
        connection.executescript(said[said.index("CREATE TABLE crm_alembic_wallet") :].replace("COMMIT;", ""))


def test_a_module_whose_revisions_fail_is_named_and_the_others_are_upgraded(run, install):
    lost = Wallet(schema=None)
    lost.name, lost.schema = "lost", BROKEN
    install(lost, Wallet())
    assert "The tables of lost stay as they are: CommandError" in run("db", "upgrade", code=1)
    assert revisions(run)["wallet"] == ("wallet_0002", "wallet_0002")


def test_what_an_uninstalled_module_has_left_is_shown_and_kept(run, install):
    run("db", "upgrade")
    install()
    assert revisions(run) == {"crmcore": (HEAD, HEAD), "wallet": ("wallet_0002", None)}
    assert "not installed" in run("db", "upgrade")


def test_doctor_names_a_module_that_the_settings_name_and_nothing_brings(run, tmp_path):
    config = tmp_path / "crm.toml"
    config.write_text("[modules.loyalty]\n")
    assert "There is no module 'loyalty'" in doctored(run, "--config", str(config))


def test_doctor_names_a_module_that_waits_for_its_tables(run):
    assert "its code needs 'wallet_0002'; run `crm db upgrade`" in doctored(run)


@click.command("coins")
@click.argument("customer", type=int)
@click.pass_obj
def coins_of(context: CommandContext, customer: int) -> None:
    """Show the coins of a customer."""
    with context.crm() as crm:
        found = [one.note for one in crm.in_tables(lambda tables: coins(tables, customer))]
    click.echo(json.dumps(found) if context.as_json else ", ".join(found))


@pytest.fixture
def upgraded(run, install):
    def upgraded(**brought):
        wallet = Wallet(**brought)
        install(wallet)
        run("db", "upgrade")
        return wallet

    return upgraded


def test_a_module_adds_commands_which_help_lists(upgraded, run):
    upgraded(commands=[coins_of])
    assert "coins" in run("--help")
    assert "Show the coins of a customer." in run("coins", "--help")


def test_a_command_of_a_module_reaches_its_tables_and_knows_the_options(upgraded, run, database):
    wallet = upgraded(commands=[coins_of])
    with CRM(str(database), plugins={"crm_wallet": wallet}, blocked=["crm_wallet"]) as crm:
        crm.in_tables(lambda tables: give(tables, 7, 5, "welcome"))
    assert run("coins", 7) == "welcome\n"
    assert json.loads(run("--json", "coins", 7)) == ["welcome"]
    assert run("--workspace", "other", "coins", 7) == "\n"


def test_a_command_whose_module_waits_for_its_tables_says_so(run, install, database):
    install(Wallet(commands=[coins_of]))
    result = CliRunner().invoke(command, ["--db", str(database), "coins", "7"])
    assert isinstance(result.exception, LoadError)
    assert str(result.exception) == (
        "Plugin 'crm_wallet' cannot be loaded: it has its tables at schema revision None, "
        "its code needs 'wallet_0002'; run `crm db upgrade`."
    )


class Fails:
    name = value = "crm_operational"

    def load(self):
        raise ImportError("no module named pork")


@pytest.mark.parametrize(
    ("command", "package", "module"), [("case", "crm_operational", "operational"), ("relay", "crm_relay", "relay")]
)
def test_a_command_of_a_module_that_no_settings_name_says_which_ones_would(run, command, package, module):
    said = run(command, "list", code=2)
    assert f"No such command '{command}': {package} brings it where the settings have [modules.{module}]" in said


def test_a_command_whose_plugin_is_not_installed_says_how_it_is(run, monkeypatch):
    monkeypatch.setattr("crmcore.registry.find_spec", lambda _: None)
    assert "crm_operational brings it: pip install" in run("case", "list", code=2)


def test_a_command_whose_plugin_does_not_load_says_why(run, monkeypatch):
    monkeypatch.setattr(loader, "entry_points", lambda group: [Fails()])
    said = run("case", "list", code=2)
    assert "crm_operational brings it, and did not load: ImportError: no module named pork" in said


@pytest.mark.parametrize(("typed", "said"), [("segmnt", "did you mean segment?"), ("coin", "did you mean coins?")])
def test_a_command_that_is_misspelt_is_asked_after(upgraded, run, typed, said):
    upgraded(commands=[coins_of])
    assert said in run(typed, code=2)


@pytest.mark.parametrize("typed", ["case", "cases", "eras", "erased"])
def test_no_typo_leads_to_an_erasure(run, typed):
    assert "erase?" not in run(typed, code=2)


def test_the_core_keeps_its_commands_and_doctor_names_who_wants_one(upgraded, run):
    upgraded(commands=[click.Command("segment", help="Mine.")])
    assert "Define segments" in run("segment", "--help")
    assert "its command 'segment' is left out: the core has one of that name" in doctored(run)


def test_of_two_modules_with_one_command_the_first_keeps_it(run, install):
    purse = Wallet(schema=None, commands=[click.Command("coins", help="Second.")])
    purse.name = "xpurse"
    install(Wallet(schema=None, commands=[coins_of]), purse)
    assert "Show the coins of a customer." in run("coins", "--help")
    assert "the module wallet has one of that name" in doctored(run)


def test_commands_of_the_core_ask_for_no_plugin(run, monkeypatch):
    def fail(group):
        raise AssertionError(group)

    monkeypatch.setattr(loader, "entry_points", fail)
    for words in (("--version",), ("segment", "--help"), ("db", "upgrade", "--help")):
        run(*words)


def test_where_the_settings_are_wrong_help_lists_the_commands_of_the_core(run, monkeypatch, tmp_path):
    (tmp_path / "crm.toml").write_text("databse = 'x'")
    monkeypatch.chdir(tmp_path)
    assert "segment" in run("--help")


def doctored(run, *before):
    return " ".join(run(*before, "doctor", code=1).replace("│", " ").split())


def test_doctor_shows_how_far_the_tables_of_modules_are(upgraded, run):
    upgraded()
    assert "tables of wallet" in run("doctor")
    [wallet] = json.loads(run("--json", "doctor"))["modules"]
    assert (wallet["distribution"], wallet["current"]) == ("wallet", "wallet_0002")


def test_a_blocked_plugin_is_a_choice_that_doctor_shows_once(upgraded, run, monkeypatch):
    upgraded()
    run("work")
    monkeypatch.setenv("CRM_BLOCKED", "crm_wallet")
    assert run("doctor").count("crm_wallet") == 2  # among the plugins, and in the settings
    said = json.loads(run("--json", "doctor"))
    assert (said["blocked"], said["faults"], said["notices"]) == (["crm_wallet"], [], [])


def test_a_block_that_blocks_nothing_is_a_fault(upgraded, run, monkeypatch):
    upgraded()
    monkeypatch.setenv("CRM_BLOCKED", "crm_walet")
    assert "there is no plugin 'crm_walet'; did you mean crm_wallet?" in doctored(run)


def fail(_in_tables):
    raise RuntimeError("ada@example.com")


def test_work_tells_of_a_job_that_failed_and_doctor_names_it(upgraded, run):
    upgraded(jobs=[Job(name="tidy", every=3600, run=fail)])
    assert "The job tidy of wallet failed, and is tried again when it is due next: RuntimeError" in run("work", code=1)
    assert json.loads(run("--json", "work"))["failed_jobs"] == []
    assert "its job 'tidy' has failed once: RuntimeError" in doctored(run)


def test_a_customer_is_shown_with_the_lines_of_modules(upgraded, run, database):
    wallet = upgraded()
    with CRM(str(database), plugins={"crm_wallet": wallet}, blocked=["crm_wallet"]) as crm:
        crm.identify("42")
        crm.in_tables(lambda tables: give(tables, crm.customer("42").id, 5, "welcome"))
    assert "welcome" in run("customer", "42")
    [line] = json.loads(run("--json", "customer", "42"))["timeline"]
    assert (line["module"], line["name"], line["title"], line["at"]) == ("wallet", "coin_given", "welcome", 5)
