"""Claims: who takes how much."""

from __future__ import annotations

import pytest

from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.store import claims
from tests.store.planning import sorted_ones, statements

pytestmark = pytest.mark.untouched

LIMIT, MANY = 7, 60


def launched(crm):
    crm.identify_many({"customer": str(n), "attributes": {"email": f"{n}@example.com"}} for n in range(MANY))
    crm.save_template("hello", "note", {"text": "hello"})
    whole = Campaign(name="hello", purpose="service", audience=everyone(), channel="note", template="hello")
    return crm.launch(whole).run_id


def test_a_claim_takes_no_more_than_its_limit_of_tables_nobody_has_analysed(crm):
    """With a join over the rows, PostgreSQL would look for the next ones anew for each row it updates."""
    run_id = launched(crm)

    def take(scope):
        return claims.claim(scope, run_id, "somebody", limit=LIMIT, lease_until=scope.now + 1)

    taken = [crm._opened.write(take) for _ in range(2)]
    assert [len(one) for one in taken] == [LIMIT, LIMIT]
    assert len({one.id for some in taken for one in some}) == 2 * LIMIT


def test_a_claim_reads_what_is_due_first_and_no_more(crm):
    """Those of one launch are all due at the same time: sorted, the last of many would be as dear as the first."""
    run_id = launched(crm)
    with statements(crm) as seen:
        crm._opened.write(lambda scope: claims._take(scope, run_id, "somebody", limit=LIMIT, lease_until=scope.now + 1))
    assert sorted_ones(crm, seen) == []
