"""What is read of a webhook: JSON in which any field may be missing, or of another type than it was."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

Fields = Mapping[str, Any]

SECOND: Final = 1_000_000
#: Longer than any text of a message may be.
MAX_TEXT: Final = 65_536
MAX_KEY: Final = 512
#: Milliseconds would be later than the year 5000.
_LATEST: Final = 10**11


def fields(value: object) -> Fields:
    """Return an object of JSON; an empty one where there is none."""
    return value if isinstance(value, dict) else {}


def objects(value: object) -> Iterator[Fields]:
    """Yield the objects of a list; none where it is none."""
    if isinstance(value, list):
        yield from (one for one in value if isinstance(one, dict))


def text(value: object) -> str:
    """Return a text as it can be kept: without NUL and half characters; numbers are texts too."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < _LATEST**2:
        return str(value)
    if not isinstance(value, str):
        return ""
    return value[:MAX_TEXT].replace("\0", "").encode("utf-8", "replace").decode()


def word(value: object) -> str:
    """Return an id or a name: printable, and short enough for a key; nothing where it is not."""
    found = text(value)
    return found if found.isprintable() and len(found) <= MAX_KEY else ""


def moment(value: object, now: int) -> int:
    """Return a time of Meta's, seconds since 1970 as a number or a text, in microseconds; `now` where it makes no sense.

    Nothing has happened later than now: clocks differ a little.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= len(str(_LATEST)):
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < _LATEST:
        return now
    return min(value * SECOND, now)


def digest(*values: object) -> str:
    """Return a key for what has no id of its own: the same for the same values."""
    plain = json.dumps(values, sort_keys=True, default=str)
    return hashlib.blake2b(plain.encode(), digest_size=16, person=b"whatsapp").hexdigest()
