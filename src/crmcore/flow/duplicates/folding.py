"""Text in the form it is compared in: without case, accents, punctuation, and what only some write."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

#: Letters that carry a stroke or are two in one, which Unicode does not take apart.
_APART = str.maketrans({"ł": "l", "ø": "o", "đ": "d", "ħ": "h", "æ": "ae", "œ": "oe", "þ": "th", "ð": "d"})
_WORD = re.compile(r"[^\W_]+")
_APOSTROPHES = re.compile("['`\N{RIGHT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}\N{ACUTE ACCENT}]")
#: Müller is written Mueller where there is no ü; both are compared as Muller.
_UMLAUTS = re.compile(r"([aou])e")
_TITLES = frozenset({"mr", "mrs", "ms", "miss", "dr", "prof", "herr", "frau", "sr", "sra", "bapak", "ibu"})
#: Soundex (Russell, 1918) without its rule that the first letter stays: a slip in the first letter is a slip too.
_SOUNDS = {
    letter: digit for digit, letters in enumerate(("bfpv", "cgjkqsxz", "dt", "l", "mn", "r"), 1) for letter in letters
}
SOUND = 4
#: Mailboxes of an office rather than of a person: RFC 2142, and what is written as often.
_ROLES = frozenset(
    {
        "info",
        "marketing",
        "sales",
        "support",
        "abuse",
        "noc",
        "security",
        "postmaster",
        "hostmaster",
        "webmaster",
        "www",
    }
    | {"admin", "contact", "hello", "help", "kontakt", "mail", "news", "noreply", "office", "orders", "service", "shop"}
)


@lru_cache(maxsize=16_384)
def folded(text: str) -> str:
    """Return a text without case and accents."""
    if text.isascii():
        return text.lower()
    # Taken apart before as well: a letter of mathematics has no small form, the letter it stands for has.
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(letter for letter in apart if not unicodedata.combining(letter)).translate(_APART)


@lru_cache(maxsize=16_384)
def words(text: str) -> tuple[str, ...]:
    """Return the words of a text, folded; O'Brien is one word."""
    return tuple(_WORD.findall(_APOSTROPHES.sub("", folded(text))))


@lru_cache(maxsize=16_384)
def name_words(text: str) -> tuple[str, ...]:
    """Return the words of a name without titles; all of them where nothing else is left."""
    found = tuple(_UMLAUTS.sub(r"\1", word) for word in words(text))
    return tuple(word for word in found if word not in _TITLES) or found


@lru_cache(maxsize=16_384)
def sound(word: str) -> str:
    """Return how a word in Latin letters sounds, as digits; the beginning of a word in another script."""
    if not word.isascii():
        return word[:2]
    code, before = "", 0
    for letter in word:
        digit = _SOUNDS.get(letter, 0)
        if digit and digit != before:
            code += str(digit)
        if letter not in "hw":
            before = digit
    return code[:SOUND] or word[:1]


def email(text: str) -> str:
    """Return a person's e-mail address as it is delivered by, without case and +tag; nothing where it is an office's."""
    name, _, domain = text.strip().lower().rpartition("@")
    mailbox = name.partition("+")[0]
    is_personal = mailbox.isprintable() and mailbox.replace("-", "") not in _ROLES
    return f"{mailbox}@{domain}" if mailbox and is_personal and domain.isprintable() else ""


def digits(text: str) -> str:
    """Return the digits of a text, in whatever script they are written."""
    return "".join(str(int(letter)) for letter in text if letter.isdecimal())
