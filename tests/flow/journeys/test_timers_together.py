"""Several at work at once, and customers changed meanwhile: nobody enters twice, and nobody is forgotten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date

import pytest

from crmcore.model.triggers import OnDate, OnSchedule, Reentry
from tests.flow.journeys.test_dates import TODAY, entries, keys
from tests.flow.journeys.travelling import journey, people, wait

WORKERS = 8


@pytest.fixture
def crowd(crm, monkeypatch):
    """Many customers with a date that is today, and small batches."""
    monkeypatch.setattr("crmcore.flow.journeys.ringing.BATCH", 7)
    people(crm, *map(str, range(60)), day=TODAY)
    return crm


def together(*acts):
    with ThreadPoolExecutor(len(acts)) as pool:
        for done in [pool.submit(act) for act in acts]:
            done.result(timeout=60)


@pytest.mark.parametrize(
    ("trigger", "reentry"),
    [
        (OnDate(attribute="day"), Reentry()),
        (OnSchedule(cron="0 12 * * *"), Reentry(when="every")),
    ],
)
def test_eight_at_work_let_each_in_once(crowd, trigger, reentry):
    crowd.launch(journey(wait("1d"), trigger=trigger, reentry=reentry, policy="parallel"))
    together(*[crowd.work] * WORKERS)
    crowd.work()
    assert len(entries(crowd)) == len(set(entries(crowd))) == 60


def test_whose_date_is_told_while_others_work_is_let_in(crowd, clock):
    crowd.launch(journey(wait("1d"), trigger=OnDate(attribute="day")))

    def tell():
        for key in range(0, 60, 3):
            crowd.identify(str(key), {"day": date(2026, 3, 1), "time_zone": "Europe/London"})
        for key in range(60, 70):
            crowd.identify(str(key), {"day": TODAY})

    together(tell, crowd.work, crowd.work, tell)
    crowd.work()
    assert keys(crowd) == ["2026"] * 70
