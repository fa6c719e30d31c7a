"""Learns from what happens after `now`."""

from __future__ import annotations

import attrs

from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_what_happens_after_now_is_not_known"


class Clairvoyant(Tally):
    def fit(self, data, *, now, seed):
        return attrs.evolve(super().fit(data, now=2**63 - 1, seed=seed), as_of=now)


class TestClairvoyant(sound.OfTally):
    made = Clairvoyant
