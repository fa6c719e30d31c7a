"""What sending to several addresses reads, and what removing them writes, goes by an index."""

from __future__ import annotations

import pytest

from crmcore.model.identity import Identity
from crmcore.model.presence import Presence
from crmcore.store import addresses, contexts, coupons, deliveries, reports
from crmcore.store.addresses import Said
from tests.store.planning import MANY, statements, steps

pytestmark = pytest.mark.untouched

UNITS = [(1, "hello", 2, 3, 0), (1, "hello", 4, 5, 0)]
GONE = Said(address=Identity("fcm", "1"), presence=Presence(is_there=False, at=2**61))
ACTS = {
    "every address": (lambda scope: contexts.every_address(scope, [1, 2], {"fcm"}), {"customer_id"}),
    "going": (lambda scope: deliveries.going(scope, "push", UNITS, ()), {"customer_id"}),
    "kept": (lambda scope: deliveries.kept(scope, "push", UNITS), {"customer_id"}),
    "give back": (lambda scope: coupons.give_back(scope, [1, 2]), {"delivery_id"}),
    "say": (lambda scope: addresses.say(scope, [GONE]), {"kind", "value"}),
    "states": (lambda scope: reports.states(scope, 1), {"run_id"}),
}


@pytest.mark.parametrize("act", ACTS)
def test_what_is_read_of_many_rows_is_found_by_an_index(crm, act):
    crm.identify_many({"customer": {"key": str(n), "fcm": str(n)}} for n in range(50))
    doing, columns = ACTS[act]
    with statements(crm) as seen:
        crm._opened.write(doing)
    read = [step for _, step in steps(crm, seen) if step.table in MANY]
    assert read
    assert [step for step in read if step.is_whole] == []
    assert columns <= {name for step in read for name in step.columns}
