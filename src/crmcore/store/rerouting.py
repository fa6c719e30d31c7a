"""A delivery on another channel: in the place of one that may not go, or after one of which nothing has come."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from crmcore.store import bulk, coupons
from crmcore.store.scope import Scope

#: What the new row takes over from the old one.
_KEPT = (
    "run_id, step, customer_id, origin_id, occurrence, enrolment_id, purpose, message_class, held_out, arm, priority, "
    "trace, fields, version"
)
_REROUTE = f"""INSERT INTO crm_delivery
(workspace_id, id, channel, address_id, template_id, planned_at, due_at, expires_at, state, reason, attempt, {_KEPT})
SELECT workspace_id, :, :, :, :, :, :, COALESCE(:, expires_at), 'planned', '', 0, {_KEPT} FROM crm_delivery WHERE workspace_id = @ AND id = :
ON CONFLICT DO NOTHING"""


@attrs.frozen(kw_only=True)
class Other:
    """Where the message of a delivery goes instead."""

    delivery_id: int
    channel: str
    address_id: int
    template_id: int


def plan(scope: Scope, others: Sequence[Other]) -> None:
    """Plan deliveries in the place of others, due at once; one that is there already stays as it is."""
    coupons.carry(scope, _plan(scope, others, None))


def follow(scope: Scope, others: Sequence[Other], expires_at: int) -> None:
    """Plan deliveries that follow others, with a time of their own to wait; a code stays with the first, which has it too."""
    _plan(scope, others, expires_at)


def _plan(scope: Scope, others: Sequence[Other], expires_at: int | None) -> list[tuple[int, int]]:
    """Return each delivery with the new one that was planned for it."""
    rows = [
        (new_id, one.channel, one.address_id, one.template_id, scope.now, scope.now, expires_at, one.delivery_id)
        for new_id, one in zip(scope.new_ids(len(others)), others, strict=True)
    ]
    bulk.run_many(scope, _REROUTE, rows)
    return [(old, new) for new, *_, old in rows]
