"""Identities: the (kind, value) pairs that lead to a customer. An address is an identity one can send to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import attrs

from crmcore.errors import InvalidIdentity
from crmcore.model.names import checked_name
from crmcore.model.values import checked_text

#: The kind of the host's own id of a customer.
KEY = "key"
#: Bytes in UTF-8: subscriptions of browsers are long, and an index of PostgreSQL takes little more.
MAX_VALUE = 2048


@attrs.frozen(order=True, cache_hash=True)
class Identity:
    """One way to a customer; attributes: `kind` (key, email, phone, anonymous, device, ...), `value` in normal form."""

    kind: str
    value: str


#: Characters of an address that are shown at either end, and up to how many it is shown whole.
_END, _SHORT = 4, 8

Who = str | Identity | Mapping[str, str] | Sequence[Identity]


def identity(kind: str, value: object, place: str = "identity") -> Identity:
    """Return the identity in its normal form; raise InvalidIdentity naming what is wrong with it."""
    checked_name(kind, "identity", place)
    if not isinstance(value, str):
        raise InvalidIdentity(place=f"{place}.{kind}", problem=f"{value!r} is no text")
    normal = _NORMAL_FORMS.get(kind, str.strip)(checked_text(value, place))
    size = len(normal.encode())
    if not 1 <= size <= MAX_VALUE:
        raise InvalidIdentity(place=f"{place}.{kind}", problem=f"it has {size:,} bytes, 1 to {MAX_VALUE:,} fit")
    if not normal.isprintable():
        raise InvalidIdentity(place=f"{place}.{kind}", problem=f"{value!r} holds a line break or control character")
    if kind == "email" and not _is_email(normal):
        raise InvalidIdentity(place=f"{place}.{kind}", problem=f"{value!r} has not the form name@domain")
    return Identity(kind, normal)


def identities(who: Who, place: str = "customer") -> tuple[Identity, ...]:
    """Return the identities a caller names a customer by: a text is the host's key, a mapping is kind to value."""
    match who:
        case str():
            found: tuple[Identity, ...] = _by_key(who)
        case Identity():
            found = (who,)
        case tuple() if all(isinstance(one, Identity) for one in who):
            found = who
        case Mapping():
            found = tuple(identity(kind, value, place) for kind, value in who.items())
        case Sequence() if all(isinstance(one, Identity) for one in who):
            found = tuple(one for one in who if isinstance(one, Identity))
        case _:
            raise InvalidIdentity(
                place=place, problem=f"{who!r} is neither text, Identity nor mapping of kind to value"
            )
    if not found:
        raise InvalidIdentity(place=place, problem="no identity is given")
    return found


@lru_cache(maxsize=65_536)
def _by_key(key: str) -> tuple[Identity, ...]:
    return (identity(KEY, key, "customer"),)


def hint(value: str) -> str:
    """Return so little of an address that a customer's are told apart, and nobody can send to it: of a URL the host."""
    first = value.partition(" ")[0].removeprefix("https://")
    host, is_url, _ = first.partition("/")
    return first if len(first) <= _SHORT else f"{host if is_url else first[:_END]}…{first[-_END:]}"


def _email(value: str) -> str:
    return value.strip().lower()


def _phone(value: str) -> str:
    return value.strip().translate(_PHONE_FILLERS)


def _is_email(value: str) -> bool:
    name, at, domain = value.rpartition("@")
    return bool(at and name and domain) and not any(letter.isspace() or letter in "<>,;" for letter in value)


_PHONE_FILLERS = str.maketrans("", "", " -().")
_NORMAL_FORMS = {"email": _email, "phone": _phone}
