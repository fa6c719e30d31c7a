"""What a treatment changed: the difference between those it was meant for and those held out, as they were assigned.

Everybody counts in the arm they were assigned to, whatever came of it (intention to treat). Proportions have Newcombe's
interval, means have Welch's. Where the numbers are too small for an interval to be what it says, there is none, but a
reason. `benchmarks/lift.py` measures how often the 95 % intervals hold: 93 to 97 % in experiments that mostly get one.
Where most are too small, the few that get one are a selection, and theirs may hold a little less or more often.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Self

import attrs

#: So many customers have to be in each arm.
ENOUGH_CUSTOMERS = 30
#: So many who converted, and as many who did not, have to be seen in both arms together.
ENOUGH_OF_BOTH = 30
#: So many customers with another amount than most have to be seen in both arms together.
ENOUGH_AMOUNTS = 60
#: How skew the distribution of a difference of means may be (0 is the normal distribution).
MOST_SKEW = 0.2
#: So many customers have to be expected in each arm for their ratio to be judged.
ENOUGH_EXPECTED = 10
#: Below this probability a ratio of arms is no accident.
ALARM = 0.001

NEWCOMBE = "Newcombe hybrid score"
WELCH = "Welch t"


@attrs.frozen(kw_only=True)
class Arm:
    """Customers treated alike: how many, how many of them converted, and of how many the horizon is over."""

    customers: int
    converted: int
    complete: int = 0

    @property
    def mean(self) -> float:
        """The share that converted; 0 of nobody."""
        return self.converted / self.customers if self.customers else 0.0

    @property
    def variance_of_mean(self) -> float:
        """The square of the standard error of the share."""
        return self.mean * (1 - self.mean) / self.customers


@attrs.frozen(kw_only=True)
class Amounts:
    """What an arm's customers spent, as sums over all of them: of amounts, their squares and cubes; exact.

    `apart` of the `customers` have another amount than the commonest, which as a rule is 0.
    """

    customers: int
    apart: int
    total: int
    squares: int
    cubes: int

    @classmethod
    def of(cls, customers: int, counts: Mapping[int, int]) -> Self:
        """Return the sums, given how many customers spent each amount (minor units); all others spent 0."""
        nothing = customers - sum(count for amount, count in counts.items() if amount)
        return cls(
            customers=customers,
            apart=customers - max([nothing, *(count for amount, count in counts.items() if amount)]),
            total=sum(amount * count for amount, count in counts.items()),
            squares=sum(amount**2 * count for amount, count in counts.items()),
            cubes=sum(amount**3 * count for amount, count in counts.items()),
        )

    def __add__(self, other: Amounts) -> Amounts:
        return Amounts(
            **{one.name: getattr(self, one.name) + getattr(other, one.name) for one in attrs.fields(Amounts)}
        )

    @property
    def mean(self) -> float:
        """The mean over all customers; 0 of nobody."""
        return self.total / self.customers if self.customers else 0.0

    @property
    def variance(self) -> float:
        """The sample variance of one customer's amount."""
        return (self.customers * self.squares - self.total**2) / (self.customers * (self.customers - 1))

    @property
    def variance_of_mean(self) -> float:
        """The square of the standard error of the mean."""
        return self.variance / self.customers

    @property
    def third(self) -> float:
        """The third central moment of one customer's amount."""
        n = self.customers
        return (n**2 * self.cubes - 3 * n * self.total * self.squares + 2 * self.total**3) / n**3


@attrs.frozen(kw_only=True)
class Lift:
    """A difference, treated less held out, with its two-sided interval.

    Attributes: `treated_customers` and `held_out_customers` (the denominators); `treated` and `held_out` (share, or mean
    in minor units); `difference`; `standard_error` (unpooled); `confidence` (0.95: 95 of 100 such intervals hold the
    truth); `low` and `high`, None where too little was seen, and then `silence` says why; `horizon` (microseconds from
    the message on in which outcomes count); `method`.
    """

    treated_customers: int
    held_out_customers: int
    treated: float
    held_out: float
    difference: float
    standard_error: float
    confidence: float
    horizon: int
    method: str
    low: float | None = None
    high: float | None = None
    silence: str = ""

    def within(self, below: float, above: float) -> Lift:
        """Return it with an interval that reaches so far below and above the difference."""
        return attrs.evolve(self, low=self.difference - below, high=self.difference + above)


@attrs.frozen(kw_only=True)
class SampleRatio:
    """Whether the arms are as large as planned: an alarm says that they are not alike, and that no lift is to be believed.

    `share` of all were planned to be held out; `probability` is that of a ratio at least as far off by accident.
    """

    treated_customers: int
    held_out_customers: int
    share: float
    chi_square: float
    probability: float
    alarm: bool


def of_shares(treated: Arm, held_out: Arm, *, horizon: int, confidence: float = 0.95) -> Lift | None:
    """Return the difference of two shares; None where an arm is empty.

    The interval is the hybrid of two Wilson score intervals, method 10 of Newcombe (1998), Interval estimation for the
    difference between independent proportions, Statistics in Medicine 17: 873-890.
    """
    if not treated.customers or not held_out.customers:
        return None
    found = _difference(treated, held_out, horizon, confidence, NEWCOMBE)
    if silence := _few_customers(treated, held_out) or _few_of_both(treated, held_out):
        return attrs.evolve(found, silence=silence)
    z = _normal(confidence)
    (low, high), (low_held, high_held) = _wilson(treated, z), _wilson(held_out, z)
    below = math.hypot(treated.mean - low, high_held - held_out.mean)
    return found.within(below, math.hypot(high - treated.mean, held_out.mean - low_held))


