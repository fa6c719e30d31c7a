"""Messages that go on to the next channel are found by an index, however many others there are."""

from __future__ import annotations

import pytest

from crmcore.store import sessions, timers, units
from crmcore.store.timers import FALLBACK
from tests.flow.journeys.channelling import LATE, Shop
from tests.store.planning import BIG, planned, statements
from tests.store.populating import populate
from tests.store.test_timer_plans import populate_timers

pytestmark = pytest.mark.untouched

READ = BIG | {"crm_timer", "crm_contact_state"}
#: What finds rows of a customer, a run, or those that are due.
FINDING = {
    "id",
    "key",
    "customer_id",
    "origin_id",
    "run_id",
    "due_at",
    "name",
    "delivery_id",
    "message_id",
    "provider_id",
}
FINDING |= {"lease_until", "kind", "value", "hash", "enrolment_id"}  # fmt: skip
#: Read whole, since few rows are in them.
SMALL = {"ix_delivery_due", "ix_delivery_lease", "ix_enrolment_due", "ix_standing_due"}


@pytest.fixture
def shop(new_database, clock):
    shop = Shop(new_database("shop.db"), clock)
    with shop.crm:
        for key in ("ada", "bob", "cyd"):
            shop.customer(key)
        yield shop


@pytest.mark.parametrize("is_analysed", [True, False], ids=["analysed", "never analysed"])
def test_no_statement_of_the_next_channel_reads_a_whole_table(shop, is_analysed):
    shop.refuse("whatsapp")
    with statements(shop.crm) as seen:
        shop.launch(fallback=LATE, order="preference")
        shop.pass_time("1h")
    shop.hear("push", "opened")
    shop.hear("push", "bounced")
    with statements(shop.crm) as more:
        shop.pass_time("2h", "3d")
    assert set(shop.channels) == {"whatsapp", "push", "email"}
    with shop.crm._opened.engine.connect() as connection:
        populate(connection, shop.crm._opened.workspace.id, is_analysed=is_analysed)
        populate_timers(connection, shop.crm._opened.workspace.id, is_analysed=is_analysed)
        found = planned(connection, list((dict(seen) | dict(more)).items()))
    assert {step.table for _, step in found} >= {"crm_timer", "crm_delivery", "crm_receipt", "crm_event"}
    strayed = {
        f"{step}: {run}"
        for run, step in found
        if step.table in READ and not step.columns & FINDING and step.index not in SMALL
    }
    assert not strayed, "\n".join(sorted(strayed))


#: A statement, the table it is about, and the columns by which it finds rows.
HOT = {
    "units of a step": (lambda scope: units.of_step(scope, 1, "hello", {1, 2}), "delivery", {"customer_id"}),
    "reactions": (lambda scope: units.reactions(scope, [1, 2]), "receipt", {"delivery_id"}),
    "who wrote": (lambda scope: sessions.last_wrote(scope, [1, 2], 3), "event", {"customer_id", "name", "occurred_at"}),
    "deliveries looked at": (lambda scope: units.of_ids(scope, {1, 2}), "delivery", {"id"}),
    "timers that are due": (lambda scope: timers.take_due(scope, FALLBACK, 1, 10), "timer", {"due_at"}),
    "timers that ring": (
        lambda scope: timers.ring(scope, FALLBACK, [(1, 2)]),
        "timer",
        {"kind", "subject_id", "customer_id"},
    ),
    "whether a run has timers": (lambda scope: timers.are_set(scope, FALLBACK, 1), "timer", {"kind", "subject_id"}),
}


@pytest.mark.parametrize("is_analysed", [True, False], ids=["analysed", "never analysed"])
def test_what_is_asked_for_most_is_found_by_all_that_is_said_of_it(shop, is_analysed):
    asked = {}
    for name, (ask, table, columns) in HOT.items():
        with statements(shop.crm) as seen:
            shop.crm._opened.write(ask)
        asked[name] = ([one for one in seen if f"crm_{table}" in one[0]], f"crm_{table}", columns)
    with shop.crm._opened.engine.connect() as connection:
        populate(connection, shop.crm._opened.workspace.id, is_analysed=is_analysed)
        populate_timers(connection, shop.crm._opened.workspace.id, is_analysed=is_analysed)
        plans = {name: (planned(connection, seen), table, columns) for name, (seen, table, columns) in asked.items()}
    strayed = {
        name: [step for _, step in found if step.table == table]
        for name, (found, table, columns) in plans.items()
        if not any(step.table == table and columns <= step.columns for _, step in found)
    }
    assert strayed == {}
