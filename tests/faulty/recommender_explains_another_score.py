"""Names a part that the score has not."""

from __future__ import annotations

from crmcore.hooks.recommender import Reasons
from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_an_explanation_sums_to_the_score"


class Embellishing(Tally):
    def explain(self, model, request, item):
        return Reasons(parts={**super().explain(model, request, item).parts, "taste": 0.01})


class TestEmbellishing(sound.OfTally):
    made = Embellishing