def of_means(treated: Amounts, held_out: Amounts, *, horizon: int, confidence: float = 0.95) -> Lift | None:
    """Return the difference of two means over all customers; None where an arm has fewer than two.

    The interval is that of Welch (1947), The generalization of "Student's" problem when several different population
    variances are involved, Biometrika 34: 28-35. It leans on means being normal, which those of few and of skew amounts
    are not: there it is silent.
    """
    if min(treated.customers, held_out.customers) < 2:  # noqa: PLR2004 -- a variance takes two
        return None
    found = _difference(treated, held_out, horizon, confidence, WELCH)
    if silence := _unfit(treated, held_out):
        return attrs.evolve(found, silence=silence)
    reach = student(confidence, _freedom(treated, held_out)) * found.standard_error
    return found.within(reach, reach)


def sample_ratio(treated: int, held_out: int, share: float) -> SampleRatio | None:
    """Judge the sizes of arms, given the planned share of the held-out; None where too few are expected in either.

    Chi-square with one degree of freedom, an alarm below 0.001: Fabijan et al. (2019), Diagnosing Sample Ratio Mismatch
    in Online Controlled Experiments, KDD '19: 2156-2164.
    """
    total = treated + held_out
    expected = total * (1 - share), total * share
    if min(expected) < ENOUGH_EXPECTED:
        return None
    chi_square = sum((seen - wanted) ** 2 / wanted for seen, wanted in zip((treated, held_out), expected, strict=True))
    probability = math.erfc(math.sqrt(chi_square / 2))
    return SampleRatio(
        treated_customers=treated,
        held_out_customers=held_out,
        share=share,
        chi_square=chi_square,
        probability=probability,
        alarm=probability < ALARM,
    )


def student(confidence: float, freedom: float) -> float:
    """Return the two-sided quantile of Student's t, to five digits from 10 degrees of freedom on.

    The expansion of Cornish and Fisher: Abramowitz and Stegun (1964), Handbook of Mathematical Functions, 26.7.5.
    """
    z = _normal(confidence)
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, start=1))


def _difference(treated: Arm | Amounts, held_out: Arm | Amounts, horizon: int, confidence: float, method: str) -> Lift:
    return Lift(
        treated_customers=treated.customers,
        held_out_customers=held_out.customers,
        treated=treated.mean,
        held_out=held_out.mean,
        difference=treated.mean - held_out.mean,
        standard_error=math.sqrt(treated.variance_of_mean + held_out.variance_of_mean),
        confidence=confidence,
        horizon=horizon,
        method=method,
    )


def _normal(confidence: float) -> float:
    from statistics import NormalDist

    return NormalDist().inv_cdf((1 + confidence) / 2)


def _wilson(arm: Arm, z: float) -> tuple[float, float]:
    """Return the score interval of a share: Wilson (1927), JASA 22: 209-212."""
    n, square = arm.customers, z * z
    middle = arm.mean + square / (2 * n)
    reach = z * math.sqrt(arm.variance_of_mean + square / (4 * n * n))
    return (middle - reach) / (1 + square / n), (middle + reach) / (1 + square / n)


def _freedom(treated: Amounts, held_out: Amounts) -> float:
    """Return the degrees of freedom of Welch and Satterthwaite."""
    arms = treated, held_out
    within = sum(arm.variance_of_mean**2 / (arm.customers - 1) for arm in arms)
    return sum(arm.variance_of_mean for arm in arms) ** 2 / within


def _few_customers(treated: Arm | Amounts, held_out: Arm | Amounts) -> str:
    seen = min(treated.customers, held_out.customers)
    return (
        "" if seen >= ENOUGH_CUSTOMERS else f"{seen} customers are in one arm, and an interval takes {ENOUGH_CUSTOMERS}"
    )


def _few_of_both(treated: Arm, held_out: Arm) -> str:
    converted = treated.converted + held_out.converted
    seen = min(converted, treated.customers + held_out.customers - converted)
    kind = "converted" if seen == converted else "did not convert"
    if seen >= ENOUGH_OF_BOTH:
        return ""
    return f"{seen} of both arms together {kind}, and an interval takes {ENOUGH_OF_BOTH}"


def _unfit(treated: Amounts, held_out: Amounts) -> str:
    few = _few_customers(treated, held_out) or _few_amounts(treated, held_out)
    return few or _skew_amounts(treated, held_out)


def _few_amounts(treated: Amounts, held_out: Amounts) -> str:
    seen = treated.apart + held_out.apart
    if seen >= ENOUGH_AMOUNTS:
        return ""
    return f"{seen} of both arms together have another amount than most, and an interval takes {ENOUGH_AMOUNTS}"


def _skew_amounts(treated: Amounts, held_out: Amounts) -> str:
    """Judge by both arms together: the small arm alone looks least skew when its few large amounts happen to be missing."""
    both = treated + held_out
    weights = [1 / arm.customers for arm in (treated, held_out)]
    spread = both.variance * sum(weights)
    skew = both.third * (weights[0] ** 2 - weights[1] ** 2) / spread**1.5
    if abs(skew) <= MOST_SKEW:
        return ""
    return f"the amounts are too skew for arms so unlike in size (skewness {abs(skew):.2f} over {MOST_SKEW})"
