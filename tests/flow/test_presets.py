"""Exports of other systems keep who unsubscribed, bounced and complained: nobody of them is written to again."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.errors import InvalidFile
from crmcore.flow.importing.mapping import map_of, read_map, to_toml
from crmcore.hooks.marker import hookimpl
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.purpose import MARKETING
from crmcore.store.guarding import unguarded
from crmcore.testing.fakes import Notes, Recorder

CONTACTS = Path(__file__).parent / "contacts"
SUBSCRIBED = "subscribed_email_audience_export_1f0c7a92be.csv"
UNSUBSCRIBED = "unsubscribed_email_audience_export_1f0c7a92be.csv"
CLEANED = "cleaned_email_audience_export_1f0c7a92be.csv"
NONSUBSCRIBED = "nonsubscribed_email_audience_export_1f0c7a92be.csv"
HUBSPOT = "hubspot-crm-exports-all-contacts.csv"
OPT_OUTS = "hubspot-unsubscribes-and-bounces.csv"
MAUTIC = "contacts_export_2026_02_01_09_00_00.csv"
PREFERENCES = "mautic-report-contacts.csv"
DO_NOT_CONTACT = "mautic-report-do-not-contact.csv"
LISTMONK = "subscribers.csv"
TITLES = {
    SUBSCRIBED: "a Mailchimp export of subscribed contacts",
    UNSUBSCRIBED: "a Mailchimp export of unsubscribed contacts",
    CLEANED: "a Mailchimp export of cleaned contacts, whose addresses bounced",
    NONSUBSCRIBED: "a Mailchimp export of contacts who are not known to have subscribed",
    HUBSPOT: "a HubSpot export of contacts",
    OPT_OUTS: "a HubSpot export of unsubscribes and bounces",
    MAUTIC: "a Mautic export of contacts",
    PREFERENCES: "a Mautic report of contacts with do-not-contact preferences",
    DO_NOT_CONTACT: "a Mautic report of Do Not Contact",
    LISTMONK: "a listmonk export of subscribers",
}
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)


class Mail(Notes):
    name = "email"


class Post(Recorder):
    """Carries the channel that contacts' consents are about."""

    channel = "email"

    @hookimpl
    def crm_register_channels(self, setup):
        return [Mail()]


@pytest.fixture
def recorder():
    return Post()


@pytest.fixture
def take(crm):
    def taking(path, **known):
        return crm.import_file(path, crm.guess_mapping(path, "customers", **known).mapping)

    return taking


@pytest.fixture
def write(tmp_path):
    def writing(rows, name):
        text = io.StringIO()
        lines = csv.DictWriter(text, list(rows[0]))
        lines.writeheader()
        lines.writerows(rows)
        path = tmp_path / name
        path.write_text(text.getvalue(), encoding="utf-8")
        return path

    return writing


