"""Customers as rows of a file: what is one value stands in a cell of its own, what has structure is JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

import attrs

from crmcore.flow.exporting import headings
from crmcore.flow.exporting.cells import Column, time_cell
from crmcore.model.identity import KEY, Identity
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.time import microseconds
from crmcore.model.values import Value, kind_of
from crmcore.store import wholes
from crmcore.store.customers import WishView
from crmcore.store.scope import Scope
from crmcore.store.wholes import HeldConsent, HeldSuppression, Span, Whole

_TIMES = frozenset({"at", "since", "until"})
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
#: What need not be written: it is what the verbs take where nothing is said.
_UNSAID = {"channel": ANY_CHANNEL, "basis": "consent", "text_version": "", "proof": {}, "role": ""}


@attrs.frozen(kw_only=True)
class Layout:
    """The columns of a file of customers: kinds of identities, and attributes by name and kind."""

    identities: Sequence[str]
    attributes: Sequence[tuple[str, Any]]

    def columns(self) -> tuple[Column, ...]:
        """Return the columns in their order."""
        return (
            Column(headings.KEY, "text"),
            *(Column(f"{headings.IDENTITY}{kind}", "text") for kind in self.identities),
            Column(headings.IDENTITIES, "json"),
            *(Column(headings.heading(name, kind), kind) for name, kind in self.attributes),
            Column(headings.TAGS, "text"),
            *(Column(name, "json") for name in headings.OF_CUSTOMERS[headings.OF_CUSTOMERS.index(headings.CONSENTS) :]),
        )


def layout(scope: Scope) -> Layout:
    """Return the columns that the customers there are need."""
    return Layout(
        identities=[kind for kind in wholes.identity_kinds(scope) if kind != KEY],
        attributes=[(name, kind) for name, kind in wholes.attribute_kinds(scope) if kind != "null"],
    )


def pages(scope: Scope, made: Layout) -> Iterator[list[tuple[Any, ...]]]:
    """Yield all customers as rows, in the order of what they are called."""
    for page in wholes.pages(scope):
        yield [_row(one, made) for one in page]


def _row(one: Whole, made: Layout) -> tuple[Any, ...]:
    first, further = _names(one)
    values = {(name, kind_of(value)): value for name, (value, _) in one.attributes.items()}
    return (
        one.lead.value if one.lead.kind == KEY else None,
        *(first.get(kind) for kind in made.identities),
        _json(further),
        *(_plain(values.get(column)) for column in made.attributes),
        ", ".join(one.tags) or None,
        _json([_said(each) for each in one.consents]),
        _json([_said(each) for each in one.wishes]),
        _json([_said(each) for each in one.suppressions]),
        _json([_said(each) for each in one.memberships]),
        _json(_written(one)),
    )


def _names(one: Whole) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return the first identity of each kind, and the others."""
    first: dict[str, str] = {one.lead.kind: one.lead.value}
    further: dict[str, list[str]] = {}
    for name in one.identities:
        if name.value != first.setdefault(name.kind, name.value):
            further.setdefault(name.kind, []).append(name.value)
    return first, further


def _plain(value: Value) -> Any:
    """Return a value as a cell of its kind takes it."""
    return microseconds(value, "attribute") if isinstance(value, datetime) else value


def _written(one: Whole) -> dict[str, list[str | None]]:
    """Return when attributes and tags were written, and what values are known by; of null there is none."""
    values = {
        name: [time_cell(at), None if value is None else headings.mark(value)]
        for name, (value, at) in sorted(one.attributes.items())
    }
    return values | {f"{headings.TAG}{name}": [time_cell(at)] for name, at in one.tags.items()}


def _said(one: HeldConsent | WishView | HeldSuppression | Span) -> dict[str, Any]:
    """Return what holds by the names the verbs have for it, without what goes without saying."""
    told = {name: _told(name, value) for name, value in attrs.asdict(one, recurse=False).items()}
    return {name: value for name, value in told.items() if value is not None and value != _UNSAID.get(name)}


def _told(name: str, value: Any) -> Any:
    if isinstance(value, Identity):
        return {value.kind: value.value}
    if name == "proof":
        return json.loads(value)
    return time_cell(value) if name in _TIMES and value is not None else value


def _json(value: Mapping[str, Any] | Iterable[Any]) -> str | None:
    return _ENCODER.encode(value) if value else None
