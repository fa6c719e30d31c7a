"""What each table holds of a person, and how its rows are found: what is given out, and what is erased.

A test of the house walks all tables: each is either here or among those that hold nothing of a person, with the reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import attrs
from sqlalchemy import ColumnElement, Table, or_, select

from crmcore.model.identity import KEY, Identity
from crmcore.model.wire import VERBS
from crmcore.store import audit, bulk, paging, schema, sums, suppressions, timers
from crmcore.store.functions import position
from crmcore.store.persons import Person
from crmcore.store.scope import Scope

Clause = ColumnElement[bool]


@attrs.frozen(kw_only=True)
class Traces:
    """A person with what leads to rows that do not name the customer: ids of deliveries, of runs, days, hashes, ..."""

    person: Person | None
    names: tuple[Identity, ...]
    deliveries: tuple[int, ...] = ()
    runs: tuple[int, ...] = ()
    days: tuple[int, ...] = ()
    hashes: tuple[bytes, ...] = ()
    notices: tuple[int, ...] = ()
    quarantined: tuple[int, ...] = ()

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of the customer, of its origins, and of what was merged into it."""
        return () if self.person is None else self.person.ids

    @property
    def subjects(self) -> list[str]:
        """What the audit log calls what is the person's."""
        about = (map(audit.about_customer, self.ids), map(audit.about_delivery, self.deliveries))
        return list(chain.from_iterable(about))


def traces(scope: Scope, person: Person | None, named: Sequence[Identity]) -> Traces:
    """Return where a person, or whoever is called so without being known, has left something."""
    names = named if person is None else person.names
    quarantined = _quarantined(scope, names)
    if person is None:
        return Traces(person=None, names=tuple(names), quarantined=quarantined)
    found = attrs.evolve(Traces(person=person, names=person.names), quarantined=quarantined)
    mine = _of_customer(schema.delivery)(scope, found)[0]
    deliveries = scope.connection.execute(
        select(schema.delivery.c.id).where(schema.delivery.c.workspace_id == scope.workspace_id, mine)
    )
    return attrs.evolve(
        found,
        deliveries=tuple(sorted(deliveries.scalars())),
        runs=tuple(scope.connection.execute(_runs(scope)).scalars()),
        days=tuple(sums.days(scope, person.ids)),
        hashes=tuple(_hashes(scope, person)),
        notices=_notices(scope, person.ids),
    )


def _runs(scope: Scope) -> Any:
    return select(schema.run.c.id).where(schema.run.c.workspace_id == scope.workspace_id)


def _hashes(scope: Scope, person: Person) -> list[bytes]:
    targets = (*person.names, *map(suppressions.marketing_at, person.names))
    whole = map(suppressions.whole_customer, person.ids)
    return [scope.hash(one) for one in (*targets, *whole)]


Finding = Callable[[Scope, Traces], Sequence[Clause]]


def _of_customer(table: Table) -> Finding:
    """Rows of the customer; where rows follow their origin, also those that have stayed with another."""

    def found(scope: Scope, traces: Traces) -> Sequence[Clause]:
        row = table.c
        if "origin_id" not in row or traces.person is None:
            return [bulk.among(scope, row.customer_id, traces.ids)]
        mine = or_(*(bulk.among(scope, row[name], traces.ids) for name in ("customer_id", "origin_id")))
        return [bulk.among(scope, row.customer_id, traces.person.near) & mine]

    return found


def _by_id(table: Table, *columns: str) -> Finding:
    return lambda scope, traces: [bulk.among(scope, table.c[name], traces.ids) for name in columns]


def _by_delivery(table: Table) -> Finding:
    return lambda scope, traces: [bulk.among(scope, table.c.delivery_id, traces.deliveries)]


def _by_hash(table: Table) -> Finding:
    return lambda _, traces: [table.c.hash.in_(traces.hashes)]


