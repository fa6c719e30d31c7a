"""How far each plugin has been told, who is telling it, and what came of it: the circuit of each."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from sqlalchemy import delete, or_, select, update

from crmcore.model.time import DAY
from crmcore.store import bulk, notices, schema
from crmcore.store.scope import Scope

#: Nobody waits for longer than an hour: what ends later than this was written before the time was turned back.
TURNED_BACK = DAY


@attrs.frozen(kw_only=True)
class Cursor:
    """A plugin has been told of everything up to `position`.

    It has failed so many times in a row, the latest for `problem`, and is left alone until `closed_until`; `lost` notices were
    dropped before it was told. Times in microseconds UTC.
    """

    plugin: str
    position: int
    failures: int = 0
    closed_until: int | None = None
    lease_until: int | None = None
    tried_at: int | None = None
    problem: str | None = None
    lost: int | None = None

    def may_be_told(self, now: int) -> bool:
        """Tell whether nobody is telling it, and its circuit is closed."""
        untils = (self.closed_until, self.lease_until)
        return all(until is None or not now < until <= now + TURNED_BACK for until in untils)


_FIELDS = tuple(field.name for field in attrs.fields(Cursor))


def load(scope: Scope) -> dict[str, Cursor]:
    """Return the cursors of all plugins that were ever told, those that are gone too."""
    row = schema.notice_cursor.c
    query = select(*(row[name] for name in _FIELDS)).where(row.workspace_id == scope.workspace_id)
    return {one["plugin"]: Cursor(**one) for one in scope.connection.execute(query).mappings()}


def join(scope: Scope, plugins: Sequence[str]) -> None:
    """Let plugins be told of what comes from now on, those that are known already of what they have not been told."""
    end = notices.last(scope)
    rows = [(plugin, end, 0, scope.now) for plugin in plugins]
    bulk.insert_new(scope, schema.notice_cursor, ("plugin", "position", "failures", "tried_at"), rows)


def claim(scope: Scope, plugin: str, owner: str, lease_until: int) -> Cursor | None:
    """Take the telling of a plugin; None where another process has it, or its circuit is open."""
    row = schema.notice_cursor.c
    free = [
        or_(until.is_(None), until <= scope.now, until > scope.now + TURNED_BACK)
        for until in (row.lease_until, row.closed_until)
    ]
    mine = update(schema.notice_cursor).where(row.workspace_id == scope.workspace_id, row.plugin == plugin, *free)
    taken = mine.values(claimed_by=owner, lease_until=lease_until).returning(*(row[name] for name in _FIELDS))
    found = scope.connection.execute(taken).mappings().one_or_none()
    return None if found is None else Cursor(**found)


def settle(scope: Scope, owner: str, cursor: Cursor) -> bool:
    """Write how far a plugin has come and what came of it; tell whether it was the owner's still."""
    columns = ("position", "failures", "closed_until", "lease_until", "tried_at", "problem")
    row = (*(getattr(cursor, name) for name in columns), cursor.plugin, owner)
    return bulk.update_all(scope, schema.notice_cursor, columns, ("plugin", "claimed_by"), [row], "TRUE") > 0


def drop_told(scope: Scope) -> None:
    """Drop the notices that every plugin has been told of."""
    if known := load(scope):
        notices.drop(scope, min(one.position for one in known.values()))


def forget(scope: Scope, than: int) -> None:
    """Drop the plugins that are behind and were not even tried since a time: nobody has them any more."""
    row = schema.notice_cursor.c
    gone = delete(schema.notice_cursor).where(row.workspace_id == scope.workspace_id, row.tried_at < than)
    scope.connection.execute(gone.where(row.position < notices.last(scope)))


def skip(scope: Scope, position: int, cursor: Cursor, hooks: Sequence[str]) -> None:
    """Let a plugin go on after a position, and count what it was not told of."""
    lost = (cursor.lost or 0) + notices.between(scope, cursor.position, position, hooks)
    bulk.update(scope, schema.notice_cursor, ("position", "lost"), ("plugin",), [(position, lost, cursor.plugin)])