def rows_of(name):
    with (CONTACTS / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def address(row):
    return (row.get("Email Address") or row.get("Email") or row.get("email") or "").strip()


def who(name):
    return {"email": f"{name}@example.com"}


def stands(crm, name):
    """How a customer stands: newsletter, all of marketing, suppressions, topics."""
    one = crm.customer(who(name))
    said = {consent.purpose: consent.granted for consent in one.consents if consent.channel == "email"}
    news = {True: "granted", False: "withdrawn"}.get(said.get("newsletter"), "")
    is_all = not any(said.values()) and set(said) == {purpose.value for purpose in MARKETING}
    topics = {wish.topic: wish.wanted for wish in one.subscriptions}
    return news, is_all, [reason for _, reason in one.suppressed], topics


def newsletter_at(crm, name):
    [consent] = [one for one in crm.customer(who(name)).consents if one.purpose == "newsletter"]
    return datetime.fromtimestamp(consent.at / 1_000_000, UTC).isoformat(" ", "seconds")


def proofs(crm):
    with crm._opened.reading() as scope:
        rows = unguarded(scope.connection).exec_driver_sql(
            "SELECT proof FROM crm_consent WHERE purpose = 'newsletter' ORDER BY id"
        )
        return [json.loads(proof) for (proof,) in rows]


# -- recognised -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TITLES)
def test_an_export_is_recognised_and_taken_but_for_what_it_cannot_say(crm, take, name):
    assert f"it looks like {TITLES[name]}" in crm.guess_mapping(CONTACTS / name, "customers").notes
    done = take(CONTACTS / name)
    assert (done.read, sum(done.refused.values())) == (done.new + (name == LISTMONK), name == LISTMONK)


@pytest.mark.parametrize("name", TITLES)
def test_a_guessed_mapping_is_written_and_read_without_loss(crm, tmp_path, name):
    made = crm.guess_mapping(CONTACTS / name, "customers").mapping
    (tmp_path / "map.toml").write_text(to_toml(made), encoding="utf-8")
    assert read_map(tmp_path / "map.toml") == made


@pytest.mark.parametrize("name", TITLES)
def test_the_order_of_columns_does_not_matter(open_crm, write, name):
    rows = rows_of(name)
    turned = write([dict(reversed(row.items())) for row in rows], name)
    seen = []
    for database, path in (("a.db", CONTACTS / name), ("b.db", turned)):
        crm = open_crm(database)
        crm.import_file(path, crm.guess_mapping(path, "customers").mapping)
        addresses = [address(row) for row in rows if address(row) and row.get("status") != "pending"]
        views = [crm.customer({"email": one}) for one in addresses]
        seen.append([(one.identities, one.attributes, one.tags, one.consents, one.suppressed) for one in views])
    assert seen[0] == seen[1]


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        (SUBSCRIBED, ["Email Address", "MEMBER_RATING", "LEID", "EUID"]),
        (UNSUBSCRIBED, ["Email Address", "MEMBER_RATING", "LEID", "EUID"]),
        (CLEANED, ["Email Address", "MEMBER_RATING", "LEID", "EUID"]),
        (NONSUBSCRIBED, ["Email Address", "MEMBER_RATING", "LEID", "EUID"]),
        (HUBSPOT, ["Record ID", "Email", "Unsubscribed from all email"]),
        (OPT_OUTS, ["Email", "Portal Unsubscribe"]),
        (MAUTIC, ["id", "firstname", "lastname", "email", "last_active"]),
        (PREFERENCES, ["Email", "DNC Preferences"]),
        (DO_NOT_CONTACT, ["Email", "DNC Reason"]),
    ],
)
def test_an_export_without_what_may_be_missing_is_recognised(crm, take, write, name, kept):
    path = write([{column: row[column] for column in kept} for row in rows_of(name)], name)
    assert f"it looks like {TITLES[name]}" in crm.guess_mapping(path, "customers").notes
    assert take(path).refused == {}


@pytest.mark.parametrize("name", sorted(TITLES.keys() - {OPT_OUTS}))
def test_further_columns_become_attributes_of_the_types_they_look_like(crm, take, write, name):
    more = {"Größe (cm)": "181", "Since": "2024-02-29", "Score": "1.5", "Member": "yes"}
    take(write([row | more for row in rows_of(name)], name))
    found = crm.customer({"email": address(rows_of(name)[0])}).attributes
    expected = {"grosse_cm": 181, "since": date(2024, 2, 29), "score": Decimal("1.5"), "member": True}
    assert {one: found[one] for one in expected} == expected


def test_of_opt_outs_every_further_column_of_yes_and_no_is_a_topic(crm, take, write):
    more = {"Since": "2024-02-29", "Member": "yes", "Größe (cm)": "181"}
    take(write([row | more for row in rows_of(OPT_OUTS)], OPT_OUTS))
    assert stands(crm, "gwen.hale")[3] == {"product_updates": False, "member": False}
    assert crm.customer(who("gwen.hale")).attributes == {"since": date(2024, 2, 29), "grosse_cm": 181}


