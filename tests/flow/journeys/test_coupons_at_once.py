"""No code is given twice: not by eight processes at once, and not where processes are killed at any moment."""

from __future__ import annotations

import json
import random
from collections import Counter
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from crmcore import CRM
from crmcore.flow.journeys import advancing
from crmcore.loader import installed
from crmcore.store import schema
from crmcore.testing.clock import TurnedClock
from crmcore.testing.fakes import Recorder, TokenCodes
from tests.faults.process import _FORKS, PATIENCE
from tests.flow.journeys.travelling import journey, people, send

BLOCKED = installed()
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
#: So few are planned in one transaction that processes meet often.
BATCH = 10
CUSTOMERS = 300
KILLED = 8


def opened(url: str, clock: TurnedClock, *plugins: object) -> CRM:
    named = {"recorder": Recorder(), **{f"p{place}": one for place, one in enumerate(plugins)}}
    return CRM(url, clock=clock, plugins=named, blocked=BLOCKED)


def work(url, line, generators):
    """What a process does: it says that it is ready, and once it is told to it works until nothing is left."""
    advancing.BATCH = BATCH
    with opened(url, TurnedClock(AT), *(TokenCodes(*one) for one in generators)) as crm:
        line.send("ready")
        line.recv()
        while crm.work().advanced:
            pass


@contextmanager
def working(url, generators=()):
    """Start a process that stands ready; it is gone when this is left."""
    mine, its = _FORKS.Pipe()
    process = _FORKS.Process(target=work, args=(url, its, generators), daemon=True)
    process.start()
    its.close()
    assert mine.poll(PATIENCE)
    mine.recv()
    try:
        yield process, mine
    finally:
        process.kill()
        process.join(PATIENCE)
        process.close()
        mine.close()


@pytest.fixture
def offering(new_database):
    """A campaign whose only message has a code."""
    url = new_database("crm.db")
    clock = TurnedClock(AT)

    def offer(codes, *generators):
        with opened(url, clock, *(TokenCodes(*one) for one in generators)) as crm:
            people(crm, *(f"c{number}" for number in range(CUSTOMERS)))
            crm.add_coupons("spring", (f"S{number}" for number in range(codes)))
            crm.save_template("offer", "note", {"text": "{{ message.coupon }}"})
            crm.launch(journey(send("offer", coupon="tokens" if generators else "spring")))
        return url

    return offer


def given(url):
    """Return the reasons of deliveries that were skipped, the codes of the others, and what the pool says of it."""
    delivery, coupon = schema.delivery.c, schema.coupon.c
    with opened(url, TurnedClock(AT)) as crm, crm._opened.reading() as scope:
        mine = delivery.workspace_id == scope.workspace_id
        planned = scope.connection.execute(select(delivery.id, delivery.reason, delivery.fields).where(mine)).all()
        query = select(coupon.delivery_id, coupon.code).where(coupon.workspace_id == scope.workspace_id)
        reserved = {one: code for one, code in scope.connection.execute(query) if one is not None}
    said = {one: json.loads(fields)["coupon"] for one, _, fields in planned if fields is not None}
    return Counter(reason for _, reason, _ in planned if reason), said, reserved


def test_eight_processes_give_out_every_code_of_a_pool_once(store, offering):
    if store == "sqlite":
        pytest.skip("on SQLite whoever writes is alone")
    codes = CUSTOMERS - 100
    url = offering(codes)
    at_once(url)
    reasons, said, reserved = given(url)
    assert reasons == {"no_coupon": 100}
    assert sorted(said.values()) == sorted(f"S{number}" for number in range(codes))
    assert said == reserved


def test_eight_processes_share_a_generator_that_often_repeats_itself(store, offering):
    if store == "sqlite":
        pytest.skip("on SQLite whoever writes is alone")
    generator = ("tokens", 4, "ABCDEFGHIJKL")
    url = offering(0, generator)
    at_once(url, [generator])
    reasons, said, reserved = given(url)
    assert not reasons
    assert len(set(said.values())) == len(said) == CUSTOMERS
    assert said == reserved


def at_once(url, generators=()):
    with ExitStack() as stack:
        processes = [stack.enter_context(working(url, generators)) for _ in range(8)]
        for _, line in processes:
            line.send("go")
        for process, _ in processes:
            process.join(PATIENCE)
            assert process.exitcode == 0


def test_no_code_is_given_twice_where_processes_are_killed(offering):
    url, chance = offering(CUSTOMERS), random.Random(11)
    killed = 0
    for _ in range(KILLED):
        with working(url) as (one, line), working(url) as (other, its):
            for each in (line, its):
                each.send("go")
            one.join(chance.uniform(0, 0.1))
            killed += one.is_alive()
            one.kill()
            other.join(chance.uniform(0, 0.1))
            other.kill()
    assert killed > 0
    with opened(url, TurnedClock(AT)) as crm:
        crm.work()
    reasons, said, reserved = given(url)
    assert not reasons
    assert len(set(said.values())) == len(said) == CUSTOMERS
    assert said == reserved
