"""Running revisions, whosever they are: each distribution has its own, and a table that says how far a database is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from io import StringIO
from typing import TYPE_CHECKING

import attrs
from sqlalchemy import Connection, Engine, MetaData, Table, Text, column, inspect, select, table

from crmcore.store import isolation
from crmcore.store.engine import write
from crmcore.store.guarding import unguarded

if TYPE_CHECKING:
    from alembic.config import Config

Act = Callable[["Config", str], None]


@attrs.frozen(kw_only=True)
class Revisions:
    """One distribution's: the folder of its revisions, its version table, its tables, and those kept apart by workspace."""

    folder: str
    version_table: str
    metadata: MetaData
    protected: Callable[[Connection], Sequence[Table]]


def current(connection: Connection, version_table: str) -> str | None:
    """Return the revision that a version table says; None where there is none."""
    if not inspect(connection).has_table(version_table):
        return None
    query = select(column("version_num", Text)).select_from(table(version_table))
    return connection.execute(query).scalar()


def revise(engine: Engine, revisions: Revisions, act: Act, revision: str) -> None:
    """Go to a revision in one transaction.

    Revisions change rows of all workspaces at once: row-level security would hide them, and is put back afterwards.
    """

    def revised(connection: Connection) -> None:
        is_isolated = isolation.is_on(connection)
        if is_isolated:
            isolation.turn_off(connection, revisions.protected(connection))
        act(_config(revisions, connection=connection), revision)
        if is_isolated:
            isolation.turn_on(connection, revisions.protected(connection))

    write(unguarded(engine), revised)


def statements(revisions: Revisions, dialect: str, revision: str) -> str:
    """Return the statements that lead from nothing to a revision on a dialect."""
    from alembic import command

    config = _config(revisions, dialect=dialect)
    said = config.output_buffer = StringIO()
    command.upgrade(config, revision, sql=True)
    return said.getvalue()


def _config(revisions: Revisions, **attributes: object) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "crmcore:migrations")
    config.set_main_option("path_separator", "newline")
    config.set_main_option("version_locations", revisions.folder.replace("%", "%%"))
    config.attributes.update(
        attributes,
        version_table=revisions.version_table,
        metadata=revisions.metadata,
        connection=attributes.get("connection"),
    )
    return config
