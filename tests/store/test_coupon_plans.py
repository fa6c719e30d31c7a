"""Codes are found by an index, however many there are: free ones, those of deliveries, and those that are redeemed."""

from __future__ import annotations

import pytest

from crmcore.model.event import Event
from crmcore.store import coupons
from tests.store.planning import statements, steps

pytestmark = pytest.mark.untouched

REDEEMED = Event(name="coupon_redeemed", customer=(), at=1, ref="S7", properties="{}")
ACTS = {
    "unclaimed": (lambda scope: coupons.unclaimed(scope, "spring", 10), {"source"}),
    "free at last": (lambda scope: coupons.free_at_last(scope, "spring", 10), {"source"}),
    "reserve": (lambda scope: coupons.reserve(scope, [(1, 2), (3, 4)]), {"id"}),
    "give back": (lambda scope: coupons.give_back(scope, [1, 2]), {"delivery_id"}),
    "carry": (lambda scope: coupons.carry(scope, [(1, 2)]), {"delivery_id"}),
    "redeem": (lambda scope: coupons.redeem(scope, [REDEEMED]), {"code"}),
}


@pytest.mark.parametrize("act", ACTS)
def test_codes_are_found_by_an_index(crm, act):
    crm.add_coupons("spring", (f"S{n}" for n in range(500)))
    doing, columns = ACTS[act]
    with statements(crm) as seen:
        crm._opened.write(doing)
    read = [step for _, step in steps(crm, seen) if step.table in ("crm_coupon", "crm_delivery")]
    assert read
    assert [step for step in read if step.is_whole] == []
    assert columns <= {name for step in read if step.table == "crm_coupon" for name in step.columns}


@pytest.mark.parametrize("act", ["unclaimed", "free at last"])
def test_free_codes_are_read_in_their_order(crm, act):
    crm.add_coupons("spring", (f"S{n}" for n in range(500)))
    with statements(crm) as seen:
        crm._opened.write(ACTS[act][0])
    [step] = [step for _, step in steps(crm, seen) if step.table == "crm_coupon"]
    assert step.index == "ix_coupon_free"
