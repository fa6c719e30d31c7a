"""What Meta's error codes mean for a message: decided by the code, never by the title, which Meta says will go.

https://developers.facebook.com/documentation/business-messaging/whatsapp/support/error-codes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import attrs

from crmcore.hooks.provider import NeedsOther, Permanent, Result, Retry, Suppress

Fault = Literal["address", "content", "sender", "policy"]


@attrs.frozen
class Again:
    """Not now; after so many seconds."""

    after: float
    scope: Literal["recipient", "sender"] = "sender"


@attrs.frozen
class Never:
    """Whose fault it is."""

    fault: Fault


@attrs.frozen
class Elsewise:
    """What is needed: a template that Meta has approved (no window is open), or that the user wants marketing at all."""

    need: Literal["template", "choice"]


Action = Again | Never | Elsewise

#: One message in six seconds to one user: that one waits, the others go (seconds).
PAIR = 6.0
#: Too fast for the number; too many calls of the app or the account; a fault of Meta's; Meta's maintenance (seconds).
FAST, CALLS, FAILING, CLOSED = 1.0, 60.0, 10.0, 300.0
_PERMISSIONS = range(200, 300)

ACTIONS: dict[int, Action] = {
    # Retry, and slow down.
    1: Again(FAILING),
    2: Again(FAILING),
    4: Again(CALLS),
    80007: Again(CALLS),
    130429: Again(FAST),
    131000: Again(FAILING),
    131016: Again(FAILING),
    131057: Again(CLOSED),
    131056: Again(PAIR, "recipient"),
    # The sender: its token, its account, what it owes, how it is seen.
    **dict.fromkeys((0, 3, 10, 190, *_PERMISSIONS, 368), Never("sender")),
    **dict.fromkeys((33, 131005, 131031, 131037, 131042, 131045, 131048, 131064), Never("sender")),
    **dict.fromkeys((133010, 133016), Never("sender")),
    # The template: how it is filled in, or that it is paused or disabled.
    **dict.fromkeys((132000, 132001, 132005, 132007, 132008, 132012), Never("content")),
    **dict.fromkeys((132015, 132016, 132068, 132069), Never("content")),
    # The message.
    **dict.fromkeys((100, 131008, 131009, 131051, 131052, 131053, 135000), Never("content")),
    131047: Elsewise("template"),
    131050: Elsewise("choice"),
    # The address: soft, since a number may be on WhatsApp tomorrow.
    **dict.fromkeys((131021, 131026, 131030, 131062), Never("address")),
    # This time, or in this country, Meta does not want it.
    **dict.fromkeys((130472, 130497, 131049), Never("policy")),
}


def code_of(error: Mapping[str, Any]) -> int | None:
    """Return the code of an error, a number or digits; None where it has none."""
    code = error.get("code")
    if isinstance(code, str) and code.isascii() and code.isdigit() and len(code) <= len("999999999"):
        return int(code)
    return code if isinstance(code, int) and not isinstance(code, bool) else None


def meaning(delivery_id: int, code: int, action: Action, text: str) -> Result:
    """Return what follows for a delivery from a code."""
    shown = str(code)
    match action:
        case Again(after=after, scope=scope):
            return Retry(delivery_id=delivery_id, after=after, scope=scope, code=shown)
        case Never(fault=fault):
            return Permanent(delivery_id=delivery_id, fault=fault, code=shown, text=text)
        case Elsewise(need="template"):
            return NeedsOther(delivery_id=delivery_id, what="template")
        case Elsewise():
            return Suppress(delivery_id=delivery_id, reason="opted_out", code=shown)
