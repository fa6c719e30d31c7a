"""Segments that conditions name: a rule's is replaced by its tree, an uploaded one stays a leaf.

Looked up a generation at a time, built from the inside out, each once: what doubles with every name is refused before
it is made.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

import attrs
from sqlalchemy import select

from crmcore.errors import InvalidCondition
from crmcore.model.condition import MAX_DEPTH, All, AnyOf, Condition, InSegment, Not, checked, leaves
from crmcore.rules.leaf import Truth
from crmcore.store import schema, segments
from crmcore.store.functions import position
from crmcore.store.plain import to_tree
from crmcore.store.scope import Scope

#: A segment whose members are uploaded: it has no tree.
UPLOADED = None
Trees = dict[str, Condition | None]


def resolved(scope: Scope, condition: Condition) -> Condition:
    """Return the tree with each rule's segment replaced by its own.

    Raise InvalidCondition naming the chain where there is no such segment or it is in itself, or for a tree too large.
    """
    named = _named(checked(condition))
    return _Resolving(trees=_reached(scope, named)).tree(condition, ()) if named else condition


def check(scope: Scope, name: str, condition: Condition) -> None:
    """Raise InvalidCondition where a segment cannot be saved so: by what it names, or by who names it."""
    naming: Trees = {**_naming(scope), name: condition}
    known = _reached(scope, frozenset().union(*map(_named, naming.values())) | {name}, naming)
    resolving = _Resolving(trees=known)
    for one in _naming_too(naming, name):
        resolving.segment(one, ())


@attrs.frozen(kw_only=True)
class _Resolving:
    """Trees by name, and those of them that are resolved."""

    trees: Mapping[str, Condition | None]
    done: dict[str, Condition] = attrs.field(factory=dict)

    def segment(self, name: str, chain: tuple[str, ...]) -> Condition:
        """Return the tree of a segment, resolved."""
        chain = (*chain, name)
        if name in chain[:-1]:
            raise InvalidCondition(place=f"segment {name}", problem=f"it is in itself: {' -> '.join(chain)}")
        if len(chain) > MAX_DEPTH:
            raise InvalidCondition(place=" -> ".join(chain), problem=f"a chain of segments may be {MAX_DEPTH} long")
        if name not in self.trees:
            raise InvalidCondition(place=" -> ".join(chain), problem=f"there is no segment {name!r}")
        if name not in self.done:
            tree = self.trees[name]
            self.done[name] = InSegment(segment=name) if tree is UPLOADED else self.tree(tree, chain)
        return self.done[name]

    def tree(self, condition: Condition, chain: tuple[str, ...]) -> Condition:
        """Return a tree with its segments replaced, in no more leaves than fit."""
        for name in sorted(_named(condition)):
            self.segment(name, chain)
        try:
            return checked(self._replaced(condition))
        except InvalidCondition as error:
            if not chain:
                raise
            raise InvalidCondition(place=" -> ".join(chain), problem=str(error)) from error

    def _replaced(self, condition: Condition) -> Condition:
        match condition:
            case All() | AnyOf():
                return type(condition)(of=tuple(map(self._replaced, condition.of)))
            case Not():
                return Not(of=self._replaced(condition.of))
            case InSegment():
                return self.done[condition.segment]
        return condition


def _named(condition: Condition | None) -> frozenset[str]:
    if condition is UPLOADED:
        return frozenset()
    return frozenset(leaf.segment for leaf in leaves(condition) if isinstance(leaf, InSegment))


def _reached(scope: Scope, names: Iterable[str], known: Trees | None = None) -> Trees:
    """Return the trees of segments, of those they name, and so on; what there is not is left out."""
    trees = dict(known or {})
    asked, wanted = set(trees), set(names) - set(trees)
    while wanted:
        asked |= wanted
        more = _trees(scope, schema.segment.c.name.in_(sorted(wanted)))
        trees |= more
        wanted = set[str]().union(*map(_named, more.values())) - asked
    return trees


def _naming(scope: Scope) -> Trees:
    """Return the trees that name a segment."""
    return _trees(scope, position(schema.segment.c.definition, '"in_segment"') > 0)


def _trees(scope: Scope, which: Truth) -> Trees:
    row = schema.segment.c
    query = select(row.name, row.kind, row.definition).where(row.workspace_id == scope.workspace_id, which)
    return {
        name: to_tree(json.loads(definition), name) if kind == segments.RULE else UPLOADED
        for name, kind, definition in scope.connection.execute(query)
    }


def _naming_too(naming: Mapping[str, Condition | None], name: str) -> list[str]:
    """Return a segment and those that name it, or one that does."""
    named = {one: _named(tree) for one, tree in naming.items()}
    found, near = [name], {name}
    while near:
        near = {one for one, inner in named.items() if inner & near and one not in found}
        found.extend(sorted(near))
    return found
