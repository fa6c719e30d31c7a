"""What customers say: messages of every kind, what they choose, and addresses of theirs that have changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from crm_whatsapp import address
from crm_whatsapp.contents import content
from crm_whatsapp.reading import Fields, digest, fields, moment, objects, text, word
from crmcore.errors import CRMError
from crmcore.hooks.provider import AddressChange, Choice, Inbound
from crmcore.model.identity import Identity
from crmcore.model.values import Value, normalise

#: No messages: what Meta says of a customer, and a message taken back.
_SYSTEM, _TAKEN_BACK = "system", "revoke"
_CHOICES: Final = {"stop": False, "resume": True, "signup": True}
_MARKETING: Final = "marketing_messages"


def read(value: Fields, now: int) -> Iterator[Inbound | AddressChange | str]:
    """Yield messages, changes of addresses, and errors that concern no message."""
    for message in objects(value.get("messages")):
        if message.get("type") == _SYSTEM:
            yield from _moved(message, now)
        elif message.get("type") != _TAKEN_BACK and "group_id" not in message:
            yield from _message(value, message, now)
    for error in objects(value.get("errors")):
        yield f"WhatsApp: {text(error.get('code'))} {word(error.get('title'))}".strip()


def choices(value: Fields, now: int) -> Iterator[Choice]:
    """Yield who wants marketing messages no more, or again."""
    for one in objects(value.get("user_preferences")):
        wanted = _CHOICES.get(word(one.get("value")))
        found = _addresses(one, value)
        if wanted is None or not found or one.get("category") != _MARKETING:
            continue
        at = moment(one.get("timestamp"), now)
        reason = word(one.get("detail"))
        key = digest("choice", [[each.kind, each.value] for each in found], one.get("timestamp"), wanted)
        yield Choice(key=key, at=at, addresses=found, wanted=wanted, reason=reason)


def _message(value: Fields, message: Fields, now: int) -> Iterator[Inbound]:
    contact = _contact(value, message)
    identities = _known(message.get("from"), message.get("from_user_id"), contact.get("wa_id"), contact.get("user_id"))
    if not identities:
        return
    said = content(message)
    yield Inbound(
        key=word(message.get("id")) or digest("message", message),
        at=moment(message.get("timestamp"), now),
        identities=identities,
        text=said.text,
        kind=said.kind,
        reply_to=said.reply_to or word(fields(message.get("context")).get("id")) or None,
        properties=_values({**_about(value, message, contact), **said.properties}),
    )


def _contact(value: Fields, message: Fields) -> Fields:
    """Return the contact who wrote a message: the one of its number or id, or the only one there is."""
    contacts = list(objects(value.get("contacts")))
    wrote = {one for name in ("from", "from_user_id") if (one := word(message.get(name)))}
    for contact in contacts:
        if wrote & {word(contact.get("wa_id")), word(contact.get("user_id"))}:
            return contact
    return contacts[0] if len(contacts) == 1 and not wrote else {}


def _known(*written: object) -> tuple[Identity, ...]:
    found = [one for each in written if (one := address.read(each)) is not None]
    return tuple(dict.fromkeys(found))


def _addresses(one: Fields, value: Fields) -> tuple[Identity, ...]:
    """Return the addresses of a preference; those of the contact where it names none."""
    own = _known(one.get("wa_id"), one.get("user_id"))
    contact = _contact(value, {"from": one.get("wa_id"), "from_user_id": one.get("user_id")})
    return tuple(dict.fromkeys((*own, *_known(contact.get("wa_id"), contact.get("user_id")))))


def _about(value: Fields, message: Fields, contact: Fields) -> dict[str, Any]:
    """Return who wrote, which number of ours they wrote to, and what brought them: an ad, somebody who passed it on."""
    profile, referral = fields(contact.get("profile")), fields(message.get("referral"))
    context = fields(message.get("context"))
    return {
        "profile_name": text(profile.get("name")),
        "username": text(profile.get("username")),
        "phone_number_id": word(fields(value.get("metadata")).get("phone_number_id")),
        "referral_source": text(referral.get("source_url")),
        "referral_id": text(referral.get("source_id")),
        "referral_click": text(referral.get("ctwa_clid")),
        "forwarded": True if context.get("forwarded") or context.get("frequently_forwarded") else "",
    }


def _values(said: Mapping[str, Any]) -> dict[str, Value]:
    """Return what can be kept as properties; what is empty is left out."""
    made: dict[str, Value] = {}
    for name, value in said.items():
        try:
            normal = normalise(value, name)
        except (CRMError, ArithmeticError):
            continue
        if normal not in ("", None):
            made[name] = normal
    return made


def _moved(message: Fields, now: int) -> Iterator[AddressChange]:
    """Yield the addresses that have become others: a number, and the id that changes along with it."""
    system = fields(message.get("system"))
    phone, bsuid = address.read(system.get("wa_id") or system.get("new_wa_id")), address.read(system.get("user_id"))
    new = tuple(one for one in (phone, bsuid) if one is not None)
    key = word(message.get("id")) or digest("moved", message)
    at = moment(message.get("timestamp"), now)
    olds = _known(system.get("customer") or message.get("from"), system.get("previous_user_id"))
    is_known = word(system.get("type")) in ("user_changed_number", "customer_changed_number", "user_changed_user_id")
    for old in olds if is_known else ():
        heirs = tuple(one for one in new if one != old)
        if any(one.kind == old.kind for one in heirs):
            yield AddressChange(key=f"{key}:{old.kind}", at=at, old=old, new=heirs)
