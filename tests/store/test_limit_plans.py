"""What limits cost a batch: a handful of statements, each of which finds its buckets by their key."""

from __future__ import annotations

import re

import pytest

from crmcore.flow.limiting import Limiter
from crmcore.flow.plan import plan
from crmcore.model import limiting
from crmcore.model.identity import Identity
from crmcore.model.limiting import Limit
from crmcore.model.limits import Limits
from crmcore.model.purpose import MessageClass, Purpose
from crmcore.model.time import SECOND
from crmcore.store import limits
from crmcore.store.claims import Claimed
from tests.flow.test_campaign import made
from tests.store.test_plans import statements

LIMIT = Limit(count=100, per=SECOND)
KEYS = [("destination", "note:a.example"), ("destination", "note:b.example"), ("sender", "note/recorder")]
BY_KEY = {
    "sqlite": r"\(workspace_id=\? AND scope=\? AND key=\?\)",
    "postgresql": r"Index Cond: \(\(workspace_id = .* AND \(\(?scope\)?.* = .* AND \(\(?key\)?.* = ",
}
BY_SCOPE = {
    "sqlite": r"\(workspace_id=\? AND scope=\?\)",
    "postgresql": r"Index Cond: \(\(workspace_id = .* AND \(scope = ",
}


def plans(crm, act):
    """Return the plans of what an act does to buckets, where there are many of them."""
    dialect = crm._opened.engine.dialect.name
    with crm._opened.writing() as scope:
        many = [("recipient", f"note/recorder:{number:032x}") for number in range(5000)]
        limits.hold(scope, dict.fromkeys(many, limiting.full(LIMIT, crm.now())), many)
    with crm._opened.engine.begin() as connection:
        connection.exec_driver_sql("ANALYZE")
    with statements(crm) as seen, crm._opened.writing() as scope:
        act(crm, scope)
    explain = {"sqlite": "EXPLAIN QUERY PLAN", "postgresql": "EXPLAIN"}[dialect]
    run = [(one, given) for one, given in seen if "crm_limit" in one and not one.startswith("INSERT")]
    with crm._opened.engine.connect() as connection:
        return [
            "\n".join(str(row[-1]) for row in connection.exec_driver_sql(f"{explain} {one}", given))
            for one, given in run
        ]


def full(crm):
    return {key: limiting.full(LIMIT, crm.now()) for key in KEYS}


def claimed(start, count):
    return [
        Claimed(
            id=one,
            run_id=1,
            customer_id=one,
            origin_id=one,
            channel="note",
            address=Identity("email", f"{one}@{one % 3}.example"),
            removed=False,
            purpose=Purpose.SERVICE,
            message_class=MessageClass.TRANSACTIONAL,
            held_out=False,
            template_id=1,
            attempt=1,
            context=None,
            handed_at=None,
        )
        for one in range(start, start + count)
    ]


ACTS = {
    "read": lambda crm, scope: limits.read(scope, KEYS),
    "hold": lambda crm, scope: limits.hold(scope, full(crm), KEYS),
    "keep": lambda crm, scope: limits.keep(scope, full(crm)),
}


@pytest.mark.parametrize("act", ACTS)
def test_buckets_are_found_by_their_keys(crm, act):
    found = plans(crm, ACTS[act])
    assert found
    assert all(re.search(BY_KEY[crm._opened.engine.dialect.name], one) for one in found)


@pytest.mark.parametrize("act", [limits.troubled, limits.paused])
def test_a_look_for_trouble_reads_no_buckets_of_recipients(crm, act):
    [found] = plans(crm, lambda _, scope: act(scope))
    assert re.search(BY_SCOPE[crm._opened.engine.dialect.name], found)


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
        with statements(crm) as seen, crm._opened.writing() as scope:
            assert len(limiter.admit(scope, given_plan, claimed(start, 20)).going) == 20
        said.append([one.split()[0] for one, _ in seen if not one.startswith("BEGIN")])
    assert said == [first, later]
