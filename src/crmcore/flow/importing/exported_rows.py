"""From a row of an exported file to what it says, each thing dated as it was."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs

from crmcore.errors import InputError, InvalidMoney, InvalidValue
from crmcore.flow.exporting import headings
from crmcore.flow.exporting.cells import READ, Kind, read_time
from crmcore.model import verbs
from crmcore.model.event import FAR, Event
from crmcore.model.identity import KEY, Identity, identity
from crmcore.model.money import Money, is_currency
from crmcore.model.names import slug
from crmcore.model.statement import Identify
from crmcore.model.time import moment
from crmcore.model.values import Value, from_plain
from crmcore.model.wire import Statement

#: The cells that are filled, by column.
Filled = Mapping[str, str]
_TIMES = ("at", "since", "until")


def event(filled: Filled, now: int) -> Event | None:
    """Return the event a row says; None where it names nobody."""
    if headings.CUSTOMER not in filled:
        return None
    kind = filled.get(headings.CUSTOMER_BY, KEY)
    return verbs.event(
        now,
        filled.get("event", ""),
        (identity(kind, _read(filled, headings.CUSTOMER, "text"), "column customer"),),
        at=_read(filled, "at", "time"),
        item=_read(filled, "item", "text"),
        quantity=_number(filled, "quantity"),
        amount=_money(filled),
        ref=_read(filled, "ref", "text"),
        properties=from_plain(_json(filled, "properties") or {}),
        message_id=filled.get("message_id"),
        source=_read(filled, "source", "text"),
        trace=_read(filled, "trace", "text"),
    )


def customer(filled: Filled, source: str, now: int) -> tuple[Statement, ...]:
    """Return what a row says of its customer; nothing where it names nobody."""
    names = _names(filled)
    if not names:
        return ()
    # Several keys are one customer by force alone; whatever else was said of them, at any time, counts more.
    lead, keys = names[:1], [one for one in names[1:] if one.kind == KEY]
    named = tuple(one for one in names if one not in keys)
    return (
        Identify(customer=named, at=now, source=source),
        *_told(filled, lead, source, now),
        *(verbs.merge(now, (one,), lead, force=True, at=-FAR, reason="exported as one") for one in keys),
        *_each(filled, headings.CONSENTS, lambda one: verbs.consent(now, lead, source=source, **one)),
        *_each(filled, headings.TOPICS, lambda one: verbs.subscribe(now, lead, source=source, **one)),
        *_each(filled, headings.SUPPRESSIONS, lambda one: verbs.suppress(now, lead, source=source, **one)),
        *_memberships(filled, lead, source, now),
    )


def _names(filled: Filled) -> tuple[Identity, ...]:
    """Return all identities of a customer, what it is called first: its key, else the first of them."""
    key = [identity(KEY, _read(filled, headings.KEY, "text"), "column key")] if headings.KEY in filled else []
    names = [
        identity(column.removeprefix(headings.IDENTITY), _read(filled, column, "text"), f"column {column}")
        for column in filled
        if column.startswith(headings.IDENTITY)
    ]
    with _as_written(headings.IDENTITIES):
        for kind, values in (_json(filled, headings.IDENTITIES) or {}).items():
            names += [identity(kind, value, "column identities") for value in values]
    return tuple(dict.fromkeys((*key, *sorted(names))))


def _told(filled: Filled, lead: tuple[Identity, ...], source: str, now: int) -> Iterator[Identify]:
    """Yield attributes and tags by the time they were written; what was changed in the file since is dated now."""
    written: Mapping[str, Sequence[Any]] = _json(filled, headings.WRITTEN) or {}
    by_time: dict[int | None, tuple[dict[str, Value], list[str]]] = {}
    with _as_written(headings.WRITTEN):
        for name, value in _values(filled, written).items():
            is_changed = name not in written or (value is not None and written[name][1] != headings.mark(value))
            at = None if is_changed else read_time(written[name][0])
            by_time.setdefault(at, ({}, []))[0][name] = value
        for tag in _tags(filled):
            noted = written.get(f"{headings.TAG}{tag}")
            by_time.setdefault(read_time(noted[0]) if noted else None, ({}, []))[1].append(tag)
    for at, (attributes, tags) in by_time.items():
        said = verbs.identify(now, lead, attributes, tags=tags, at=at, source=source)
        # An e-mail address that was an attribute may have been somebody else's identity.
        yield said if at is None else attrs.evolve(said, customer=lead)


def _values(filled: Filled, written: Mapping[str, Sequence[Any]]) -> dict[str, Value]:
    """Return the attributes of a row; those that were null have no cell."""
    values: dict[str, Value] = {}
    for column in filled:
        if (found := headings.attribute_of(column)) is None:
            continue
        name, kind = slug(found[0]), found[1]
        if name in values:
            raise InvalidValue(place=f"column {column}", problem=f"{name} has a value in another column as well")
        with _as_written(column):
            values[name] = moment(_read(filled, column, kind)) if kind == "time" else _read(filled, column, kind)
    nulls = [name for name, noted in written.items() if len(noted) > 1 and noted[1] is None and name not in values]
    return values | dict.fromkeys(nulls)


def _tags(filled: Filled) -> list[str]:
    return [tag.strip() for tag in filled.get(headings.TAGS, "").split(",") if tag.strip()]


def _memberships(filled: Filled, lead: tuple[Identity, ...], source: str, now: int) -> Iterator[Statement]:
    def joined(since: int, until: int | None = None, **named: Any) -> Iterator[Statement]:
        yield verbs.group(now, customer=lead, at=since, source=source, **named)
        if until is not None:
            yield verbs.group(now, customer=lead, at=until, member=False, source=source, **named)

    for said in _each(filled, headings.ACCOUNTS, lambda one: list(joined(**one))):
        yield from said


def _each(filled: Filled, column: str, say: Callable[[dict[str, Any]], Any]) -> Iterator[Any]:
    """Yield what is said for each object of a cell's list, whose fields are called as the verbs call them."""
    for one in _json(filled, column) or ():
        with _as_written(column):
            said = say({name: _argument(name, value) for name, value in one.items()})
        yield said


