"""Claimed deliveries as values, for tests that need no database."""

from __future__ import annotations

from typing import Any

from crmcore.model.identity import Identity
from crmcore.model.purpose import MessageClass, Purpose
from crmcore.store.claims import Claimed


def claimed(delivery_id: int, address: str = "a@example.com", **changes: Any) -> Claimed:
    """Return a service message claimed for the first time."""
    given = {
        "id": delivery_id,
        "run_id": 1,
        "customer_id": delivery_id,
        "origin_id": delivery_id,
        "enrolment_id": delivery_id,
        "channel": "note",
        "address": Identity("email", address),
        "removed": False,
        "purpose": Purpose.SERVICE,
        "message_class": MessageClass.TRANSACTIONAL,
        "held_out": False,
        "template_id": 1,
        "attempt": 1,
        "context": None,
        "handed_at": None,
        "priority": 0,
        "due_at": 0,
        "expires_at": None,
        "fields": None,
        "step": "send",
        "version": None,
        "occurrence": 1,
    }
    return Claimed(**given | changes)
