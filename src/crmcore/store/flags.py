"""What is on or off by the time of the statement: tags, wishes, memberships. Each is a name in the attribute log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import attrs

from crmcore.store import bulk, schema
from crmcore.store.attributes import OF_CUSTOMERS, write_log
from crmcore.store.scope import Scope

ON, OFF = "true", "false"
TAG, WISH, MEMBER = "tag", "wish", "member"
#: What `read` needs of a row of the log.
COLUMNS = ("id", "customer_id", "origin_id", "name", "new", "at", "received_at", "source_id", "import_id")


@attrs.frozen(kw_only=True)
class Flag:
    """One name set on or off for one customer at a time."""

    customer_id: int
    origin_id: int
    name: str
    is_on: bool
    at: int
    source_id: int | None = None


@attrs.frozen(kw_only=True)
class Logged:
    """One flag as the log has it; `parts` is its name after the kind, taken apart."""

    row: int
    kind: str
    customer_id: int
    origin_id: int
    parts: tuple[str, ...]
    is_on: bool
    at: int
    received_at: int
    source_id: int | None
    import_id: int | None


def log(scope: Scope, flags: Sequence[Flag]) -> None:
    """Log flags, but for those that stand in the log already (from another import does not count: it may be taken back)."""
    known = _known(scope, flags)
    rows: list[tuple[Any, ...]] = []
    for one in flags:
        new = ON if one.is_on else OFF
        if (one.origin_id, one.name, one.at, new) not in known:
            known.add((one.origin_id, one.name, one.at, new))
            place = (one.customer_id, one.origin_id, one.name, None, new, one.at, scope.now)
            rows.append((*place, one.source_id, scope.import_id))
    write_log(scope, OF_CUSTOMERS, rows)


def named(kind: str, *parts: str) -> str:
    """Return the name a flag is logged under; parts may hold any text."""
    return ":".join((kind, *(part.replace("%", "%25").replace(":", "%3A") for part in parts)))


def parts(name: str) -> tuple[str, tuple[str, ...]]:
    """Return the kind and the parts that `named` made a name of."""
    kind, *those = name.split(":")
    return kind, tuple(part.replace("%3A", ":").replace("%25", "%") for part in those)


def logged(scope: Scope, customers: Iterable[int], kind: str) -> list[Logged]:
    """Return all flags of a kind that customers have in the log, oldest first."""
    ends = (f"{kind}:", f"{kind};")
    rows = bulk.select_in_between(scope, schema.attribute_log, COLUMNS, "customer_id", sorted(customers), "name", ends)
    return sorted((read(one) for one in rows), key=lambda one: (one.at, one.row))


def read(row: Any) -> Logged:
    """Return a row of the log as the flag it is."""
    kind, those = parts(row.name)
    return Logged(
        row=row.id,
        kind=kind,
        customer_id=row.customer_id,
        origin_id=row.origin_id,
        parts=those,
        is_on=row.new == ON,
        at=row.at,
        received_at=row.received_at,
        source_id=row.source_id,
        import_id=row.import_id,
    )


def _known(scope: Scope, flags: Sequence[Flag]) -> set[tuple[int, str, int, str]]:
    kinds = {one.name.partition(":")[0] for one in flags}
    customers = {one.customer_id for one in flags}
    return {
        (one.origin_id, named(kind, *one.parts), one.at, ON if one.is_on else OFF)
        for kind in kinds
        for one in logged(scope, customers, kind)
        if one.import_id in (None, scope.import_id)
    }
