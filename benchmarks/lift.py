"""Whether intervals of a lift hold as often as they say, and whether a known experiment comes out as it was published.

`lift.coverage`: percent of the intervals that hold the truth, of experiments drawn at random, in the scenario where that is
farthest from 95; beside it the lowest and the highest of all scenarios. A scenario counts where most experiments get an
interval. `lift.false`: of all experiments of a scenario, also those without an interval, the percent that were told
something false, in the worst of all scenarios, those included that are nearly always too small. Each round draws 2,000 more.

`lift.hillstrom`: Hillstrom's e-mail experiment (MineThatData, 2008), in which 64,000 customers got a mail on men's or on
women's merchandise or none. The greatest error of eight figures, in units of the last digit published. `--data FOLDER` holds
hillstrom.csv.gz.
"""

from __future__ import annotations

import csv
import gzip
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from measuring import arguments, report

from crmcore.model.lift import Amounts, Arm, Lift, of_means, of_shares

EACH = 2_000
SEED = 6
HORIZON = 0
MEAN = 5_000
Draw = Callable[[np.random.Generator, int], np.ndarray]
Rows = dict[str, list[dict[str, str]]]


class Sizes(NamedTuple):
    """The customers of the two arms, and the share of them who convert."""

    treated: int
    held_out: int
    converts: float
    converts_alone: float


class Covered(NamedTuple):
    """Of the experiments of a scenario: the percent that get an interval, of these the percent that hold, of all those false."""

    said: float
    holds: float
    false: float


#: Small, rare, common, unlike in size, with and without a lift; the last ones are nearly always too small.
SHARES = (
    Sizes(40, 40, 0.5, 0.5),
    Sizes(80, 80, 0.45, 0.2),
    Sizes(450, 50, 0.12, 0.12),
    Sizes(950, 50, 0.2, 0.3),
    Sizes(200, 200, 0.9, 0.8),
    Sizes(1_900, 100, 0.95, 0.97),
    Sizes(9_000, 1_000, 0.004, 0.004),
    Sizes(9_000, 1_000, 0.02, 0.01),
    Sizes(20_000, 20_000, 0.0015, 0.001),
    Sizes(95_000, 5_000, 0.0005, 0.0004),
    Sizes(2_700, 300, 0.011, 0.011),
    Sizes(40, 60, 0.4, 0.2),
    Sizes(600, 30, 0.2, 0.2),
    Sizes(10, 10, 0.5, 0.2),
    Sizes(900, 100, 0.01, 0.005),
    Sizes(5_000, 5_000, 0.002, 0.001),
)


def same(_rng: np.random.Generator, count: int) -> np.ndarray:
    return np.full(count, float(MEAN))


def exponential(rng: np.random.Generator, count: int) -> np.ndarray:
    return rng.exponential(MEAN, count)


def lognormal(spread: float) -> Draw:
    """Draw amounts of the same mean; a spread of 1 is that of the orders of many shops, 1.5 has far more of large ones."""
    return lambda rng, count: rng.lognormal(np.log(MEAN) - spread**2 / 2, spread, count)


MEANS: tuple[tuple[Draw, Sizes], ...] = (
    (same, Sizes(9_000, 1_000, 0.05, 0.04)),
    (same, Sizes(3_000, 3_000, 0.015, 0.015)),
    (exponential, Sizes(4_500, 500, 0.3, 0.2)),
    (exponential, Sizes(2_000, 2_000, 0.03, 0.02)),
    (exponential, Sizes(60, 60, 1.0, 1.0)),
    (same, Sizes(570, 30, 0.5, 0.5)),
    (lognormal(0.5), Sizes(4_500, 500, 0.2, 0.2)),
    (lognormal(0.5), Sizes(5_000, 5_000, 0.012, 0.01)),
    (lognormal(1.0), Sizes(1_500, 1_500, 0.05, 0.04)),
    (lognormal(1.0), Sizes(4_000, 2_000, 0.1, 0.1)),
    (lognormal(1.5), Sizes(10_000, 10_000, 0.012, 0.01)),
    (exponential, Sizes(2_800, 700, 0.045, 0.05)),
    (lognormal(0.5), Sizes(2_800, 700, 0.05, 0.045)),
    (lognormal(1.0), Sizes(28_000, 7_000, 0.03, 0.03)),
    (lognormal(1.0), Sizes(4_500, 500, 0.1, 0.1)),
    (lognormal(1.5), Sizes(950, 50, 0.5, 0.5)),
    (exponential, Sizes(900, 100, 0.1, 0.1)),
)


