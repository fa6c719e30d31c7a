"""What every model holds, checked when it is made: one that was stored and tampered with is refused, not obeyed."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from typing import Any

import attrs
import numpy as np
from scipy import sparse

from crm_recommend.purchases import Floats, Held, Ints, halved, held_live, positions
from crmcore.errors import RecommenderError
from crmcore.hooks.recommender import Request


def still(value: Any) -> Any:
    """Return an array, or a matrix of arrays, that cannot be written to; anything else as it is."""
    if isinstance(value, sparse.csr_array):
        parts = (still(value.data), still(value.indices), still(value.indptr))
        return sparse.csr_array(parts, shape=value.shape)
    if isinstance(value, np.ndarray):
        view = value.view()
        view.flags.writeable = False
        return view
    return value


def moment(_model: object, field: attrs.Attribute[Any], value: object) -> None:
    """Refuse what is no time in microseconds."""
    if type(value) is not int:
        raise ValueError(f"{field.name} is no whole number")


def above_zero(_model: object, field: attrs.Attribute[Any], value: Any) -> None:
    """Refuse what is no finite number above 0."""
    if type(value) not in {int, float} or not 0 < value < math.inf:
        raise ValueError(f"{field.name} is no number above 0")


def ids(_model: object, field: attrs.Attribute[Any], value: object) -> None:
    """Refuse what is no list of ids, each once, rising."""
    if not isinstance(value, np.ndarray) or value.dtype != np.int64 or value.ndim != 1:
        raise ValueError(f"{field.name} are no ids")
    if not np.all(value[1:] > value[:-1]):
        raise ValueError(f"{field.name} do not rise")


def per_item(model: Any, field: attrs.Attribute[Any], value: object) -> None:
    """Refuse what is not one finite number, or row of numbers, for each item."""
    if not isinstance(value, np.ndarray) or value.dtype != np.float64 or value.shape[:1] != model.items.shape:
        raise ValueError(f"{field.name} has not one number for each item")
    if not np.isfinite(value).all():
        raise ValueError(f"{field.name} is not finite")


def matrix_of(rows: str) -> Any:
    """Return a validator that refuses what is no sound matrix of `rows` x items, finite and not below 0."""

    def validate(model: Any, field: attrs.Attribute[Any], value: object) -> None:
        shape = (len(getattr(model, rows)), len(model.items))
        if not isinstance(value, sparse.csr_array) or value.dtype != np.float64 or value.shape != shape:
            raise ValueError(f"{field.name} is no matrix of {shape[0]} x {shape[1]}")
        value.check_format(full_check=True)
        if not value.has_canonical_format or not (np.isfinite(value.data) & (value.data >= 0)).all():
            raise ValueError(f"{field.name} is not in order, not finite or below 0")

    return validate


@attrs.frozen(kw_only=True, eq=False)
class Fitted:
    """What all models know: the catalogue, how popular each item is (0 to 1), and what each customer holds."""

    as_of: int = attrs.field(validator=moment)
    items: Ints = attrs.field(converter=still, validator=ids)
    customers: Ints = attrs.field(converter=still, validator=ids)
    popularity: Floats = attrs.field(converter=still, validator=per_item)
    held: sparse.csr_array = attrs.field(converter=still, validator=matrix_of("customers"))


def holdings(model: Fitted, requests: Sequence[Request], now: int, half_life: float = math.inf) -> list[Held]:
    """Return what each request's customer holds at `now`; a live history outweighs what the model knows.

    `half_life` is that of the weights in the model. Before the time it was fitted for, a model answers as of that time.
    """
    rows = positions([-1 if one.customer is None else one.customer for one in requests], model.customers)
    older = float(halved(now - model.as_of, half_life))
    return [
        _stored(model, int(row), older)
        if request.history is None
        else held_live(request.history, model.items, now, half_life)
        for request, row in zip(requests, rows, strict=True)
    ]


def without(model: Fitted, customers: Collection[int]) -> Fitted:
    """Return a model that knows nothing of some customers."""
    gone = np.fromiter(customers, dtype=np.int64, count=len(customers))
    kept = np.flatnonzero(~np.isin(model.customers, gone))
    return attrs.evolve(model, customers=model.customers[kept], held=model.held[kept])


def place(engine: str, model: Fitted, item: int) -> int:
    """Return the position of an item; raise RecommenderError where the catalogue has none such."""
    found = int(positions([item], model.items)[0])
    if found < 0:
        raise RecommenderError(engine=engine, problem=f"item {item} is not in the catalogue it was fitted on")
    return found


def _stored(model: Fitted, row: int, older: float) -> Held:
    if row < 0:
        return Held(item=np.empty(0, dtype=np.int64), weight=np.empty(0))
    start, end = model.held.indptr[row], model.held.indptr[row + 1]
    return Held(item=model.held.indices[start:end].astype(np.int64), weight=model.held.data[start:end] * older)
