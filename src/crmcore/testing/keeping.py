"""The checks of a recommender's models as things: kept, read back, refused where they are unsound, rid of a customer."""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from typing import Any

from crmcore.errors import IncompatibleModel
from crmcore.hooks.recommender import Fit, Model, Recommender, Request
from crmcore.testing.baskets import Row, fit_of, interactions
from crmcore.testing.laws import LawBroken, ask
from crmcore.testing.recommender_laws import EXACT, FORGOTTEN, IMMUTABLE, REFUSED, STORED, UNPICKLED
from crmcore.testing.recommending import Recommending, ask_alike, ask_near
from crmcore.testing.stored_models import oddities, raw, spoilt, traces


class KeptModel(Recommending):
    """What can be done with a model beside asking it."""

    def test_a_stored_model_answers_the_same(self) -> None:
        """To the last bit, read by another engine; also a model of nothing. Stored again, it is the same."""
        for rows in (self.shop.rows, ()):
            engine, requests = self.recommender(), self.shop.requests() if rows else []
            model = self.fitted(engine, rows)
            stored = copy.deepcopy(dict(engine.dump(model)))
            back = self._loaded(self.recommender(), stored)
            ask(_bytes(stored) == _bytes(engine.dump(back)), STORED, "Loaded and stored again, it is another.")
            answers = [self.answers(engine, one, requests) for one in (model, back)]
            ask_alike(answers[0], answers[1], STORED, "Asked after it was stored")

    def test_a_stored_model_holds_no_pickle(self) -> None:
        """Nor anything else but numbers in arrays, and JSON text that states its format."""
        engine = self.recommender()
        for odd in oddities(engine.dump(self.fitted(engine))):
            ask(not odd, UNPICKLED, odd)

    def test_a_stored_model_that_is_not_sound_is_refused(self) -> None:
        """By IncompatibleModel: where something is missing, cut, turned, of another type or of a newer format."""
        engine = self.recommender()
        for what, stored in spoilt(engine.dump(self.fitted(engine))):
            try:
                engine.load(stored)
            except IncompatibleModel:
                continue
            except Exception as error:
                raise LawBroken(REFUSED, f"Of a stored model, {what}: load raised {error!r}.") from error
            raise LawBroken(REFUSED, f"Of a stored model, {what}: load took it.")

    def test_who_is_forgotten_leaves_no_trace(self) -> None:
        """Neither in digits nor in bytes, wherever in the stored model; the old one is as it was."""
        engine, gone = self.claiming("forgets"), self.shop.customers[:2]
        model = self.fitted(engine)
        before = _bytes(engine.dump(model))
        found = traces(engine.dump(engine.forget(model, gone)), gone)
        ask(not found, FORGOTTEN, f"A customer who was forgotten is still in {', '.join(found)}.")
        ask(before == _bytes(engine.dump(model)), IMMUTABLE, "By forgetting, the old model was changed.")

    def test_to_forget_is_to_fit_without(self) -> None:
        """For everybody else."""
        engine, of = self.claiming("forgets", "exact"), self.shop
        gone, requests = of.customers[:2], of.requests()[2:]
        without = [row for row in of.rows if row.customer not in gone]
        model = engine.forget(self.fitted(engine), gone)
        fitted = self.asked(engine, requests, without)
        ask_near(fitted, self.answers(engine, model, requests), EXACT, "Fitted without, and forgotten")

    def test_a_model_stays_as_it_is(self) -> None:
        """Whatever is asked of it, and whatever else the engine learns."""
        engine = self.recommender()
        model = self.fitted(engine)
        before = _bytes(engine.dump(model))
        self._use(engine, model)
        ask(before == _bytes(engine.dump(model)), IMMUTABLE, "A model was changed by being used.")

    def test_a_later_fit_leaves_an_earlier_model_alone(self) -> None:
        """An engine has many models; none of them is the engine's own."""
        engine, requests = self.recommender(), self.shop.requests()
        model = self.fitted(engine)
        before = self.answers(engine, model, requests)
        self.fitted(engine, self.shop.rows[:9], self.shop.items[:3])
        ask_alike(before, self.answers(engine, model, requests), IMMUTABLE, "After another fit of the same engine")

    def test_what_it_is_shown_stays_as_it_is(self) -> None:
        """Interactions, catalogue, requests and live histories."""
        of, engine = self.shop, self.recommender()
        data, live = fit_of(of.rows, of.items), interactions(of.rows_of(of.customers[0]))
        requests = [Request(customer=of.customers[0], k=3, repeat="allow", history=live, basket=of.items[:1])]
        before = copy.deepcopy((_columns(data), [_asked(one) for one in requests]))
        model = engine.fit(data, now=self.now, seed=self.seed)
        self.answers(engine, model, requests)
        after = (_columns(data), [_asked(one) for one in requests])
        ask(before == after, IMMUTABLE, "What the engine was shown was changed.")

    def _loaded(self, engine: Recommender, stored: Mapping[str, Any]) -> Model:
        try:
            return engine.load(stored)
        except Exception as error:
            raise LawBroken(STORED, f"load raised {error!r} for what dump gave.") from error

    def _use(self, engine: Recommender, model: Model) -> None:
        of = self.shop
        self.answers(engine, model, of.requests())
        self.answers(engine, model, of.requests("exclude"), now=self.now + 1)
        if "similar" in engine.capabilities:
            engine.similar_items(model, of.items, 3)
        if "explain" in engine.capabilities:
            engine.explain(model, of.requests()[0], of.items[0])
        if "incremental" in engine.capabilities:
            row = Row(customer=of.customers[0], item=of.items[0], at=self.now)
            engine.update(model, fit_of([row], of.items), now=self.now)


def _bytes(stored: Mapping[str, Any]) -> dict[str, bytes]:
    return {name: raw(value) for name, value in stored.items()}


def _columns(data: Fit) -> list[object]:
    columns = data.interactions
    return [
        columns.customer,
        columns.item,
        columns.kind,
        columns.at,
        columns.quantity,
        columns.value,
        columns.basket,
        *data.items,
    ]


def _asked(request: Request) -> tuple[object, Collection[object]]:
    history = request.history
    return (request.customer, request.k, request.basket, request.exclude), [] if history is None else list(history.at)
