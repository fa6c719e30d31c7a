"""What has been kept for long enough goes: bit by bit as work goes on, or all of it when asked."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest

from crmcore import CRM
from crmcore.hooks.provider import Feedback
from crmcore.loader import installed
from crmcore.model.building import event
from crmcore.model.campaign import Campaign
from crmcore.model.tracking import Source
from crmcore.store import aging, schema
from crmcore.testing.fakes import Recorder
from tests.flow.privacy.listening import Ear
from tests.flow.privacy.test_erasing import rows

KEPT = {
    "events": {"*": "100d", "page_*": "10d", "order_placed": "forever"},
    "receipts": "10d",
    "contexts": "10d",
    "quarantine": "10d",
}


@pytest.fixture
def opening(new_database, clock):
    def opened(**retention) -> CRM:
        plugins = {"recorder": Recorder(), "ear": Ear()}
        return CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=installed(), retention=retention)

    return opened


def filled(crm, clock):
    """Something of every kind, then 20 days, then something of every kind again."""
    for turn in ("before", "after"):
        crm.declare_source(Source("web", events={}))
        crm.track("undeclared", "ada", source="web", properties={"turn": turn})
        crm.identify("ada", {"email": "ada@example.com", "name": "Ada"})
        crm.consent("ada", "newsletter")
        for name in ("page_viewed", "order_placed", "seen"):
            crm.track(name, "ada", amount=None)
        crm.save_template("hello", "note", {"text": "Dear {{ customer.name }}"})
        crm.launch(
            Campaign(name=turn, purpose="newsletter", audience=event("seen").did(), channel="note", template="hello")
        )
        crm.work()
        [delivery] = crm.deliveries(turn)
        crm.feedback([Feedback(key=turn, type="opened", at=crm.now(), delivery_id=delivery.id, raw=f"raw {turn}")])
        clock.turn("20d" if turn == "before" else "0d")


def names(crm):
    return sorted((one.name, one.at) for one in crm.timeline("ada") if not one.name.startswith("message"))


def test_nothing_goes_where_nothing_is_said(opening, clock):
    with opening() as crm:
        filled(crm, clock)
        clock.turn("30d")
        before = names(crm)
        assert crm.work().aged == 0
        assert (crm.aged(), crm.delete_aged(), names(crm)) == ([], [], before)


def test_what_would_go_is_told_and_nothing_does(opening, clock):
    with opening(**KEPT) as crm:
        filled(crm, clock)
        before = {(one.kind, one.name): one.count for one in crm.aged()}
        assert before["events", "page_viewed"] == 0  # work has seen to it
        clock.turn("20d")
        found = {(one.kind, one.name): one.count for one in crm.aged()}
        assert found["events", "page_viewed"] == 1
        assert found["events", "seen"] == 0
        assert ("events", "order_placed") not in found
        assert (found["receipts", ""], found["contexts", ""], found["quarantine", ""]) == (1, 1, 1)
        assert len(names(crm)) == 5


def test_work_deletes_it(opening, clock):
    with opening(**KEPT) as crm:
        filled(crm, clock)
        clock.turn("20d")
        assert crm.work().aged > 0
        crm.work()
        assert [name for name, _ in names(crm)] == ["order_placed"] * 2 + ["seen"] * 2
        assert {one["raw"] for one in rows(crm, schema.receipt)} == {""}
        assert {one["context"] for one in rows(crm, schema.delivery)} == {None}
        assert rows(crm, schema.quarantine) == []
        assert {one.count for one in crm.aged()} == {0}


def test_all_of_it_goes_when_asked_and_the_log_says_so(opening, clock, monkeypatch):
    monkeypatch.setattr(aging, "BATCH", 2)
    monkeypatch.setattr("crmcore.flow.privacy.retaining.BATCH", 2)
    with opening(events="5d", receipts="5d", contexts="5d") as crm:
        for day in range(7):
            crm.track("seen", "ada", ref=str(day))
        clock.turn("10d")
        assert [(one.kind, one.name, one.count) for one in crm.delete_aged()] == [("events", "seen", 7)]
        assert crm.timeline("ada") == []
        assert crm.audit()[0].action == "retention applied"


def test_sums_of_all_stay_and_those_of_the_customer_are_of_what_is_left(opening, clock):
    with opening(events="10d") as crm:
        crm.track("order_placed", "ada", quantity=2)
        crm.track("order_placed", "bob", quantity=3)
        clock.turn("20d")
        crm.track("order_placed", "ada", quantity=4)
        crm.work()
        for _ in "two":
            [total] = crm.totals()
            assert (total.count, total.quantity, total.customers) == (3, 9_000_000, 1)
            assert [(one.count, one.quantity) for one in crm.days("ada")] == [(1, 4_000_000)]
            assert crm.days("bob") == []
            crm.rebuild()


def test_segments_are_of_what_is_left(opening, clock):
    with opening(events="10d") as crm:
        crm.track("order_placed", "ada")
        crm.track("order_placed", "bob")
        buyers = crm.define_segment("buyers", event("order_placed").did())
        clock.turn("20d")
        crm.track("order_placed", "bob")
        assert buyers.size() == 2
        crm.work()
        assert buyers.size() == 1
        crm.rebuild()
        assert buyers.size() == 1


def test_an_event_stays_for_all_of_its_last_day(opening, clock):
    with opening(events="10d") as crm:
        crm.track("seen", "ada")
        clock.turn("10d")
        clock.turn("1h")
        assert crm.work().aged == 0
        clock.turn("12h")
        assert crm.work().aged == 1


def test_messages_that_wait_keep_what_they_are_to_say(opening, clock):
    with opening(contexts="10d") as crm:
        crm.identify("ada", {"email": "ada@example.com", "name": "Ada"})
        crm.save_template("hello", "note", {"text": "{{ message.code }}"})
        crm.send("hello", to="ada", fields={"code": "7"}, expires="90d")
        crm.pause("send:hello:note")
        clock.turn("20d")
        crm.work()
        assert [one["fields"] for one in rows(crm, schema.delivery)] == ['{"code":"7"}']
        crm.resume("send:hello:note")
        crm.work()
        crm.delete_aged()
        assert [one["fields"] for one in rows(crm, schema.delivery)] == [None]


def test_work_comes_back_to_what_was_waiting_when_it_passed(opening, clock):
    with opening(contexts="10d") as crm:
        crm.identify("ada", {"email": "ada@example.com", "name": "Ada"})
        for name in ("early", "late"):
            crm.save_template(name, "note", {"text": "{{ message.code }}"})
            crm.send(name, to="ada", fields={"code": "7"}, expires="90d")
            clock.turn("1h")
        crm.pause("send:early:note")
        crm.work()
        clock.turn("20d")
        crm.work()
        crm.resume("send:early:note")
        for _ in "two":
            crm.work()
        assert {one["fields"] for one in rows(crm, schema.delivery)} == {None}


def test_of_two_who_delete_the_same_one_does(opening, clock):
    with opening(events="1d") as crm, opening(events="1d") as other:
        for day in range(20):
            crm.track("seen", f"c{day}")
        clock.turn("9d")
        with ThreadPoolExecutor(2) as pool:
            counts = list(pool.map(lambda one: sum(kept.count for kept in one.delete_aged()), (crm, other)))
        assert max(counts) == 20
        assert [(one.count, one.customers) for one in crm.totals()] == [(20, 0)]
