"""The atoms that live segments ask for, and the generation of their plan: it grows with every change of a definition."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import attrs
from sqlalchemy import select

from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

_NEXT = """INSERT INTO crm_segment_plan (workspace_id, generation, filled, reached, numbered) VALUES (:workspace, 1, 0, 0, 0)
ON CONFLICT (workspace_id) DO UPDATE SET generation = crm_segment_plan.generation + 1, reached = 0 RETURNING generation"""
_NUMBERED = (
    """UPDATE crm_segment_plan SET numbered = numbered + :count WHERE workspace_id = :workspace RETURNING numbered"""
)


#: Of whom an atom is asked: of those for whom one of these atoms holds.
Under = frozenset[str]
EVERYBODY: Under = frozenset({"*"})


@attrs.frozen(kw_only=True)
class Asked:
    """An atom's number, of whom it is asked, since which generation of as many, and whether it has ever had no answer."""

    number: int
    under: Under
    since: int
    has_failed: bool


def asked(scope: Scope) -> dict[str, Asked]:
    """Return the atoms asked for, by what they are called."""
    row = schema.segment_atom.c
    columns = (row.atom, row.number, row.under, row.since, row.failed_at)
    query = select(*columns).where(row.workspace_id == scope.workspace_id)
    return {
        atom: Asked(number=number, under=frozenset(under.split()), since=since, has_failed=failed_at is not None)
        for atom, number, under, since, failed_at in scope.connection.execute(query)
    }


def fail(scope: Scope, numbers: Collection[int]) -> None:
    """Note that atoms had no answer for somebody: who is in the segments that ask for them can only be looked up."""
    bulk.run_many(scope, _FAIL, [(scope.now, one) for one in sorted(numbers)])


def forgive(scope: Scope) -> None:
    """Let all atoms be looked at as if they had always had an answer."""
    bulk.run_many(scope, "UPDATE crm_segment_atom SET failed_at = : WHERE workspace_id = @", [(None,)])


_FAIL = "UPDATE crm_segment_atom SET failed_at = : WHERE workspace_id = @ AND number = : AND failed_at IS NULL"


def next_generation(scope: Scope) -> int:
    """Begin the next generation, and return it; whoever else begins one waits until the transaction ends."""
    row = schema.segment_plan.c
    mine = select(row.generation).where(row.workspace_id == scope.workspace_id)
    # Also whoever looks at customers for the generation before (`standings.filling_held`) comes to an end first.
    scope.connection.execute(mine.with_for_update())
    scope.touched.is_asked_anew = True
    return int(bulk.run(scope, _NEXT, {"workspace": scope.workspace_id}).scalar_one())


def ask(scope: Scope, generation: int, wanted: Mapping[str, Under]) -> None:
    """Ask for these atoms from now on, each of these customers, and for no others."""
    known = asked(scope)
    bulk.delete(scope, schema.segment_atom, ("atom",), [(one,) for one in sorted(known.keys() - wanted.keys())])
    new = sorted(wanted.keys() - known.keys())
    values = {"workspace": scope.workspace_id, "count": len(new)}
    # None that was ever given: it may stand in somebody's standing still.
    last = bulk.run(scope, _NUMBERED, values).scalar_one()
    rows = [(one, number, _text(wanted[one]), generation) for number, one in enumerate(new, start=last - len(new))]
    bulk.insert(scope, schema.segment_atom, ("atom", "number", "under", "since"), rows)
    moved = [(one, known[one], wanted[one]) for one in sorted(known.keys() & wanted.keys())]
    changes = [
        (_text(under), before.since if under <= before.under else generation, one)
        for one, before, under in moved
        if under != before.under
    ]
    bulk.update(scope, schema.segment_atom, ("under", "since"), ("atom",), changes)


def _text(under: Under) -> str:
    return " ".join(sorted(under))
