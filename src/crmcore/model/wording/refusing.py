"""What is said of a text that cannot be read: where, what was expected, and the word that was perhaps meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from crmcore.errors import InvalidCondition

#: Of a long line, this many characters on either side of the place are shown.
AROUND = 60
#: How alike two words must be for one to be a slip of the other; `adn` and `and` are two thirds alike.
NEAR = 0.65
#: Of a long word, so many are.
SHOWN = 40


def refused(text: str, offset: int, problem: str) -> InvalidCondition:
    """Return the error about a place of a text, with the line and a caret under the place.

    Its `fields` have `line` and `column`, both from 1.
    """
    start = text.rfind("\n", 0, offset) + 1
    end = text.find("\n", offset)
    line, column = text.count("\n", 0, offset) + 1, offset - start + 1
    excerpt = _excerpt(text[start : len(text) if end < 0 else end], offset - start)
    place = f"line {line}, column {column}"
    return InvalidCondition(place=place, problem=f"\n{excerpt}\n{problem}", line=line, column=column)


def _excerpt(line: str, at: int) -> str:
    left, right = max(0, at - AROUND), at + AROUND
    before, after = "…" if left else "", "…" if right < len(line) else ""
    shown = printable(line[left:right])
    return f"    {before}{shown}{after}\n    {' ' * (at - left + len(before))}^"


def printable(text: str) -> str:
    """Return a text with a space for each character that would speak to the terminal."""
    return "".join(sign if sign.isprintable() else " " for sign in text)


def shortened(word: str) -> str:
    """Return a word as a message shows it."""
    return printable(word if len(word) <= SHOWN else word[: SHOWN - 1] + "…")


def meant(word: str, known: Iterable[str]) -> str:
    """Return a question after the known word nearest to a word, or nothing."""
    near = difflib.get_close_matches(word.lower(), list(known), 1, NEAR) if len(word) <= SHOWN else []
    return f" (did you mean `{near[0]}`?)" if near else ""
