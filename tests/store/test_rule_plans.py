"""Every condition is looked up by an index: what it costs grows with what it is about, not with all there is."""

from __future__ import annotations

import pytest

from crmcore.model.building import account, attribute, consent, event, field, in_segment, subscribed, tag
from tests.store.asking import upload
from tests.store.planning import statements, steps

pytestmark = pytest.mark.untouched

ORDERS = event("order_placed")
CLAUSES = {
    "attribute": attribute("city") == "Bandung",
    "one of": attribute("city").in_(["Bandung", 5]),
    "anniversary": attribute("birthday").in_next("7d"),
    "account": account("tier") == "gold",
    "tag": tag("vip"),
    "did": ORDERS.did(within="30d"),
    "did not": ORDERS.did_not(),
    "count": ORDERS.count(within="30d") >= 3,
    "sum": ORDERS.sum("amount", currency="EUR") >= 100,
    "sum of any currency": ORDERS.sum("amount") >= 100,
    "greatest": ORDERS.max("weight") > 3,
    "distinct": ORDERS.where(field("price") > 3).distinct("item") >= 3,
    "last": ORDERS.last().within("30d"),
    "then": ORDERS.then(event("order_returned"), within="7d"),
    "uploaded": in_segment("guests"),
    "consent": consent("retention"),
    "consent on a channel": consent("retention", channel="email"),
    "wish": subscribed("news"),
}
#: Everybody is read one by one, and asked whether it is one of those found.
READ_WHOLE = {"crm_customer"}


@pytest.mark.parametrize("name", CLAUSES)
def test_a_condition_reads_by_an_index(crm, name):
    crm.identify("1", {"city": "Bandung"})
    upload(crm, "guests", crm.customer("1").id)
    segment = crm.define_segment("s", CLAUSES[name])
    with statements(crm) as seen:
        segment.members()
    found = [step for statement, step in steps(crm, seen) if "crm_customer" in statement or "crm_event" in statement]
    assert [step for step in found if step.is_whole and step.table not in READ_WHOLE] == []
