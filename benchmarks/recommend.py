"""NDCG@10 of the engines on Online Retail, split by time, and their seconds, beside the library implicit as it comes.

Known customers, repeats allowed; train before the 90 % quantile of time, test all purchases after it; one interaction per
customer, item and day; items with at least five buyers. `--data FOLDER` holds online_retail.csv.gz.

The peers are given their matrix ready and may recommend what was bought, which they do not by default. All run on one
thread, in turn. als is compared with implicit's ALS of as many factors, the others with its BM25.
"""

from __future__ import annotations

import csv
import gzip
import math
import re
import statistics
from array import array
from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import numpy as np
from measuring import arguments, report, stopwatch
from scipy import sparse
from threadpoolctl import threadpool_limits

from crm_recommend.engine import Engine
from crm_recommend.settings import SETTINGS, checked
from crmcore.hooks.recommender import PURCHASE, Fit, Interactions, Item, Request

ITEM = re.compile(r"^\d{5}")
K = 10
FACTORS = 64
Row = tuple[int, int, int, int]


class Split(NamedTuple):
    """The training rows, what known customers bought afterwards, and the time of the cut."""

    train: list[Row]
    later: dict[int, set[int]]
    cut: int


class Trial(NamedTuple):
    """What one run reached: NDCG@10, seconds to fit, seconds to rank for all test customers."""

    ndcg: float
    fit: float
    recommend: float


