"""From the log to an engine and back: interactions, the catalogue, rankings as what a template shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmcore.hooks.recommender import Fit, Item, Model, Ranking, Recommender, Request
from crmcore.hooks.sandbox import Fields
from crmcore.model.money import Money
from crmcore.model.offers import Offers
from crmcore.model.purpose import Purpose
from crmcore.store import catalogue
from crmcore.store.catalogue import Card
from crmcore.store.scope import Scope

SEED = 0


@attrs.frozen(kw_only=True)
class Shown:
    """An offer in a message, with the chance it had of being there times 10^6."""

    customer_id: int
    offer_id: int
    position: int
    propensity: int = 1_000_000


@attrs.frozen(kw_only=True)
class Advice:
    """An engine fitted for a run, with the offers it may recommend."""

    engine: Recommender
    model: Model
    asked: Offers
    cards: Mapping[int, Card]
    candidates: frozenset[int]


def advice(scope: Scope, engine: Recommender, asked: Offers, purpose: Purpose, as_of: int) -> Advice:
    """Fit an engine on what had happened by `as_of`; only offers available then, for this purpose, may be recommended."""
    cards = catalogue.cards(scope)
    data = Fit(
        interactions=catalogue.interactions(scope, {card.item: one for one, card in cards.items()}, as_of),
        items=[Item(id=one, category=card.category, price=card.price) for one, card in sorted(cards.items())],
    )
    available = frozenset(one for one, card in cards.items() if card.is_available(as_of, purpose))
    model = engine.fit(data, now=as_of, seed=SEED)
    return Advice(engine=engine, model=model, asked=asked, cards=cards, candidates=available)


def recommended(given: Advice, customers: Sequence[int], now: int) -> list[Ranking]:
    """Return what the engine has for each customer."""
    requests = [
        Request(
            customer=one,
            k=given.asked.k,
            repeat=given.asked.repeat,
            slot=given.asked.slot,
            candidates=given.candidates,
        )
        for one in customers
    ]
    return list(given.engine.recommend(given.model, requests, now=now))


def fields(given: Advice, ranking: Ranking) -> list[Fields]:
    """Return a ranking as a template's `offers`."""
    return [_fields(given.cards[one.item], one.reasons) for one in ranking.items]


def shown(customer_id: int, ranking: Ranking) -> list[Shown]:
    """Return a ranking as the impressions it makes."""
    return [
        Shown(customer_id=customer_id, offer_id=one.item, position=position)
        for position, one in enumerate(ranking.items, start=1)
    ]


def _fields(card: Card, reasons: tuple[str, ...]) -> Fields:
    price = None if card.price is None or card.currency is None else Money(card.price, card.currency)
    said: dict[str, Any] = {"item": card.item, "title": card.title or card.item, "category": card.category}
    return Fields("offer", said | {"price": price, "reasons": list(reasons)})
