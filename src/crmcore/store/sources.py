"""Where statements come from: sources by name, made when first named."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from crmcore.errors import UnknownSource
from crmcore.store import bulk
from crmcore.store.schema import source
from crmcore.store.scope import Scope


def source_ids(scope: Scope, names: Iterable[str | None]) -> dict[str | None, int | None]:
    """Return the id of each source; None stands for no source."""
    wanted = sorted({name for name in names if name is not None})
    ids: dict[str | None, int | None] = {None: None}
    if not wanted:
        return ids
    ids.update(_known(scope, wanted))
    missing = [name for name in wanted if name not in ids]
    rows = [
        (new_id, name, "", "{}", scope.now) for new_id, name in zip(scope.new_ids(len(missing)), missing, strict=True)
    ]
    bulk.insert(scope, source, ("id", "name", "kind", "declared", "created_at"), rows)
    ids.update((row[1], row[0]) for row in rows)
    return ids


def known_source(scope: Scope, name: str) -> int | None:
    """Return the id of a source, None where nothing has come from it yet."""
    return _known(scope, [name]).get(name)


def source_id(scope: Scope, name: str) -> int:
    """Return the id of a source; raise UnknownSource."""
    found = known_source(scope, name)
    if found is None:
        raise UnknownSource(name=name, known=", ".join(sorted(names(scope).values())) or "none")
    return found


def names(scope: Scope) -> dict[int, str]:
    """Return the names of the sources by their ids."""
    rows = scope.connection.execute(
        select(source.c.id, source.c.name).where(source.c.workspace_id == scope.workspace_id)
    )
    return {one: name for one, name in rows}


def _known(scope: Scope, names: list[str]) -> dict[str, int]:
    rows = scope.connection.execute(
        select(source.c.name, source.c.id).where(source.c.workspace_id == scope.workspace_id, source.c.name.in_(names))
    )
    return {name: one for name, one in rows}
