"""What all engines share towards crmcore; the engine itself is a module of its own, imported when first used."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from importlib import import_module
from typing import Any

from crmcore.errors import RecommenderError
from crmcore.hooks.recommender import Fit, Model, Ranking, Reasons, Request

CAPABILITIES = {
    "popular": frozenset({"explain", "forgets", "frequency"}),
    "repeat": frozenset({"explain", "forgets", "frequency"}),
    "also_bought": frozenset({"bounded", "explain", "forgets", "similar"}),
    "als": frozenset({"explain", "forgets", "similar"}),
}


class Engine:
    """One engine with its settings."""

    contract = 1

    def __init__(self, name: str, settings: Any) -> None:
        self.name = name
        self.settings = settings
        self.capabilities = CAPABILITIES[name]

    def fit(self, data: Fit, *, now: int, seed: int) -> Model:
        """Return a model of what had happened by `now`."""
        model: Model = self._module().fit(data, self.settings, now, seed)
        return model

    def update(self, model: Model, data: Fit, *, now: int) -> Model:  # noqa: ARG002 - the contract's arguments
        """Not offered: fitting anew takes a second."""
        raise RecommenderError(engine=self.name, problem="it is fitted anew, not updated")

    def forget(self, model: Model, customers: Collection[int]) -> Model:
        """Return a model that knows nothing of these customers; what they bought stays in sums until the next fit."""
        from crm_recommend.fitted import Fitted, without

        assert isinstance(model, Fitted)
        return without(model, customers)

    def recommend(self, model: Model, requests: Sequence[Request], *, now: int) -> Sequence[Ranking]:
        """Return one Ranking per request."""
        answers: Sequence[Ranking] = self._module().recommend(model, requests, now)
        return answers

    def similar_items(self, model: Model, items: Sequence[int], k: int) -> Sequence[Ranking]:
        """Return the items most like each of `items`."""
        self._needs("similar")
        answers: Sequence[Ranking] = self._module().similar_items(model, items, k)
        return answers

    def explain(self, model: Model, request: Request, item: int) -> Reasons:
        """Return the parts that an item's score is the sum of."""
        self._needs("explain")
        reasons: Reasons = self._module().explain(model, request, item)
        return reasons

    def dump(self, model: Model) -> Mapping[str, Any]:
        """Return arrays and JSON text by name."""
        from crm_recommend.storing import dump

        return dump(self.name, model)

    def load(self, stored: Mapping[str, Any]) -> Model:
        """Return the model that `dump` gave; raise IncompatibleModel."""
        from crm_recommend.storing import load

        return load(self.name, self._module().KIND, stored)

    def _module(self) -> Any:
        return import_module(f"crm_recommend.{self.name}")

    def _needs(self, capability: str) -> None:
        if capability not in self.capabilities:
            raise RecommenderError(engine=self.name, problem=f"it does not offer {capability}")
