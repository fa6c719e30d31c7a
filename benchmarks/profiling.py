"""Where the time goes: a profile of one call, its dearest functions, and the share of some of them."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable

#: A stage of the river, and the function whose whole time is its own.
STAGES = {
    "claim, gates, ledger": ("flow/turning.py", "take"),
    "commit included": ("store/engine.py", "_written"),
    "settle": ("flow/turning.py", "settle"),
    "hand over": ("flow/turning.py", "_hand"),
    "claim": ("flow/turning.py", "_claim"),
    "compose and render": ("flow/preparing.py", "prepare"),
    "carry": ("flow/carrying.py", "send"),
}
LINES = 40


def profiled(act: Callable[[], object]) -> pstats.Stats:
    """Do something under cProfile, which makes Python dearer than what is done in C."""
    profile = cProfile.Profile()
    profile.runcall(act)
    return pstats.Stats(profile)


def share(stats: pstats.Stats, stage: tuple[str, str]) -> float:
    """Return the share of a function, what it calls included, in all the time."""
    file, function = stage
    found = stats.stats  # type: ignore[attr-defined]  # pstats documents it
    spent = [one[3] for (where, _, name), one in found.items() if where.endswith(file) and name == function]
    return max(spent, default=0.0) / stats.total_tt  # type: ignore[attr-defined]  # the same


def show(title: str, stats: pstats.Stats, count: int) -> None:
    """Print the dearest functions by what they take themselves and with what they call, and the shares of the stages."""
    for order in ("cumulative", "tottime"):
        stats.sort_stats(order).print_stats(LINES)
    print(f"{title}: {count / stats.total_tt:.0f}/s under the profiler")  # type: ignore[attr-defined]  # the same
    for name, stage in STAGES.items():
        print(f"{share(stats, stage):7.1%}  {name} ({stage[0]}: {stage[1]})")
