"""Why a message is sent, and what a purpose needs before it may go."""

from __future__ import annotations

from enum import StrEnum


class Purpose(StrEnum):
    """The closed list, shared by consents, campaigns, offers and gates."""

    SERVICE = "service"
    TRANSACTIONAL = "transactional"
    RETENTION = "retention"
    CROSS_SELL = "cross_sell"
    UP_SELL = "up_sell"
    SOLICITATION = "solicitation"
    SURVEY = "survey"
    NEWSLETTER = "newsletter"


#: Purposes that need no consent: the customer's own order or request is the reason.
NO_CONSENT_NEEDED = frozenset({Purpose.SERVICE, Purpose.TRANSACTIONAL})
MARKETING = frozenset(Purpose) - NO_CONSENT_NEEDED


class MessageClass(StrEnum):
    """What happens to a message whose fate is unknown: marketing at most once, transactional at least once."""

    MARKETING = "marketing"
    TRANSACTIONAL = "transactional"


def message_class(purpose: Purpose) -> MessageClass:
    """Return the class of a purpose."""
    return MessageClass.TRANSACTIONAL if purpose in NO_CONSENT_NEEDED else MessageClass.MARKETING
