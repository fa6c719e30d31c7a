"""Addresses on WhatsApp: phone numbers, and the ids that Meta gives its users for one business (BSUID)."""

from __future__ import annotations

import re

from crmcore.errors import InvalidIdentity
from crmcore.model.identity import Identity

PHONE, BSUID = "phone", "bsuid"
#: E.164: a country code does not begin with 0, and at most 15 digits are in it all.
_PHONE = re.compile(r"\+?([1-9][0-9]{5,14})")
#: Of one business (US.1349...), or of all that belong to one parent (US.ENT.1181...).
_BSUID = re.compile(r"([A-Za-z]{2})\.((?:ENT\.)?[A-Za-z0-9]{1,128})")
_FILLERS = str.maketrans("", "", " -().")
_FORMS = {
    PHONE: "it is no phone number with its country code, such as +447700900123",
    BSUID: "it is no id of WhatsApp's, such as US.13491208655302741918",
}


def normal(address: Identity) -> Identity:
    """Return a phone number as + and digits, an id with its country in capitals; raise InvalidIdentity."""
    if address.kind not in _FORMS:
        problem = f"WhatsApp reaches no {address.kind}; it reaches {', '.join(sorted(_FORMS))}"
        raise InvalidIdentity(place=address.value, problem=problem)
    made = _normal(address.kind, address.value)
    if made is None:
        raise InvalidIdentity(place=address.value, problem=_FORMS[address.kind])
    return made


def read(value: object) -> Identity | None:
    """Return the address that Meta writes as `value`: digits alone are a phone number; None where it is none."""
    if not isinstance(value, str):
        return None
    return _normal(BSUID if value[:1].isalpha() else PHONE, value)


def _normal(kind: str, value: str) -> Identity | None:
    if kind == PHONE:
        phone = _PHONE.fullmatch(value.translate(_FILLERS))
        return Identity(PHONE, f"+{phone[1]}") if phone else None
    bsuid = _BSUID.fullmatch(value)
    return Identity(BSUID, f"{bsuid[1].upper()}.{bsuid[2]}") if bsuid else None
