"""The schema's revisions: creating, checking and upgrading it. Alembic is imported only where a revision runs."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from sqlalchemy import Connection, Engine, inspect

from crmcore.errors import SchemaError, SchemaMissing
from crmcore.migrations import running
from crmcore.migrations.running import Revisions
from crmcore.store import isolation
from crmcore.store.schema import metadata

VERSION_TABLE = "crm_alembic_crmcore"
#: The revision this release is written for. It also runs on the one after it.
HEAD = "crmcore_0007"
PREFIX = "crm_"

__all__ = ["HEAD", "VERSION_TABLE", "current", "downgrade", "include_object", "prepare", "sql", "upgrade"]


def prepare(engine: Engine) -> bool:
    """Make an empty SQLite database ready; tell whether it was one. Elsewhere nothing is made.

    Raise SchemaMissing or SchemaError where an upgrade is needed.
    """
    with engine.connect() as connection:
        found, empty = current(connection), _is_empty(connection)
    if found == HEAD:
        return False
    if found is not None:
        raise SchemaError(found=found, needed=HEAD)
    if not (empty and engine.dialect.name == "sqlite"):
        raise SchemaMissing(found=None, needed=HEAD)
    upgrade(engine)
    return True


def current(connection: Connection) -> str | None:
    """Return the revision a database is at; None where crmcore has no tables there."""
    return running.current(connection, VERSION_TABLE)


def upgrade(engine: Engine, revision: str = "head") -> None:
    """Bring the schema to a revision, in one transaction; tables it makes are protected as the others are."""
    from alembic import command

    running.revise(engine, _revisions(), command.upgrade, revision)


def downgrade(engine: Engine, revision: str = "base") -> None:
    """Take the schema back to a revision, in one transaction; from nothing on, all that was stored is gone.

    Tables of modules stay as they are: `crmcore.migrations.modules` goes to revisions of theirs.
    """
    from alembic import command

    running.revise(engine, _revisions(), command.downgrade, revision)


def _revisions() -> Revisions:
    folder = str(files("crmcore.migrations").joinpath("versions"))
    return Revisions(
        folder=folder, version_table=VERSION_TABLE, metadata=metadata, protected=lambda _: isolation.tables()
    )


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
