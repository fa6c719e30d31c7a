"""What tests ask of segments."""

from __future__ import annotations

from crmcore import CRM
from crmcore.store import bulk, schema


def asked(crm: CRM, clause) -> set[str]:
    """Return the keys of whom a condition holds for."""
    return {str(one.key) for one in crm.define_segment("asked", clause).members()}


def upload(crm: CRM, name: str, *customers: int) -> None:
    """Make a segment of these customers."""

    def act(scope):
        columns = ("id", "name", "kind", "definition", "version", "created_at", "updated_at")
        one = scope.new_id()
        bulk.insert(scope, schema.segment, columns, [(one, name, "static", "", 1, scope.now, scope.now)])
        rows = [(one, customer, customer, scope.now) for customer in customers]
        bulk.insert(scope, schema.segment_member, ("segment_id", "customer_id", "origin_id", "since"), rows)

    crm._opened.write(act)