def test_two_contacts_with_one_telephone_stay_two(crm, take, write):
    take(write([row | {"Phone": "+44 1225 100100"} for row in rows_of(SUBSCRIBED)], SUBSCRIBED))
    assert crm.customer(who("ada.marsh")).id != crm.customer(who("carla.dean")).id
    found = crm.customer(who("ada.marsh")).attributes
    assert (found["phone_number"], found["phone_2"]) == ("+44 1225 100100", "+44 1225 100100")


# -- Mailchimp ------------------------------------------------------------------------------------------------------------


def test_who_subscribed_at_mailchimp_has_agreed_to_the_newsletter_when_that_was_confirmed(crm, take):
    take(CONTACTS / SUBSCRIBED)
    assert stands(crm, "ada.marsh") == ("granted", False, [], {})
    assert newsletter_at(crm, "ada.marsh") == "2023-05-01 10:05:40+00:00"
    assert newsletter_at(crm, "bruno.kell") == "2021-02-11 07:30:00+00:00"
    assert newsletter_at(crm, "carla.dean") == "2022-09-09 12:00:00+00:00"


def test_a_consent_keeps_its_proof(crm, take):
    take(CONTACTS / SUBSCRIBED)
    assert proofs(crm)[0] == {
        "origin": "a Mailchimp export of subscribed contacts",
        "optin_time": "2023-05-01 09:58:12",
        "optin_ip": "192.0.2.10",
        "confirm_time": "2023-05-01 10:05:40",
        "confirm_ip": "192.0.2.11",
        "signup_source": "Hosted Signup Form",
    }


def test_times_are_of_the_zone_that_is_given(crm, take):
    take(CONTACTS / SUBSCRIBED, timezone="Europe/Berlin")
    assert newsletter_at(crm, "ada.marsh") == "2023-05-01 08:05:40+00:00"


def test_a_consent_of_unknown_time_gives_way_to_whatever_was_withdrawn(crm, take):
    crm.consent(who("dov.asher"), "newsletter", channel="email", granted=False, at=LONG_AGO)
    take(CONTACTS / SUBSCRIBED)
    assert stands(crm, "dov.asher")[0] == "withdrawn"


def test_tags_come_without_their_quotes_and_whole(crm, take):
    take(CONTACTS / SUBSCRIBED)
    assert crm.customer(who("ada.marsh")).tags == ("spring_fair", "volunteers_north")


def test_what_mailchimp_knows_becomes_attributes(crm, take):
    take(CONTACTS / SUBSCRIBED)
    found = crm.customer(who("ada.marsh")).attributes
    assert (found["first_name"], found["country"], found["member_rating"]) == ("Ada", "gb", 4)
    assert (found["latitude"], found["leid"]) == (Decimal("51.38"), "540100011")


def test_who_unsubscribed_at_mailchimp_wants_no_marketing_from_then_on(crm, take):
    take(CONTACTS / UNSUBSCRIBED)
    assert stands(crm, "finn.gray") == ("withdrawn", True, [], {})
    assert newsletter_at(crm, "finn.gray") == "2024-03-07 16:45:01+00:00"
    assert stands(crm, "gwen.hale") == ("withdrawn", True, [], {})


def test_why_somebody_unsubscribed_is_kept(crm, take):
    take(CONTACTS / UNSUBSCRIBED)
    assert proofs(crm)[3] | {"origin": ""} == {
        "origin": "",
        "unsubscribe_reason": "Other",
        "unsubscribe_words": "too many, too long",
        "confirm_time": "2020-05-05 05:05:05",
    }


def test_a_reason_of_spam_is_a_complaint_as_well(crm, take):
    take(CONTACTS / UNSUBSCRIBED)
    assert stands(crm, "hugo.ibsen") == ("withdrawn", True, ["complaint"], {})


def test_a_complaint_without_a_time_is_an_unsubscription_all_the_same(crm, take, write):
    take(write([row | {"UNSUB_TIME": "", "UNSUB_REASON": "SPAM"} for row in rows_of(UNSUBSCRIBED)], UNSUBSCRIBED))
    assert stands(crm, "finn.gray") == ("withdrawn", True, ["complaint"], {})


