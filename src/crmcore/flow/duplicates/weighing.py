"""How probable it is that two customers are one, by how they agree: Fellegi and Sunter's model of record linkage.

Each agreement is weighed by how often it is found between two records of one person and how often between those of two
strangers (Fellegi and Sunter, "A theory for record linkage", 1969). Where a value agrees, chance is how common that value is
among the customers at hand (Winkler's frequency-based matching, 1989). People of one household are neither: they share
address, surname and phone, and are a third answer, so that what they share does not make them one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from math import log2, prod

import attrs

from crmcore.flow.duplicates import comparing as by
from crmcore.flow.duplicates.comparing import Agreement
from crmcore.flow.duplicates.profiles import Profile
from crmcore.model.duplicates import Reason


@attrs.frozen
class Chances:
    """How often an agreement is found between records of one person, of relatives, of strangers.

    `strangers` is None where it follows from how common the values are that agree.
    """

    one: float
    relatives: float
    strangers: float | None = None


#: Counted on the half "tune" of tests/data/people.csv.xz and rounded: `python benchmarks/duplicates.py --count` shows the
#: counts. What was not found between strangers there in 2,000,000 pairs is set to one in 100,000.
CHANCES = {
    ("name", by.SAME): Chances(0.70, 0.038),
    ("name", by.SIMILAR): Chances(0.17, 0.007),
    ("name", by.ONE_WORD): Chances(0.040, 0.018),
    ("name", by.BEGINS_ALIKE): Chances(0.035, 0.071),
    ("name", by.PARTLY): Chances(0.047, 0.86),
    ("name", by.DIFFERS): Chances(0.0031, 0.0087, 0.98),
    ("email", by.SAME): Chances(0.47, 0.068, 1e-5),
    ("email", by.SIMILAR): Chances(0.031, 0.0068, 1e-5),
    ("email", by.BY_NAME): Chances(0.30, 0.50, 0.47),
    ("email", by.DIFFERS): Chances(0.20, 0.43, 0.53),
    ("phone", by.SAME): Chances(0.80, 0.29, 1e-5),
    ("phone", by.SIMILAR): Chances(0.032, 0.011, 1e-5),
    ("phone", by.DIFFERS): Chances(0.17, 0.70, 1.0),
    ("birth_date", by.SAME): Chances(0.87, 0.026),
    ("birth_date", by.SIMILAR): Chances(0.050, 0.001, 0.0016),
    ("birth_date", by.DIFFERS): Chances(0.080, 0.97, 1.0),
    ("address", by.HOUSE): Chances(0.44, 0.49, 2e-5),
    ("address", by.POSTCODE): Chances(0.19, 0.18),
    ("address", by.CITY): Chances(0.23, 0.25),
    ("address", by.DIFFERS): Chances(0.14, 0.084, 0.97),
}
#: That a word of a stranger's name is like another but for a slip, or begins with another's initial.
SLIP, INITIAL = 0.002, 0.06
#: However rare a value is among the customers, it is not rarer than this among people.
LEAST = {"name": 1e-5, "birth_date": 4e-5, "postcode": 2e-5, "city": 1e-3}
#: Customers added to those at hand, so that a value is not called common for being that of two among ten.
ADDED = 1000
#: How many duplicates and how many relatives a customer has on average, as is assumed before anything is compared.
DUPLICATES, RELATIVES = 0.1, 0.15


class Shares:
    """How common each value is among customers."""

    def __init__(self) -> None:
        self.customers = 0
        self._counts: dict[str, Counter[str]] = {field: Counter() for field in LEAST}

    def add(self, one: Profile) -> None:
        """Count a customer."""
        self.customers += 1
        self._counts["name"].update(set(one.name))
        for field, value in (("birth_date", one.born), ("postcode", one.postcode), ("city", one.city)):
            if value:
                self._counts[field][value] += 1

    def of(self, field: str, value: str) -> float:
        """Return the share of other customers with a value that two have."""
        others = max(self._counts[field][value] - 2, 0)
        return max((others + 1) / (self.customers + ADDED), LEAST[field])


@attrs.frozen
class Weighed:
    """What agreements come to: the probabilities of one person and of one household, and the bits of each agreement."""

    score: float
    household: float
    bits: tuple[tuple[Agreement, float], ...]


def weighed(agreements: Iterable[Agreement], shares: Shares) -> Weighed:
    """Weigh how two customers agree."""
    pairs = max(shares.customers - 1, 1) / 2
    same, related = log2(DUPLICATES / pairs), log2(RELATIVES / pairs)
    told = []
    for one in agreements:
        for_one, for_relatives = _bits(one, shares)
        same, related = same + for_one, related + for_relatives
        told.append((one, for_one))
    return Weighed(_share(same, related), _share(related, same), tuple(told))


def reasons(weight: Weighed) -> tuple[Reason, ...]:
    """Return what was weighed, what says most first."""
    found = [
        Reason(field=one.field, agreement=one.level, similarity=round(one.similarity, 3), bits=round(bits, 1))
        for one, bits in weight.bits
    ]
    return tuple(sorted(found, key=lambda one: -abs(one.bits)))


def _share(odds: float, others: float) -> float:
    """Return the probability of an answer by its odds against strangers and those of the other answer, in bits."""
    most = max(odds, others, 0.0)
    return 2 ** (odds - most) / (2 ** (odds - most) + 2 ** (others - most) + 2**-most)


def _bits(one: Agreement, shares: Shares) -> tuple[float, float]:
    chances = CHANCES[one.field, one.level]
    strangers = log2(_by_chance(one, shares) if chances.strangers is None else chances.strangers)
    return log2(chances.one) - strangers, log2(chances.relatives) - strangers


def _by_chance(one: Agreement, shares: Shares) -> float:
    if one.level == by.CITY:
        return max(shares.of("city", value) for value in one.values)
    field = "postcode" if one.level == by.POSTCODE else one.field
    chance = float(SLIP**one.slips * INITIAL**one.initials)
    return chance * prod(shares.of(field, value) for value in one.values)
