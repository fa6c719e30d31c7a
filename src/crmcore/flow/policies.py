"""The table [policy] of the settings, read: every mistake is an error naming the key, the place and the fix."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from crmcore.errors import InputError, SettingsError
from crmcore.model.local import DAYS, time_of_day, weekdays
from crmcore.model.names import checked_name
from crmcore.model.policy import DROP, HOLD, SKIP, Cap, Period, Policy, QuietHours, Weekdays
from crmcore.model.purpose import MARKETING, Purpose
from crmcore.model.time import duration
from crmcore.model.zones import zone_named
from crmcore.registry import Registry
from crmcore.settings import Settings

#: How `channels` may say that all are meant.
ALL = "all"
_Readers = Mapping[str, Callable[[Any], Any]]


class _Wrong(Exception):
    """A value is not valid; says what is wrong with it, and the fix."""


def policy(table: Any) -> Policy:
    """Return the policy of a table; raise SettingsError."""
    return Policy(**_read(table, "[policy]", _POLICY))


def whole(settings: Settings) -> Policy:
    """Return the policy of the settings; raise SettingsError."""
    return policy(settings.tables.get("policy", {}))


def holdout(settings: Settings) -> float:
    """Return the share that no marketing is sent to; raise SettingsError."""
    return whole(settings).holdout


def check(settings: Settings, registry: Registry) -> Policy:
    """Return the policy of the settings; raise SettingsError where it is not valid, or is about channels that are not there.

    Where a plugin did not load, a missing channel may be its: the others go on without it.
    """
    made = whole(settings)
    for key, place, channel in _named(made):
        if channel not in registry.channels and not registry.faults:
            problem = f"there is no channel {channel!r}; {_meant(channel, sorted(registry.channels))}"
            raise SettingsError(key=key, place=place, problem=problem)
    return made


def _named(made: Policy) -> Iterator[tuple[str, str, str]]:
    """Yield the channels that rules name, each with its key and place."""
    tables: Mapping[str, Sequence[QuietHours | Weekdays | Cap]]
    tables = {"quiet": made.quiet, "weekdays": made.weekdays, "caps": made.caps}
    for name, rules in tables.items():
        for number, rule in enumerate(rules, 1):
            place = f"[[policy.{name}]] {number}"
            yield from (("channels", place, channel) for channel in sorted(rule.channels))
            if rule.then not in (HOLD, DROP, SKIP):
                yield "then", place, rule.then


def _read(table: Any, place: str, readers: _Readers, needed: Collection[str] = ()) -> dict[str, Any]:
    if not isinstance(table, Mapping):
        raise SettingsError(key=place.strip("[]"), place=place, problem=f"{table!r} is no table")
    for key in sorted(set(needed) - set(table)):
        raise SettingsError(key=key, place=place, problem="it is needed")
    found: dict[str, Any] = {}
    for key, value in table.items():
        if key not in readers:
            problem = f"there is no such setting; {_meant(key, list(readers))}"
            raise SettingsError(key=key, place=place, problem=problem)
        try:
            found[key] = readers[key](value)
        except (_Wrong, InputError) as error:
            raise SettingsError(key=key, place=place, problem=str(error)) from error
    return found


def _meant(name: str, known: Collection[str]) -> str:
    near = difflib.get_close_matches(name, known, 1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(known) or 'none'}"


def _each(name: str, make: Callable[[Any, str], Any]) -> Callable[[Any], tuple[Any, ...]]:
    """Return the reader of an array of tables."""

    def read(value: Any) -> tuple[Any, ...]:
        if not isinstance(value, list | tuple):
            raise _Wrong(f"it is no array of tables; begin each with [[policy.{name}]]")
        return tuple(make(one, f"[[policy.{name}]] {number}") for number, one in enumerate(value, 1))

    return read


def _quiet(table: Any, place: str) -> QuietHours:
    found = _read(table, place, _QUIET, needed=("from", "to"))
    begin, end = found.pop("from"), found.pop("to")
    if begin == end:
        raise SettingsError(
            key="to", place=place, problem="it is the time of `from`, which leaves no time or all of it"
        )
    return QuietHours(begin=begin, end=end, **found)


def _weekdays(table: Any, place: str) -> Weekdays:
    return Weekdays(**_read(table, place, _WEEKDAYS, needed=("days",)))


def _cap(table: Any, place: str) -> Cap:
    made = Cap(**_read(table, place, _CAP, needed=("count", "per")))
    if made.reserved >= made.count:
        problem = f"{made.reserved} of {made.count} leave nothing for other campaigns; reserve less than `count`"
        raise SettingsError(key="reserved", place=place, problem=problem)
    return made


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise _Wrong(f"{value!r} is none of {', '.join(words)}")
        return str(value)

    return read


def _zone(value: Any) -> str:
    if not isinstance(value, str) or zone_named(value) is None:
        raise _Wrong(f"{value!r} is no IANA time zone; write one as in 'Europe/London'")
    return value


def _share(value: Any) -> float:
    """An environment variable is text; a number in it is read as one."""
    try:
        share = -1.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share < 1:
        raise _Wrong(f"{value!r} is no share; it goes from 0 to below 1, as in 0.05")
    return share


def _at_least(least: int) -> Callable[[Any], int]:
    def read(value: Any) -> int:
        if type(value) is not int or value < least:
            raise _Wrong(f"{value!r} is no whole number of at least {least}")
        return value

    return read


def _clock(value: Any) -> int:
    return time_of_day(value, "it")


def _channels(value: Any) -> frozenset[str]:
    if value == ALL:
        return frozenset()
    if not isinstance(value, list | tuple) or not value:
        raise _Wrong(f"{value!r} is no list of channels; write it as in ['email'], or \"{ALL}\"")
    return frozenset(_name("channel")(one) for one in value)


def _purposes(value: Any) -> frozenset[Purpose]:
    known = sorted(MARKETING)
    if not isinstance(value, list | tuple) or any(one not in known for one in value):
        raise _Wrong(f"{value!r} is no list of purposes that need a consent; write some of {', '.join(known)}")
    return frozenset(map(Purpose, value))


def _days(value: Any) -> frozenset[int]:
    if not value:
        raise _Wrong(f"{value!r} is no list of weekdays; write some of {', '.join(DAYS)}")
    return weekdays(value, "it")


def _name(kind: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if not isinstance(value, str):
            raise _Wrong(f"{value!r} is no name of a {kind}")
        return checked_name(value, kind, kind)

    return read


def _per(value: Any) -> int | Period:
    if isinstance(value, str) and value in set(Period):
        return Period(value)
    if not isinstance(value, str) or (time := duration(value, "per")) < 1:
        raise _Wrong(f"{value!r} is no time; write day, week or month (of the calendar), or a rolling one as in '24h'")
    return time


_QUIET: _Readers = {"channels": _channels, "from": _clock, "to": _clock, "then": _name("channel")}
_WEEKDAYS: _Readers = {"channels": _channels, "days": _days, "then": _name("channel")}
_CAP: _Readers = {
    "channels": _channels,
    "tag": _name("tag"),
    "count": _at_least(1),
    "reserved": _at_least(0),
    "per": _per,
    "then": _one_of(SKIP, HOLD),
}
_POLICY: _Readers = {
    "zone": _zone,
    "unknown_zone": _one_of("workspace", "skip", "ignore"),
    "holdout": _share,
    "quiet": _each("quiet", _quiet),
    "weekdays": _each("weekdays", _weekdays),
    "caps": _each("caps", _cap),
    "double_opt_in": _purposes,
}
