"""What Meta allows a text to be: each rule returns what is wrong with one, or nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Final, NamedTuple

Rule = Callable[[str], str]

TEXT, CAPTION, BODY, LINE, FOOTER = 4096, 1024, 1024, 60, 60
#: The body of an approved template, filled in; alone, without header or buttons, it may be longer.
FILLED, FILLED_ALONE = 1024, 32_768
BUTTON, ROW, DESCRIPTION = 20, 24, 72
BUTTON_ID, ROW_ID, PAYLOAD, SUFFIX, COUPON, LINK, FILE = 256, 200, 256, 2000, 20, 2048, 240

_GAPS = re.compile(r"[\n\r\t]| {4}")
_LINK = re.compile(r"https?://[^\s/]+(/\S*)?")
_AMOUNT = re.compile(r"(?:([A-Z]{3}) ?)?(-?[0-9][0-9,]*(?:\.[0-9]{1,3})?)(?: ?([A-Z]{3}))?")


class Amount(NamedTuple):
    """An amount of money as Meta takes it: its ISO 4217 code, and thousandths."""

    code: str
    amount_1000: int


def prose(most: int) -> Rule:
    """A text of several lines, or none."""
    return lambda text: f"{len(text):,} characters, at most {most:,} fit" if len(text) > most else ""


def line(most: int) -> Rule:
    """A text of one line, or none."""
    return lambda text: prose(most)(text) or ("it must be one line" if not text.isprintable() else "")


def parameter(most: int) -> Rule:
    """A parameter of an approved template."""

    def rule(text: str) -> str:
        if not text:
            return "it is empty, and Meta takes no empty parameter"
        if _GAPS.search(text):
            return "it holds a line break, a tab or four blanks in a row, and Meta takes none of them in a parameter"
        return prose(most)(text)

    return rule


def link(text: str) -> str:
    """A URL that Meta can fetch a file from."""
    return prose(LINK)(text) or ("" if _LINK.fullmatch(text) else "it is no URL that begins with https://")


def coupon(text: str) -> str:
    """A code to copy."""
    if text.isascii() and text.isalnum():
        return prose(COUPON)(text)
    return "a code to copy consists of letters and digits"


def money(text: str) -> str:
    """An amount such as 12.50 EUR."""
    return parameter(FILLED)(text) or ("" if amount(text) else "it is no amount with its currency, such as 12.50 EUR")


def amount(text: str) -> Amount | None:
    """Return the amount that a text such as `12.50 EUR` or `EUR 12.50` says; None where it says none."""
    found = _AMOUNT.fullmatch(text)
    if found is None or (found[1] is None) == (found[3] is None):
        return None
    return Amount(found[1] or found[3], int(Decimal(found[2].replace(",", "")) * 1000))


#: Files, by the part that names one.
MEDIA: Final = ("image", "video", "audio", "document", "sticker")
