"""Takes what was returned for bought."""

from __future__ import annotations

import attrs

from crmcore.hooks.recommender import RETURN, VIEW, Fit
from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_repeat_is_kept_to"


class Forgiving(Tally):
    def _counted(self, known, data, now):
        return super()._counted(known, Fit(interactions=kept(data.interactions), items=data.items), now)


def kept(interactions):
    kinds = [VIEW if kind == RETURN else kind for kind in interactions.kind]
    return attrs.evolve(interactions, kind=type(interactions.kind)("q", kinds))


class TestForgiving(sound.OfTally):
    made = Forgiving
