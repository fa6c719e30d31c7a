"""Why somebody is in a segment, in words: amounts and times as people read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from crmcore.flow.explaining import explain
from crmcore.model.building import account, attribute, bucket, consent, event, tag
from crmcore.model.history import History, PastEvent
from crmcore.model.time import DAY, HOUR, microseconds

NOON = microseconds(datetime(2026, 3, 1, 12, tzinfo=UTC), "noon")
BOUGHT = event("bought")
ADA = History(
    customer_id=7,
    attributes={"city": "Bandung"},
    accounts=({"tier": "gold"}, {"tier": "iron"}),
    events=(
        PastEvent(name="bought", at=NOON - DAY, id=1, amount=1250, currency="EUR", quantity=2_500_000),
        PastEvent(name="paid", at=NOON - HOUR, id=2),
    ),
)
BY = "; bought at 2026-02-28T12:00:00+00:00"
SAID = {
    "a sum of money": (BOUGHT.sum("amount", currency="EUR") > 10_00, f"found 12.50 EUR{BY}"),
    "yen have no cents": (BOUGHT.sum("amount", currency="JPY") < 5, "found 0 JPY; bought at .* (does not fit)"),
    "a sum of no currency": (BOUGHT.sum("amount") > 10_00, f"found 1250 minor units{BY}"),
    "the greatest amount": (BOUGHT.where(currency="EUR").max("amount") > 1, f"found 12.50 EUR{BY}"),
    "a sum of quantities": (BOUGHT.sum("quantity") > 2, f"found 2.5{BY}"),
    "a time": (BOUGHT.first().within("2d"), f"found 2026-02-28T12:00:00+00:00{BY}"),
    "a count": (BOUGHT.count() >= 1, f"found 1{BY}"),
    "one after another": (BOUGHT.then(event("paid"), within="2d"), "found 23:00:00; paid at .*, bought at .*"),
    "an attribute": (attribute("city") == "Bandung", 'yes: city = "Bandung"; found "Bandung"'),
    "values of accounts": (account("tier") == "gold", 'found "gold", "iron"'),
    "a share": (bucket("pilot", 0.5), 'bucket "pilot" 0% to 50%; found .*%'),
    "nothing": (tag("vip"), 'no: tag "vip"'),
    "nothing said": (consent("retention"), "no: consents to retention"),
}


@pytest.mark.parametrize("case", SAID)
def test_a_condition_is_said_with_what_was_found(case):
    clause, said = SAID[case]
    found = str(explain(clause.condition, ADA, NOON, {}))
    assert re.fullmatch(f"(?:yes: |no: )?.*{re.escape(said).replace(re.escape('.*'), '.*')}", found), found


def test_a_tree_is_said_a_line_a_node_and_all_of_all_as_one():
    clause = (tag("vip") & (BOUGHT.did() & (attribute("city") == "u"))) & ~(tag("a") | tag("b"))
    assert str(explain(clause.condition, ADA, NOON, {})).splitlines() == [
        "no: all of these",
        '  no: tag "vip"',
        f"  yes: did bought; found 1{BY}",
        '  no: city = "u"; found "Bandung"',
        "  yes: not this",
        "    no: one of these",
        '      no: tag "a"',
        '      no: tag "b"',
    ]
