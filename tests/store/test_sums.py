"""What events add up to is kept with them, day by day, and is what the log says."""

from __future__ import annotations

from itertools import count

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.model.time import DAY
from crmcore.store import sums

NUMBERS = count()
WHO = [{"key": "A"}, {"key": "B"}, {"device": "d"}]
times = st.integers(-3 * DAY, 3 * DAY)
rows = st.lists(
    st.fixed_dictionaries(
        {"name": st.sampled_from(["a", "b"]), "customer": st.sampled_from(WHO), "at": times},
        optional={
            "amount": st.integers(-5, 5),
            "currency": st.sampled_from(["EUR", "JPY"]),
            "quantity": st.integers(0, 3),
        },
    ).map(
        lambda one: (
            one
            if "currency" in one and "amount" in one
            else {k: v for k, v in one.items() if k not in ("amount", "currency")}
        )
    ),
    max_size=12,
)


def kept(crm):
    query = "SELECT * FROM crm_event_day WHERE workspace_id = 1"
    with crm._opened.reading() as scope:
        return set(map(tuple, scope.connection.exec_driver_sql(query).all()))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(rows, st.booleans())
def test_what_is_kept_is_what_the_log_adds_up_to(open_crm, rows, joined):
    crm = open_crm(f"sums-{next(NUMBERS)}.db")
    crm.track_many(rows)
    if joined:
        crm.merge({"device": "d"}, "A")
    before = kept(crm)
    with crm._opened.reading() as scope:
        customers = [
            one for (one,) in scope.connection.exec_driver_sql("SELECT id FROM crm_customer WHERE workspace_id = 1")
        ]
    crm._opened.write(lambda scope: sums.settle(scope, customers))
    assert kept(crm) == before


def test_days_before_1970_are_rounded_down(crm):
    crm.track_many({"name": "a", "customer": "A", "at": at} for at in (-1, -DAY, -DAY - 1, 0))
    assert [(one.day, one.count) for one in crm.days("A")] == [(-2, 1), (-1, 2), (0, 1)]
    before = crm.days("A")
    crm.rebuild()
    assert crm.days("A") == before