def test_who_was_cleaned_has_bounced(crm, take):
    take(CONTACTS / CLEANED)
    assert stands(crm, "lena.moss") == ("", False, ["bounce"], {})
    assert stands(crm, "nina.ost") == ("", False, ["bounce"], {})


def test_an_address_is_suppressed_since_it_bounced(crm, take):
    take(CONTACTS / CLEANED)
    bounced = datetime(2024, 2, 1, 9, 0, 30, tzinfo=UTC)
    assert crm.customer(who("lena.moss"), bounced.replace(second=29)).suppressed == ()
    assert crm.customer(who("lena.moss"), bounced).suppressed == (("email", "bounce"),)


def test_who_never_subscribed_has_neither_agreed_nor_refused(crm, take):
    take(CONTACTS / NONSUBSCRIBED)
    assert stands(crm, "rosa.stein") == ("", False, [], {})


@pytest.mark.parametrize(
    "name", ["newsletter.csv", "archived_export_1f0c7a92be.csv", "sms_only_audience_export_1f.csv"]
)
def test_a_file_whose_name_does_not_say_so_holds_no_subscribers(crm, take, write, name):
    path = write(rows_of(SUBSCRIBED), name)
    assert any("give it that name again" in note for note in crm.guess_mapping(path, "customers").notes)
    take(path)
    assert stands(crm, "ada.marsh")[0] == ""


def test_what_columns_show_outweighs_a_files_name(crm, take, write):
    take(write(rows_of(UNSUBSCRIBED), "subscribed_members_export_1f0c7a92be.csv"))
    assert stands(crm, "finn.gray")[:2] == ("withdrawn", True)


def test_the_column_of_addresses_may_have_another_name(crm, take, write):
    rows = [
        {"Indirizzo email" if name == "Email Address" else name: row[name] for name in row}
        for row in rows_of(SUBSCRIBED)
    ]
    take(write(rows, SUBSCRIBED))
    assert stands(crm, "ada.marsh")[0] == "granted"


def test_a_file_without_addresses_is_an_error_naming_it(crm, write):
    rows = [{name: row[name] for name in row if name != "Email Address"} for row in rows_of(SUBSCRIBED)]
    with pytest.raises(InvalidFile, match=r"subscribed_email.*need a column for customer"):
        crm.guess_mapping(write(rows, SUBSCRIBED), "customers")


# -- HubSpot --------------------------------------------------------------------------------------------------------------

NOT = {"marketing_information": False}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ada.marsh", ("granted", False, [], {})),
        ("bruno.kell", ("withdrawn", True, [], NOT)),
        ("carla.dean", ("", False, ["bounce"], {})),
        ("dov.asher", ("", False, [], NOT)),
        ("elin.falk", ("", False, [], {})),
        ("finn.gray", ("", False, [], {})),
        ("gwen.hale", ("", False, ["bounce"], {})),
        ("hugo.ibsen", ("", False, ["manual"], {})),
    ],
    ids=["confirmed", "unsubscribed", "bounced", "opted out of a type", "pending", "silent", "invalid", "quarantined"],
)
def test_a_contact_of_hubspot_stands_as_it_stood_there(crm, take, name, expected):
    take(CONTACTS / HUBSPOT)
    assert stands(crm, name) == expected


def test_whoever_says_so_takes_all_who_did_not_refuse_at_hubspot_for_subscribers(crm, tmp_path):
    made = to_toml(crm.guess_mapping(CONTACTS / HUBSPOT, "customers").mapping)
    (tmp_path / "map.toml").write_text(
        made.replace("[contact]", '[contact]\notherwise = "subscribed"'), encoding="utf-8"
    )
    crm.import_file(CONTACTS / HUBSPOT, read_map(tmp_path / "map.toml"))
    names = ["ada.marsh", "bruno.kell", "carla.dean", "dov.asher", "elin.falk", "finn.gray", "gwen.hale", "hugo.ibsen"]
    assert [name for name in names if stands(crm, name)[0] == "granted"] == ["ada.marsh", "finn.gray"]