def _of_days(scope: Scope, traces: Traces) -> Sequence[Clause]:
    row = schema.event_day.c
    return [bulk.among(scope, row.day, traces.days) & bulk.among(scope, row.customer_id, traces.ids)]


def _of_timers(scope: Scope, traces: Traces) -> Sequence[Clause]:
    """Those of customers, and those of deliveries, whose ids stand where a customer's would."""
    row = schema.timer.c
    known = row.kind.in_(timers.KINDS) & bulk.among(scope, row.subject_id, traces.runs)
    return [known & bulk.among(scope, row.customer_id, (*traces.ids, *traces.deliveries))]


#: How the rows of each table are found that are about a person.
HELD: Mapping[Table, Finding] = {
    **{
        table: _of_customer(table)
        for table in (
            schema.attribute,
            schema.attribute_log,
            schema.consent,
            schema.consent_state,
            schema.contact_state,
            schema.conversion,
            schema.delivery,
            schema.enrolment,
            schema.event,
            schema.identity,
            schema.impression,
            schema.member,
            schema.membership,
            schema.refusal,
            schema.segment_member,
            schema.standing,
            schema.subscription,
            schema.tag,
            schema.webhook,
        )
    },
    schema.audit: lambda scope, traces: [bulk.among(scope, schema.audit.c.subject, traces.subjects)],
    schema.coupon: _by_delivery(schema.coupon),
    schema.customer: _by_id(schema.customer, "id"),
    schema.event_day: _of_days,
    schema.link: _by_id(schema.link, "low", "high"),
    schema.merge: _by_id(schema.merge, "from_id", "into_id"),
    schema.notice: lambda scope, traces: [bulk.among(scope, schema.notice.c.id, traces.notices)],
    schema.quarantine: lambda scope, traces: [bulk.among(scope, schema.quarantine.c.id, traces.quarantined)],
    schema.receipt: _by_delivery(schema.receipt),
    schema.suppression: _by_hash(schema.suppression),
    schema.suppression_log: _by_hash(schema.suppression_log),
    schema.timer: _of_timers,
}

#: The tables that hold nothing of a person, and why that is so.
EXEMPT: Mapping[Table, str] = {
    schema.account: "a company; who belongs to it is in member",
    schema.account_attribute: "of a company",
    schema.account_attribute_log: "of a company; its origin is the company itself",
    schema.agent: "the host's own users",
    schema.audit_seal: "hashes over ids and macs of the audit log",
    schema.campaign: "said by the host, of nobody",
    schema.campaign_version: "said by the host, of nobody",
    schema.fingerprint: "hashes of whole lines: what was erased does not come back with the same file",
    schema.import_run: "a file, its mapping and counts; refused lines are in quarantine",
    schema.job: "when jobs of modules ran",
    schema.limit: "buckets by salted hash or domain",
    schema.listener: "names of events",
    schema.message_id: "the senders' ids of messages: what was erased does not come back when it is sent again",
    schema.node: "numbers of processes",
    schema.notice_cursor: "how far plugins have been told",
    schema.notice_line: "a number",
    schema.offer: "something that can be recommended",
    schema.offer_log: "something that can be recommended",
    schema.pending: "folded before anything is looked for",
    schema.retention: "how far has been deleted",
    schema.run: "a campaign at work",
    schema.segment: "a condition, said by the host",
    schema.segment_atom: "parts of conditions",
    schema.segment_plan: "how far segments have been looked at",
    schema.source: "names of systems",
    schema.team: "the host's own users",
    schema.team_member: "the host's own users",
    schema.template: "said by the host, to everybody",
    schema.topic: "names of topics",
    schema.workspace: "its name and secret",
}


#: Rows of these are found by their ids.
_BY_ROW = frozenset({schema.customer, schema.notice, schema.quarantine})


