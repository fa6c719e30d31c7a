"""What was said of deliveries afterwards; the same receipt twice counts once."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
from sqlalchemy import or_, select

from crmcore.hooks.provider import Feedback
from crmcore.store import bulk, schema
from crmcore.store.scope import Scope

_SENT = ("id", "run_id", "customer_id", "origin_id", "channel", "step", "version")
_COLUMNS = ("id", "delivery_id", "provider", "key", "type", "at", "received_at", "machine", "reason", "raw")


@attrs.frozen(kw_only=True)
class Sent:
    """The delivery a receipt is about; `version` is that of the campaign (its run's where it says none)."""

    id: int
    run_id: int
    customer_id: int
    origin_id: int
    channel: str
    campaign: str
    step: str
    version: int | None


def find(scope: Scope, feedback: Sequence[Feedback], provider: str) -> dict[int | str, Sent]:
    """Return the deliveries that feedback names, by delivery id and by the provider's id."""
    row, run, campaign = schema.delivery.c, schema.run.c, schema.campaign.c
    named = or_(
        row.id.in_([one.delivery_id for one in feedback if one.delivery_id is not None]),
        (row.provider == provider) & row.provider_id.in_([one.provider_id for one in feedback if one.provider_id]),
    )
    query = (
        select(*(row[name] for name in _SENT), campaign.name, row.provider_id)
        .join_from(schema.delivery, schema.run, (run.id == row.run_id) & (run.workspace_id == scope.workspace_id))
        .join(schema.campaign, (campaign.id == run.campaign_id) & (campaign.workspace_id == scope.workspace_id))
        .where(row.workspace_id == scope.workspace_id, named)
    )
    found: dict[int | str, Sent] = {}
    for *known, name, provider_id in scope.connection.execute(query):
        sent = Sent(**dict(zip(_SENT, known, strict=True)), campaign=name)
        found[sent.id] = sent
        if provider_id is not None:
            found[provider_id] = sent
    return found


def by_id(scope: Scope, delivery_id: int) -> Sent | None:
    """Return one delivery; None where there is none."""
    return find(scope, [Feedback(key="", type="accepted", at=0, delivery_id=delivery_id)], "").get(delivery_id)


def keep_new(scope: Scope, receipts: Sequence[tuple[Feedback, Sent]], provider: str) -> list[tuple[Feedback, Sent]]:
    """Write the receipts that are not known yet, and return them."""
    keys = [one.key for one, _ in receipts]
    known = {key for (key,) in bulk.select_in(scope, schema.receipt, ("key",), {"provider": provider}, "key", keys)}
    fresh = {one.key: (one, sent) for one, sent in receipts if one.key not in known}
    rows = [
        (new_id, sent.id, provider, one.key, one.type, one.at, scope.now, one.machine, one.reason, one.raw)
        for new_id, (one, sent) in zip(scope.new_ids(len(fresh)), fresh.values(), strict=True)
    ]
    bulk.insert(scope, schema.receipt, _COLUMNS, rows)
    return list(fresh.values())
