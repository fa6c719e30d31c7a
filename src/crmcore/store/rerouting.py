"""A delivery on another channel in the place of one that may not go on its own; its code, if it has one, goes with it."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from crmcore.store import bulk, coupons
from crmcore.store.scope import Scope

#: What the new row takes over from the old one.
_KEPT = (
    "run_id, step, customer_id, origin_id, occurrence, enrolment_id, purpose, message_class, held_out, arm, priority, "
    "expires_at, trace, fields, version"
)
_REROUTE = f"""INSERT INTO crm_delivery
(workspace_id, id, channel, address_id, template_id, planned_at, due_at, state, reason, attempt, {_KEPT})
SELECT workspace_id, :, :, :, :, :, :, 'planned', '', 0, {_KEPT} FROM crm_delivery WHERE workspace_id = @ AND id = :
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
    rows = [
        (new_id, one.channel, one.address_id, one.template_id, scope.now, scope.now, one.delivery_id)
        for new_id, one in zip(scope.new_ids(len(others)), others, strict=True)
    ]
    bulk.run_many(scope, _REROUTE, rows)
    coupons.carry(scope, [(old, new) for new, *_, old in rows])
