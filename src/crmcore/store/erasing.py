"""Taking a person out of every table: most rows go, what counts for a run stays as nobody's, a suppression stays as a hash.

Rows of the ledger that stay get new ids: whoever has the old ones, in a link or a carrier's log, finds nothing by them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Table, delete, func, select, update

from crmcore.model.delivery import State
from crmcore.store import audit, bulk, coupons, holdings, schema, sums, suppressions
from crmcore.store.enrolments import EXITED, RUNNING
from crmcore.store.holdings import HELD, Traces
from crmcore.store.scope import Scope

#: Why the way of a customer ended, and why a delivery is in doubt, that was being handed over when its customer was erased.
ERASED = "erased"
#: No rows of the ledger, of ways or of refusals come in under this origin.
NOBODY = sums.NOBODY
#: Tables whose rows stay in another form.
_LEDGER = (schema.coupon, schema.delivery, schema.enrolment, schema.receipt, schema.refusal)
_CHANGED = frozenset({*_LEDGER, schema.audit, schema.suppression, schema.suppression_log})
Rows = Sequence[Mapping[str, Any]]


def erase(scope: Scope, found: Traces) -> tuple[dict[str, int], list[int]]:
    """Erase; return how many rows of each table that concerned, and the ids of audit rows that are empty now."""
    held = {table: len(holdings.rows(scope, table, found)) for table in HELD}
    emptied = audit.of_subjects(scope, found.subjects)
    audit.empty(scope, emptied)
    if found.person is not None:
        _stop(scope, found.deliveries)
        _keep_sums(scope, found)
        _keep_books(scope, found)
        suppressions.outlive(scope, found.person.ids, found.person.names)
    for table in HELD:
        if table not in _CHANGED:
            _delete(scope, table, found)
    counted = {table.name: count for table, count in held.items() if count}
    return counted, [one.id for one in emptied]


def _delete(scope: Scope, table: Table, found: Traces) -> None:
    for clause in HELD[table](scope, found):
        scope.connection.execute(delete(table).where(holdings.mine(scope, table), clause))


def _stop(scope: Scope, deliveries: Sequence[int]) -> None:
    """Let nothing more go; what is being handed over may have left, nobody will know."""
    row = schema.delivery.c
    its = update(schema.delivery).where(bulk.mine_by_id(scope, schema.delivery), bulk.among(scope, row.id, deliveries))
    waiting = (State.PLANNED.value, State.DEFERRED.value, State.CLAIMED.value)
    ended = {"state": State.CANCELLED.value, "reason": "", "settled_at": scope.now}
    scope.connection.execute(its.where(row.state.in_(waiting)).values(**ended))
    doubtful = {"state": State.IN_DOUBT.value, "reason": ERASED, "settled_at": scope.now}
    scope.connection.execute(its.where(row.state == State.HANDED.value).values(**doubtful))
    coupons.give_back(scope, deliveries)


def _keep_sums(scope: Scope, found: Traces) -> None:
    """Add what the events come to on each day to what is nobody's, without the time of day."""
    row = schema.event_day.c
    each = (row.day, row.name, row.currency)
    added = (func.sum(row.count), func.sum(row.quantity), func.sum(row.amount))
    [clause] = HELD[schema.event_day](scope, found)
    query = select(*each, *added).where(row.workspace_id == scope.workspace_id, clause).group_by(*each)
    sums.add_to_nobody(
        scope,
        [
            (day, name, currency, int(count), int(quantity), int(amount))
            for day, name, currency, count, quantity, amount in scope.connection.execute(query)
        ],
    )


def _keep_books(scope: Scope, found: Traces) -> None:
    """Write the rows of ways, deliveries and receipts anew, as those of somebody who has no name; the old ones go.

    Those that were merged stay as many as they were: what counts once for each of them counts once still.
    """
    ways = holdings.rows(scope, schema.enrolment, found)
    deliveries = holdings.rows(scope, schema.delivery, found)
    receipts = holdings.rows(scope, schema.receipt, found)
    refusals = holdings.rows(scope, schema.refusal, found)
    way_ids, delivery_ids = _new_ids(scope, ways), _new_ids(scope, deliveries)
    customers = sorted({row["customer_id"] for row in (*ways, *deliveries, *refusals)})
    nobody = dict(zip(customers, scope.new_ids(len(customers)), strict=True))
    for table in (schema.receipt, schema.delivery, schema.enrolment, schema.refusal):
        _delete(scope, table, found)
    _insert(
        scope, schema.enrolment, [_way(row, way_ids[row["id"]], nobody[row["customer_id"]], scope.now) for row in ways]
    )
    _insert(
        scope,
        schema.delivery,
        [
            _delivery(row, delivery_ids[row["id"]], nobody[row["customer_id"]], way_ids.get(row["enrolment_id"], 0))
            for row in deliveries
        ],
    )
    numbers = zip(receipts, scope.new_ids(len(receipts)), strict=True)
    _insert(scope, schema.receipt, [_receipt(row, one, delivery_ids[row["delivery_id"]]) for row, one in numbers])
    coupons.carry(scope, sorted(delivery_ids.items()))
    _insert(scope, schema.refusal, [{**row, "customer_id": nobody[row["customer_id"]]} for row in refusals])


def _way(row: Mapping[str, Any], new_id: int, nobody: int, now: int) -> dict[str, Any]:
    gone = {"id": new_id, "customer_id": nobody, "origin_id": NOBODY, "key": str(new_id), "arm": "", "due_at": None}
    ended = {"state": EXITED, "reason": ERASED, "left_at": now} if row["state"] == RUNNING else {}
    return {**row, **gone, **ended}


def _delivery(row: Mapping[str, Any], new_id: int, nobody: int, enrolment_id: int) -> dict[str, Any]:
    """Its address becomes its own id: no address has that, and no other row."""
    own = {"id": new_id, "customer_id": nobody, "origin_id": NOBODY, "enrolment_id": enrolment_id}
    address = {"address_id": new_id if row["address_id"] else 0}
    said = {"reason": _why(row["state"], row["reason"])}
    return {**row, **own, **address, **said, **dict.fromkeys(_SAID)}


#: Whose fault it was that a message failed; what a carrier says after that may name somebody.
_FAULTS = frozenset({"address", "bounce", "complaint", "content", "gone", "opted_out", "policy", "sender"})


def _why(state: str, reason: str) -> str:
    if state == State.SKIPPED.value or reason == ERASED:
        return reason
    fault = reason.partition(":")[0]
    return fault if fault in _FAULTS else ""


#: What was said in a message, and what leads to it elsewhere.
_SAID = ("context", "fields", "claimed_by", "lease_until", "provider_id", "trace")


def _receipt(row: Mapping[str, Any], new_id: int, delivery_id: int) -> dict[str, Any]:
    return {**row, "id": new_id, "delivery_id": delivery_id, "key": str(new_id), "reason": "", "raw": ""}


def _new_ids(scope: Scope, rows: Rows) -> dict[int, int]:
    return {row["id"]: new_id for row, new_id in zip(rows, scope.new_ids(len(rows)), strict=True)}


def _insert(scope: Scope, table: Table, rows: Rows) -> None:
    names = [column.name for column in table.columns if column.name != "workspace_id"]
    bulk.insert(scope, table, names, [tuple(row[name] for name in names) for row in rows])
