"""The column types and table shapes every table is made of.

A row with an id is `id INTEGER PRIMARY KEY` on SQLite, where that is the table itself, and (workspace_id, id) on
PostgreSQL, so that a table can be spread by workspace. Text compares by code point on both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.schema import CreateIndex
from sqlalchemy.types import UserDefinedType

metadata = MetaData()

#: 64-bit integers; SQLite's INTEGER has 64 bits.
Big = BigInteger()
#: Text by code point.
Words = Text().with_variant(Text(collation="C"), "postgresql")


class RowId(UserDefinedType[int]):
    """The id of a row."""

    cache_ok = True


@compiles(RowId, "sqlite")
def _row_id_sqlite(*_: Any, **__: Any) -> str:
    return "INTEGER PRIMARY KEY"


@compiles(RowId)
def _row_id(*_: Any, **__: Any) -> str:
    return "BIGINT"


def partial(name: str, columns: Sequence[str], where: str) -> Index:
    """Declare an index over some of the rows: `where` is SQL that every database reads alike.

    (Index's own arguments for it would import every dialect they name.)
    """
    return Index(name, "workspace_id", *columns, info={"where": where})


def partial_unique(name: str, columns: Sequence[str], where: str) -> Index:
    """Declare that some of the rows differ in these columns."""
    return Index(name, "workspace_id", *columns, unique=True, info={"where": where})


@compiles(CreateIndex)
def _partial_index(element: CreateIndex, compiler: Any, **named: Any) -> str:
    statement: str = compiler.visit_create_index(element, **named)
    where = element.element.info.get("where")
    return f"{statement} WHERE {where}" if where else statement


def number(name: str) -> Column[int]:
    """An integer: an id, a count, minor units, microseconds UTC, or days."""
    return Column(name, Big, nullable=False)


def maybe_number(name: str) -> Column[int]:
    """An integer that may be absent."""
    return Column(name, Big, nullable=True)


def words(name: str) -> Column[str]:
    """Text; JSON is text too."""
    return Column(name, Words, nullable=False)


def maybe_words(name: str) -> Column[str]:
    """Text that may be absent."""
    return Column(name, Words, nullable=True)


def blob(name: str) -> Column[bytes]:
    """Bytes."""
    return Column(name, LargeBinary, nullable=False)


def maybe_blob(name: str) -> Column[bytes]:
    """Bytes that may be absent."""
    return Column(name, LargeBinary, nullable=True)


def yes_no(name: str) -> Column[bool]:
    """A truth value."""
    return Column(name, Boolean, nullable=False)


def rows(name: str, *parts: Any, unique: Sequence[Sequence[str]] = (), indexes: Sequence[Sequence[str]] = ()) -> Table:
    """Declare a table of rows with an id; the keys and indexes named begin with workspace_id by themselves."""
    return Table(
        f"crm_{name}",
        metadata,
        Column("id", RowId, nullable=False),
        number("workspace_id"),
        *parts,
        PrimaryKeyConstraint("workspace_id", "id").ddl_if(dialect="postgresql"),
        *(UniqueConstraint("workspace_id", *key, name=f"uq_{name}_{key[0]}") for key in unique),
        *(Index(f"ix_{name}_{'_'.join(key)}", "workspace_id", *key) for key in indexes),
    )


def keyed(name: str, key: Sequence[str], *parts: Any, indexes: Sequence[Sequence[str]] = ()) -> Table:
    """Declare a table whose key is (workspace_id, *key) and which needs no other id."""
    return Table(
        f"crm_{name}",
        metadata,
        number("workspace_id"),
        *parts,
        PrimaryKeyConstraint("workspace_id", *key),
        *(Index(f"ix_{name}_{'_'.join(columns)}", "workspace_id", *columns) for columns in indexes),
        sqlite_with_rowid=False,
    )
