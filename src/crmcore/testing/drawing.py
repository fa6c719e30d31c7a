"""Values drawn at once, for what is too slow to be made anew for each: a database, or a benchmark."""

from __future__ import annotations

from typing import TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Drawn = TypeVar("Drawn")
#: The first of a run is the simplest there is, the next one is drawn; those after it would resemble it. A run draws
#: nothing twice: a number beside the value leaves that to chance.
_RUN = settings(
    max_examples=2, phases=[Phase.generate], database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


def drawn(strategy: st.SearchStrategy[Drawn], count: int, number: int = 0) -> list[Drawn]:
    """Return so many values of a strategy, the same ones for the same number, each drawn for itself."""
    return [_one(strategy, number * count + index) for index in range(count)]


def _one(strategy: st.SearchStrategy[Drawn], number: int) -> Drawn:
    found: list[Drawn] = []

    def keep(pair: tuple[int, Drawn]) -> None:
        found.append(pair[1])

    seed(number)(_RUN(given(st.tuples(st.integers(0, 2**32), strategy))(keep)))()
    return found[-1]
