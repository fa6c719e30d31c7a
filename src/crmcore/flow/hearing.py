"""How plugins keep up with what they are told: what an operator is shown of each, and what is a fault."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

import attrs

from crmcore.model.time import iso
from crmcore.registry import Fault
from crmcore.store import cursors, notices
from crmcore.store.cursors import Cursor
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Hearing:
    """How far a plugin is behind: `waiting` notices, the oldest of them for `lag` microseconds.

    It has failed so many times in a row, the latest for `problem`; its circuit is open until `closed_until` (microseconds UTC,
    None where it is not). `lost` notices were dropped before it could be told. `is_loaded` says whether it is here at all.
    """

    plugin: str
    waiting: int
    lag: int
    failures: int
    problem: str | None
    closed_until: int | None
    lost: int
    is_loaded: bool


def hearings(scope: Scope, plugins: Mapping[str, Iterable[str]]) -> Iterator[Hearing]:
    """Yield how those keep up that are told, by name; `plugins` are the hooks of those that are loaded."""
    for name, cursor in sorted(cursors.load(scope).items()):
        hooks = sorted(plugins.get(name, notices.ENTRIES))
        yield _hearing(scope, cursor, hooks, is_loaded=name in plugins)


def _hearing(scope: Scope, cursor: Cursor, hooks: Sequence[str], *, is_loaded: bool) -> Hearing:
    waiting, since = notices.behind(scope, cursor.position, hooks)
    is_open = cursor.closed_until is not None and cursor.closed_until > scope.now
    return Hearing(
        plugin=cursor.plugin,
        waiting=waiting,
        lag=0 if since is None else max(0, scope.now - since),
        failures=cursor.failures,
        problem=cursor.problem,
        closed_until=cursor.closed_until if is_open else None,
        lost=cursor.lost or 0,
        is_loaded=is_loaded,
    )


def faults(found: Iterable[Hearing]) -> Iterator[Fault]:
    """Yield the plugins that keep failing, and what those that still fail will never be told of."""
    for one in found:
        if one.closed_until is not None:
            rest = f"it is left alone until {iso(one.closed_until)}, and {one.waiting:,} notices wait"
            yield Fault(
                plugin=one.plugin, problem=f"failed {one.failures:,} times in a row on notices ({one.problem}); {rest}"
            )
        if one.lost and one.failures:
            yield Fault(plugin=one.plugin, problem=f"{one.lost:,} notices were dropped before it could be told of them")