def test_a_contact_of_hubspot_without_an_address_is_known_by_its_record(crm, take):
    take(CONTACTS / HUBSPOT)
    one = crm.customer({"hubspot": "90210009"})
    assert {consent.granted for consent in one.consents} == {False}


def test_a_consent_of_hubspot_keeps_its_legal_basis(crm, take):
    take(CONTACTS / HUBSPOT)
    assert proofs(crm)[0] == {
        "origin": "a HubSpot export of contacts",
        "confirmation": "Confirmed",
        "legal_basis": "Freely given consent from contact;Performance of a contract",
    }


def test_columns_are_found_in_upper_and_lower_case(crm, take, write):
    take(write([{name.title(): cell for name, cell in row.items()} for row in rows_of(HUBSPOT)], HUBSPOT))
    assert stands(crm, "carla.dean")[2] == ["bounce"]
    assert stands(crm, "dov.asher")[3] == NOT


def test_an_export_that_does_not_say_who_unsubscribed_grants_nothing_and_says_so(crm, take, write):
    left_out = "Unsubscribed from all email"
    path = write([{name: row[name] for name in row if name != left_out} for row in rows_of(HUBSPOT)], HUBSPOT)
    notes = crm.guess_mapping(path, "customers").notes
    assert any(note.startswith(f"no column '{left_out}'") for note in notes)
    take(path)
    assert stands(crm, "ada.marsh") == ("", False, [], {})
    assert stands(crm, "carla.dean") == ("", False, ["bounce"], {})


@pytest.mark.parametrize("name", [HUBSPOT, PREFERENCES, DO_NOT_CONTACT])
def test_where_times_have_no_zone_it_is_asked_for(crm, name):
    assert any("--set timezone" in note for note in crm.guess_mapping(CONTACTS / name, "customers").notes)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ada.marsh", ("", False, [], NOT)),
        ("bruno.kell", ("withdrawn", True, [], NOT | {"product_updates": False})),
        ("carla.dean", ("", False, ["bounce"], {})),
        ("dov.asher", ("withdrawn", True, ["complaint"], {})),
        ("elin.falk", ("", False, ["bounce"], {})),
        ("finn.gray", ("", False, ["bounce"], {})),
        ("gwen.hale", ("", False, [], {"product_updates": False})),
    ],
)
def test_opt_outs_and_bounces_of_hubspot_come_in(crm, take, name, expected):
    take(CONTACTS / OPT_OUTS)
    assert stands(crm, name) == expected


# -- Mautic ---------------------------------------------------------------------------------------------------------------


def test_an_export_of_mautic_says_that_it_does_not_say_who_unsubscribed(crm, take):
    notes = crm.guess_mapping(CONTACTS / MAUTIC, "customers").notes
    assert any("does not say who unsubscribed" in note and "11679" in note for note in notes)
    take(CONTACTS / MAUTIC)
    assert stands(crm, "ada.marsh") == ("", False, [], {})
    assert crm.customer({"mautic": "101"}).attributes["mobile_number"] == "+44 7700 900100"


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ada.marsh", ("", False, [], {})),
        ("bruno.kell", ("withdrawn", True, [], {})),
        ("carla.dean", ("", False, ["bounce"], {})),
        ("dov.asher", ("withdrawn", True, [], {})),
        ("elin.falk", ("", False, [], {})),
    ],
    ids=["contactable", "unsubscribed", "bounced", "by hand", "other channel"],
)
def test_a_report_with_preferences_says_who_must_not_be_contacted(crm, take, name, expected):
    take(CONTACTS / PREFERENCES)
    assert stands(crm, name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("bruno.kell", ("withdrawn", True, [], {})),
        ("carla.dean", ("", False, ["bounce"], {})),
        ("dov.asher", ("withdrawn", True, [], {})),
        ("elin.falk", ("", False, [], {})),
        ("finn.gray", ("withdrawn", True, [], {})),
    ],
    ids=["unsubscribed", "bounced", "by hand", "other channel", "by number"],
)
def test_a_report_of_do_not_contact_says_who_must_not_be_contacted(crm, take, name, expected):
    take(CONTACTS / DO_NOT_CONTACT)
    assert stands(crm, name) == expected


