"""Taking an import back: a thousand rows a transaction, so that it can be interrupted and goes on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial

import attrs

from crmcore.errors import AlreadyUndone
from crmcore.flow.progress import Progress
from crmcore.store import imports, offers, taking_back
from crmcore.store.imports import Begun
from crmcore.store.scope import Scope, Write
from crmcore.store.taking_back import Batch, Kept

#: What is taken back, in this order: rows before the identities they refer to.
STEPS: dict[str, Callable[[Scope, Begun], Batch]] = {
    "events": taking_back.lines,
    "consents": taking_back.consents,
    "writes": taking_back.writes,
    "account writes": taking_back.account_writes,
    "suppressions": taking_back.suppressed,
    "links": taking_back.links,
    "identities": taking_back.identities,
    "accounts": taking_back.companies,
}
SHOWN = 100


@attrs.frozen(kw_only=True)
class StillThere:
    """A field of a customer or account that stays, since something newer was written."""

    who: str
    field: str


@attrs.frozen(kw_only=True)
class Undone:
    """What was taken back: rows by kind, how many fields stay since newer ones were written (the first of them named).

    `referred` counts identities that stay since others refer to them by now.
    """

    id: int
    file: str
    rows: dict[str, int]
    kept: int
    referred: int
    examples: tuple[StillThere, ...]


def undo(write: Write, import_id: int, progress: Progress) -> Undone:
    """Take an import back; raise UnknownImport, AlreadyUndone. Interrupted, the same call goes on."""
    begun = write(partial(_begun, import_id=import_id))
    rows: Counter[str] = Counter()
    kept = referred = 0
    shown: list[Kept] = []
    for name, step in STEPS.items():
        while (batch := _batch(write, begun, step)).rows:
            rows[name] += batch.rows
            kept += len(batch.kept)
            shown += batch.kept[: SHOWN - len(shown)]
            referred += batch.referred
            progress(rows.total(), rows.total())
    rows["offers"], names = write(partial(_ended, import_id=import_id, shown=shown))
    examples = tuple(StillThere(who=names.get(one.who, str(one.who)), field=one.field) for one in shown)
    return Undone(id=import_id, file=begun.file, rows=dict(rows), kept=kept, referred=referred, examples=examples)


def _batch(write: Write, begun: Begun, step: Callable[[Scope, Begun], Batch]) -> Batch:
    return write(lambda scope: step(scope, begun))


def _begun(scope: Scope, import_id: int) -> Begun:
    begun = imports.load(scope, import_id)
    if begun.state == imports.UNDONE:
        raise AlreadyUndone(name=import_id)
    imports.note_undoing(scope, import_id, imports.UNDOING)
    # Before all else: whoever imports the file again while this is interrupted finds no line known that will go.
    taking_back.fingerprints(scope, begun)
    return begun


def _ended(scope: Scope, import_id: int, shown: Sequence[Kept]) -> tuple[int, dict[int, str]]:
    taken_back = offers.take_back(scope, import_id)
    imports.settle_all_refused(scope, import_id)
    imports.note_undoing(scope, import_id, imports.UNDONE)
    return taken_back, taking_back.names_of(scope, shown)
