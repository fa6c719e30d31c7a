"""What has been kept for long enough, by the settings: what that is at the moment, and deleting it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import partial

import attrs

from crmcore.hooks.checking import meant
from crmcore.model.retention import Retention
from crmcore.store import aging, audit
from crmcore.store.aging import BATCH, PARTS, ROWS
from crmcore.store.scope import Read, Scope, Write


@attrs.frozen(kw_only=True)
class Aged:
    """How many things of a kind have been kept for long enough: those made before `before` (microseconds UTC).

    `kind` is as the settings have it; of events it is "events" and `name` the event's.
    """

    kind: str
    before: int
    count: int
    name: str = ""


def aged(scope: Scope, retention: Retention) -> list[Aged]:
    """Return what would be deleted now, by kind and name of event; nothing is."""
    found = [
        Aged(kind="events", name=name, before=before, count=aging.count(scope, aging.old_events(scope, name, before)))
        for name, before in _events(scope, retention).items()
    ]
    for name, before in _spans(scope, retention).items():
        kind = (ROWS | PARTS)[name]
        query = aging.old_rows(scope, kind, before)
        query = query if kind.full is None else query.where(kind.full)
        found.append(Aged(kind=name, before=before, count=aging.count(scope, query)))
    return found


def unfounded(scope: Scope, retention: Retention) -> list[str]:
    """Return, in words, which names and patterns of events fit none in the log; of a log without events none."""
    if not retention.events or not (names := aging.event_names(scope)):
        return []
    return [
        f"[retention.events] has {one!r}, and no event in the log is called so{meant(one, names)}"
        for one in sorted(retention.events)
        if not any(fnmatchcase(name, one) for name in names)
    ]


def delete_some(write: Write, reading: Read, retention: Retention) -> int:
    """Delete some of what has been kept for long enough, a batch of each kind; return how much it was."""
    if retention == Retention():
        return 0
    with reading() as scope:
        events, spans = _events(scope, retention), _spans(scope, retention)
        due = [one for one, before in events.items() if _any_event(scope, one, before)]
    done = sum(write(partial(aging.delete_events, name=name, before=events[name])) for name in due)
    for name, before in spans.items():
        if name in ROWS:
            done += write(partial(aging.delete_rows, kind=ROWS[name], before=before))
        else:
            done += write(partial(_empty_some, name=name, before=before))
    return done


def delete_all(write: Write, reading: Read, retention: Retention) -> list[Aged]:
    """Delete all that has been kept for long enough; return what it was."""
    with reading() as scope:
        found = [one for one in aged(scope, retention) if one.count]
    for one in found:
        for _ in _batches(write, one):
            """It is done by then."""
    if found:
        counts = {" ".join(filter(None, (one.kind, one.name))): one.count for one in found}
        write(partial(audit.note, action="retention applied", subject="retention", detail=counts))
    return found


def _batches(write: Write, one: Aged) -> Iterator[int]:
    if one.kind == "events":
        yield from _until_none(write, partial(aging.delete_events, name=one.name, before=one.before))
    elif one.kind in ROWS:
        yield from _until_none(write, partial(aging.delete_rows, kind=ROWS[one.kind], before=one.before))
    else:
        after: int | None = aging.BEGINNING
        while after is not None:
            count, after = write(partial(aging.empty_rows, kind=PARTS[one.kind], before=one.before, after=after))
            yield count


def _until_none(write: Write, some: partial[int]) -> Iterator[int]:
    while (count := write(some)) == BATCH:
        yield count


def _empty_some(scope: Scope, name: str, before: int) -> int:
    count, last = aging.empty_rows(scope, PARTS[name], before, aging.reached(scope, name))
    if last is not None:
        aging.reach(scope, name, last)
    return count if PARTS[name].over is None else count + _empty_passed(scope, name, before)


def _empty_passed(scope: Scope, name: str, before: int) -> int:
    """Go over what was passed, and round again: what somebody needed still then is over by now, or will be."""
    again = f"{name} again"
    count, last = aging.empty_rows(scope, PARTS[name], before, aging.reached(scope, again))
    aging.reach(scope, again, aging.BEGINNING if last is None else last)
    return count


def _any_event(scope: Scope, name: str, before: int) -> bool:
    return scope.connection.execute(aging.old_events(scope, name, before).limit(1)).first() is not None


def _events(scope: Scope, retention: Retention) -> dict[str, int]:
    if not retention.events:
        return {}
    kept = {name: retention.of_event(name) for name in aging.event_names(scope)}
    return {name: scope.now - span for name, span in kept.items() if span is not None}


def _spans(scope: Scope, retention: Retention) -> Mapping[str, int]:
    kept = {name: getattr(retention, name) for name in (*ROWS, *PARTS)}
    return {name: scope.now - span for name, span in kept.items() if span is not None}
