"""Sums of customers joined that no column holds: a clear error, and nobody else is stopped."""

from __future__ import annotations

import pytest

from crmcore.errors import CRMError

MOST = 2**62 - 5


def three(crm):
    for one in ("a", "b", "c"):
        crm.track("bought", {"device": one}, amount=MOST, currency="EUR", at=crm.now())


def test_a_merge_whose_sum_is_too_large_is_refused_clearly(crm):
    three(crm)
    crm.merge({"device": "a"}, {"device": "b"})
    with pytest.raises(CRMError):
        crm.merge({"device": "a"}, {"device": "c"})


@pytest.mark.parametrize("how", ["merge", "track"])
def test_one_that_a_host_has_committed_stops_no_reader(crm, how):
    three(crm)
    crm.merge({"device": "a"}, {"device": "b"})
    with crm._opened.engine.begin() as connection:
        writer = crm.using(connection)
        if how == "merge":
            writer.merge({"device": "a"}, {"device": "c"})
        else:
            writer.track("bought", {"device": "a"}, amount=2**62, currency="EUR")
        writer.track("seen", "other")
    crm.work()
    assert [one.name for one in crm.customer("other").sums] == ["seen"]
