"""The schema's revisions: creating, checking and upgrading it. Alembic is imported only where a revision runs."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TYPE_CHECKING

from sqlalchemy import Connection, Engine, inspect, text

from crmcore.errors import SchemaError, SchemaMissing
from crmcore.store import isolation
from crmcore.store.engine import write
from crmcore.store.guarding import unguarded

if TYPE_CHECKING:
    from alembic.config import Config

VERSION_TABLE = "crm_alembic_crmcore"
#: The revision this release is written for. It also runs on the one after it.
HEAD = "crmcore_0007"
PREFIX = "crm_"

__all__ = ["HEAD", "VERSION_TABLE", "current", "downgrade", "include_object", "prepare", "sql", "upgrade"]


def prepare(engine: Engine) -> None:
    """Make an empty SQLite database ready; otherwise raise SchemaMissing or SchemaError where an upgrade is needed."""
    with engine.connect() as connection:
        found, empty = current(connection), _is_empty(connection)
    if found == HEAD:
        return
    if found is None and empty and engine.dialect.name == "sqlite":
        upgrade(engine)
    elif found is None:
        raise SchemaMissing(found=None, needed=HEAD)
    else:
        raise SchemaError(found=found, needed=HEAD)


def current(connection: Connection) -> str | None:
    """Return the revision a database is at; None where crmcore has no tables there."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to a revision, in one transaction; tables it makes are protected as the others are."""
    from alembic import command

    _revise(engine, command.upgrade, revision)


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Take the schema back to a revision, in one transaction; from nothing on, all that was stored is gone."""
    from alembic import command

    _revise(engine, command.downgrade, revision)


def _revise(engine: Engine, act: Callable[[Config, str], None], revision: str) -> None:
    """Revisions change rows of all workspaces at once: row-level security would hide them."""

    def revised(connection: Connection) -> None:
        is_isolated = isolation.is_on(connection)
        if is_isolated:
            isolation.turn_off(connection, isolation.tables())
        act(_config(connection), revision)
        if is_isolated:
            isolation.turn_on(connection, isolation.tables())

    write(unguarded(engine), revised)


def sql(dialect: str) -> str:
    """Return the statements an upgrade from nothing runs on a dialect."""
    return "\n".join(path.read_text() for path in _scripts(dialect))


def include_object(_object: object, name: str | None, kind: str, reflected: bool, _compare_to: object) -> bool:  # noqa: FBT001 - Alembic's signature
    """Keep a host's `alembic revision --autogenerate` away from crmcore's tables; for its `include_object`.

    A crm_* table that only the database has is crmcore's or a plugin's, removed ones included: nothing is proposed about
    it. One that the host's own metadata declare is the host's, unless crmcore has a table of that name.
    """
    if kind != "table" or name is None or not name.startswith(PREFIX):
        return True
    return not reflected and name not in _tables()


@cache
def _tables() -> frozenset[str]:
    return frozenset(re.findall(r"CREATE TABLE (\w+)", sql("sqlite"))) | {VERSION_TABLE}


def _is_empty(connection: Connection) -> bool:
    return not inspect(connection).get_table_names()


def _scripts(dialect: str) -> list[Traversable]:
    folder = files("crmcore.migrations").joinpath("versions")
    return sorted(
        (path for path in folder.iterdir() if path.name.endswith(f"_{dialect}.sql")), key=lambda path: path.name
    )


def _config(connection: Connection) -> Config:
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "crmcore:migrations")
    config.attributes["connection"] = connection
    return config
