"""Stores a pickle beside the text."""

from __future__ import annotations

import pickle

from crmcore.errors import IncompatibleModel
from crmcore.testing.tally import Tally
from tests.testing import test_recommender_suite as sound

BREAKS = "test_a_stored_model_holds_no_pickle"


class Pickling(Tally):
    def dump(self, model):
        text = super().dump(model)["tally"]
        return {"tally": text, "pickled": pickle.dumps(text)}

    def load(self, stored):
        model = super().load(stored)
        if stored.get("pickled") != pickle.dumps(stored["tally"]):
            raise IncompatibleModel(engine=self.name, problem="the pickle is of another model")
        return model


class TestPickling(sound.OfTally):
    made = Pickling
