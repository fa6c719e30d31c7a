"""What the names of events, attributes, tags, segments and the like may look like."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from crmcore.errors import InvalidName

MAX = 100
NAME = re.compile(r"[a-z][a-z0-9_]{0,99}")
RULE = "lower-case letters, digits and _, beginning with a letter, at most 100"


@lru_cache(maxsize=4096)
def checked_name(name: str, kind: str, place: str) -> str:
    """Return `name`, or raise InvalidName."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidName(name=name, kind=kind, place=place, rule=RULE)
    return name


@lru_cache(maxsize=4096)
def slug(text: str) -> str:
    """Return the name nearest to a text: "Größe (cm)" becomes grosse_cm; a name stays, "x" stands where nothing is left."""
    if NAME.fullmatch(text):
        return text
    plain = unicodedata.normalize("NFKD", text.casefold()).encode("ascii", "ignore").decode()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_") or "x"
    return (words if words[0].isalpha() else f"x_{words}")[:MAX]
