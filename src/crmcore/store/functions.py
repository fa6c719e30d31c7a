"""SQL that each database writes in its own way."""

from __future__ import annotations

from typing import Any

from sqlalchemy import BigInteger
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import GenericFunction


class position(GenericFunction[int]):  # noqa: N801 - an SQL function
    """Where a text begins inside another, counted from 1; 0 where it does not. By code point, unlike LIKE."""

    type = BigInteger()
    inherit_cache = True
    name = "crm_position"


@compiles(position)
def _position(element: position, compiler: Any, **named: Any) -> str:
    function = "instr" if compiler.dialect.name == "sqlite" else "strpos"
    return f"{function}({compiler.process(element.clauses, **named)})"


class grouped(GenericFunction[int]):  # noqa: N801 - the same
    """A truth in parentheses, which SQLAlchemy would take off: a tree of parts stays as shallow as it is made."""

    type = BigInteger()
    inherit_cache = True
    name = "crm_grouped"


@compiles(grouped)
def _grouped(element: grouped, compiler: Any, **named: Any) -> str:
    return f"({compiler.process(element.clauses, **named)})"


class aside(GenericFunction[int]):  # noqa: N801 - the same
    """A column that SQLite is not to search by: it would take the index of a workspace, all of it, for the better way."""

    type = BigInteger()
    inherit_cache = True
    name = "crm_aside"


@compiles(aside)
def _aside(element: aside, compiler: Any, **named: Any) -> str:
    sign = "+" if compiler.dialect.name == "sqlite" else ""
    return f"{sign}{compiler.process(element.clauses, **named)}"