def test_times_of_a_report_are_read_as_mautic_writes_them(crm, take):
    take(CONTACTS / DO_NOT_CONTACT, timezone="America/New_York")
    assert newsletter_at(crm, "bruno.kell") == "2024-03-07 21:45:00+00:00"


# -- listmonk -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("ada.marsh", ("", False, [], {})),
        ("bruno.kell", ("withdrawn", True, [], {})),
        ("carla.dean", ("", False, ["manual"], {})),
    ],
    ids=["enabled", "disabled", "blocklisted"],
)
def test_a_subscriber_of_listmonk_stands_as_it_stood_there(crm, take, name, expected):
    take(CONTACTS / LISTMONK)
    assert stands(crm, name) == expected


def test_enabled_means_subscribed_where_the_mapping_says_so(crm, tmp_path):
    made = to_toml(crm.guess_mapping(CONTACTS / LISTMONK, "customers").mapping)
    (tmp_path / "map.toml").write_text(made.replace('enabled = "unconfirmed"', 'enabled = "subscribed"'))
    crm.import_file(CONTACTS / LISTMONK, read_map(tmp_path / "map.toml"))
    assert stands(crm, "ada.marsh")[0] == "granted"
    assert newsletter_at(crm, "ada.marsh") == "2023-05-01 10:05:40+00:00"


def test_times_as_go_prints_them_keep_their_zone(crm, take):
    take(CONTACTS / LISTMONK)
    assert newsletter_at(crm, "bruno.kell") == "2024-03-07 16:45:01+00:00"


def test_entries_of_a_json_object_become_attributes_and_none_of_them_an_address(crm, take):
    take(CONTACTS / LISTMONK)
    one = crm.customer(who("ada.marsh"))
    assert one.attributes == {
        "name": "Ada Marsh",
        "name_2": "A. M.",
        "email_2": "office@example.com",
        "city": "Bath",
        "plan": '{"name": "gold", "seats": 3}',
        "score": Decimal("12.5"),
        "visits": 7,
        "vip": True,
    }
    assert [each.kind for each in one.identities] == ["email", "listmonk"]


@pytest.mark.parametrize(
    ("cell", "said"), [("{", "it is no JSON"), ("[1]", "'[1]' is no JSON object"), ("[" * 100_000, "no JSON")]
)
def test_a_line_whose_json_is_none_is_refused(crm, take, write, cell, said):
    [refused] = take(write([rows_of(LISTMONK)[0] | {"attributes": cell}], LISTMONK)).refused
    assert said in refused


# -- what holds of all of them --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (LISTMONK, {"status": "pending"}),
        (HUBSPOT, {"Unsubscribed from all email": "vielleicht"}),
        (HUBSPOT, {"Opted out of email: One to One": "vielleicht"}),
        (OPT_OUTS, {"Portal Spam Report": "vielleicht"}),
        (PREFERENCES, {"DNC Preferences": "DNC Unsubscribed: Email, vielleicht"}),
        (DO_NOT_CONTACT, {"DNC Reason": "vielleicht"}),
    ],
)
def test_what_a_status_is_not_known_to_mean_is_refused_with_the_reason(take, write, name, change):
    [(reason, lines)] = take(write([rows_of(name)[0] | change], name)).refused.items()
    [(column, text)] = change.items()
    assert column in reason
    assert text.split(", ")[-1] in reason
    assert lines == 1