def rows(path: Path) -> list[Row]:
    """Return customer, item, time, basket of every purchase, one per customer, item and day."""
    items: dict[str, int] = {}
    baskets: dict[str, int] = {}
    seen: dict[tuple[int, int, int], Row] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for line in csv.DictReader(file):
            invoice, code = line["InvoiceNo"], line["StockCode"]
            bad = invoice.startswith("C") or not ITEM.match(code) or not line["CustomerID"]
            if bad or int(line["Quantity"]) <= 0 or float(line["UnitPrice"]) <= 0:
                continue
            at = int(datetime.fromisoformat(line["InvoiceDate"]).replace(tzinfo=UTC).timestamp()) * 1_000_000
            customer, item = int(float(line["CustomerID"])), items.setdefault(code, len(items) + 1)
            row = (customer, item, at, baskets.setdefault(invoice, len(baskets)))
            seen.setdefault((customer, item, at // 86_400_000_000), row)
    return list(seen.values())


def split(all_rows: list[Row]) -> Split:
    """Return the rows split at the 90 % quantile of time."""
    cut = int(np.quantile([row[2] for row in all_rows], 0.9))
    train = [row for row in all_rows if row[2] < cut]
    buyers: dict[int, set[int]] = defaultdict(set)
    for customer, item, _, _ in train:
        buyers[item].add(customer)
    catalogue = {item for item, who in buyers.items() if len(who) >= 5}
    train = [row for row in train if row[1] in catalogue]
    known = {row[0] for row in train}
    later: dict[int, set[int]] = defaultdict(set)
    for customer, item, at, _ in all_rows:
        if at >= cut and customer in known and item in catalogue:
            later[customer].add(item)
    return Split(train, dict(later), cut)


def ndcg(ranked: dict[int, list[int]], later: dict[int, set[int]]) -> float:
    """Return the mean NDCG@10, the ideal being all that was bought, at most ten."""
    ideal = np.cumsum([1 / math.log2(place + 2) for place in range(K)])
    gains = [
        sum(1 / math.log2(place + 2) for place, item in enumerate(ranked[one]) if item in bought)
        / ideal[min(len(bought), K) - 1]
        for one, bought in later.items()
    ]
    return float(np.mean(gains))


def ours(name: str, given: Split) -> Callable[[], Trial]:
    """Return a run of one of the engines."""
    columns = [array("q", column) for column in zip(*given.train, strict=True)]
    ones, kinds = array("q", [1]) * len(given.train), array("q", [PURCHASE]) * len(given.train)
    bought = Interactions(
        customer=columns[0], item=columns[1], kind=kinds, at=columns[2], quantity=ones, value=ones, basket=columns[3]
    )
    data = Fit(interactions=bought, items=[Item(id=one) for one in sorted({row[1] for row in given.train})])
    engine = Engine(name, checked(name, {"factors": FACTORS} if name == "als" else {}))
    requests = [Request(customer=one, k=K, repeat="allow") for one in sorted(given.later)]

    def run() -> Trial:
        with stopwatch() as seconds:
            model = engine.fit(data, now=given.cut, seed=1)
            fitted = seconds()
            answers = engine.recommend(model, requests, now=given.cut)
            took = seconds()
        ranked = {
            one: [item.item for item in answer.items] for one, answer in zip(sorted(given.later), answers, strict=True)
        }
        return Trial(ndcg(ranked, given.later), fitted, took - fitted)

    return run


def peer(name: str, given: Split) -> Callable[[], Trial]:
    """Return a run of one of implicit's models."""
    from implicit.als import AlternatingLeastSquares
    from implicit.nearest_neighbours import BM25Recommender

    users, user = np.unique([row[0] for row in given.train], return_inverse=True)
    items, item = np.unique([row[1] for row in given.train], return_inverse=True)
    matrix = sparse.csr_matrix((np.ones(len(user)), (user, item)), shape=(len(users), len(items)), dtype=np.float32)
    wanted = np.searchsorted(users, sorted(given.later))
    kinds = {
        "implicit ALS": lambda: AlternatingLeastSquares(factors=FACTORS, random_state=1, num_threads=1),
        "implicit BM25": lambda: BM25Recommender(K=100, num_threads=1),
    }

    def run() -> Trial:
        model = kinds[name]()
        with threadpool_limits(1, "blas"), stopwatch() as seconds:
            model.fit(matrix, show_progress=False)
            fitted = seconds()
            found, _ = model.recommend(wanted, matrix[wanted], N=K, filter_already_liked_items=False)
            took = seconds()
        ranked = {one: items[best].tolist() for one, best in zip(sorted(given.later), found, strict=True)}
        return Trial(ndcg(ranked, given.later), fitted, took - fitted)

    return run


def medians(count: int, runs: dict[str, Callable[[], Trial]]) -> dict[str, Trial]:
    """Run all in turn, `count` times over; return the median of each figure."""
    seen: dict[str, list[Trial]] = defaultdict(list)
    for _ in range(count):
        for name, run in runs.items():
            seen[name].append(run())
    return {name: Trial(*map(statistics.median, zip(*trials, strict=True))) for name, trials in seen.items()}


def main() -> None:
    """Measure, and print the figures."""
    given = arguments(__doc__ or "").parse_args()
    path = (given.data or Path()) / "online_retail.csv.gz"
    if not path.exists():
        raise SystemExit(f"{path} is not there; nothing is downloaded")
    parts = split(rows(path))
    runs = {name: ours(name, parts) for name in SETTINGS}
    reached = medians(given.rounds, runs | {name: peer(name, parts) for name in ("implicit BM25", "implicit ALS")})
    for name in SETTINGS:
        against = "implicit ALS" if name == "als" else "implicit BM25"
        units = zip(Trial._fields, ("NDCG@10", "s", "s"), reached[name], reached[against], strict=True)
        for figure, unit, value, theirs in units:
            full_name, ratio = f"recommend.{name}.{figure}", value / theirs
            report(as_json=given.json, name=full_name, value=value, unit=unit, against=against, ratio=ratio)
    for name in ("implicit BM25", "implicit ALS"):
        report(
            as_json=given.json,
            name=f"recommend.{name.replace(' ', '_')}.ndcg",
            value=reached[name].ndcg,
            unit="NDCG@10",
        )


if __name__ == "__main__":
    main()
