"""Revisions of modules: each has a version table of its own, so that it comes and goes without the core and the others."""

from __future__ import annotations

from importlib.resources import files

from sqlalchemy import Column, Connection, Engine, MetaData, Table, inspect

from crmcore.hooks.module import Module, Schema
from crmcore.migrations import VERSION_TABLE, running
from crmcore.migrations.running import Revisions
from crmcore.store.guarding import REVISIONS
from crmcore.store.statements import WORKSPACE

__all__ = ["current", "distributions", "downgrade", "sql", "tables", "upgrade", "version_table"]


def version_table(name: str) -> str:
    """Return the name of the table that says how far a database is in a module's revisions."""
    return f"{REVISIONS}{name}"


def current(connection: Connection, name: str) -> str | None:
    """Return the revision that a module's tables are at; None where it has none there."""
    return running.current(connection, version_table(name))


def distributions(connection: Connection) -> list[str]:
    """Return the names of all modules that a database has revisions of, those no longer installed included."""
    found = [one for one in inspect(connection).get_table_names() if one.startswith(REVISIONS)]
    return sorted(one.removeprefix(REVISIONS) for one in found if one != VERSION_TABLE)


def upgrade(engine: Engine, module: Module, revision: str = "") -> None:
    """Bring a module's tables to a revision (its head where none is said), in one transaction."""
    from alembic import command

    if (schema := module.schema) is not None:
        running.revise(engine, _revisions(module.name, schema), command.upgrade, revision or schema.head)


def downgrade(engine: Engine, module: Module, revision: str = "base") -> None:
    """Take a module's tables back to a revision, in one transaction; from nothing on, all it has stored is gone."""
    from alembic import command

    if (schema := module.schema) is not None:
        running.revise(engine, _revisions(module.name, schema), command.downgrade, revision)


def sql(module: Module, dialect: str) -> str:
    """Return the statements that make a module's tables on a dialect."""
    schema = module.schema
    return "" if schema is None else running.statements(_revisions(module.name, schema), dialect, schema.head)


def _revisions(name: str, schema: Schema) -> Revisions:
    return Revisions(
        folder=str(files(schema.migrations).joinpath("versions")),
        version_table=version_table(name),
        metadata=schema.metadata,
        protected=lambda connection: tables(connection, name),
    )


def tables(connection: Connection, name: str) -> list[Table]:
    """Return a module's tables as the database has them: it may be gone, and a revision reads some its code knows no more."""
    found, prefix = inspect(connection), f"crm_{name}_"
    return [
        Table(one, MetaData(), Column(WORKSPACE))
        for one in sorted(found.get_table_names())
        if one.startswith(prefix) and WORKSPACE in {column["name"] for column in found.get_columns(one)}
    ]
