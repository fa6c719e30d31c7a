"""Eight workers at once on one database: caps hold, nothing goes twice, and nothing goes after a withdrawal."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from crmcore import CRM
from crmcore.loader import installed
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from tests.flow.test_campaign import people

WORKERS = 8
CUSTOMERS = 60
CAMPAIGNS = 5


@pytest.fixture
def workers(new_database, clock, recorder):
    """CRMs of the same database, as that many processes have them."""
    policy = {"caps": [{"count": 2, "per": "7d"}]}
    opened = []

    def opening(count, **given):
        for _ in range(count):
            plugins, blocked = {"recorder": recorder}, installed()
            sending = {"window": 7}
            url = new_database("crm.db")
            opened.append(CRM(url, clock=clock, plugins=plugins, blocked=blocked, sending=sending, **given))
        return opened[-count:]

    yield lambda **given: opening(WORKERS, **given), policy
    for crm in opened:
        crm.close()


def launch(crm, count):
    people(crm, CUSTOMERS)
    for number in range(count):
        crm.launch(
            Campaign(name=f"c{number}", purpose="retention", audience=everyone(), channel="note", template="hello")
        )


def at_once(calls):
    ready = Barrier(len(calls), timeout=30)

    def run(call):
        ready.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_no_cap_is_exceeded(workers, recorder):
    opening, policy = workers
    crms = opening(policy=policy)
    launch(crms[0], CAMPAIGNS)
    for _ in range(3):
        at_once([crm.work for crm in crms])
    received = Counter(message.address.value for message in recorder.sent)
    assert set(received.values()) == {2}
    assert len(received) == CUSTOMERS


def test_nothing_goes_twice_and_nothing_is_left(workers, recorder):
    opening, _ = workers
    crms = opening()
    launch(crms[0], 1)
    at_once([crm.work for crm in crms])
    received = Counter(message.address.value for message in recorder.sent)
    assert received == {f"{n}@example.com": 1 for n in range(CUSTOMERS)}
    assert crms[0].report("c0").sent == CUSTOMERS


def test_nothing_is_handed_over_after_a_withdrawal_has_been_committed(workers, recorder):
    opening, _ = workers
    crms = opening()
    launch(crms[0], CAMPAIGNS)
    seen = {}

    def withdraw():
        for number in range(CUSTOMERS):
            crms[0].consent(str(number), "retention", channel="note", granted=False)
            rows = [one for name in range(CAMPAIGNS) for one in crms[0].deliveries(f"c{name}")]
            seen[number] = {
                one.id for one in rows if one.key == str(number) and one.state in ("planned", "claimed", "deferred")
            }

    at_once([withdraw, *(crm.work for crm in crms[1:])])
    crms[0].work()
    gone = {message.delivery_id for message in recorder.sent}
    assert [one for waited in seen.values() for one in waited if one in gone] == []
    assert sum(len(waited) for waited in seen.values()) > 0
