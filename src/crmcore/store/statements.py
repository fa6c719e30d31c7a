"""Reading SQL as far as a guard has to: which tables a query names, and which workspace it says their rows are of.

Not a parser: what it does not understand counts as not said. Casts are left out, parentheses become lists.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import TypeAlias

#: A word (in lower case), a sign, or what stands in parentheses or between CASE and END.
Tree: TypeAlias = "list[str | Tree]"

_TOKEN = re.compile(
    r"""(?P<text>'(?:[^']|'')*')
      | (?P<cast>::\s*\w+(?:\s*\[\s*\])?)
      | (?P<parameter>%\(\w+\)s|%s|\?|:\w+)
      | (?P<word>(?:"[^"]+"|\w+)(?:\.(?:"[^"]+"|\w+|\*))*)
      | (?P<sign><=|>=|<>|!=|\|\||->>|->|\S)""",
    re.VERBOSE,
)
_COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
_VALUE = re.compile(r"%\(\w+\)s|%s|\?|:\w+|\d+")
_OPENING, _CLOSING = {"(", "case"}, {")", "end"}
_VERBS = {"select", "insert", "update", "delete"}
_JOINED = {"union", "intersect", "except"}
_CLAUSES = _VERBS | {
    "from", "join", "on", "using", "where", "group", "having", "order", "limit", "offset", "window", "returning",
    "for", "set", "values",
}  # fmt: skip
#: Words before a clause's name that make it another thing: FOR UPDATE, IS DISTINCT FROM.
_NOT_AFTER = {("for", "update"), ("distinct", "from"), ("key", "update")}
_NO_ALIAS = {"left", "right", "full", "inner", "outer", "cross", "natural", "indexed", "not", ","}
WORKSPACE = "workspace_id"


def tree(statement: str) -> Tree:
    """Return a statement as words, signs and nested lists."""
    stack: list[Tree] = [[]]
    for token in _tokens(statement):
        if token in _OPENING:
            stack.append([])
        elif token in _CLOSING and len(stack) > 1:
            inner = stack.pop()
            stack[-1].append(inner)
        else:
            stack[-1].append(token)
    return stack[0]


def _tokens(statement: str) -> Iterator[str]:
    for found in _TOKEN.finditer(_COMMENT.sub(" ", statement)):
        if found["word"]:
            yield found["word"].replace('"', "").lower()
        elif not found["cast"]:
            yield found[0]


def queries(part: Tree) -> Iterator[Tree]:
    """Yield every query of a tree: itself, the parts of a UNION, subqueries, CTEs; also a join in parentheses."""
    for is_joint, tokens in groupby(part, key=lambda one: isinstance(one, str) and one in _JOINED):
        query = list(tokens)
        if not is_joint and any(one in query for one in (*_VERBS, "join")):
            yield query
    for one in part:
        if isinstance(one, list):
            yield from queries(one)


def clauses(query: Tree) -> list[tuple[str, Tree]]:
    """Return the clauses of a query in order, each with what follows its name; a join's name says its kind too."""
    joint = not any(verb in query for verb in _VERBS)
    found: list[tuple[str, Tree]] = [("from", [])] if joint else []
    before = ""
    for token in query:
        word = token if isinstance(token, str) else ""
        if word in _CLAUSES and (before, word) not in _NOT_AFTER:
            found.append((_kind(found) if word == "join" else word, []))
        elif found:
            found[-1][1].append(token)
        before = word
    return found


def _kind(before: Sequence[tuple[str, Tree]]) -> str:
    last = [one for one in before[-1][1][-2:] if isinstance(one, str)] if before else []
    return next((f"{one} join" for one in ("left", "right", "full") if one in last), "join")


def tables(clause: Tree) -> Iterator[tuple[str, str]]:
    """Yield the tables that a FROM, JOIN, UPDATE or INTO names, each with the name it goes by."""
    before = ""
    for place, token in enumerate(clause):
        if isinstance(token, str) and _starts_a_table(token) and before != "as":
            yield _bare(token), _alias(clause[place + 1 :]) or _bare(token)
        before = token if isinstance(token, str) else ""


def _starts_a_table(token: str) -> bool:
    return _bare(token).startswith("crm_")


def _bare(name: str) -> str:
    """Return a name without its schema."""
    return name.rpartition(".")[2]


def _alias(after: Tree) -> str | None:
    words = [one for one in after[:2] if isinstance(one, str)]
    if words[:1] == ["as"]:
        return words[1] if len(words) > 1 else None
    return words[0] if words and words[0] not in _NO_ALIAS and words[0].isidentifier() else None


def said(condition: Tree) -> set[str]:
    """Return the names whose `workspace_id` a condition says to be one value; "" where it names no table."""
    if "or" in condition:
        return set()
    return {name for one in _split(condition, "and") for name in _said(one)}


def holds_never(condition: Tree) -> bool:
    """Tell whether a condition says of itself that no row meets it, as SQLAlchemy writes a false one."""
    return "or" not in condition and any(one in (["0", "=", "1"], ["false"]) for one in _split(condition, "and"))


def _said(condition: Tree) -> set[str]:
    match condition:
        case [list() as inner] if "select" not in inner:
            return said(inner)
        case ["+", str() as column, "=", str() as value] | [str() as column, "=", str() as value]:
            sides = (column, value), (value, column)
            return {_owner(one) for one, other in sides if _is_workspace(one) and is_value(other)}
    return set()


def _is_workspace(column: str) -> bool:
    return _bare(column) == WORKSPACE


def _owner(column: str) -> str:
    return _bare(column.rpartition(".")[0])


def is_value(token: str) -> bool:
    """Tell whether a word is a parameter or a whole number."""
    return _VALUE.fullmatch(token) is not None


def items(clause: Tree) -> list[Tree]:
    """Return what stands between commas."""
    return _split(clause, ",")


def _split(clause: Tree, at: str) -> list[Tree]:
    return [list(some) for is_mark, some in groupby(clause, key=lambda one: one == at) if not is_mark]
