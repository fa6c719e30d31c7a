"""The coupon source `checked`: codes that can be read out on the phone, and of which a slip of the pen is none.

Twelve signs of 23: no sign looks like another (0 O, 1 I L, 2 Z, 5 S, 8 B, U V are left out). The last one makes the weighted sum
of all a multiple of 23, a prime: any sign misread and any two exchanged is found out.
"""

from __future__ import annotations

import hashlib
from itertools import count as numbers

ALPHABET = "34679ACDEFGHJKMNPQRTWXY"
LENGTH = 12
_VALUES = {sign: value for value, sign in enumerate(ALPHABET)}


class CheckedCodes:
    """Codes with a check sign."""

    name = "checked"
    contract = 1

    def codes(self, count: int, seed: int) -> list[str]:
        """Return codes that differ from one another."""
        found: dict[str, None] = {}
        for number in numbers():
            if len(found) >= count:
                break
            found[with_check(_drawn(seed, number))] = None
        return list(found)


def _drawn(seed: int, number: int) -> str:
    """Return signs that follow from both numbers, and from which nobody finds the seed."""
    drawn = int.from_bytes(hashlib.blake2b(f"{seed}:{number}".encode(), person=b"checked").digest(), "big")
    return "".join(ALPHABET[drawn // len(ALPHABET) ** place % len(ALPHABET)] for place in range(LENGTH - 1))


def with_check(text: str) -> str:
    """Return signs with the one that checks them."""
    return text + ALPHABET[-_weighed(text) * pow(len(text) + 1, -1, len(ALPHABET)) % len(ALPHABET)]


def is_code(text: str) -> bool:
    """Tell whether a text, as a customer may write it, is a code of the source."""
    code = text.upper().replace("-", "").replace(" ", "")
    return len(code) == LENGTH and set(code) <= _VALUES.keys() and _weighed(code) % len(ALPHABET) == 0


def _weighed(text: str) -> int:
    return sum(place * _VALUES[sign] for place, sign in enumerate(text, 1))
