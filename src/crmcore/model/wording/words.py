"""The words and signs of the language, as both the parser and the printer know them."""

from __future__ import annotations

import re

from crmcore.model.condition import Op
from crmcore.model.time import DAY, HOUR, MINUTE, SECOND, UNITS

#: What a condition may begin with; anything else is an attribute's name.
STARTS = (
    "not",
    "all",
    "any",
    "everyone",
    "tag",
    "did",
    "sum",
    "least",
    "greatest",
    "distinct",
    "first",
    "last",
    "account",
    "bucket",
    "in",
    "consents",
    "subscribed",
    "rule",
)
CONSTANTS = {"true": True, "false": False, "null": None}
WINDOW = ("within", "between", "since", "until", "where")
#: These are never bare names: quoted, they are.
RESERVED = frozenset({*STARTS, *CONSTANTS, *WINDOW, "and", "or", "of", "then", "is", "exists", "contains"})
SIGNS = {
    "=": Op.EQ,
    "==": Op.EQ,
    "!=": Op.NE,
    "<>": Op.NE,
    "<": Op.LT,
    "<=": Op.LE,
    ">": Op.GT,
    ">=": Op.GE,
}
#: How each of them is written; of two signs for one, the first.
WRITTEN = {op: sign for sign, op in reversed(SIGNS.items())}
COMPARING = ("in", "contains", "starts", "is", "exists")
#: Longest first, the week aside: 365d says more than 52w and a day.
SPANS = {"d": DAY, "h": HOUR, "m": MINUTE, "s": SECOND, "ms": 1000, "us": 1}
UNITS_BY_NAME = UNITS | SPANS
#: No 64-bit integer has more.
DIGITS = 19
BARE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\"}


def is_bare(name: str) -> bool:
    """Tell whether a name can stand without quotes."""
    return BARE.fullmatch(name) is not None and name.lower() not in RESERVED
