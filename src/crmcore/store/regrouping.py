"""Customers follow links: rows move to the customer their origin now belongs to, and what follows from them is settled."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import attrs

from crmcore.hooks.notices import CustomerChange, CustomerMerge
from crmcore.model.identity import Identity
from crmcore.model.linking import Grouping, Link, grouped
from crmcore.store import accounts, attributes, bulk, consents, links, notices, schema, sums, suppressions, tags
from crmcore.store.links import Neighbourhood
from crmcore.store.scope import Scope

#: Rows that belong to whatever customer their origin belongs to.
_MOVED = (
    schema.identity,
    schema.event,
    schema.attribute_log,
    schema.consent,
    schema.conversion,
    schema.impression,
    schema.segment_member,
    schema.webhook,
)
#: Rows of which the other customer may have an equal one; those stay behind. Each with the rest of its unique key.
_MOVED_UNLESS_THERE = {
    "delivery": ("run_id", "step", "channel", "address_id", "occurrence"),
}


@attrs.frozen(kw_only=True)
class Move:
    """All that came in under `origin` goes from one customer to another."""

    origin: int
    away: int
    into: int


@attrs.frozen(kw_only=True)
class Regrouped:
    """Which customer each origin leads to now, the pairs that are refused, and the customers to `settle`."""

    homes: Mapping[int, int]
    refused: frozenset[tuple[int, int]]
    touched: frozenset[int]


def regroup(scope: Scope, origins: Iterable[int], names: Mapping[int, Identity], said: Sequence[Link]) -> Regrouped:
    """Let customers follow the links around `origins` and those newly `said`; `names` are origins that are new.

    What follows from the logs of customers is for the caller to `settle`, once the identities of new origins are stored.
    """
    near = links.around_and_claimed(scope, origins)
    grouping = grouped(near.names | dict(names), [*near.links, *said])
    homes = _homes(grouping)
    moves = [
        Move(origin=origin, away=owner, into=homes[origin])
        for origin, owner in sorted(near.owners.items())
        if homes[origin] != owner
    ]
    _keep_customers(scope, {homes[lead]: key for lead, key in grouping.key.items()}, near, homes)
    _move(scope, moves)
    links.flag(scope, grouping.refused - near.refused, near.refused - grouping.refused)
    touched = {customer for one in moves for customer in (one.away, one.into)}
    # A link among origins that were there can change since when they are joined, even where nothing moves.
    touched |= {homes[end] for one in said if near.owners.keys() >= set(one.pair) for end in one.pair}
    return Regrouped(homes=homes, refused=grouping.refused, touched=frozenset(touched))


def settle(scope: Scope, customers: Collection[int]) -> None:
    """Make again what follows from the logs of customers: values, tags, permissions, memberships, sums."""
    if not customers:
        return
    attributes.settle(scope, customers)
    tags.settle(scope, customers)
    consents.settle(scope, customers)
    consents.settle_wishes(scope, customers)
    accounts.settle_members(scope, customers)
    sums.settle(scope, customers)
    suppressions.settle(scope, customers)
    consents.touch(scope, customers)


def _homes(grouping: Grouping) -> dict[int, int]:
    """Return the customer of each origin: its id is the oldest origin of the group, whatever way the group came about."""
    oldest: dict[int, int] = {}
    for origin, lead in grouping.lead.items():
        oldest[lead] = min(origin, oldest.get(lead, origin))
    return {origin: oldest[lead] for origin, lead in grouping.lead.items()}


def _keep_customers(
    scope: Scope, keys: Mapping[int, str | None], near: Neighbourhood, homes: Mapping[int, int]
) -> None:
    """Make the customers that are new, bring back those that were merged away, and merge away those that are no more."""
    gone = {owner: homes[owner] for owner in set(near.owners.values()) - set(homes.values())}
    rows = _rows(scope, {*keys, *gone} & {*near.owners, *near.owners.values()})
    make(scope, {home: key for home, key in keys.items() if home not in rows})
    wanted = {home: (key, None) for home, key in keys.items()} | {
        one: (rows[one][0], into) for one, into in gone.items()
    }
    changed = [(*state, one) for one, state in sorted(wanted.items()) if one in rows and rows[one] != state]
    bulk.update(scope, schema.customer, ("key", "merged_into"), ("id",), changed)
    returned = {one for _, into, one in changed if into is None and rows[one][1] is not None}
    _log(scope, {one: into for one, into in gone.items() if rows[one][1] != into}, returned)
    notices.post(scope, [CustomerChange(customer_id=one, at=scope.now) for one in sorted(returned)])


def make(scope: Scope, keys: Mapping[int, str | None]) -> None:
    """Make customers by id and key, each with the row that guards whether it may be contacted."""
    made = [(one, key, scope.now) for one, key in sorted(keys.items())]
    scope.touched.note_all(keys)
    bulk.insert(scope, schema.customer, ("id", "key", "created_at"), made)
    states = [(one, scope.now, 0) for one in sorted(keys)]
    bulk.insert(scope, schema.contact_state, ("customer_id", "changed_at", "version"), states)


def _rows(scope: Scope, customers: set[int]) -> dict[int, tuple[str | None, int | None]]:
    columns = ("id", "key", "merged_into")
    found = bulk.select_in(scope, schema.customer, columns, {}, "id", sorted(customers))
    return {one: (key, merged_into) for one, key, merged_into in found}


def _log(scope: Scope, gone: Mapping[int, int], returned: set[int]) -> None:
    columns = ("id", "from_id", "into_id", "at", "reason", "forced", "detail")
    rows = [
        (new_id, away, into, scope.now, "", False, "{}")
        for (away, into), new_id in zip(sorted(gone.items()), scope.new_ids(len(gone)), strict=True)
    ]
    bulk.insert(scope, schema.merge, columns, rows)
    bulk.run_many(scope, _UNDONE, [(scope.now, one) for one in sorted(returned)])
    notices.post(
        scope, [CustomerMerge(from_id=away, into_id=into, at=scope.now) for away, into in sorted(gone.items())]
    )


_UNDONE = "UPDATE crm_merge SET undone_at = : WHERE workspace_id = @ AND from_id = : AND undone_at IS NULL"


def _move(scope: Scope, moves: Sequence[Move]) -> None:
    rows = [(one.into, one.away, one.origin) for one in moves]
    for table in _MOVED:
        bulk.update(scope, table, ("customer_id",), ("customer_id", "origin_id"), rows)
    bulk.run_many(scope, _RENUMBERED, [(one.into, *row) for one, row in zip(moves, rows, strict=True)])
    for name, key in _MOVED_UNLESS_THERE.items():
        bulk.run_many(scope, _move_unless_there(name, key), [(*row, row[0]) for row in rows])


#: Ways through a run come after those of the same key that the other customer has: all of them hear of what ends them.
_RENUMBERED = """
UPDATE crm_enrolment SET occurrence = occurrence + COALESCE((
    SELECT MAX(there.occurrence) FROM crm_enrolment AS there WHERE there.workspace_id = @ AND there.customer_id = :
    AND there.run_id = crm_enrolment.run_id AND there.key = crm_enrolment.key
), 0), customer_id = : WHERE workspace_id = @ AND customer_id = : AND origin_id = :"""


def _move_unless_there(table: str, key: tuple[str, ...]) -> str:
    same = " AND ".join(f"there.{column} = crm_{table}.{column}" for column in key)
    taken = f"SELECT 1 FROM crm_{table} AS there WHERE there.workspace_id = @ AND there.customer_id = : AND {same}"
    moved = f"UPDATE crm_{table} SET customer_id = : WHERE workspace_id = @ AND customer_id = : AND origin_id = :"
    return f"{moved} AND NOT EXISTS ({taken})"
