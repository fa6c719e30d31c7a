"""How fingers slip on a keyboard: for tools/make_people.py."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from random import Random

LETTERS = "abcdefghijklmnopqrstuvwxyz"
ROWS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "йцукенгшщзхъ", "фывапролджэ", "ячсмитьбю")
#: How often a second slip follows.
AGAIN = 0.2


def mistyped(draw: Random, word: str) -> str:
    """Return a word with one letter wrong, doubled, missing or exchanged with the next; seldom with two such."""
    if len(word) < 2:  # noqa: PLR2004 - nothing to exchange
        return word
    place = draw.randrange(len(word) - 1)
    slips: list[Callable[[], str]] = [
        lambda: word[:place] + word[place + 1 :],
        lambda: word[:place] + word[place] + word[place:],
        lambda: word[:place] + beside(draw, word[place]) + word[place + 1 :],
        lambda: word[:place] + word[place + 1] + word[place] + word[place + 2 :],
    ]
    slipped = draw.choice(slips)()
    return mistyped(draw, slipped) if draw.random() < AGAIN else slipped


def beside(draw: Random, letter: str) -> str:
    """Return a letter beside another on the keyboard."""
    for row in ROWS:
        place = row.find(letter.lower())
        if place >= 0:
            near = row[max(place - 1, 0) : place] + row[place + 1 : place + 2]
            return draw.choice(near)
    return draw.choice(LETTERS) if letter.isascii() else letter


def other_digit(draw: Random, digits: str) -> str:
    """Return digits of which one is another."""
    places = [place for place, one in enumerate(digits) if one.isdigit()]
    place = draw.choice(places)
    return digits[:place] + str((int(digits[place]) + draw.randint(1, 9)) % 10) + digits[place + 1 :]


def other_day(draw: Random, born: date) -> str:
    """Return a date of which one digit is another, as long as there is such a date."""
    while True:
        try:
            return date.fromisoformat(other_digit(draw, born.isoformat())).isoformat()
        except ValueError:
            continue
