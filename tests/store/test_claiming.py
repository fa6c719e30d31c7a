"""Deliveries are claimed so many at a time, also where the database knows nothing yet of how many there are."""

from crmcore.model.time import HOUR
from crmcore.store import claims
from tests.flow.test_campaign import made, people


def test_no_more_are_claimed_than_are_asked_for(crm):
    people(crm, 40)
    crm.launch(made())

    def claimed(scope):
        [run_id] = claims.due_runs(scope)
        return claims.claim(scope, run_id, "me", limit=3, lease_until=scope.now + HOUR)

    assert [len(crm._opened.write(claimed)) for _ in range(2)] == [3, 3]
