"""Workers struck while they send: nothing is lost, and nothing comes twice that may not."""

from __future__ import annotations

import random

import pytest

from crmcore.model.time import HOUR
from crmcore.testing.postfix_sink import program
from tests.faults.driving import Size, under_fire
from tests.faults.mishaps import (
    Deck,
    Full,
    Jumped,
    Killed,
    KilledAt,
    KilledAtStart,
    Limited,
    Once,
    Stalled,
    Unconnected,
)
from tests.faults.world import Jump

#: Kills and cuts of a round; there are two rounds on each store.
STRIKES = 5
#: Everything but what a server does, which test_cuts.py has; in the order in which channels have something to send.
MISHAPS = (
    KilledAt(sink="smtp", stage="data", step=20),
    KilledAt(sink="smtp", stage="taken", step=20),
    Unconnected(sink="smtp", stage="taken", step=10),
    KilledAtStart(share=0.5),
    Full(pages=2),
    Jumped(jump=Jump(after=12, by=HOUR)),
    Jumped(jump=Jump(after=12, by=-HOUR)),
    Killed(share=0.1),
    KilledAt(sink="http", stage="taken", step=20),
)


@pytest.mark.parametrize("connections", [1, 2])
def test_campaigns_keep_every_promise_whatever_befalls_the_workers(ground, connections):
    """At random, but for the seed: where in its work a kill meets a worker is up to the machine."""
    chance = random.Random(connections)
    size = Size(customers=100, strikes=STRIKES, connections=connections, limit=60)
    outcome = under_fire(ground, Deck(chance, server=ground.is_server), size, chance)
    assert outcome.findings.is_clean, outcome.findings
    assert outcome.findings.strikes > 0


def test_campaigns_keep_every_promise_through_one_mishap_of_each_kind(ground):
    mishaps = MISHAPS if ground.is_server else (*MISHAPS, Limited(room=20_000))
    size = Size(customers=160, strikes=len(mishaps), limit=60)
    outcome = under_fire(ground, Once(mishaps), size, random.Random(7))
    assert outcome.findings.is_clean, outcome.findings
    assert {one.mishap for one in outcome.strikes if one.hit} == set(mishaps)
    assert any(one.handed for one in outcome.strikes)


def test_a_worker_that_stood_still_beyond_its_lease_sends_nothing_another_has_taken_over(ground):
    mishaps = [Stalled(sink="smtp", stage="taken", step=3), Stalled(sink="http", stage="taken", step=30)]
    size = Size(customers=160, strikes=len(mishaps), window=20, limit=100)
    outcome = under_fire(ground, Once(mishaps), size, random.Random(7))
    assert outcome.findings.is_clean, outcome.findings
    assert sum(one.hit for one in outcome.strikes) == len(mishaps)


@pytest.mark.skipif(program() is None, reason="Postfix's smtp-sink is not installed")
def test_the_sink_of_postfix_sees_every_promise_kept(ground):
    chance = random.Random(3)
    mishaps = [Killed(share=share) for share in (0.2, 0.5, 0.8)]
    outcome = under_fire(ground, Once(mishaps), Size(customers=100, strikes=3), chance, postfix=())
    assert outcome.findings.is_clean, outcome.findings
    assert outcome.findings.strikes > 0
