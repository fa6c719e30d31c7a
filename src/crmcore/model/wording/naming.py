"""Names in texts: bare where they can be, else in quotes."""

from __future__ import annotations

from crmcore.model.fields import path_of
from crmcore.model.names import NAME, RULE, slug
from crmcore.model.values import checked_text
from crmcore.model.wording.cursor import Cursor
from crmcore.model.wording.refusing import shortened
from crmcore.model.wording.words import RESERVED

#: For names longer than this, none is proposed.
PROPOSED = 40


def name(cursor: Cursor, kind: str) -> str:
    """Return the name of an attribute, event, tag and the like; raise InvalidCondition where it is none."""
    token = cursor.peek()
    found = word(cursor, f"the name of {_article(kind)}")
    if not NAME.fullmatch(found):
        near = f" (did you mean `{slug(found)}`?)" if 0 < len(found) <= PROPOSED else ""
        raise cursor.refused(token, f"{shortened(found)!r} is no valid {kind} name; use {RULE}{near}")
    return found


def _article(kind: str) -> str:
    return f"an {kind}" if kind[0] in "aeiou" else f"a {kind}"


def field_name(cursor: Cursor) -> str:
    """Return the path of an event's field: names joined by points, any text without quotes and backslashes each."""
    token = cursor.peek()
    names = [word(cursor, "the name of an event's field")]
    while cursor.take("."):
        names.append(_inner(cursor))
    with cursor.placed(token):
        return path_of(names)


def _inner(cursor: Cursor) -> str:
    """After a point any word is a name, the words of the language too."""
    return cursor.next().raw if cursor.peek().kind == "word" else word(cursor, "a name after the point")


def word(cursor: Cursor, expected: str) -> str:
    """Return a name, bare or in quotes."""
    token = cursor.peek()
    if token.kind == "text":
        with cursor.placed(token):
            return checked_text(cursor.quoted(), "the text")
    if token.kind != "word":
        raise cursor.unexpected(expected)
    if is_reserved(token.raw):
        problem = f'expected {expected}, found {token}; to name something so, write "{token.raw}" in quotes'
        raise cursor.refused(token, problem)
    return cursor.next().raw


def is_reserved(bare: str) -> bool:
    """Tell whether a bare word is one of the language, and no name."""
    return bare.lower() in RESERVED


def key(cursor: Cursor) -> str:
    """Return the name of a parameter: any word, or quoted."""
    token = cursor.peek()
    found = cursor.next().raw if token.kind == "word" else word(cursor, "the name of a parameter")
    if found.startswith("$"):
        raise cursor.refused(token, "the name of a parameter does not begin with $")
    return found