def mine(scope: Scope, table: Table) -> Clause:
    """Return that rows are of this workspace, in the words that let a table's rows be found by an index."""
    return bulk.mine_by_id(scope, table) if table in _BY_ROW else table.c.workspace_id == scope.workspace_id


def rows(scope: Scope, table: Table, found: Traces) -> list[dict[str, Any]]:
    """Return the rows of a table that are about a person, without their workspace."""
    columns = [column for column in table.columns if column.name != "workspace_id"]
    seen: dict[tuple[Any, ...], dict[str, Any]] = {}
    for clause in HELD[table](scope, found):
        query = select(*columns).where(mine(scope, table), clause)
        for row in scope.connection.execute(query):
            seen.setdefault(tuple(row), dict(row._mapping))  # noqa: SLF001 - public, for all its sign
    return [seen[key] for key in sorted(seen, key=repr)]


def _notices(scope: Scope, ids: Collection[int]) -> tuple[int, ...]:
    """Return the notices that name a customer: the outbox is short, and an id is too long to stand in one by chance."""
    row = schema.notice.c
    query = select(row.id).where(row.workspace_id == scope.workspace_id)
    named = or_(*(position(row.payload, str(one)) > 0 for one in ids))
    return tuple(scope.connection.execute(query.where(named)).scalars())


def _quarantined(scope: Scope, names: Sequence[Identity]) -> tuple[int, ...]:
    """Return what waits in quarantine, or has waited there, of whoever is called so."""
    called = {(one.kind, one.value) for one in names}
    found: list[int] = []
    for page in paging.pages(scope, schema.quarantine, ("id", "import_id", "place", "payload")):
        cells = _key_cells(scope, {import_id for _, import_id, _, _ in page if import_id is not None})
        found += [
            one
            for one, import_id, place, payload in page
            if _names_one(place, json.loads(payload), called, cells.get(import_id))
        ]
    return tuple(found)


def _key_cells(scope: Scope, imports: Collection[int]) -> dict[int, frozenset[int] | None]:
    """Return in which cells of an import's lines the host's ids of customers stand; None where each may hold one."""
    kept = bulk.select_in(scope, schema.import_run, ("id", "mapping"), {}, "id", sorted(imports))
    return {one: _keyed(**json.loads(mapping)) for one, mapping in kept}


def _keyed(mapping: Mapping[str, Any], header: Sequence[str], **_: object) -> frozenset[int] | None:
    if mapping["escaped"]:  # it is read by its own header
        return None
    columns = mapping["columns"]
    named = {columns["identities"].get(KEY, ""), columns["customer"] if mapping["identity"] == KEY else ""} - {""}
    return frozenset(at for at, name in enumerate(header) if name in named)


def _names_one(
    place: str, payload: Any, called: Collection[tuple[str, str]], key_cells: Collection[int] | None
) -> bool:
    """Tell whether a statement names one of these identities, or a cell of a line is the value of one.

    A key is often a number as others are: it counts in the cells where keys stand.
    """
    telling = {value for kind, value in called if kind != KEY}
    if place in VERBS:
        return any(pair in called or pair[1] in telling for pair in _pairs(payload))
    keys = {value for kind, value in called if kind == KEY}
    return any(
        not _forms(cell).isdisjoint(telling | keys if key_cells is None or at in key_cells else telling)
        for at, cell in enumerate(payload)
    )


def _forms(cell: str) -> set[str]:
    return {cell, cell.strip().lower(), cell.translate(_FILLERS)}


#: What people write into phone numbers.
_FILLERS = str.maketrans("", "", " -().")


def _pairs(value: Any) -> Iterator[tuple[str, str]]:
    """Yield all texts of a statement, each with the text before it in a list of two."""
    match value:
        case str():
            yield "", value
        case [str(kind), str(text)]:
            yield kind, text
        case list():
            yield from chain.from_iterable(map(_pairs, value))
        case Mapping():
            yield from chain.from_iterable(map(_pairs, value.values()))
