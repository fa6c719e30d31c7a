"""A customer is erased: what goes, what stays as nobody's, and what comes in afterwards."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from crmcore.errors import InvalidToken, ModuleFailed, UnknownCustomer
from crmcore.flow import links
from crmcore.flow.importing.mapping import map_of
from crmcore.flow.links import Link
from crmcore.hooks.provider import Feedback, Permanent
from crmcore.model.building import attribute, event, everyone
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.happens import Happens
from crmcore.model.steps import Send, Wait
from crmcore.model.tracking import Source
from crmcore.store import schema
from crmcore.testing.fakes import accept


def rows(crm, table):
    with crm._opened.reading() as scope:
        query = select(table).where(table.c.workspace_id == scope.workspace_id)
        return [dict(row._mapping) for row in scope.connection.execute(query)]


def waiting(crm):
    return crm.stats().due + crm.stats().later


def test_nobody_finds_the_customer_any_more_and_the_others_stay(shop):
    bob = shop.customer("bob")
    receipt = shop.erase("ada")
    for name in ("ada", {"email": "ada@example.com"}, {"anonymous": "cookie"}):
        with pytest.raises(UnknownCustomer):
            shop.customer(name)
    assert shop.customer("bob") == bob
    assert receipt.customers == 1
    assert receipt.tables["crm_event"] == 1


def test_all_that_was_merged_goes_with_it(shop):
    shop.identify("second", {"email": "second@example.com"})
    shop.merge("second", "ada", force=True)
    assert shop.erase("second").customers == 2
    assert [one["key"] for one in rows(shop, schema.customer)] == ["bob"]
    assert {one["value"] for one in rows(shop, schema.identity)} == {"bob", "bob@example.com"}
    assert len(rows(shop, schema.link)) == 1  # of what bob is called


def test_whoever_was_unmerged_stays_whole(shop):
    shop.identify("second", {"city": "Bandung"})
    shop.merge("second", "ada", force=True)
    shop.unmerge("second", "ada")
    shop.erase("ada")
    assert shop.customer("second").attributes == {"city": "Bandung"}


def test_what_comes_in_afterwards_is_of_a_new_customer(shop):
    former = shop.customer("ada").id
    shop.erase("ada")
    shop.track("page_viewed", "ada")
    assert shop.customer("ada").id != former
    assert [one.name for one in shop.timeline("ada")] == ["page_viewed"]
    assert shop.customer("ada").consents == ()


def test_twice_is_harmless(shop):
    shop.erase("ada")
    again = shop.erase("ada")
    assert (again.customers, again.tables) == (0, {})


def test_the_books_of_a_campaign_stay_as_they_were(shop, campaign):
    shop.launch(campaign)
    shop.work()
    [delivery, _] = shop.deliveries("news")
    shop.feedback([Feedback(key="k", type="opened", at=shop.now(), delivery_id=delivery.id)])
    before = shop.report("news")
    shop.erase("ada")
    after = shop.report("news")
    assert (after.sent, after.skipped, after.eligible) == (before.sent, before.skipped, before.eligible) == (2, {}, 2)
    assert (after.opened, before.opened) == (1, 1)
    assert sorted(one.key or "" for one in shop.deliveries("news")) == ["", "bob"]


def test_arms_are_compared_among_those_who_are_known(shop):
    goal = Goal(event="order_placed")
    shop.launch(
        Campaign(name="g", purpose="newsletter", audience=everyone(), channel="note", template="hello", goal=goal)
    )
    shop.work()
    assert shop.report("g").treated.customers == 2
    shop.erase("ada")
    assert shop.report("g").treated.customers == 1


def test_what_waits_goes_no_more(shop, campaign, carrier):
    shop.launch(campaign)
    shop.erase("ada")
    shop.work()
    assert [message.address.value for message in carrier.sent] == ["bob@example.com"]
    assert waiting(shop) == 0
    assert shop.report("news").skipped == {"cancelled": 1}


def test_a_way_ends_and_counts_still(shop):
    steps = (Send(name="say", template="hello", channels="note"), Wait(name="rest", lasting="9d"))
    trigger = Happens(event="page_viewed")
    shop.launch(Campaign(name="way", purpose="newsletter", audience=everyone(), trigger=trigger, steps=steps))
    shop.track("page_viewed", "ada")
    shop.track("page_viewed", "bob")
    shop.work()
    shop.erase("ada")
    journey = shop.report("way").journey
    assert (journey.entered, journey.under_way, journey.exited) == (2, 1, {"erased": 1})


def test_sums_of_all_stay_and_survive_a_rebuild(shop):
    shop.erase("ada")
    for _ in "two":
        [orders] = [one for one in shop.totals() if one.name == "order_placed"]
        assert (orders.count, orders.customers) == (2, 1)
        shop.rebuild()


def test_segments_forget_the_customer(shop):
    named = shop.define_segment("named", attribute("name") == "Ada")
    buyers = shop.define_segment("buyers", event("order_placed").did())
    shop.upload_segment("list", ["ada", "bob"])
    shop.erase("ada")
    shop.work()
    assert (named.size(), buyers.size(), shop.segment("list").size()) == (0, 1, 1)


@pytest.mark.parametrize("given", [{}, {"channel": "note"}])
def test_whoever_must_never_be_written_to_is_not_after_they_come_back(shop, campaign, carrier, given):
    shop.suppress("ada", **given)
    shop.erase("ada")
    shop.identify("ada again", {"email": "ada@example.com", "name": "Ada"})
    shop.consent("ada again", "newsletter")
    shop.launch(campaign)
    shop.work()
    assert [message.address.value for message in carrier.sent] == ["bob@example.com"]
    assert shop.customer("ada again").suppressed == ((given.get("channel", "*"), "manual"),)


def test_an_address_that_is_suppressed_stays_so(shop):
    shop.suppress("ada", address={"email": "ada@example.com"}, reason="bounce")
    shop.erase("ada")
    shop.identify("ada again", {"email": "ada@example.com"})
    assert shop.customer("ada again").suppressed == (("*", "bounce"),)


def test_links_in_messages_lead_nowhere(shop, campaign):
    shop.launch(campaign)
    shop.work()
    workspace = shop._opened.workspace
    [delivery] = [one for one in shop.deliveries("news") if one.key == "ada"]
    token = links.token(Link(kind="unsubscribe", workspace_id=workspace.id, row_id=delivery.id), workspace.secret)
    shop.erase("ada")
    with pytest.raises(InvalidToken):
        shop.unsubscribe(token)
    said = Feedback(key="late", type="opened", at=shop.now(), delivery_id=delivery.id, provider_id=f"p-{delivery.id}")
    assert shop.feedback([said], "recorder") == 0


def test_a_message_that_is_being_handed_over_is_in_doubt(shop, campaign, carrier):
    erased = []

    def answer(message):
        if not erased:
            erased.append(shop.erase("ada"))
        return accept(message)

    carrier.answer = answer
    shop.launch(campaign)
    shop.work()
    assert [(one.key, one.state, one.reason) for one in shop.deliveries(state="in_doubt")] == [
        (None, "in_doubt", "erased")
    ]
    assert {one["customer_id"] for one in rows(shop, schema.event)} == {shop.customer("bob").id}
    assert (shop.report("news").sent, shop.report("news").in_doubt) == (1, 1)


def test_statements_in_quarantine_go_even_of_whom_nobody_knows(shop):
    shop.declare_source(Source("web", events={}))
    shop.track("undeclared", {"email": "eve@example.com"}, source="web")
    shop.track("undeclared", "ada", source="web", properties={"seen": "bob"})
    shop.track("undeclared", "bob", source="web", properties={"seen": "ada"})
    assert shop.erase({"email": "eve@example.com"}).tables == {"crm_quarantine": 1}
    shop.erase("ada")
    [left] = shop.quarantine()
    assert '["key","bob"]' in left.payload


def test_of_lines_in_quarantine_those_go_that_have_the_key_where_keys_stand(shop, tmp_path):
    path = tmp_path / "orders.csv"
    path.write_text("key,day,what,pieces\n77,no day,order_placed,1\n1,no day,order_placed,3\n")
    columns = {"customer": "key", "at": "day", "name": "what", "quantity": "pieces"}
    shop.import_file(path, map_of({"kind": "events", "source": "file", "columns": columns}, path))
    shop.identify("1", {"email": "one@example.com"})
    assert [one["payload"][0] for one in shop.export("1")["core"]["quarantine"]] == ["1"]
    shop.erase("1")
    assert [one.payload for one in shop.quarantine()] == ['["77", "no day", "order_placed", "1"]']


def test_modules_erase_what_they_hold_of_all_that_was_merged(shop, notebook):
    shop.identify("second")
    shop.merge("second", "ada", force=True)
    customer_id = shop.customer("ada").id
    receipt = shop.erase("ada")
    assert customer_id in notebook.asked
    assert len(notebook.asked) == 2
    assert receipt.modules == {"notebook": 4}


def test_whoever_else_is_named_stays_whole(shop):
    shop.declare_source(Source("web", events={}))
    shop.track("undeclared", {"email": "bob@example.com"}, source="web")
    shop.suppress("ada")
    shop.erase({"key": "ada", "email": "bob@example.com"})
    assert shop.customer("bob").suppressed == ()
    assert len(rows(shop, schema.quarantine)) == 1


def test_it_is_done_again_where_others_were_in_a_modules_way(shop, notebook):
    class DeadlockError(Exception):
        sqlstate, sqlite_errorcode = "40P01", 5

    ways = [OperationalError("DELETE", {}, DeadlockError())]

    def erase(tables, customer_id):
        if ways:
            raise ways.pop()
        return 1

    notebook.erase = erase
    assert shop.erase("bob").modules == {"notebook": 1}


def test_a_module_that_would_end_the_process_ends_nothing(shop, notebook):
    notebook.fails = SystemExit(1)
    with pytest.raises(ModuleFailed, match="'notebook' could not erase"):
        shop.erase("ada")
    with pytest.raises(ModuleFailed, match="'notebook' could not export"):
        shop.export("ada")


def test_nothing_is_erased_where_a_module_cannot(shop, notebook):
    before = shop.customer("ada")
    notebook.fails = RuntimeError("ada is locked")
    with pytest.raises(ModuleFailed, match=r"'notebook' could not erase .*; nothing was done") as failed:
        shop.erase("ada")
    assert "locked" not in str(failed.value)
    assert shop.customer("ada") == before
    assert [one.action for one in shop.audit() if "erased" in one.action] == []


def test_what_a_host_has_committed_and_nobody_has_folded_goes_too(shop):
    with shop._opened.engine.begin() as connection:
        shop.using(connection).track("page_viewed", "ada")
    shop.erase("ada")
    shop.work()
    with pytest.raises(UnknownCustomer):
        shop.customer("ada")


def test_what_was_erased_does_not_come_back_with_the_same_message(shop):
    shop.track("seen", "ada", message_id="one")
    shop.erase("ada")
    shop.track("seen", "ada", message_id="one")
    with pytest.raises(UnknownCustomer):
        shop.customer("ada")


def test_accounts_forget_the_customer(shop):
    shop.group("firm", customer="ada", role="owner")
    shop.erase("ada")
    assert shop.account("firm").members == ()


def test_whose_fault_a_failure_was_stays_and_what_the_carrier_said_goes(shop, campaign, carrier):
    carrier.answer = lambda message: Permanent(
        delivery_id=message.delivery_id, fault="address", code=f"550 <{message.address.value}> is unknown"
    )
    shop.launch(campaign)
    shop.work()
    shop.erase("ada")
    assert shop.report("news").failed == {"address": 1, "address: 550 <bob@example.com> is unknown": 1}


def test_nothing_is_tried_again_for_whoever_was_erased(shop, campaign, carrier):
    carrier.answer = lambda message: Permanent(delivery_id=message.delivery_id, fault="address", code="550")
    shop.launch(campaign)
    shop.work()
    shop.erase("ada")
    assert shop.retry("news") == 1
