"""The Recommender contract: an engine that ranks offers for customers.

Ids are crmcore's row ids (63-bit integers), never matrix positions. `now` and `seed` come from the caller: an engine
reads no clock. The host owns eligibility, fusion, business rules, diversity, exploration and the log of impressions; it
leaves out what was told twice, and makes interactions of events in UTC.
`crmcore.testing.recommender_suite` proves what is said here.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final, Literal, Protocol

import attrs

PURCHASE, RETURN, CART, VIEW, DISMISS = range(5)
#: What an interaction means, by the name of its event.
KINDS = {
    "item_ordered": PURCHASE,
    "item_returned": RETURN,
    "cart_updated": CART,
    "product_viewed": VIEW,
    "offer_dismissed": DISMISS,
}
Repeat = Literal["allow", "exclude", "only"]
#: What an engine may claim beyond fit, recommend, dump and load, and what that promises.
CAPABILITIES: Final[Mapping[str, str]] = {
    "similar": "similar_items names the items most like another",
    "explain": "explain names parts that sum to a score, within 1e-5 of it",
    "incremental": "update learns without a fit",
    "forgets": "forget leaves no trace of a customer's id in a model",
    "exact": "what update and forget return answers as a fit of the same interactions would",
    "frequency": "one more purchase never lowers an item for its customer, and a return never lifts it",
    "bounded": "its settings limit what a fit takes: more raises BadConfig, before memory or time run out",
}


@attrs.frozen(kw_only=True, eq=False, repr=False)
class Interactions:
    """Who did what with which item: columns of equal length, all array("q").

    `at` in microseconds UTC; `quantity` times 10^6; `value` in minor units; `basket` numbers orders, -1 for none.
    """

    customer: array[int]
    item: array[int]
    kind: array[int]
    at: array[int]
    quantity: array[int]
    value: array[int]
    basket: array[int]

    def __len__(self) -> int:
        return len(self.customer)


@attrs.frozen(kw_only=True)
class Item:
    """An offer as an engine sees it; `price` in minor units."""

    id: int
    category: str = ""
    price: int | None = None


@attrs.frozen(kw_only=True)
class Fit:
    """What a model is made of: interactions up to `now` (microseconds UTC) and the catalogue."""

    interactions: Interactions
    items: Sequence[Item]


@attrs.frozen(kw_only=True)
class Request:
    """A question for `k` items.

    `repeat` says whether items the customer has bought - by `now`, more often than returned - may come again; it has no
    default, as the wrong one costs most of the accuracy in retail. `history` overrides what the model knows of the customer.
    Only `candidates` may be recommended, any item of the catalogue where it is None, and nothing of `exclude`.
    """

    customer: int | None
    k: int
    repeat: Repeat
    history: Interactions | None = None
    basket: tuple[int, ...] = ()
    slot: str = ""
    candidates: frozenset[int] | None = None
    exclude: frozenset[int] = frozenset()


@attrs.frozen(kw_only=True)
class Scored:
    """One recommended item; scores compare only inside one Ranking."""

    item: int
    score: float
    source: str
    reasons: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Ranking:
    """The answer: at most `k` items, best first, ties by item id; `shortfall` is how many are missing to `k`."""

    items: tuple[Scored, ...]
    fallback: Literal["none", "partial", "full"] = "none"
    shortfall: int = 0


@attrs.frozen(kw_only=True)
class Reasons:
    """Why an item was recommended: parts that sum to its score, and sentences for a person."""

    parts: Mapping[str, float]
    sentences: tuple[str, ...] = ()


class Model(Protocol):
    """A fitted engine: immutable, safe to read from several threads, also while others fit, update or load."""

    @property
    def as_of(self) -> int:
        """The time it was fitted for, microseconds UTC."""


class Recommender(Protocol):
    """An engine; `capabilities` are those of CAPABILITIES that it claims.

    It has fit, recommend, dump and load, and the methods of what it claims.
    """

    name: str
    contract: int
    capabilities: frozenset[str]

    def fit(self, data: Fit, *, now: int, seed: int) -> Model:
        """Return a model: the same one for the same data and seed, in whatever order their rows are.

        Interactions after `now`, and of items that the catalogue has not, are ignored. Raise BadConfig where the data exceed
        a set limit.
        """

    def update(self, model: Model, data: Fit, *, now: int) -> Model:
        """Return a new model that also knows the interactions of `data`, whose catalogue is whole; capability `incremental`."""

    def forget(self, model: Model, customers: Collection[int]) -> Model:
        """Return a new model without these customers; capability `forgets`.

        What they added to sums over everybody may stay until the next fit, unless the engine is `exact`.
        """

    def recommend(self, model: Model, requests: Sequence[Request], *, now: int) -> Sequence[Ranking]:
        """Return one Ranking per request, in order, each as if it were asked alone.

        Unknown customers and items are no error.
        """

    def similar_items(self, model: Model, items: Sequence[int], k: int) -> Sequence[Ranking]:
        """Return the items most like each of `items`; capability `similar`."""

    def explain(self, model: Model, request: Request, item: int) -> Reasons:
        """Return why `item` would be recommended; capability `explain`."""

    def dump(self, model: Model) -> Mapping[str, Any]:
        """Return arrays and JSON text by name: enough to load the model again, without pickle.

        A text that is a JSON object states `format`, a whole number, the version of what is stored.
        """

    def load(self, stored: Mapping[str, Any]) -> Model:
        """Return the model that `dump` gave.

        Raise IncompatibleModel, and nothing else, where something is missing, of another type, shape or format, or, in an
        array, of another value.
        """
