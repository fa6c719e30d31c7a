"""NDCG@10 of the engines on Online Retail, split by time, beside implicit as it comes.

Known customers, repeats allowed; train before the 90 % quantile of time, test all purchases after it; one interaction per
customer, item and day; items with at least five buyers. `--data FOLDER` holds online_retail.csv.gz.
"""

from __future__ import annotations

import csv
import gzip
import math
import re
import time
from array import array
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from measuring import arguments, report
from scipy import sparse

from crm_recommend.engine import Engine
from crm_recommend.settings import SETTINGS, checked
from crmcore.hooks.recommender import PURCHASE, Fit, Interactions, Item, Request

ITEM = re.compile(r"^\d{5}")
K = 10
Row = tuple[int, int, int, int]


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


def split(all_rows: list[Row]) -> tuple[list[Row], dict[int, set[int]], int]:
    """Return the training rows, what known customers bought afterwards, and the time of the cut."""
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
    return train, dict(later), cut


def ndcg(ranked: dict[int, list[int]], later: dict[int, set[int]]) -> float:
    """Return the mean NDCG@10, the ideal being all that was bought, at most ten."""
    ideal = np.cumsum([1 / math.log2(place + 2) for place in range(K)])
    gains = [
        sum(1 / math.log2(place + 2) for place, item in enumerate(ranked[one]) if item in bought)
        / ideal[min(len(bought), K) - 1]
        for one, bought in later.items()
    ]
    return float(np.mean(gains))


def ours(name: str, train: list[Row], customers: list[int], cut: int) -> tuple[dict[int, list[int]], float]:
    """Return an engine's rankings, and the seconds for fitting and asking."""
    engine = Engine(name, checked(name, {}))
    columns = [array("q", column) for column in zip(*train, strict=True)]
    ones, kinds = array("q", [1]) * len(train), array("q", [PURCHASE]) * len(train)
    data = Interactions(
        customer=columns[0], item=columns[1], kind=kinds, at=columns[2], quantity=ones, value=ones, basket=columns[3]
    )
    items = [Item(id=one) for one in sorted({row[1] for row in train})]
    start = time.perf_counter()
    model = engine.fit(Fit(interactions=data, items=items), now=cut, seed=1)
    answers = engine.recommend(model, [Request(customer=one, k=K, repeat="allow") for one in customers], now=cut)
    took = time.perf_counter() - start
    return {one: [item.item for item in answer.items] for one, answer in zip(customers, answers, strict=True)}, took


def implicit_bm25(train: list[Row], customers: list[int]) -> dict[int, list[int]]:
    """Return the rankings of implicit's BM25, its strongest model on these data, with bought items let in."""
    from implicit.nearest_neighbours import BM25Recommender

    users, user = np.unique([row[0] for row in train], return_inverse=True)
    items, item = np.unique([row[1] for row in train], return_inverse=True)
    matrix = sparse.csr_matrix((np.ones(len(train)), (user, item)), shape=(len(users), len(items)))
    model = BM25Recommender(K=100)
    model.fit(matrix, show_progress=False)
    wanted = np.searchsorted(users, customers)
    found, _ = model.recommend(wanted, matrix[wanted], N=K, filter_already_liked_items=False)
    return {one: [int(items[each]) for each in best] for one, best in zip(customers, found, strict=True)}


def main() -> None:
    """Measure, and print the figures."""
    given = arguments(__doc__ or "").parse_args()
    path = (given.data or Path()) / "online_retail.csv.gz"
    if not path.exists():
        raise SystemExit(f"{path} is not there; nothing is downloaded")
    train, later, cut = split(rows(path))
    customers = sorted(later)
    peer = ndcg(implicit_bm25(train, customers), later)
    for name in SETTINGS:
        ranked, took = ours(name, train, customers, cut)
        value = ndcg(ranked, later)
        report(
            as_json=given.json,
            name=f"recommend.{name}.ndcg",
            value=value,
            unit="NDCG@10",
            against="implicit BM25",
            ratio=value / peer,
        )
        report(as_json=given.json, name=f"recommend.{name}.seconds", value=took, unit="s")


if __name__ == "__main__":
    main()
