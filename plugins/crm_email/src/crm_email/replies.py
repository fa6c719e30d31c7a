"""What a server's reply means for a message: by reply code, and by enhanced status where there is one (RFC 5321, 3463)."""

from __future__ import annotations

import re

from crmcore.hooks.provider import Permanent, Result, Retry, Suppress

#: The address does not exist, or takes no mail at all (RFC 3463; 5.1.10: RFC 7505).
DEAD_ADDRESS = frozenset({"5.1.1", "5.1.2", "5.1.6", "5.1.10", "5.2.1"})
MAILBOX_FULL = "5.2.2"
POLICY = "5.7."
CLOSING = 421
#: Refusals begin here, and those that stay.
FAILURE, FOR_EVER = 400, 500
_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
#: Seconds until the next try: greylisting lets a second one pass after five minutes, a full mailbox takes longer.
SOON, LATER = 300.0, 3600.0


def meaning(delivery_id: int, code: int, text: bytes, stage: str) -> Result:
    """Return what follows from a refusal; `stage` is mail, rcpt, data or dot."""
    said = text.decode("utf-8", "replace")
    found = _STATUS.search(said)
    status = found[1] if found else ""
    shown = f"{code} {status}".strip()
    if code == CLOSING or status.startswith("4.7."):
        return Retry(delivery_id=delivery_id, after=SOON, scope="destination", code=shown)
    if code < FOR_EVER:
        return Retry(delivery_id=delivery_id, after=SOON, code=shown)
    if status == MAILBOX_FULL:
        return Retry(delivery_id=delivery_id, after=LATER, code=shown)
    if status in DEAD_ADDRESS or (not status and code == 550 and stage == "rcpt"):  # noqa: PLR2004 - no such mailbox
        return Suppress(delivery_id=delivery_id, reason="bounce", code=shown)
    if status.startswith(POLICY):
        return Permanent(delivery_id=delivery_id, fault="policy", code=shown, text=said)
    fault = {"mail": "sender", "rcpt": "address"}.get(stage, "content")
    return Permanent(delivery_id=delivery_id, fault=fault, code=shown, text=said)  # type: ignore[arg-type]  # one of the faults
