"""What every benchmark shares: one JSON object a line, interleaved rounds, medians."""

from __future__ import annotations

import argparse
import gc
import json
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path


def arguments(purpose: str) -> argparse.ArgumentParser:
    """Return a parser with the options all benchmarks have."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("--json", action="store_true", help="print one JSON object a line instead of a sentence")
    parser.add_argument("--rounds", type=int, default=3, help="interleaved rounds; the median counts (default 3)")
    parser.add_argument("--data", type=Path, help="where the data lie, for benchmarks that read some")
    return parser


def rounds(count: int, *runs: Callable[[], float]) -> list[float]:
    """Run each of `runs` in turn, `count` times over; return the median of what each returned."""
    seen: list[list[float]] = [[] for _ in runs]
    for _ in range(count):
        for values, run in zip(seen, runs, strict=True):
            values.append(run())
    return [statistics.median(values) for values in seen]


@contextmanager
def stopwatch() -> Iterator[Callable[[], float]]:
    """Measure seconds from here on, without garbage of the preparation in the way."""
    gc.collect()
    gc.freeze()
    start = time.perf_counter()
    yield lambda: time.perf_counter() - start
    gc.unfreeze()


def report(*, as_json: bool, name: str, value: float, unit: str, against: str = "", ratio: float | None = None) -> None:
    """Print one figure; `ratio` is ours to the peer's, named in `against`."""
    figure = {
        "name": name,
        "value": round(value, 4),
        "unit": unit,
        "against": against,
        "ratio": ratio and round(ratio, 3),
    }
    if as_json:
        print(json.dumps(figure))
    else:
        times = "" if ratio is None else f"{figure['ratio']} x "
        beside = f", {times}{against}" if against else ""
        print(f"{name}: {figure['value']:,} {unit}{beside}")
