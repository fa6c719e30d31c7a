"""What runs per event, per batch or per page reads by an index."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from crmcore import CRM
from crmcore.hooks.provider import Feedback
from crmcore.model.building import attribute, event, everyone, tag
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.tracking import Source
from crmcore.store import bulk, consents, deliveries, leads, message_ids, paging, runs, schema
from crmcore.store import receipts as receipts_of
from tests.flow.test_undo import ACCOUNTS, HEADER, ORDERS, PEOPLE, written
from tests.store.planning import MANY, scans, statements, steps

pytestmark = pytest.mark.untouched


def launch(crm: CRM) -> None:
    crm.save_template("hello", "note", {"text": "hello {{ customer.key }}"})
    goal = Goal(event="order_placed")
    crm.launch(Campaign(name="c", purpose="service", audience=everyone(), channel="note", template="hello", goal=goal))


def track(crm: CRM) -> None:
    crm.track("order_placed", {"key": "1", "email": "1@example.com"}, amount=1, currency="EUR", message_id="m")
    crm.track("order_placed", "1", amount=1, currency="EUR", message_id="m")


def quarantine(crm: CRM) -> None:
    crm.declare_source(Source("web", events={}))
    for message in ("m", "m", None):
        crm.track("seen", "1", source="web", message_id=message)
    crm.quarantine()
    crm.quarantine(source="web")
    crm.declare_source(Source("web"))
    crm.replay("web")
    crm.stats()


def send(crm: CRM) -> None:
    crm.save_template("receipt", "note", {"text": "hello"})
    for key in (None, "order-1", "order-1"):
        crm.send("receipt", to={"key": "1", "email": "1@example.com"}, key=key)


def opt_in(crm: CRM) -> None:
    token = crm.request_consent("1", "newsletter")
    for _ in range(2):
        crm.confirm_consent(token)
    with crm._opened.reading() as scope:
        consents.confirmed(scope, {1, 2})


def live(crm: CRM) -> None:
    regulars = event("order_placed").count(within="30d") >= 2
    crm.define_segment(
        "live", (regulars | event("seen").first().within("7d")) & (attribute("city") == "x") & ~tag("vip")
    )
    crm.work()
    crm.track("order_placed", "1", amount=1, currency="EUR")
    crm.identify("1", {"city": "x"}, tags=["vip"])
    crm.days("1")
    crm.segment("live").members(limit=10)


def feedback(crm: CRM) -> None:
    named: list[dict[str, Any]] = [{"delivery_id": 1}, {"delivery_id": 2}, {"provider_id": "p-1"}]
    types = ("opened", "delivered", "bounced")
    crm.feedback([Feedback(key=str(n), type=types[n], at=crm.now(), **one) for n, one in enumerate(named)], "recorder")


def receipts(crm: CRM) -> None:
    crm.work()
    sent = crm.deliveries("c")
    types = ("delivered", "failed", "read")
    said = [
        Feedback(
            key=f"{one.id} {kind}", type=kind, at=crm.now(), delivery_id=one.id, after=60 if kind == "failed" else None
        )
        for one in sent
        for kind in types
    ]
    crm.feedback(said, "recorder")
    crm.feedback([Feedback(key="again", type="failed", at=crm.now(), provider_id=f"p-{sent[0].id}")], "recorder")


ACTS: dict[str, Callable[[CRM], object]] = {
    "track": track,
    "identify": lambda crm: crm.identify("1", {"city": "x"}, tags=["vip"]),
    "merge": lambda crm: crm.merge({"anonymous": "a"}, "1"),
    "consent": lambda crm: crm.consent("1", "retention"),
    "double opt-in": opt_in,
    "customer": lambda crm: (crm.customer("1"), crm.timeline("1")),
    "history": lambda crm: (crm.history("1"), crm.history("1", "city")),
    "duplicates": lambda crm: crm.duplicates(threshold=0),
    "segment": lambda crm: crm.define_segment("s", event("order_placed").count(within="30d") >= 1).members(),
    "live segment": live,
    "launch": launch,
    "send": send,
    "work": lambda crm: crm.work(),
    "report": lambda crm: crm.report("c"),
    "quarantine": quarantine,
    "schema": lambda crm: crm.schema(),
    "feedback": feedback,
    "receipts": receipts,
}


@pytest.mark.parametrize("act", ACTS)
def test_no_hot_statement_scans_a_big_table(crm, act):
    for number in range(3):
        crm.identify(str(number), {"email": f"{number}@example.com"})
        crm.track("order_placed", str(number), amount=5, currency="EUR")
    crm.identify({"anonymous": "a"})
    if act in ("work", "report", "receipts"):
        launch(crm)
    if act == "report":
        crm.work()
    with statements(crm) as seen:
        ACTS[act](crm)
    assert seen
    assert scans(crm, seen) == []


@pytest.mark.parametrize("table", ["customer", "event", "consent", "identity", "delivery"])
def test_rows_are_looked_up_by_id_and_not_by_their_workspace(crm, table):
    with statements(crm) as seen, crm._opened.reading() as scope:
        bulk.select_in(scope, getattr(schema, table), ("id",), {}, "id", [1, 2])
    [(_, step)] = steps(crm, seen[-1:])
    assert "id" in step.columns


WAITING, LEASED = "ix_delivery_due", "ix_delivery_lease"


@pytest.mark.parametrize(
    ("asked", "indices"),
    [
        (lambda scope: deliveries.waits(scope, 1), {WAITING, LEASED}),
        (runs.going, {WAITING, LEASED}),
        (runs.left_over, {WAITING}),
    ],
    ids=["is it over", "does any go", "what is left over"],
)
def test_what_is_left_of_a_run_is_asked_of_the_small_indices_however_long_the_run_is(crm, asked, indices):
    with statements(crm) as seen, crm._opened.reading() as scope:
        asked(scope)
    [one] = [run for run in seen if "crm_delivery" in run[0]]
    assert {step.index for _, step in steps(crm, [one]) if step.table == "crm_delivery"} == indices


def test_a_report_reads_the_events_of_each_customer_from_the_message_on(crm, store):
    if store != "sqlite":
        pytest.skip("PostgreSQL knows how many rows there are, and chooses by that")
    crm.identify("1", {"email": "1@example.com"})
    launch(crm)
    crm.work()
    with statements(crm) as seen:
        crm.report("c", days=365)
    read = [step for run, step in steps(crm, seen) if step.table == "crm_event" and "since" in run]
    assert len(read) == 2
    assert all({"customer_id", "name", "occurred_at"} <= step.columns for step in read)


@pytest.mark.parametrize("pages", [paging.events, paging.deliveries])
def test_a_page_of_an_export_begins_where_the_last_one_ended(crm, pages):
    with statements(crm) as seen, crm._opened.reading() as scope:
        list(pages(scope))
    [(_, step)] = steps(crm, seen[-1:])
    assert "id" in step.columns


@pytest.mark.parametrize("pages", [leads.pages, message_ids.each])
def test_what_is_paged_by_name_is_read_in_the_order_of_its_key(crm, pages):
    crm.track("seen", "1", message_id="m")
    with statements(crm) as seen, crm._opened.reading() as scope:
        list(pages(scope))
    [(_, step)] = steps(crm, seen[-1:])
    assert step.columns & {"kind", "message_id"}


FILES = {
    "people": (PEOPLE, HEADER, [("1", "1@example.com", "u", "vip", "yes", "news", 100_000_000)]),
    "bounced": (PEOPLE, HEADER, [("1", "1@example.com", "", "", "bad", "", 100_000_000)]),
    "orders": (ORDERS, list(ORDERS["columns"]), [("1", "10", "A", 1, "1.5", 100_000_000)]),
    "firms": (
        ACCOUNTS,
        ["account", "parent", "key", "role", "at", "name"],
        [("a", "b", "1", "buyer", 100_000_000, "A")],
    ),
}


@pytest.mark.parametrize("name", FILES)
def test_no_batch_of_a_file_that_comes_in_or_is_taken_back_reads_a_whole_workspace(crm, tmp_path, name):
    crm.identify({"key": "1", "email": "1@example.com"})
    with statements(crm) as seen:
        path, made = written(tmp_path, FILES[name], name)
        crm.preview_import(path, made)
        crm.undo_import(crm.import_file(path, made).id)
    assert [
        (statement, step)
        for statement, step in steps(crm, seen)
        if step.table in MANY and step.is_whole and step.index != "ix_quarantine_waiting"
    ] == []


def test_what_its_carrier_has_not_answered_is_found_among_what_is_leased(crm):
    with statements(crm) as seen, crm._opened.reading() as scope:
        receipts_of.unanswered_since(scope, "recorder")
    assert {step.index for _, step in steps(crm, seen[-1:])} == {"ix_delivery_lease"}


def test_deliveries_are_found_by_the_carriers_id(crm):
    with statements(crm) as seen, crm._opened.reading() as scope:
        receipts_of.find(scope, [Feedback(key="k", type="read", at=0, provider_id="p")], "recorder")
    assert "ix_delivery_carried" in {step.index for _, step in steps(crm, seen)}
