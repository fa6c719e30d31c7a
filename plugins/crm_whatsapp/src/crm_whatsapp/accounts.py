"""What Meta says of templates and of the account: a template that may not be sent is a change, the rest is for the operator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from crm_whatsapp.reading import Fields, digest, moment, word
from crmcore.hooks.provider import TemplateChange

_SENT: Final = frozenset({"APPROVED", "REINSTATED", "UNARCHIVED"})
_NOT_SENT: Final = frozenset(
    {"PAUSED", "DISABLED", "REJECTED", "PENDING", "IN_APPEAL", "ARCHIVED", "PENDING_DELETION", "DELETED"}
)
#: In words: a score, or a category, says nothing of whether the template may be sent, and must not let it go again.
_WORDS: Final = {
    "message_template_quality_update": ("previous_quality_score", "new_quality_score"),
    "template_category_update": ("previous_category", "new_category", "correct_category"),
    "message_template_components_update": ("message_template_title",),
}
_SHOWN: Final = 300


def template_status(field: str, value: Fields, sent: object, now: int) -> Iterator[TemplateChange | str]:
    """Yield whether an approved template may be sent from now on."""
    name, locale, event = _named(value), word(value.get("message_template_language")), word(value.get("event"))
    if not name or event not in _SENT | _NOT_SENT:
        yield from notice(field, value, sent, now)
        return
    reason = word(value.get("reason"))
    yield TemplateChange(
        key=digest(field, sent, name, locale, event, reason),
        at=moment(sent, now),
        name=name,
        locale=locale,
        may_be_sent=event in _SENT,
        reason=event if reason in ("", "NONE") else f"{event}: {reason}",
    )


def template_notice(field: str, value: Fields, sent: object, now: int) -> Iterator[str]:  # noqa: ARG001 - as above
    """Yield what the operator should know of a template."""
    if name := _named(value):
        said = _listed(value, _WORDS[field])
        yield f"WhatsApp: {field} of {name} ({word(value.get('message_template_language'))}): {said}"[:_SHOWN]


def notice(field: str, value: Fields, sent: object, now: int) -> Iterator[str]:  # noqa: ARG001 - as above
    """Yield what the operator should know of the account: what happened, with its plain fields."""
    said = _listed(value, sorted(value))
    yield f"WhatsApp: {field}{f': {said}' if said else ''}"[:_SHOWN]


def _named(value: Fields) -> str:
    return word(value.get("message_template_name"))


def _listed(value: Fields, names: tuple[str, ...] | list[str]) -> str:
    """Return fields and their values; what lies within lists and tables by its plain fields too."""
    return ", ".join(f"{word(name)} {said}" for name in names if (said := _plain(value.get(name))))


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{word(name)} {said}" for name, one in sorted(value.items()) if (said := word(one)))
    if isinstance(value, list):
        return " ".join(said for one in value if (said := _plain(one) if isinstance(one, dict) else word(one)))
    return word(value)


READERS: Final[dict[str, Callable[[str, Fields, object, int], Iterator[TemplateChange | str]]]] = {
    "message_template_status_update": template_status,
    **dict.fromkeys(_WORDS, template_notice),
    **dict.fromkeys(
        (
            "account_alerts",
            "account_review_update",
            "account_update",
            "business_capability_update",
            "business_status_update",
            "phone_number_name_update",
            "phone_number_quality_update",
            "security",
        ),
        notice,
    ),
}
