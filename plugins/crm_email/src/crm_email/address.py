"""Addresses one can send mail to."""

from __future__ import annotations

import re

from crmcore.errors import InvalidIdentity
from crmcore.model.identity import Identity

#: RFC 5321, 4.5.3.1.
MAX_LOCAL, MAX_ADDRESS = 64, 254
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+")
_LABEL = re.compile(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?")


def normal(address: Identity) -> Identity:
    """Return the address with its domain in ASCII and lower case; raise InvalidIdentity.

    Local parts outside ASCII are refused: they reach only servers that offer SMTPUTF8.
    """
    local, _, domain = address.value.rpartition("@")
    ascii_domain = _ascii(domain, address)
    whole = f"{local}@{ascii_domain}"
    if not _LOCAL.fullmatch(local) or len(local) > MAX_LOCAL or local[0] == "." or local[-1] == "." or ".." in local:
        raise InvalidIdentity(place=address.value, problem="its part before the @ is not valid")
    if len(whole) > MAX_ADDRESS or not all(_LABEL.fullmatch(label) for label in ascii_domain.split(".")):
        raise InvalidIdentity(place=address.value, problem="its domain is not valid")
    return Identity(address.kind, whole)


def _ascii(domain: str, address: Identity) -> str:
    if domain.isascii():
        return domain.lower()
    try:
        return domain.encode("idna").decode().lower()
    except UnicodeError as error:
        raise InvalidIdentity(place=address.value, problem="its domain is not valid") from error