def _argument(name: str, value: Any) -> Any:
    if name == "proof":
        return from_plain(value)
    return read_time(value) if name in _TIMES else value


def _money(filled: Filled) -> Money | None:
    amount = _read(filled, "amount", "decimal")
    if amount is None:
        return None
    currency = filled.get("currency", "")
    if not is_currency(currency):
        raise InvalidMoney(place="column currency", problem=f"{currency!r} is no ISO 4217 code such as 'EUR'")
    return Money.of(amount, currency)


def _number(filled: Filled, column: str) -> Any:
    """Whole numbers go further than decimals of six places do."""
    number = _read(filled, column, "decimal")
    return int(number) if number is not None and number == int(number) else number


def _read(filled: Filled, column: str, kind: Kind) -> Any:
    """Return what a cell says, None where it is empty; raise InvalidValue naming the column."""
    cell = filled.get(column)
    if cell is None:
        return None
    try:
        return READ[kind](cell)
    except (ValueError, OverflowError) as error:
        raise InvalidValue(place=f"column {column}", problem=f"{cell!r} is no {kind}") from error


def _json(filled: Filled, column: str) -> Any:
    if column not in filled:
        return None
    with _as_written(column):
        return json.loads(filled[column])


@contextmanager
def _as_written(column: str) -> Iterator[None]:
    """Raise InvalidValue where a cell's JSON is none, or has not the form that exports give it."""
    try:
        yield
    except InputError:
        raise
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        problem = f"it is not as `crm export-file` writes it ({error})"
        raise InvalidValue(place=f"column {column}", problem=problem) from error
