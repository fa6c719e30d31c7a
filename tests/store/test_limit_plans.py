"""What limits cost a batch: a handful of statements, each of which finds its buckets by their key."""

from __future__ import annotations

import pytest

from crmcore.flow.limiting import Limiter
from crmcore.flow.plan import plan
from crmcore.model import limiting
from crmcore.model.limiting import Limit
from crmcore.model.limits import Limits
from crmcore.model.time import SECOND
from crmcore.store import limits
from tests.flow.test_campaign import made
from tests.store.planning import planned, statements
from tests.unit.flow.claimed import claimed

pytestmark = pytest.mark.untouched

LIMIT = Limit(count=100, per=SECOND)
KEYS = [("destination", "note:a.example"), ("destination", "note:b.example"), ("sender", "note/recorder")]


def plans(crm, act):
    """Return the columns by which what an act does finds buckets, step by step, where there are many of them."""
    many = {("recipient", f"note/recorder:{number:032x}"): limiting.full(LIMIT, crm.now()) for number in range(5000)}
    crm._opened.write(lambda scope: limits.hold(scope, many, many))
    with statements(crm) as seen:
        crm._opened.write(lambda scope: act(crm, scope))
    with crm._opened.engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE crm_limit")
        return [step.columns for _, step in planned(connection, seen) if step.table == "crm_limit"]


def full(crm):
    return {key: limiting.full(LIMIT, crm.now()) for key in KEYS}


ACTS = {
    "read": lambda crm, scope: limits.read(scope, KEYS),
    "hold": lambda crm, scope: limits.hold(scope, full(crm), KEYS),
    "keep": lambda crm, scope: limits.keep(scope, full(crm)),
    "restart": lambda _, scope: limits.restart(scope, KEYS),
}


@pytest.mark.parametrize("act", ACTS)
def test_buckets_are_found_by_their_keys(crm, act):
    found = plans(crm, ACTS[act])
    assert found
    assert all({"scope", "key"} <= columns for columns in found)


@pytest.mark.parametrize("act", [limits.troubled, limits.paused])
def test_a_look_for_trouble_reads_no_buckets_of_recipients(crm, act):
    [columns] = plans(crm, lambda _, scope: act(scope))
    assert "scope" in columns


@pytest.mark.parametrize(
    ("given", "first", "later"),
    [
        (Limits(), ["SELECT"], []),
        (
            Limits(workspace=LIMIT, sender={"note/recorder": LIMIT}),
            ["SELECT", "INSERT", "SELECT", "UPDATE"],
            ["SELECT", "UPDATE"],
        ),
        (Limits(destination={"*": LIMIT}), ["SELECT", "INSERT", "SELECT", "UPDATE"], ["SELECT", "UPDATE"]),
        (Limits(recipient=LIMIT), ["SELECT", "INSERT", "SELECT", "UPDATE"], ["INSERT", "SELECT", "UPDATE"]),
    ],
)
def test_a_batch_costs_a_fixed_number_of_statements(crm, given, first, later):
    limiter = Limiter(given, crm.registry)
    given_plan = plan(made(), crm.registry, crm.settings)
    said = []
    for start in (0, 20):
        batch = [claimed(one, f"{one}@{one % 3}.example") for one in range(start, start + 20)]
        with statements(crm) as seen:
            admission = crm._opened.write(lambda scope, batch=batch: limiter.admit(scope, given_plan, batch))
        assert len(admission.going) == 20
        said.append([one.split()[0] for one, _ in seen if "crm_limit" in one])
    assert said == [first, later]
