r"""Cells that no spreadsheet takes for a formula: how they are written, and read back without loss.

What begins like a formula gets an apostrophe in front (OWASP, CSV injection), a number excepted; control characters are
written as \xNN. An empty text is a lone apostrophe, since an empty cell says nothing.
"""

from __future__ import annotations

import re

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_NUMBER = re.compile(r"[+-]?\d+(\.\d+)?")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\r\x0e-\x1f\x7f-\x9f\\]")
_ESCAPE = re.compile(r"\\(\\|x[0-9a-f]{2})")


def escaped(text: str) -> str:
    """Return a text as the cell that stands for it."""
    if text[:1].isalnum() and text.isprintable() and "\\" not in text:
        return text
    safe = _CONTROL.sub(lambda found: _written(found[0]), text)
    is_risky = safe.startswith(_FORMULA) and not _NUMBER.fullmatch(safe)
    return f"'{safe}" if is_risky or not safe else safe


def unescaped(cell: str) -> str:
    """Return the text that a cell stands for."""
    return _ESCAPE.sub(lambda found: _read(found[1]), cell.removeprefix("'"))


def _written(sign: str) -> str:
    return "\\\\" if sign == "\\" else f"\\x{ord(sign):02x}"


def _read(code: str) -> str:
    return "\\" if code == "\\" else chr(int(code[1:], 16))
