"""Who did what is written down, sealed by work, and cannot be changed without its being seen."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import create_engine, text

from crmcore import CRM
from crmcore.errors import UnknownCampaign
from crmcore.flow.progress import never
from crmcore.model.event import event


def told(crm):
    return [(one.actor, one.action, one.subject.partition(" ")[0]) for one in reversed(crm.audit())]


def changing(crm, statement, **values):
    """Change the database behind the back of the CRM."""
    engine = create_engine(crm._opened.engine.url)
    with engine.begin() as connection:
        connection.execute(text(statement), values)
    engine.dispose()


@pytest.fixture
def log(shop, campaign):
    """A log of three rows, sealed, and a fourth that is not."""
    shop.launch(campaign)
    shop.pause("news")
    shop.work()
    shop.resume("news")
    return [one.id for one in reversed(shop.audit())]


def test_what_is_done_by_hand_is_written_down(shop, campaign):
    shop.launch(campaign)
    shop.pause("news")
    shop.resume("news")
    shop.cancel("news")
    shop.suppress("bob")
    shop.unmerge({"anonymous": "cookie"}, "ada")
    shop.export("bob")
    shop.erase("bob")
    expected = [
        ("customers merged", "customer"),
        ("campaign launched", "campaign"),
        ("campaign paused", "campaign"),
        ("campaign resumed", "campaign"),
        ("campaign cancelled", "campaign"),
        ("customer suppressed", ""),
        ("customers unmerged", "customer"),
        ("customers unmerged", "customer"),
        ("customer exported", ""),
        ("customer erased", "erasure"),
    ]
    assert told(shop) == [("grace", *one) for one in expected]


def test_what_comes_in_by_itself_is_not(shop):
    before = told(shop)
    shop.identify("carl", {"city": "Solo"})
    shop.suppress_many([{"customer": "carl", "reason": "complaint"}])
    shop.merge_many([{"customer": {"anonymous": "x"}, "into": "carl"}])
    shop.track_many([event(shop.now(), "seen", "carl")])
    assert told(shop) == before


def test_what_is_refused_is_not_written_down(shop):
    before = told(shop)
    with pytest.raises(UnknownCampaign):
        shop.pause("nothing")
    assert told(shop) == before


def test_a_doubt_that_is_settled_is_written_down_and_forgotten_with_the_customer(shop, campaign, carrier):
    def answer(_message):
        raise RuntimeError("the line is dead")

    carrier.answer = answer
    shop.launch(campaign)
    shop.work()
    [delivery] = [one for one in shop.deliveries("news") if one.key == "ada"]
    shop.settle(delivery.id, "failed", "ada called")
    entry = shop.audit()[0]
    assert (entry.action, entry.subject) == ("delivery settled", f"delivery {delivery.id}")
    assert json.loads(entry.detail) == {"note": "ada called", "state": "failed"}
    shop.erase("ada")
    assert shop.audit()[1].detail == ""


def test_whoever_runs_it_acts_where_nobody_is_named(new_database, clock):
    import getpass

    with CRM(new_database("crm.db"), clock=clock) as crm:
        crm.suppress("ada")
        assert crm.audit()[0].actor == getpass.getuser()


def test_work_seals_what_was_written(shop, log):
    found = shop.verify_audit()
    assert (found.rows, found.unsealed, len(found.seals), found.broken) == (4, 1, 1, None)
    shop.work()
    found = shop.verify_audit()
    assert (found.unsealed, len(found.seals)) == (0, 2)
    shop.work(stop=never)
    assert shop.verify_audit() == found


@pytest.mark.parametrize("sealing_twice", [False, True])
def test_an_erasure_breaks_no_seal(shop, log, sealing_twice):
    if sealing_twice:
        shop.work()
    shop.export("ada")
    shop.erase("ada")
    assert {one.subject for one in shop.audit() if one.action.startswith("customers")} == {""}
    assert shop.verify_audit().broken is None
    shop.work()
    assert shop.verify_audit().broken is None
    shop.erase("bob")
    assert shop.verify_audit().broken is None


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE crm_audit SET actor = 'mallory' WHERE id = :second", "row {1} "),
        ("UPDATE crm_audit SET at = at + 1 WHERE id = :fourth", "row {3} "),
        ("UPDATE crm_audit SET subject = '', detail = '' WHERE id = :second", "row {1} "),
        ("DELETE FROM crm_audit WHERE id = :second", "rows {0} to {2}, sealed"),
        ("DELETE FROM crm_audit_seal", "row {0} "),
        ("UPDATE crm_audit SET seal_id = NULL WHERE id = :second", "rows {0} to {2}, sealed"),
        ("UPDATE crm_audit_seal SET at = at + 1", "rows {0} to {2}, sealed"),
    ],
)
def test_what_is_changed_behind_its_back_is_seen_and_where(shop, log, statement, place):
    changing(shop, statement.replace(":second", str(log[1])).replace(":fourth", str(log[3])))
    assert (shop.verify_audit().broken or "").startswith(place.format(*log))


@pytest.mark.parametrize(
    ("statement", "place"),
    [
        ("UPDATE crm_audit SET actor = x'00ff' WHERE id = :second", "row {1} "),
        ("UPDATE crm_audit SET actor = CAST(x'ff' AS TEXT) WHERE id = :second", "row {1} "),
        ("UPDATE crm_audit SET mac = 'a text' WHERE id = :second", "rows {0} to {2}, sealed"),
        ("UPDATE crm_audit SET at = 'a text' WHERE id = :second", "row {1} "),
        ("UPDATE crm_audit SET subject = x'', detail = x'' WHERE id = :second", "row {1} "),
        ("UPDATE crm_audit_seal SET chain = 'a text'", "rows {0} to {2}, sealed"),
        ("UPDATE crm_audit_seal SET at = 'a text'", "rows {0} to {2}, sealed"),
        ("UPDATE crm_audit_seal SET first_id = 'a text'", "rows -1 to {2}, sealed"),
    ],
)
def test_what_is_of_no_type_that_was_ever_written_is_seen_as_well(shop, log, statement, place):
    if shop._opened.engine.dialect.name != "sqlite":
        pytest.skip("PostgreSQL keeps values of a column's type alone")
    changing(shop, statement.replace(":second", str(log[1])))
    assert (shop.verify_audit().broken or "").startswith(place.format(*log))


def test_two_who_seal_make_one_chain(shop, log):
    with CRM(str(shop._opened.engine.url.render_as_string(hide_password=False)), clock=shop._opened.clock) as other:
        other.suppress("bob")
        other.work()
        shop.suppress("ada")
        shop.work()
    found = shop.verify_audit()
    assert (found.broken, found.unsealed, len(found.seals)) == (None, 0, 3)


def test_rows_say_nothing_of_a_customer_but_an_id(shop):
    shop.suppress("ada")
    shop.merge("bob", "ada", force=True, reason="ada said so")
    held = " ".join(f"{one.subject} {one.detail}" for one in shop.audit())
    assert "ada" not in held
