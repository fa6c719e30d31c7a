"""The guard over workspaces: no statement reaches a workspace's tables without saying whose rows it means.

It reads what is really run, so that it sees Core, text and statements of the driver alike, each text once.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, event

from crmcore.errors import WorkspaceUnguarded
from crmcore.store import statements
from crmcore.store.statements import WORKSPACE, Tree

#: Tables of the whole database: they have no workspace.
SHARED = frozenset({"crm_workspace", "crm_node"})
#: How the names of the tables begin in which Alembic keeps revisions.
REVISIONS = "crm_alembic_"
OPTION = "crm_unguarded"
Target = TypeVar("Target", Engine, Connection)
_CHECKED = {"select", "with", "insert", "update", "delete"}
#: Statements about tables, not about rows.
_HARMLESS = {"create", "alter", "drop", "pragma", "analyze", "vacuum", "explain", "reindex", "grant", "lock"}


def guard(target: Engine | Connection) -> None:
    """Let what runs here raise WorkspaceUnguarded where a statement could reach another workspace, before it is run.

    For tests and `crm doctor`; guarded twice is guarded once.
    """
    if not event.contains(target, "before_cursor_execute", _refuse):
        event.listen(target, "before_cursor_execute", _refuse)


def unguarded(target: Target) -> Target:
    """Return an engine or connection without the guard, for migrations and for whoever looks at all workspaces."""
    return target.execution_options(**{OPTION: True})


def _refuse(connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
    if connection.get_execution_options().get(OPTION):
        return
    if found := unfiltered(statement):
        raise WorkspaceUnguarded(tables=", ".join(sorted(found)), statement=statement)


@lru_cache(maxsize=4096)
def unfiltered(statement: str) -> frozenset[str]:
    """Return the tables of which a statement may read or change rows of any workspace.

    Of each table a query names, its WHERE or ON has to say `workspace_id = value` beside all else that holds; an ON of
    an outer join says it only of what is joined. An INSERT names the workspace of its rows, and of those it may
    conflict with.
    """
    if "crm_" not in statement:
        return frozenset()
    tree = statements.tree(statement)
    verb = next((one for one in tree if isinstance(one, str)), "")
    if verb in _HARMLESS:
        return frozenset()
    if verb not in _CHECKED:
        return frozenset(name for name, _ in statements.tables(tree) if _has_workspace(name))
    return frozenset(name for query in statements.queries(tree) for name in _unfiltered(query))


def _has_workspace(table: str) -> bool:
    return table not in SHARED and not table.startswith(REVISIONS)


def _unfiltered(query: Tree) -> Iterator[str]:
    query, conflict = _before_conflict(query)
    found = statements.clauses(query)
    by_name = {name: table for table, name in _read(found) if _has_workspace(table)}
    filtered = _filtered(found)
    if not ("" in filtered and len(by_name) == 1):
        yield from (table for name, table in by_name.items() if name not in filtered)
    into = dict(found).get("insert", [])
    if not (_names_its_workspace(into, found) and _conflicts_within(conflict)):
        yield from (table for table, _ in statements.tables(into) if _has_workspace(table))
    if _moves(found):
        yield from by_name.values()


def _before_conflict(query: Tree) -> tuple[Tree, Tree]:
    for place in range(len(query) - 1):
        if query[place : place + 2] == ["on", "conflict"]:
            return query[:place], query[place + 2 :]
    return query, []


def _read(clauses: list[tuple[str, Tree]]) -> Iterator[tuple[str, str]]:
    for kind, clause in clauses:
        if kind in ("from", "update", "using") or kind.endswith("join"):
            yield from statements.tables(clause)


def _filtered(clauses: list[tuple[str, Tree]]) -> set[str]:
    """Return the names by which tables go of which only one workspace's rows are meant."""
    filtered: set[str] = set()
    if any(kind == "where" and statements.holds_never(clause) for kind, clause in clauses):
        return {name for _, name in _read(clauses)}
    joined, kind_of_join = set[str](), ""
    for kind, clause in clauses:
        if kind.endswith("join"):
            joined, kind_of_join = {name for _, name in statements.tables(clause)}, kind
        elif kind == "where" or (kind == "on" and kind_of_join == "join"):
            filtered |= statements.said(clause)
        elif kind == "on" and kind_of_join == "left join":
            filtered |= statements.said(clause) & joined
    return filtered


def _names_its_workspace(into: Tree, clauses: list[tuple[str, Tree]]) -> bool:
    columns = next((one for one in into if isinstance(one, list)), [])
    if WORKSPACE not in columns:
        return False
    place = statements.items(columns).index([WORKSPACE])
    parts = dict(clauses)
    rows = [one for one in parts.get("values", []) if isinstance(one, list)] or [parts.get("select", [])]
    return all(_is_workspace(statements.items(row)[place : place + 1]) for row in rows)


def _is_workspace(given: list[Tree]) -> bool:
    """Tell whether a value, or the workspace of a row that was read, is given: the reading is checked by itself."""
    match given:
        case [[str() as one]] | [[str() as one, "as", str()]]:
            return statements.is_value(one) or one.rpartition(".")[2] == WORKSPACE
    return False


def _moves(clauses: list[tuple[str, Tree]]) -> bool:
    """Tell whether rows are put into another workspace."""
    return any(one[:1] == [WORKSPACE] for one in statements.items(dict(clauses).get("set", [])))


def _conflicts_within(conflict: Tree) -> bool:
    return not (conflict and isinstance(conflict[0], list)) or WORKSPACE in conflict[0]
