"""A text as tokens, read one after another."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import attrs

from crmcore.model.wording.refusing import refused, shortened
from crmcore.model.wording.words import ESCAPES

Kind = Literal["word", "text", "number", "span", "time", "sign", "end"]
_SPACE = re.compile(r"\s+")
_TOKEN = re.compile(
    r"""(?P<word>[^\W0-9]\w*)
    |(?P<text>"[^"\\\n]*(?:\\.[^"\\\n]*)*"|'[^'\\\n]*(?:\\.[^'\\\n]*)*')
    |(?P<time>[0-9]+-[0-9]+-[0-9]+(?:[Tt][0-9:.]*(?:[Zz]|[+-][0-9:]+)?)?)
    |(?P<span>-?[0-9]+(?:us|ms|[smhdw])(?!\w))
    |(?P<number>-?[0-9]+(?:\.[0-9]+)?)
    |(?P<sign><=|>=|!=|<>|==|[=<>(),.%\[\]{}])""",
    re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(?:u\{([0-9A-Fa-f]{1,6})\}|(.))", re.DOTALL)
#: As word processors put them: double, single, low and angled.
_QUOTES = "\u201c\u201d\u201e\u2018\u2019\u00ab\u00bb"


@attrs.frozen
class Token:
    """A piece of a text: its kind, itself as it stands, and where it begins."""

    kind: Kind
    raw: str
    offset: int

    def __str__(self) -> str:
        """Return the token as messages name it."""
        return "the end" if self.kind == "end" else f"`{shortened(self.raw)}`"


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a text, the last of kind `end`; raise InvalidCondition where none can be made out."""
    offset = 0
    while True:
        if space := _SPACE.match(text, offset):
            offset = space.end()
        if offset == len(text):
            yield Token("end", "", offset)
            return
        found = _TOKEN.match(text, offset)
        if found is None:
            raise refused(text, offset, _strange(text[offset]))
        yield Token(found.lastgroup, found[0], offset)  # type: ignore[arg-type]  # a group of the pattern
        offset = found.end()


def unquoted(text: str, token: Token) -> str:
    """Return what a quoted text says; raise InvalidCondition for an escape that means nothing."""

    def sign(found: re.Match[str]) -> str:
        if found[1] is not None and int(found[1], 16) <= 0x10FFFF:  # noqa: PLR2004 - the last character there is
            return chr(int(found[1], 16))
        if found[2] in ESCAPES:
            return ESCAPES[found[2]]
        problem = f"`{shortened(found[0])}` means nothing; there are {_KNOWN}, and \\u{{e9}} for a character by number"
        raise refused(text, token.offset + 1 + found.start(), problem)

    return _ESCAPED.sub(sign, token.raw[1:-1])


_KNOWN = " ".join(f"\\{sign}" for sign in ESCAPES)


def quoted(words: str) -> str:
    """Return a text in quotes, on one line, that `unquoted` gives back."""
    return '"' + "".join(map(_escaped, words)) + '"'


def _escaped(sign: str) -> str:
    if sign in '"\\':
        return f"\\{sign}"
    if sign.isprintable():
        return sign
    return _BREAKS.get(sign) or f"\\u{{{ord(sign):x}}}"


_BREAKS = {"\n": r"\n", "\t": r"\t", "\r": r"\r"}


def _strange(sign: str) -> str:
    if sign in "\"'":
        return f"the text that begins here has no closing {sign} on its line; write \\n for a new line"
    if sign in _QUOTES:
        return f'{sign} is a typographic quote; write straight ones, as in "Bandung"'
    return f"{sign!r} has no meaning here"
