"""Which customers are compared at all: those that share a key, such as the end of a phone number.

Keys are kept as numbers, 16 bytes each with their customer; a key that too many share brings nobody together, and is said.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, groupby

import attrs

from crmcore.flow.duplicates.folding import sound
from crmcore.flow.duplicates.profiles import Profile, is_house_number

#: What two customers may share, in words; the place of a kind is part of every key of that kind.
KINDS = (
    "e-mail address",
    "phone number",
    "name",
    "sound of the name",
    "sound of the name and year of birth",
    "sound of the name and city",
    "sound of a name and birth date",
    "sound of a name and postcode",
    "a name, initials and city",
    "house and postcode",
)
EMAIL, PHONE, NAME, SOUND, YEAR, CITY, BORN, POSTCODE, INITIALS, HOUSE = range(len(KINDS))
#: The digits of a phone number that are the same, however it is written.
PHONE_END = 7

Key = tuple[int, str]


def keys(one: Profile) -> Iterator[Key]:
    """Yield what a customer may share with others: kind and text."""
    for address in one.emails:
        yield EMAIL, address
    for phone in one.phones:
        yield PHONE, phone[-PHONE_END:]
    yield from _keys_of_the_name(one)
    house = next(filter(is_house_number, one.street), "")
    if house and one.postcode:
        yield HOUSE, f"{house} {one.postcode}"


def _keys_of_the_name(one: Profile) -> Iterator[Key]:
    sounds = sorted({sound(word) for word in one.name if len(word) > 1})
    if len(one.name) > 1:
        yield NAME, " ".join(sorted(one.name))
        whole = " ".join(sounds)
        yield SOUND, whole
        if one.born:
            yield YEAR, f"{whole} {one.born[:4]}"
        if one.city:
            yield CITY, f"{whole} {one.city}"
            yield from (
                (INITIALS, f"{word} {_initials(one.name, word)} {one.city}") for word in one.name if len(word) > 1
            )
    for heard in sounds:
        if one.born:
            yield BORN, f"{heard} {one.born}"
        if one.postcode:
            yield POSTCODE, f"{heard} {one.postcode}"


def _initials(name: Sequence[str], word: str) -> str:
    return "".join(sorted(other[0] for other in name if other != word))


def said(one: Profile, key: Key) -> str:
    """Return what a customer shares by a key, in words: a sound is no word."""
    return " ".join(one.name) if key[0] in (SOUND, YEAR, CITY, BORN, POSTCODE) else key[1]


#: The low bits of a key's number say its kind.
_KIND_BITS = 4


def number(key: Key) -> int:
    """Return the number that stands for a key in this process."""
    return hash(key) >> _KIND_BITS << _KIND_BITS | key[0]


def kind(numbered: int) -> int:
    """Return the kind of a key by its number."""
    return numbered & ((1 << _KIND_BITS) - 1)


@attrs.frozen(kw_only=True)
class Block:
    """The customers that share a key."""

    key: int
    customers: tuple[int, ...]


@attrs.frozen(kw_only=True)
class TooLarge:
    """A key that too many share: how many, and one of them."""

    size: int
    customer: int


@attrs.frozen(kw_only=True)
class Sizes:
    """The keys that too many share, and how many customers the others have in all, each counted with each of its keys."""

    too_large: dict[int, TooLarge]
    shared: int


class Blocks:
    """The keys of all customers. They lie in parts, so that no more than a part is ever sorted at once."""

    _PARTS = 64

    def __init__(self) -> None:
        self._keys = [array("q") for _ in range(self._PARTS)]
        self._customers = [array("q") for _ in range(self._PARTS)]

    def add(self, customer_id: int, numbers: Iterable[int]) -> None:
        """Add a customer's keys."""
        for one in numbers:
            part = (one >> _KIND_BITS) % self._PARTS
            self._keys[part].append(one)
            self._customers[part].append(customer_id)

    def sizes(self, most: int) -> Sizes:
        """Return which keys more than `most` customers share, and how much is left to look at."""
        too_large: dict[int, TooLarge] = {}
        shared = 0
        for numbers, customers in zip(self._keys, self._customers, strict=True):
            sizes = Counter(numbers)
            shared += sum(size for size in sizes.values() if 1 < size <= most)
            too_large |= {
                one: TooLarge(size=sizes[one], customer=customer)
                for one, customer in zip(numbers, customers, strict=True)
                if sizes[one] > most
            }
        return Sizes(too_large=too_large, shared=shared)

    def shared(self, most: int) -> Iterator[Block]:
        """Yield the keys that at least two customers share and at most `most`."""
        for numbers, customers in zip(self._keys, self._customers, strict=True):
            placed = sorted(zip(numbers, customers, strict=True))
            for key, group in groupby(placed, key=lambda one: one[0]):
                members = tuple(customer for _, customer in group)
                if 1 < len(members) <= most:
                    yield Block(key=key, customers=members)


def pairs_of(block: Block, numbers: Mapping[int, frozenset[int]]) -> Iterator[tuple[int, int]]:
    """Yield the pairs of customers in a block, but for those that share a lesser key: there they are a pair already."""
    for one, other in combinations(block.customers, 2):
        if min(numbers[one] & numbers[other]) == block.key:
            yield one, other
