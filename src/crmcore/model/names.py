"""What the names of events, attributes, tags, segments and the like may look like."""

from __future__ import annotations

import re
from functools import lru_cache

from crmcore.errors import InvalidName

NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
RULE = "lower-case letters, digits and _, beginning with a letter, at most 100"


@lru_cache(maxsize=4096)
def checked_name(name: str, kind: str, place: str) -> str:
    """Return `name`, or raise InvalidName."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidName(name=name, kind=kind, place=place, rule=RULE)
    return name
