"""Files through the general importer: the complete UCI Online Retail file beside other loaders, and memory with 5,000,000 lines.

`python benchmarks/import_file.py --data FOLDER`, where the folder holds online_retail.csv.gz. Measured are
`import_file.ratio_to_demo` (a mapping guessed from the header, beside the demo's own loader: `crm demo` reads the same file
by a mapping of its own), `import_file.ratio_to_verbs` (beside a loader written by hand on csv and the verbs, which knows
neither mappings nor repeated lines), the published figures of the file, and `import_file.peak`: the memory of a process
that imports a made file of 5,000,000 lines.
"""

from __future__ import annotations

import csv
import gzip
import json
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import datetime
from decimal import Decimal
from importlib.resources import as_file, files
from itertools import islice
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from measuring import arguments, report, rounds, stopwatch

from crmcore import CRM, Money
from crmcore.flow.importing.mapping import read_map

#: Chen 2012 and many since: lines without customer, cancellations, and quantity or price not above 0 dropped.
PUBLISHED = {"lines": 397_884, "customers": 4_338, "invoices": 18_532, "revenue": 891_140_790}
GIVEN: dict[str, Any] = {
    "currency": "GBP",
    "timezone": "Europe/London",
    "returns_prefix": "C",
    "suffixes": {"CustomerID": ".0"},
}
LONDON = ZoneInfo("Europe/London")


def general(crm: CRM, path: Path) -> None:
    """The general importer: the mapping is guessed, encoding, types and formats are found out."""
    crm.import_file(path, crm.guess_mapping(path, "orders", **GIVEN).mapping)


def demo(crm: CRM, path: Path) -> None:
    """The demo's own loader."""
    with as_file(files("crmcore.demo") / "online_retail.toml") as mapping:
        crm.import_file(path, read_map(mapping))


def by_hand(crm: CRM, path: Path) -> None:
    """What one writes without an importer: a loop over csv.DictReader, a thousand lines at a time."""
    totals: dict[tuple[str, str], list[Any]] = {}
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        while batch := list(islice(rows, 1000)):
            good = [row for row in map(_line, batch) if row is not None]
            crm.identify_many(
                {"customer": row["customer"], "attributes": {"country": row.pop("country")}} for row in good
            )
            crm.offer_many({"item": row["item"], "title": row.pop("title"), "at": row["at"]} for row in good)
            crm.track_many(good)
            for row in good:
                total = totals.setdefault((row["customer"], row["ref"]), [row["name"], row["at"], 0])
                total[2] += row["amount"].minor
    crm.track_many(_order(customer, ref, *total) for (customer, ref), total in totals.items())


def _line(row: dict[str, str]) -> dict[str, Any] | None:
    quantity, price, is_return = int(row["Quantity"]), Decimal(row["UnitPrice"]), row["InvoiceNo"].startswith("C")
    if not row["CustomerID"] or price <= 0 or (quantity >= 0 if is_return else quantity <= 0):
        return None
    return {
        "name": "item_returned" if is_return else "item_ordered",
        "customer": row["CustomerID"].removesuffix(".0"),
        "at": datetime.fromisoformat(row["InvoiceDate"]).replace(tzinfo=LONDON),
        "item": row["StockCode"],
        "quantity": abs(quantity),
        "amount": Money.of(abs(quantity) * price, "GBP"),
        "ref": row["InvoiceNo"],
        "source": "online_retail",
        "title": row["Description"],
        "country": row["Country"],
    }


def _order(customer: str, ref: str, name: str, at: datetime, amount: int) -> dict[str, Any]:
    whole = "order_placed" if name == "item_ordered" else "order_returned"
    return {"name": whole, "customer": customer, "at": at, "amount": amount, "currency": "GBP", "ref": ref}


def seconds(load: Callable[[CRM, Path], None], path: Path) -> float:
    """Return how long a loader takes, into an empty database; the figures must be the published ones."""
    with tempfile.TemporaryDirectory() as folder, CRM(f"{folder}/crm.db") as crm:
        with stopwatch() as watch:
            load(crm, path)
            took = watch()
        found = published(crm)
    if found != PUBLISHED:
        raise SystemExit(f"{load.__name__} found {found}, published are {PUBLISHED}")
    return took


def published(crm: CRM) -> dict[str, int]:
    """Return the figures of the file that are known from the literature."""
    totals = {one.name: one for one in crm.totals()}
    return {
        "lines": totals["item_ordered"].count,
        "customers": totals["order_placed"].customers,
        "invoices": totals["order_placed"].count,
        "revenue": totals["item_ordered"].amount,
    }


def made_lines(count: int) -> Iterator[list[object]]:
    """Yield the lines of a file of orders, four lines an order, of 100,000 customers."""
    draw = random.Random(5)
    yield ["Order", "SKU", "Quantity", "Unit price", "Date", "Customer"]
    customer = 0
    for number in range(count):
        order = number // 4
        customer = draw.randrange(100_000) if number % 4 == 0 else customer
        day = f"2025-{1 + order % 11:02d}-{1 + order % 28:02d} {order % 24:02d}:{number % 60:02d}"
        price = f"{draw.randrange(100, 9999) / 100:.2f}"
        yield [f"o{order}", f"sku-{draw.randrange(5000)}", draw.randrange(1, 9), price, day, customer]


#: Imports a file in a process of its own and says how large that became.
PEAK = """
import json, resource, sys, time
from pathlib import Path
from crmcore import CRM
start = time.perf_counter()
with CRM(sys.argv[2]) as crm:
    path = Path(sys.argv[1])
    done = crm.import_file(path, crm.guess_mapping(path, "orders", currency="EUR").mapping)
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1 << 10)
print(json.dumps({"new": done.new, "peak": peak, "seconds": time.perf_counter() - start}))
"""


def peak(lines: int) -> dict[str, float]:
    """Return the memory (MB) and time (s) of importing a made file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "orders.csv"
        with path.open("w", newline="") as file:
            csv.writer(file).writerows(made_lines(lines))
        command = [sys.executable, "-c", PEAK, str(path), f"{folder}/crm.db"]
        found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    if found["new"] != lines:
        raise SystemExit(f"{found['new']} of {lines} lines were taken")
    return found


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--lines", type=int, default=5_000_000, help="of the made file (default 5,000,000; 0: none)")
    given = parser.parse_args()
    path = (given.data or Path()) / "online_retail.csv.gz"
    if not path.exists():
        raise SystemExit(f"{path} is not there; give --data FOLDER. Nothing is downloaded")
    ours, theirs, hand = rounds(
        given.rounds,
        lambda: seconds(general, path),
        lambda: seconds(demo, path),
        lambda: seconds(by_hand, path),
    )
    for name, peer, against in (
        ("import_file.ratio_to_demo", theirs, "the demo's own loader, 1 being as fast"),
        ("import_file.ratio_to_verbs", hand, "a loader by hand on csv and the verbs, 1 being as fast"),
    ):
        report(as_json=given.json, name=name, value=peer / ours, unit="x", against=against, ratio=peer / ours)
    report(as_json=given.json, name="import_file.seconds", value=ours, unit="s")
    for name, value in PUBLISHED.items():
        report(as_json=given.json, name=f"import_file.{name}", value=value, unit="", against="published", ratio=1.0)
    if given.lines:
        found = peak(given.lines)
        report(as_json=given.json, name="import_file.peak", value=found["peak"], unit="MB")
        report(as_json=given.json, name="import_file.rate", value=given.lines / found["seconds"], unit="lines/s")


if __name__ == "__main__":
    main()
