"""Text and numbers from outside that nobody can be asked to send otherwise: made such as every store can keep them."""

from __future__ import annotations

from crmcore.model.event import FUTURE

#: What stands for a character that no store keeps.
REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
INT64 = 2**63


def kept(text: str, most: int = 100_000) -> str:
    """Return a text without NULs and lone surrogates, each replaced by U+FFFD, and at most so many characters of it."""
    if text.isascii() and len(text) <= most and "\0" not in text:
        return text
    whole = text[:most].encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return whole.replace("\0", REPLACEMENT)


def time_of(at: int, now: int) -> int:
    """Return a time a carrier gives, or `now` where it cannot be one (microseconds UTC)."""
    return at if 0 <= at <= now + FUTURE else now


def row_id(given: int | None) -> int | None:
    """Return what may be the id of a row, or None."""
    return given if given is not None and 0 < given < INT64 else None