def test_a_mark_that_says_no_says_nothing(crm, tmp_path):
    (tmp_path / "list.csv").write_text(
        "mail,in,out\na@example.com,no,FALSE\nb@example.com,yes,0\nc@example.com,yes,yes\n"
    )
    contact = {"subscribed_at": "in", "unsubscribed_at": "out"}
    plain = {
        "kind": "customers",
        "source": "x",
        "identity": "email",
        "columns": {"customer": "mail"},
        "contact": contact,
    }
    crm.import_file(tmp_path / "list.csv", map_of(plain, tmp_path))
    assert [stands(crm, name)[0] for name in "abc"] == ["", "granted", "withdrawn"]


def test_what_a_cell_says_comes_before_what_any_text_means(crm, tmp_path):
    (tmp_path / "list.csv").write_text("mail,news\na@example.com,ja\nb@example.com,Nein danke\n")
    contact = {"states": {"news": {"*": "unsubscribed", "Ja": "subscribed"}}}
    plain = {
        "kind": "customers",
        "source": "x",
        "identity": "email",
        "columns": {"customer": "mail"},
        "contact": contact,
    }
    crm.import_file(tmp_path / "list.csv", map_of(plain, tmp_path))
    assert [stands(crm, name)[0] for name in "ab"] == ["granted", "withdrawn"]


def test_a_state_that_could_never_be_found_in_a_cell_is_an_error(tmp_path):
    plain = {"kind": "customers", "source": "x", "columns": {"customer": "mail"}}
    with pytest.raises(InvalidFile, match="'yes, please' holds what keeps several states in a cell apart"):
        map_of(plain | {"contact": {"states": {"news": {"yes, please": "subscribed"}}}}, tmp_path)


TIME = "2024-05-06 07:08:09"
MAILCHIMP = {"First Name": st.just("A"), "MEMBER_RATING": st.just("2"), "LEID": st.just("7"), "EUID": st.just("")}
FILLED = st.sampled_from(["", TIME])
YES_NO = st.sampled_from(["", "TRUE", "false", "Yes", "no"])
MARK = st.sampled_from(["", "FALSE", "TRUE", "550 5.1.1 no such user; sorry, gone"])
DNC = ["DNC Unsubscribed", "DNC Bounced", "DNC Manually Unsubscribed"]
CHANNELS = ["Email", "Text Message", "Web Notification"]


def is_so(cell):
    return cell.casefold() not in ("", "false", "no")


def always(verdict):
    return lambda _row: verdict


def hubspot(row):
    refusing = ["Unsubscribed from all email", "Email hard bounce reason", "Invalid email address"]
    if any(is_so(row[column]) for column in [*refusing, "Email Address Quarantined"]):
        return "no"
    agreed = row["Marketing email confirmation status"] in ("Confirmed", "User clicked confirmation")
    return "yes" if agreed and not is_so(row["Opted out of email: News"]) else ""


def opt_out(row):
    return "no" if any(is_so(row[column]) for column in row if column.startswith(("Portal", "Global"))) else ""


def preferences(row):
    return "no" if ": Email" in row["DNC Preferences"] else ""


def do_not_contact(row):
    return "no" if row["DNC Channel"] == "Email" and row["DNC Reason"] != "DNC Contactable" else ""


def listmonk(row):
    return "" if row["status"] == "enabled" else "no"


