"""What keeps segments right reads, of what there are many, only what it is about: whether databases know their tables or not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from crmcore import CRM
from crmcore.model.building import account, attribute, consent, event, in_segment, subscribed, tag
from tests.store.planning import MANY, planned, statements
from tests.store.populating import populate

pytestmark = pytest.mark.untouched

BOUGHT = event("order_placed")
CLAUSES = {
    "times": BOUGHT.count(within="30d") >= 2,
    "whole_events": BOUGHT.sum("quantity", within="4d") > 2,
    "all_events": event("seen").first().within("7d") | (BOUGHT.max("weight") > 3),
    "profile": (attribute("city") == "x") & ~tag("vip"),
    "said": consent("retention") & ~subscribed("news"),
    "firm": account("tier") == "gold",
    "guests": in_segment("list"),
}
#: Rows of these belong to customers, or to accounts of customers.
OF_CUSTOMERS = MANY | {
    f"crm_{name}"
    for name in (
        "account_attribute",
        "consent_state",
        "contact_state",
        "member",
        "segment_member",
        "subscription",
        "tag",
    )
}
#: What upkeep itself reads and writes.
UPKEPT = {f"crm_{name}" for name in ("standing", "membership", "event", "event_stat", "event_day", "consent_state")}
#: What finds the rows of a customer, an account or an identity, or those that are due.
FINDING = {
    "id",
    "key",
    "segment_id",
    "customer_id",
    "account_id",
    "origin_id",
    "owner_id",
    "due_at",
    "value",
    "hash",
    "low",
    "high",
    "message_id",
}


def host(crm: CRM) -> None:
    with crm._opened.engine.begin() as connection:
        crm.using(connection).consent("1", "retention", granted=False)
        crm.using(connection).track("order_placed", "1")
    crm._catch_up()


def due(crm: CRM) -> None:
    crm._opened.clock.turn("31d")
    crm._catch_up()


ACTS: dict[str, Callable[[CRM], object]] = {
    "event": lambda crm: crm.track("order_placed", "1", amount=1, currency="EUR"),
    "events": lambda crm: crm.track_many({"name": "seen", "customer": str(number)} for number in range(3)),
    "attribute and tag": lambda crm: crm.identify("1", {"city": "x"}, tags=["vip"]),
    "consent": lambda crm: crm.consent("1", "retention"),
    "wish": lambda crm: crm.subscribe("1", "news", wanted=False),
    "account": lambda crm: crm.group("firm", attributes={"tier": "iron"}),
    "upload": lambda crm: crm.upload_segment("list", ["2"]),
    "merge": lambda crm: crm.merge({"anonymous": "a"}, "1"),
    "unmerge": lambda crm: (crm.merge({"anonymous": "a"}, "1"), crm.unmerge({"anonymous": "a"}, "1")),
    "host": host,
    "due": due,
    "new definition": lambda crm: (crm.define_segment("times", BOUGHT.did()), crm._catch_up()),
    "members": lambda crm: crm.segment("times").members(limit=10),
}


@pytest.fixture
def live(crm):
    """Segments of every kind of condition, kept up to date."""
    crm.identify({"anonymous": "a"})
    for number in range(3):
        crm.identify(str(number), {"city": "y"})
        crm.track("order_placed", str(number), amount=5, currency="EUR")
    crm.group("firm", customer="1", attributes={"tier": "gold"})
    crm.upload_segment("list", ["1"])
    for name, clause in CLAUSES.items():
        crm.define_segment(name, clause)
    crm._catch_up()
    return crm


@pytest.mark.parametrize("is_analysed", [True, False], ids=["analysed", "never analysed"])
def test_upkeep_reads_of_customers_only_those_it_is_about(live, is_analysed):
    with statements(live) as seen:
        for act in ACTS.values():
            act(live)
    with live._opened.engine.connect() as connection:
        populate(connection, live._opened.workspace.id, is_analysed=is_analysed)
        found = planned(connection, list(dict(seen).items()))
    assert {step.table for _, step in found} >= OF_CUSTOMERS & UPKEPT
    strayed = {f"{step}: {run}" for run, step in found if step.table in OF_CUSTOMERS and not step.columns & FINDING}
    assert not strayed, "\n".join(sorted(strayed))