def share_lifts(rng: np.random.Generator, sizes: Sizes, count: int) -> Iterator[Lift | None]:
    treated = rng.binomial(sizes.treated, sizes.converts, count).tolist()
    held_out = rng.binomial(sizes.held_out, sizes.converts_alone, count).tolist()
    for one, alone in zip(treated, held_out, strict=True):
        yield of_shares(
            Arm(customers=sizes.treated, converted=one),
            Arm(customers=sizes.held_out, converted=alone),
            horizon=HORIZON,
        )


def mean_lifts(rng: np.random.Generator, draw: Draw, sizes: Sizes, count: int) -> Iterator[Lift | None]:
    def arm(customers: int, converts: float) -> Amounts:
        spent = draw(rng, rng.binomial(customers, converts)).round().astype(np.int64)
        return Amounts.of(customers, Counter(spent.tolist()))

    for _ in range(count):
        treated, held_out = arm(sizes.treated, sizes.converts), arm(sizes.held_out, sizes.converts_alone)
        yield of_means(treated, held_out, horizon=HORIZON)


def covered(lifts: Iterator[Lift | None], truth: float) -> Covered:
    count = said = held = 0
    for lift in lifts:
        count += 1
        if lift is not None and lift.low is not None and lift.high is not None:
            said += 1
            held += lift.low <= truth <= lift.high
    return Covered(100 * said / count, 100 * held / said if said else 0.0, 100 * (said - held) / count)


def scenarios(count: int) -> list[Covered]:
    rng = np.random.default_rng(SEED)
    shares = [covered(share_lifts(rng, one, count), one.converts - one.converts_alone) for one in SHARES]
    means = [
        covered(mean_lifts(rng, draw, one, count), MEAN * (one.converts - one.converts_alone)) for draw, one in MEANS
    ]
    return shares + means


#: Unpooled standard errors; of each figure as many digits as were published.
PUBLISHED = {
    ("Mens E-Mail", "visit"): ("0.07659", "0.00339"),
    ("Womens E-Mail", "visit"): ("0.04523", "0.00323"),
    ("Mens E-Mail", "spend"): ("0.7698", "0.1452"),
    ("Womens E-Mail", "spend"): ("0.4244", "0.1303"),
}


def customers(path: Path) -> Rows:
    """Return the customers by the mail they got."""
    found: Rows = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            found.setdefault(row["segment"], []).append(row)
    return found


def visits(rows: list[dict[str, str]]) -> Arm:
    return Arm(customers=len(rows), converted=sum(row["visit"] == "1" for row in rows))


def spending(rows: list[dict[str, str]]) -> Amounts:
    """In cents."""
    return Amounts.of(len(rows), Counter(round(100 * float(row["spend"])) for row in rows))


def measured(rows: Rows, mail: str, outcome: str) -> tuple[float, float]:
    """Return a lift and its standard error, of money in dollars."""
    arms = rows[mail], rows["No E-Mail"]
    if outcome == "visit":
        lift, unit = of_shares(*map(visits, arms), horizon=HORIZON), 1
    else:
        lift, unit = of_means(*map(spending, arms), horizon=HORIZON), 100
    assert lift is not None
    return lift.difference / unit, lift.standard_error / unit


def off(found: float, published: str) -> float:
    """Return an error in units of the last digit."""
    return abs(found - float(published)) * 10 ** len(published.partition(".")[2])


def hillstrom(path: Path) -> float:
    rows = customers(path)
    return max(
        off(found, published)
        for (mail, outcome), figures in PUBLISHED.items()
        for found, published in zip(measured(rows, mail, outcome), figures, strict=True)
    )


def main() -> None:
    options = arguments(__doc__ or "").parse_args()
    found = scenarios(EACH * options.rounds)
    holds = [one.holds for one in found if one.said > 50]
    worst = max(holds, key=lambda one: abs(one - 95))
    beside = f"lowest {min(holds):.2f}, highest {max(holds):.2f} of {len(holds)} scenarios"
    report(as_json=options.json, name="lift.coverage", value=worst, unit="%", against=beside)
    false = max(one.false for one in found)
    beside = f"{len(found)} scenarios, 5 expected"
    report(as_json=options.json, name="lift.false", value=false, unit="%", against=beside)
    if options.data is not None:
        error = hillstrom(options.data / "hillstrom.csv.gz")
        beside = "the eight figures published"
        report(as_json=options.json, name="lift.hillstrom", value=error, unit="last digits", against=beside)


if __name__ == "__main__":
    main()
