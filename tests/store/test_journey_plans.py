"""What campaigns of steps read, they read by an index: whether databases know their tables or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Connection

from crmcore import CRM
from crmcore.model.building import event
from crmcore.model.happens import Happens
from crmcore.model.steps import Arm, Branch, Emit, Split, Update, WaitFor
from crmcore.model.triggers import OnCall, Reentry
from crmcore.store import bulk, deliveries, enrolments, listeners, recent, runs, schema
from tests.flow.journeys.travelling import journey, people, send, templates, wait
from tests.store.planning import BIG, planned, sorted_ones, statements
from tests.store.populating import populate

pytestmark = pytest.mark.untouched

NAMES = ("ada", "bob", "cyd")
#: Of these nothing is ever read whole.
READ = BIG | {"crm_refusal", "crm_contact_state", "crm_conversion", "crm_merge"}
#: What finds rows of a customer, a run, or those that are due.
FINDING = {"id", "key", "name", "customer_id", "origin_id", "run_id", "due_at", "enrolment_id", "address_id"}
FINDING |= {"into_id", "from_id", "message_id", "hash", "value", "low", "high", "owner_id", "lease_until", "state"}
CART = Happens(event="cart_updated", key="ref")


def fill(connection: Connection, workspace_id: int, *, is_analysed: bool) -> None:
    """Write many rows of every table; of most deliveries nobody knows yet what becomes of them."""
    populate(connection, workspace_id, is_analysed=False)
    connection.exec_driver_sql("UPDATE crm_delivery SET settled_at = NULL WHERE id > 100")
    if is_analysed:
        connection.exec_driver_sql("ANALYZE")


def launch(crm: CRM) -> None:
    parts = Split(name="parts", arms=[Arm(name="a"), Arm(name="b")])
    bought = Branch(name="bought", condition=event("order_placed").did(within="30d"), then="late", otherwise="late")
    opens = WaitFor(name="opens", event="app_opened", timeout="1h")
    deeds = (Update(name="note", tags="seen"), Emit(name="tell", event="reminded"))
    course = (parts, send("remind"), wait("1h"), bought, send("late"), opens, *deeds)
    again = Reentry(when="every")
    crm.launch(journey(*course, trigger=CART, exits=["order_placed"], policy="restart", reentry=again))
    crm.launch(journey(send("remind"), name="called", trigger=OnCall()))


def turn(crm: CRM) -> None:
    crm._opened.clock.turn("2h")
    crm.work()


ACTS: dict[str, Callable[[CRM], object]] = {
    "launch": launch,
    "trigger": lambda crm: crm.track("cart_updated", "ada", ref="c1"),
    "triggers": lambda crm: crm.track_many({"name": "cart_updated", "customer": one, "ref": "c2"} for one in NAMES),
    "call": lambda crm: crm.enter("called", ["ada", "bob"]),
    "work": lambda crm: crm.work(),
    "restart": lambda crm: crm.track("cart_updated", "ada", ref="c1"),
    "merge": lambda crm: crm.merge("bob", "ada", force=True),
    "go on": turn,
    "wake": lambda crm: crm.track("app_opened", "ada"),
    "unmerge": lambda crm: crm.unmerge("bob", "ada"),
    "exit": lambda crm: crm.track("order_placed", "ada"),
    "end": turn,
    "cancel": lambda crm: crm.cancel("journey"),
}
#: Read whole, since few rows are in them: what waits, what is away, by the indices over those alone.
SMALL = {"ix_enrolment_due", "ix_delivery_due", "ix_delivery_lease", "ix_delivery_unsettled", "ix_standing_due"}


@pytest.mark.parametrize("is_analysed", [True, False], ids=["analysed", "never analysed"])
def test_no_statement_of_a_campaign_reads_a_whole_table(crm, is_analysed):
    people(crm, *NAMES)
    templates(crm, "remind", "late")
    with statements(crm) as seen:
        for act in ACTS.values():
            act(crm)
    with crm._opened.engine.connect() as connection:
        fill(connection, crm._opened.workspace.id, is_analysed=is_analysed)
        found = planned(connection, list(dict(seen).items()))
    assert {step.table for _, step in found} >= {"crm_enrolment", "crm_delivery", "crm_event", "crm_listener"}
    strayed = {
        f"{step}: {run}"
        for run, step in found
        if step.table in READ and not step.columns & FINDING and step.index not in SMALL
    }
    assert not strayed, "\n".join(sorted(strayed))


#: A statement of the store, the table it is about, the index it goes by, and the columns it finds rows by.
HOT = {
    "who is due": (lambda scope: enrolments.take_due(scope, 1, 10), "enrolment", {"run_id", "due_at"}),
    "runs with somebody due": (lambda scope: enrolments.due_runs(scope, [1, 2]), "enrolment", {"run_id", "due_at"}),
    "how many are due": (lambda scope: enrolments.due_count(scope, 1), "enrolment", {"run_id", "due_at"}),
    "is anybody under way": (lambda scope: enrolments.under_way(scope, 1), "enrolment", {"run_id"}),
    "ways of customers": (lambda scope: enrolments.of_customers(scope, 1, [1, 2]), "enrolment", {"customer_id"}),
    "ways of a customer": (lambda scope: enrolments.of_customer(scope, 1), "enrolment", {"customer_id"}),
    "ways of those joined": (lambda scope: enrolments.of_joined(scope, 1, [1, 2]), "merge", {"into_id"}),
    "cancelled with somebody under way": (runs.left_under_way, "enrolment", {"run_id"}),
    "what waits of customers": (
        lambda scope: deliveries.waiting_enrolments(scope, {1, 2}),
        "delivery",
        {"customer_id"},
    ),
    "who looks out": (lambda scope: listeners.listening(scope, ["seen"]), "listener", {"name"}),
    "what was refused": (lambda scope: listeners.refusals(scope, 1), "refusal", {"customer_id"}),
    "moves": (
        lambda scope: enrolments.move(
            scope, [enrolments.Moved(id=one, step="a", next="b", due_at=9, path="a@1") for one in (1, 2)]
        ),
        "enrolment",
        {"id"},
    ),
    "ends": (lambda scope: enrolments.end(scope, [(1, "bought"), (2, "bought")]), "enrolment", {"id"}),
    "wakes": (lambda scope: enrolments.wake(scope, [(1, "a"), (2, "b")]), "enrolment", {"id"}),
    "put off": (lambda scope: enrolments.put_off(scope, [1, 2], 9), "enrolment", {"id"}),
    "recent events": (
        lambda scope: recent.events_after(scope, {"x1"}, [1, 2], 3),
        "event",
        {"customer_id", "name", "occurred_at"},
    ),
    "events of customers": (
        lambda scope: bulk.select_in(scope, schema.event, ("id",), {"name": "x1"}, "customer_id", [1, 2]),
        "event",
        {"customer_id", "name"},
    ),
}


@pytest.mark.parametrize("is_analysed", [True, False], ids=["analysed", "never analysed"])
def test_what_is_asked_for_most_is_found_by_all_that_is_said_of_it(crm, is_analysed):
    asked = {}
    for name, (ask, table, columns) in HOT.items():
        with statements(crm) as seen:
            crm._opened.write(ask)
        asked[name] = ([one for one in seen if f"crm_{table}" in one[0]], f"crm_{table}", columns)
    with crm._opened.engine.connect() as connection:
        fill(connection, crm._opened.workspace.id, is_analysed=is_analysed)
        plans = {name: (planned(connection, seen), table, columns) for name, (seen, table, columns) in asked.items()}
    strayed = {
        name: [step for _, step in found if step.table == table]
        for name, (found, table, columns) in plans.items()
        if not any(step.table == table and columns <= step.columns for _, step in found)
    }
    assert strayed == {}


def test_those_due_first_are_read_in_their_order(crm):
    with statements(crm) as seen:
        crm._opened.write(lambda scope: enrolments.take_due(scope, 1, 10))
    due = [one for one in seen if "crm_enrolment" in one[0]]
    assert due
    assert sorted_ones(crm, due) == []