GO = st.just("2024-05-06 07:08:09.5 +0200 CEST")
#: Each export: its file's name, the column of addresses, what the other cells may be, and what a row says of newsletters.
EXPORTS = {
    "subscribed": (
        SUBSCRIBED,
        "Email Address",
        MAILCHIMP | {"CONFIRM_TIME": FILLED, "OPTIN_TIME": FILLED},
        always("yes"),
    ),
    "unsubscribed": (
        UNSUBSCRIBED,
        "Email Address",
        MAILCHIMP
        | {"CONFIRM_TIME": FILLED, "UNSUB_TIME": FILLED, "UNSUB_REASON": st.sampled_from(["", "SPAM", "a; b"])},
        always("no"),
    ),
    "unsubscribed by name": (UNSUBSCRIBED, "Email Address", MAILCHIMP | {"CONFIRM_TIME": FILLED}, always("no")),
    "cleaned": (CLEANED, "Email Address", MAILCHIMP | {"CONFIRM_TIME": FILLED, "CLEAN_TIME": FILLED}, always("no")),
    "nonsubscribed": (NONSUBSCRIBED, "Email Address", MAILCHIMP | {"CONFIRM_TIME": FILLED}, always("")),
    "renamed": ("news.csv", "Email Address", MAILCHIMP | {"CONFIRM_TIME": FILLED, "OPTIN_TIME": FILLED}, always("")),
    "hubspot": (
        HUBSPOT,
        "Email",
        {
            "Record ID": st.just(""),
            "Last Modified Date": FILLED,
            "Unsubscribed from all email": YES_NO,
            "Email hard bounce reason": MARK,
            "Invalid email address": YES_NO,
            "Email Address Quarantined": YES_NO,
            "Opted out of email: News": YES_NO,
            "Marketing email confirmation status": st.sampled_from(
                ["", "Confirmed", "User clicked confirmation", "Confirmation Pending", "Customer marked confirmed"]
            ),
        },
        hubspot,
    ),
    "opt-outs": (
        OPT_OUTS,
        "Email",
        {
            "Portal Bounce": MARK,
            "Portal Unsubscribe": YES_NO,
            "Portal Spam Report": YES_NO,
            "Global Bounce": MARK,
            "Marketing Information": YES_NO,
        },
        opt_out,
    ),
    "mautic": (
        MAUTIC,
        "email",
        dict.fromkeys(("id", "firstname", "lastname"), st.just("")) | {"last_active": FILLED},
        always(""),
    ),
    "preferences": (
        PREFERENCES,
        "Email",
        {
            "DNC Preferences": st.lists(
                st.tuples(st.sampled_from(DNC), st.sampled_from(CHANNELS)).map(": ".join), max_size=3
            ).map(", ".join)
        },
        preferences,
    ),
    "do not contact": (
        DO_NOT_CONTACT,
        "Email",
        {
            "DNC Reason": st.sampled_from([*DNC, "DNC Contactable"]),
            "DNC Channel": st.sampled_from(CHANNELS),
            "DNC Date": FILLED,
        },
        do_not_contact,
    ),
    "listmonk": (
        LISTMONK,
        "email",
        {
            "uuid": st.just(""),
            "name": st.just("A"),
            "attributes": st.just("{}"),
            "status": st.sampled_from(["enabled", "disabled", "blocklisted"]),
            "created_at": GO,
            "updated_at": GO,
        },
        listmonk,
    ),
}
EXAMPLES = count()


@pytest.mark.parametrize("export", EXPORTS)
@settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=st.data(), agreed_before=st.booleans())
def test_a_newsletter_reaches_who_agreed_and_nobody_who_refused(
    open_crm, recorder, write, export, drawn, agreed_before
):
    name, column, cells, said = EXPORTS[export]
    drawn_rows = drawn.draw(st.lists(st.fixed_dictionaries(cells), min_size=1, max_size=8))
    rows = [{column: f"{number}@example.com"} | row for number, row in enumerate(drawn_rows)]
    crm = open_crm(f"{next(EXAMPLES)}.db")
    if agreed_before:
        crm.consent_many(
            {"customer": {"email": row[column]}, "purpose": "newsletter", "channel": "email", "at": LONG_AGO}
            for row in rows
        )
    path = write(rows, name)
    assert crm.import_file(path, crm.guess_mapping(path, "customers").mapping).refused == {}
    crm.save_template("news", "email", {"text": "News {{ links.unsubscribe }}"})
    crm.launch(Campaign(name="news", purpose="newsletter", audience=everyone(), channel="email", template="news"))
    before = len(recorder.sent)
    crm.work()
    mailable = {"yes"} | ({""} if agreed_before else set())
    assert {one.address.value for one in recorder.sent[before:]} == {
        row[column] for row in rows if said(row) in mailable
    }
