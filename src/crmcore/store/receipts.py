"""What was said of deliveries afterwards; the same receipt twice counts once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import attrs
from sqlalchemy import BigInteger, Select, bindparam, func, select

from crmcore.hooks.provider import Feedback
from crmcore.model.delivery import State
from crmcore.model.receipts import RANKED, Handed, Said
from crmcore.model.time import SECOND
from crmcore.store import bulk, schema
from crmcore.store.deliveries import LEASED
from crmcore.store.scope import Scope

_HANDED = ("attempt", "handed_at", "expires_at")
_ABOUT = ("id", "run_id", "customer_id", "origin_id", "channel", "step", "version")
_SENT = (*_ABOUT, "state", "reason", "due_at", "provider_id")
_COLUMNS = (
    "id",
    "delivery_id",
    "provider",
    "key",
    "type",
    "at",
    "received_at",
    "machine",
    "reason",
    "raw",
    "again_after",
)
#: How PostgreSQL locks deliveries that are about to be told something: of two who would, the second sees what the first said.
_LOCK = "FOR NO KEY UPDATE"


@attrs.frozen
class Sent:
    """The delivery a receipt is about; `version` is that of the campaign (its run's where it says none)."""

    handed: Handed
    campaign: str
    id: int
    run_id: int
    customer_id: int
    origin_id: int
    channel: str
    step: str
    version: int | None
    state: str
    reason: str
    due_at: int
    provider_id: str | None


def find(scope: Scope, feedback: Sequence[Feedback], provider: str) -> dict[int | str, Sent]:
    """Return the deliveries that feedback names, by delivery id and by the provider's id; lock them."""
    named = {one.provider_id for one in feedback if one.provider_id}
    carried = bulk.select_in(scope, schema.delivery, ("id",), {"provider": provider}, "provider_id", sorted(named))
    ids = {one.delivery_id for one in feedback if one.delivery_id is not None} | {one for (one,) in carried}
    found: dict[int | str, Sent] = {}
    for sent in _of_ids(scope, ids, _LOCK):
        found[sent.id] = sent
        if sent.provider_id in named:
            found[str(sent.provider_id)] = sent
    return found


def by_id(scope: Scope, delivery_id: int) -> Sent | None:
    """Return one delivery; None where there is none."""
    return next(iter(_of_ids(scope, [delivery_id], "")), None)


def _of_ids(scope: Scope, ids: Collection[int], lock: str) -> list[Sent]:
    columns = (*_SENT, *_HANDED)
    rows = bulk.select_held(scope, schema.delivery, columns, {}, "id", sorted(ids), lock)
    names = _campaigns(scope, {row.run_id for row in rows})
    return [Sent(Handed(*one[len(_SENT) :]), names[one.run_id], *one[: len(_SENT)]) for one in rows]


def _campaigns(scope: Scope, run_ids: Collection[int]) -> dict[int, str]:
    """Return what the campaigns of runs are called."""
    if not run_ids:
        return {}
    given = {"workspace": scope.workspace_id, "runs": bulk.listed(scope, sorted(run_ids))}
    rows = scope.connection.execute(_names(scope.connection.dialect.name), given)
    return {one: name for one, name in rows}


@cache
def _names(dialect: str) -> Select[Any]:
    run, campaign = schema.run.c, schema.campaign.c
    mine = bindparam("workspace", type_=BigInteger())
    return (
        select(run.id, campaign.name)
        .join_from(schema.run, schema.campaign, campaign.id == run.campaign_id)
        .where(run.workspace_id == mine, campaign.workspace_id == mine, bulk.one_of(dialect, run.id, "runs"))
    )


def keep_new(scope: Scope, receipts: Sequence[tuple[Feedback, Sent]], provider: str) -> list[tuple[Feedback, Sent]]:
    """Write the receipts that are not known yet, and return them."""
    keys = [one.key for one, _ in receipts]
    known = {key for (key,) in bulk.select_in(scope, schema.receipt, ("key",), {"provider": provider}, "key", keys)}
    fresh: dict[str, tuple[Feedback, Sent]] = {}
    for one, sent in receipts:
        if one.key not in known:
            fresh.setdefault(one.key, (one, sent))
    rows = [
        (new_id, sent.id, provider, *_row(one, scope.now))
        for new_id, (one, sent) in zip(scope.new_ids(len(fresh)), fresh.values(), strict=True)
    ]
    bulk.insert(scope, schema.receipt, _COLUMNS, rows)
    return list(fresh.values())


def _row(one: Feedback, now: int) -> tuple[object, ...]:
    return one.key, one.type, one.at, now, one.machine, one.reason, one.raw, again_after(one)


def again_after(one: Feedback) -> int | None:
    """Return after how many microseconds what failed may be sent again, where its carrier says so."""
    return None if one.after is None else round(one.after * SECOND)


def said_of(scope: Scope, deliveries: Collection[int]) -> Mapping[int, list[Said]]:
    """Return what receipts say of where deliveries stand, all there are."""
    columns = ("delivery_id", "type", "at", "key", "reason", "again_after")
    rows = bulk.select_in(scope, schema.receipt, columns, {}, "delivery_id", sorted(deliveries))
    said: dict[int, list[Said]] = {one: [] for one in deliveries}
    for delivery_id, *told in rows:
        if told[0] in RANKED:
            said[delivery_id].append(Said(*told))
    return said


def unanswered_since(scope: Scope, provider: str) -> int | None:
    """Return when the first delivery was handed to a carrier of those that it has not answered yet; None where it has."""
    row = schema.delivery.c
    handed = select(func.min(row.handed_at)).where(
        row.workspace_id == scope.workspace_id, LEASED, row.state == State.HANDED.value, row.provider == provider
    )
    found: int | None = scope.connection.execute(handed).scalar()
    return found


def unknown(feedback: Iterable[Feedback], found: Mapping[int | str, Sent]) -> list[Feedback]:
    """Return feedback on deliveries that are named by the provider's id alone, and are not found."""
    return [one for one in feedback if one.delivery_id is None and one.provider_id and one.provider_id not in found]
