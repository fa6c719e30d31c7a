"""Addresses one can send mail to."""

from __future__ import annotations

import re
from functools import lru_cache

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
    local, _, written = address.value.rpartition("@")
    if not _LOCAL.fullmatch(local) or len(local) > MAX_LOCAL or local[0] == "." or local[-1] == "." or ".." in local:
        raise InvalidIdentity(place=address.value, problem="its part before the @ is not valid")
    domain = _domain(written)
    if domain is None or len(local) + 1 + len(domain) > MAX_ADDRESS:
        raise InvalidIdentity(place=address.value, problem="its domain is not valid")
    return Identity(address.kind, f"{local}@{domain}")


@lru_cache(maxsize=1024)
def _domain(written: str) -> str | None:
    """Return a domain in ASCII and lower case; None where it is none."""
    try:
        domain = (written if written.isascii() else written.encode("idna").decode()).lower()
    except UnicodeError:
        return None
    return domain if all(_LABEL.fullmatch(label) for label in domain.split(".")) else None
