"""Statements in quarantine are taken again, once their source's tracking plan says that they fit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import attrs

from crmcore.flow.applying import apply_fitting
from crmcore.flow.attempting import attempt
from crmcore.flow.progress import Progress
from crmcore.flow.screening import reasons
from crmcore.store import quarantine, sources
from crmcore.store.quarantine import Held
from crmcore.store.scope import Read, Scope, Write

BATCH = 1000


@attrs.frozen(kw_only=True)
class Replayed:
    """What came of a replay.

    Attributes: `taken` (out of quarantine); `new` of these (the others had come in by now); `left` (still do not fit);
    `lines` of imports, which also wait: they are corrected in the file of refused lines, and that file is imported.
    """

    taken: int
    new: int
    left: int
    lines: int


@attrs.frozen(kw_only=True)
class _Batch:
    """What came of the statements of one transaction."""

    last_id: int
    seen: int
    taken: int
    new: int


def replay(write: Write, reading: Read, source: str | None, progress: Progress) -> Replayed:
    """Take again what waits, of one source or of all, a batch a transaction. Raise UnknownSource."""
    with reading() as scope:
        only = None if source is None else sources.source_id(scope, source)
        total = quarantine.count_statements(scope, only)
    seen = taken = new = 0
    for batch in _batches(write, only):
        seen, taken, new = seen + batch.seen, taken + batch.taken, new + batch.new
        progress(seen, max(total, seen))
    with reading() as scope:
        left = quarantine.count_statements(scope, only)
        lines = quarantine.count(scope, only) - left
    return Replayed(taken=taken, new=new, left=left, lines=lines)


def _batches(write: Write, only: int | None) -> Iterator[_Batch]:
    after = 0
    while True:
        done = write(partial(_batch, after=after, only=only))
        if done is None:
            return
        after = done.last_id
        yield done


def _batch(scope: Scope, after: int, only: int | None) -> _Batch | None:
    held = quarantine.take(scope, after, BATCH, only)
    return _retake(scope, held) if held else None


def _retake(scope: Scope, held: Sequence[Held]) -> _Batch:
    told = list(zip(held, reasons(scope, [one.statement for one in held]), strict=True))
    fitting = [one for one, why in told if not why]
    attempted = attempt(scope, [one.statement for one in fitting], apply_fitting)
    refused = {one.id: why for one, why in told if why}
    refused |= {fitting[place].id: why for place, why in attempted.failed.items()}
    taken = [one.id for one in held if one.id not in refused]
    quarantine.settle(scope, taken)
    quarantine.amend(scope, refused.items())
    return _Batch(last_id=held[-1].id, seen=len(held), taken=len(taken), new=attempted.taken.new)
