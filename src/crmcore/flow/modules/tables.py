"""What a module's tables must be like, so that they keep workspaces apart, run on both stores, and can be left behind."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from sqlalchemy import Column, MetaData, Table, UniqueConstraint

from crmcore.hooks.module import Schema
from crmcore.migrations import VERSION_TABLE
from crmcore.migrations.modules import version_table
from crmcore.store import schema
from crmcore.store.statements import WORKSPACE

TYPES = ("INTEGER", "BIGINT", "TEXT", "BLOB", "BOOLEAN")


def problems(name: str, made: Schema) -> Iterator[str]:
    """Yield what is wrong with a module's tables, in words."""
    yield from (f"{problem}; take another" for problem in taken(name))
    yield from _unfounded(made.migrations)
    for _, table in sorted(made.metadata.tables.items()):
        if table.schema is not None or not table.name.startswith(f"crm_{name}_"):
            yield f"its table {table.fullname} is not named crm_{name}_..."
        yield from _of_keys(table)
        yield from _of_columns(table)
        yield from _of_links(table, made.metadata)


def taken(name: str) -> Iterator[str]:
    """Yield, in words, that the core has tables which those of a module of a name would be among."""
    core = [*schema.metadata.tables, VERSION_TABLE]
    clash = [one for one in core if one in (version_table(name), f"crm_{name}") or one.startswith(f"crm_{name}_")]
    if clash:
        yield f"the core has tables of the name {name!r} ({', '.join(sorted(clash))})"


def _unfounded(package: str) -> Iterator[str]:
    try:
        if files(package).joinpath("versions").is_dir():
            return
    except ModuleNotFoundError:
        """It is said below."""
    yield f"there is no package {package!r} with a folder `versions`"


def _of_keys(table: Table) -> Iterator[str]:
    unique = [one.columns for one in table.constraints if isinstance(one, UniqueConstraint)]
    keys = [("primary key", table.primary_key.columns), *(("unique key", one) for one in unique)]
    for kind, columns in [*keys, *(("index", one.columns) for one in table.indexes)]:
        if _first(columns) != WORKSPACE:
            yield f"the {kind} of its table {table.name} does not begin with {WORKSPACE}"


def _first(columns: Any) -> str:
    return next((one.name for one in columns), "")


def _of_columns(table: Table) -> Iterator[str]:
    for column in table.columns:
        if (found := _type(column)) not in TYPES:
            yield f"the column {table.name}.{column.name} is {found}, none of {', '.join(TYPES)}"


def _type(column: Column[Any]) -> str:
    from sqlalchemy.dialects.sqlite import dialect as sqlite

    return column.type.compile(dialect=sqlite()).partition("(")[0].split()[0]


def _of_links(table: Table, mine: MetaData) -> Iterator[str]:
    """A key into a table of others would keep these from being dropped, or changed, once the module is gone."""
    for key in table.foreign_keys:
        if (target := key.target_fullname.rpartition(".")[0]) not in mine.tables:
            yield f"its table {table.name} has a foreign key into {target}, which is not its own"
