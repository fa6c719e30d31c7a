"""What is to be posted to addresses of the host's."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from crmcore.store import bulk, schema
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Posting:
    """A body (JSON) to be posted for a customer; `url` is an address, or the name of a setting that has it."""

    run_id: int
    step: str
    customer_id: int
    origin_id: int
    enrolment_id: int
    url: str
    body: str


def plan(scope: Scope, postings: Sequence[Posting]) -> None:
    """Write what is to be posted, due at once."""
    rows = [
        (new_id, *attrs.astuple(one), "planned", "", 0, scope.now, scope.now)
        for one, new_id in zip(postings, scope.new_ids(len(postings)), strict=True)
    ]
    named = [field.name for field in attrs.fields(Posting)]
    bulk.insert(scope, schema.webhook, ("id", *named, "state", "reason", "attempt", "planned_at", "due_at"), rows)
