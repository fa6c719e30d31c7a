"""Workspaces: tenants, each with its own secret."""

from __future__ import annotations

import attrs
from sqlalchemy import Connection, func, insert, select, update

from crmcore.store.schema import workspace


@attrs.frozen(kw_only=True, repr=False)
class Workspace:
    """A tenant; `pinned_now` is set where its time stands still."""

    id: int
    name: str
    secret: bytes
    pinned_now: int | None


def find(connection: Connection, name: str) -> Workspace | None:
    """Return a workspace by name."""
    row = workspace.c
    query = select(row.id, row.name, row.secret, row.pinned_now).where(row.name == name)
    found = connection.execute(query).one_or_none()
    if found is None:
        return None
    one, known_as, secret, pinned_now = found
    return Workspace(id=one, name=known_as, secret=secret, pinned_now=pinned_now)


def make(connection: Connection, name: str, *, now: int, secret: bytes) -> None:
    """Make a workspace. Its id is small, as it stands in every row and index."""
    next_id = select(func.coalesce(func.max(workspace.c.id), 0) + 1).scalar_subquery()
    connection.execute(insert(workspace).values(id=next_id, name=name, created_at=now, secret=secret))


def pin(connection: Connection, workspace_id: int, now: int | None) -> None:
    """Let the time of a workspace stand still at `now`, or go on with None."""
    connection.execute(update(workspace).where(workspace.c.id == workspace_id).values(pinned_now=now))
