"""How two customers agree, field by field. A field that is missing on either side says nothing and is left out."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import product

import attrs

from crmcore.errors import MissingExtra
from crmcore.flow.duplicates import folding
from crmcore.flow.duplicates.profiles import Profile, is_house_number

try:
    from rapidfuzz.distance import OSA
except ModuleNotFoundError as error:
    raise MissingExtra(what="suggesting duplicates", extra="duplicates") from error

SAME, SIMILAR, DIFFERS = "same", "similar", "differs"
ONE_WORD, BEGINS_ALIKE, PARTLY = "same single word", "partly the same, the rest begins alike", "partly the same"
BY_NAME = "both made of the name"
HOUSE, POSTCODE, CITY = "same house", "same postcode", "same city"
#: Letters a word needs for one slip, and for two, to be slips rather than another word.
ONE_SLIP, TWO_SLIPS = 4, 6
#: Letters of a nickname that is the beginning of a name.
SHORT_FORM = 3
#: Where a name is written as one word on one side, how much of it must be the same.
WRITTEN_AS_ONE = 0.88
#: National numbers are this long or shorter; what stands before is the country or a zero.
NATIONAL = 9

Alike = Callable[[str, str], bool]


@attrs.frozen(kw_only=True)
class Agreement:
    """How one field of two customers compares.

    Attributes: `values` that are the same, since common ones say less than rare ones (a city in both spellings); of a name
    also how many words agree but for `slips`, and how many only as `initials`.
    """

    field: str
    level: str
    similarity: float
    values: tuple[str, ...] = ()
    slips: int = 0
    initials: int = 0


def compared(one: Profile, other: Profile) -> list[Agreement]:
    """Return how two customers agree in all that is known of both."""
    found: list[Agreement] = []
    if one.name and other.name:
        found.append(names(one.name, other.name))
    if one.emails and other.emails:
        found.append(_best(_email(*both, (one.name, other.name)) for both in product(one.emails, other.emails)))
    if one.phones and other.phones:
        found.append(_best(_phone(*both) for both in product(one.phones, other.phones)))
    if one.born and other.born:
        found.append(_birth_date(one.born, other.born))
    if (one.postcode and other.postcode) or (one.city and other.city):
        found.append(_address(one, other))
    return found


def _best(found: Iterable[Agreement]) -> Agreement:
    return max(found, key=lambda one: (one.similarity, one.level))


# -- names ------------------------------------------------------------------------------------------------------------


def names(one: Sequence[str], other: Sequence[str]) -> Agreement:
    """Compare the words of two names in whatever order they stand; further words on one side only do not count."""
    fewer, more = sorted((sorted(one), sorted(other)), key=lambda words: (len(words), words))
    is_single = len(fewer) == 1 != len(more)
    same = _taken(fewer, more, str.__eq__)
    slips = len(_taken(fewer, more, _is_slip)) + len(_taken(fewer, more, _is_short_form))
    initials = len(_taken(fewer, more, _is_initial))
    similarity = OSA.normalized_similarity(" ".join(sorted(one)), " ".join(sorted(other)))
    if not fewer:
        level = ONE_WORD if is_single else SIMILAR if slips + initials else SAME
    elif OSA.normalized_similarity("".join(one), "".join(other)) >= WRITTEN_AS_ONE:
        return Agreement(field="name", level=SIMILAR, similarity=similarity, slips=2)
    else:
        begins = _taken(fewer, more, lambda left, right: left[0] == right[0])
        level = DIFFERS if not same and not slips else BEGINS_ALIKE if begins and not fewer else PARTLY
    return Agreement(
        field="name", level=level, similarity=similarity, values=tuple(same), slips=slips, initials=initials
    )


def _taken(fewer: list[str], more: list[str], alike: Alike) -> list[str]:
    """Take the words that have a counterpart out of both lists, and return them."""
    taken: list[str] = []
    for word in tuple(fewer):
        counterpart = next((each for each in more if alike(word, each)), None)
        if counterpart is not None:
            fewer.remove(word)
            more.remove(counterpart)
            taken.append(word)
    return taken


def _is_slip(one: str, other: str) -> bool:
    """A letter is wrong, missing, doubled or exchanged with the next; in a long word, two are."""
    shorter = min(len(one), len(other))
    slips = (shorter >= ONE_SLIP) + (shorter >= TWO_SLIPS)
    return slips > 0 and OSA.distance(one, other, score_cutoff=slips) <= slips


def _is_short_form(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return len(shorter) >= SHORT_FORM and longer.startswith(shorter)


def _is_initial(one: str, other: str) -> bool:
    return min(len(one), len(other)) == 1 and one[0] == other[0]


# -- the other fields ---------------------------------------------------------------------------------------------------


def _email(one: str, other: str, names: Sequence[Collection[str]]) -> Agreement:
    """Compare two addresses; `names` are the words of either name, since an address made of a name says what it says."""
    similarity = OSA.normalized_similarity(one, other)
    if one == other:
        return Agreement(field="email", level=SAME, similarity=similarity, values=(one,))
    (ours, our_domain), (theirs, their_domain) = one.rsplit("@", 1), other.rsplit("@", 1)
    our_name, their_name = map(set, names)
    is_other_name = _is_made_of(ours, our_name - their_name) and _is_made_of(theirs, their_name - our_name)
    is_slip = _is_slip(ours, theirs) and folding.digits(ours) == folding.digits(theirs) and not is_other_name
    if (our_domain == their_domain and is_slip) or (ours == theirs and _is_slip(our_domain, their_domain)):
        level = SIMILAR
    elif _is_made_of(ours, our_name | their_name) and _is_made_of(theirs, our_name | their_name):
        level = BY_NAME
    else:
        level = DIFFERS
    return Agreement(field="email", level=level, similarity=similarity)


def _is_made_of(mailbox: str, names: Iterable[str]) -> bool:
    return any(len(word) > SHORT_FORM and word in mailbox for word in names)


def _phone(one: str, other: str) -> Agreement:
    length = min(len(one), len(other), NATIONAL)
    ours, theirs = one[-length:], other[-length:]
    slips = OSA.distance(ours, theirs, score_cutoff=1)
    level = (SAME, SIMILAR, DIFFERS)[slips]
    similarity = OSA.normalized_similarity(ours, theirs)
    return Agreement(field="phone", level=level, similarity=similarity, values=(ours,) if level == SAME else ())


def _birth_date(one: str, other: str) -> Agreement:
    similarity = OSA.normalized_similarity(one, other)
    if one == other:
        return Agreement(field="birth_date", level=SAME, similarity=1.0, values=(one,))
    is_turned = one == other[:4] + other[6:] + other[4:6]
    is_near = is_turned or OSA.distance(one, other, score_cutoff=1) == 1
    return Agreement(field="birth_date", level=SIMILAR if is_near else DIFFERS, similarity=similarity)


def _address(one: Profile, other: Profile) -> Agreement:
    similarity = OSA.normalized_similarity(_written(one), _written(other))
    if _is_one_house(one, other):
        return Agreement(field="address", level=HOUSE, similarity=similarity)
    if one.postcode and one.postcode == other.postcode:
        return Agreement(field="address", level=POSTCODE, similarity=similarity, values=(one.postcode,))
    if one.city and other.city and (one.city == other.city or _is_slip(one.city, other.city)):
        return Agreement(field="address", level=CITY, similarity=similarity, values=(one.city, other.city))
    return Agreement(field="address", level=DIFFERS, similarity=similarity)


def _is_one_house(one: Profile, other: Profile) -> bool:
    """Tell whether number and street are the same, and place or postcode: streets are called alike everywhere."""
    if not _is_one_place(one.city, other.city) and not _is_one_place(one.postcode, other.postcode):
        return False
    numbers = {word for word in one.street if is_house_number(word)}.intersection(other.street)
    ours, theirs = ([word for word in each.street if not is_house_number(word)] for each in (one, other))
    fewer, more = sorted((ours, theirs), key=len)
    return bool(numbers and _taken(fewer, more, _is_one_word)) and not fewer


def _is_one_place(one: str, other: str) -> bool:
    return bool(one) and (one == other or _is_slip(one, other))


def _is_one_word(one: str, other: str) -> bool:
    """Abbreviations leave letters out: rd for road, avda for avenida."""
    shorter, longer = sorted((one, other), key=len)
    letters = iter(longer)
    return _is_slip(one, other) or (one[0] == other[0] and all(letter in letters for letter in shorter))


def _written(one: Profile) -> str:
    return " ".join((*one.street, one.postcode, one.city))
