"""A small shop for recommenders: a catalogue, and who bought what when; the same one for the same seed."""

from __future__ import annotations

import random
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

import attrs
from hypothesis import strategies as st

from crmcore.hooks.recommender import CART, DISMISS, PURCHASE, RETURN, VIEW, Fit, Interactions, Item, Repeat, Request
from crmcore.model.time import DAY

CUSTOMERS, ITEMS, TASTES = 18, 12, 3
#: Of a year, the customers bought something every so many days.
BASKETS, EVERY = 10, 30
#: Customers and items that strategies draw from: few, so that they meet.
FEW, SOME = 3, 5
IDS = 2**62
SOMEBODY, ORDERS = st.integers(0, FEW - 1), st.integers(-1, 6)
ANY_KIND = st.sampled_from([PURCHASE, PURCHASE, PURCHASE, RETURN, CART, VIEW, DISMISS])
REPEATS: tuple[Repeat, ...] = ("allow", "exclude", "only")


class Row(NamedTuple):
    """One interaction."""

    customer: int
    item: int
    at: int
    kind: int = PURCHASE
    basket: int = -1
    quantity: int = 1_000_000
    value: int = 500


@attrs.frozen(kw_only=True)
class Shop:
    """`rows` end at `now`; `unknown` is an id that neither a customer nor an item has."""

    now: int
    customers: tuple[int, ...]
    items: tuple[int, ...]
    unknown: int
    rows: tuple[Row, ...]

    def rows_of(self, customer: int) -> list[Row]:
        """Return what one customer did."""
        return [row for row in self.rows if row.customer == customer]

    def requests(self, repeat: Repeat = "allow") -> list[Request]:
        """Return a request of every customer for the whole catalogue."""
        return [Request(customer=one, k=len(self.items), repeat=repeat) for one in self.customers]


@cache
def shop(now: int, seed: int) -> Shop:
    """Return the shop: customers buy what is to their taste again and again, return a little, and look at more."""
    chance = random.Random(seed)  # noqa: S311 - the seed says which shop it is
    ids = chance.sample(range(IDS // 2, IDS), CUSTOMERS + ITEMS + 1)
    customers, items = tuple(ids[:CUSTOMERS]), tuple(ids[CUSTOMERS:-1])
    rows = [
        row
        for number, customer in enumerate(customers)
        for row in _year(chance, now, customer, items[number % TASTES :: TASTES], items)
    ]
    return Shop(now=now, customers=customers, items=items, unknown=ids[-1], rows=tuple(rows))


def fit_of(rows: Iterable[Row], items: Sequence[int]) -> Fit:
    """Return rows and a catalogue as an engine is given them."""
    return Fit(interactions=interactions(rows), items=[Item(id=one, category="suite", price=500) for one in items])


def interactions(rows: Iterable[Row]) -> Interactions:
    """Return rows as columns."""
    columns = {name: array("q") for name in Row._fields}
    for row in rows:
        for name, value in row._asdict().items():
            columns[name].append(value)
    return Interactions(**columns)


def held(rows: Iterable[Row], customer: int) -> set[int]:
    """Return the items that a customer bought more often than returned."""
    counted = Counter[int]()
    for row in rows:
        counted[row.item] += (row.customer == customer) * {PURCHASE: 1, RETURN: -1}.get(row.kind, 0)
    return {item for item, count in counted.items() if count > 0}


def rows_in(of: Shop) -> st.SearchStrategy[list[Row]]:
    """Return rows of a few customers, each of whom bought something once: few, where edges are; many, where sums are."""
    days = st.integers(0, 900).map(lambda days: of.now - days * DAY)
    row = st.builds(_row_in(of), SOMEBODY, st.sampled_from((*of.items[:SOME], of.unknown)), days, ANY_KIND, ORDERS)
    first = [Row(customer=one, item=of.items[0], at=of.now - 900 * DAY, basket=7) for one in of.customers[:FEW]]
    return (st.lists(row, max_size=6) | st.lists(row, min_size=20, max_size=40)).map(lambda some: first + some)


def future_of(of: Shop) -> st.SearchStrategy[list[Row]]:
    """Return purchases and returns after `now`, one or more."""
    ahead = st.integers(1, 900 * DAY).map(lambda ahead: of.now + ahead)
    kind = st.sampled_from([PURCHASE, RETURN])
    return st.lists(st.builds(_row_in(of), SOMEBODY, st.sampled_from(of.items), ahead, kind, ORDERS), min_size=1)


def requests_in(of: Shop) -> st.SearchStrategy[Request]:
    """Return requests of customers who are known, for items of the catalogue."""
    item = st.sampled_from(of.items)
    return st.builds(
        Request,
        customer=st.sampled_from(of.customers[:FEW]),
        k=st.integers(1, len(of.items)),
        repeat=st.sampled_from(REPEATS),
        basket=st.just(()) | st.tuples(item),
        candidates=st.none() | st.frozensets(item, min_size=1),
        exclude=st.frozensets(item, max_size=3),
    )


def wide(now: int, count: int) -> tuple[list[Row], range]:
    """Return the rows and items of a shop with as many items as customers, each of whom bought two items in one order."""
    rows = [Row(customer=n, item=(n * 7 + m) % count, at=now - DAY, basket=n) for n in range(count) for m in (0, 1)]
    return rows, range(count)


def _row_in(of: Shop) -> Callable[[int, int, int, int, int], Row]:
    return lambda who, item, at, kind, basket: Row(
        customer=of.customers[who], item=item, at=at, kind=kind, basket=basket
    )


def _year(chance: random.Random, now: int, customer: int, taste: Sequence[int], items: Sequence[int]) -> Iterator[Row]:
    for number in range(BASKETS):
        at, basket = now - (number * EVERY + chance.randrange(EVERY)) * DAY - 1, chance.randrange(2**40)
        for item in {chance.choice(taste), chance.choice(taste), *chance.sample(items, number % 2)}:
            yield Row(customer=customer, item=item, at=at, basket=basket)
        yield Row(customer=customer, item=chance.choice(items), at=at, kind=chance.choice((VIEW, CART, RETURN)))
