"""The complete UCI Online Retail file through the importer: the published clean-up, the time and the memory.

`python benchmarks/import_online_retail.py --data FOLDER`, where the folder holds online_retail.csv.gz.
"""

from __future__ import annotations

import resource
import tempfile
import time
from importlib.resources import as_file, files
from pathlib import Path

from measuring import arguments, report

from crmcore import CRM
from crmcore.flow.importing.mapping import read_map

#: Chen 2012 and many since: lines without customer, cancellations, and quantity or price not above 0 dropped.
PUBLISHED = {"lines": 397_884, "customers": 4_338, "invoices": 18_532, "revenue": 891_140_790}


def main() -> None:
    """Import, and print the figures."""
    given = arguments(__doc__ or "").parse_args()
    path = (given.data or Path()) / "online_retail.csv.gz"
    if not path.exists():
        raise SystemExit(f"{path} is not there; nothing is downloaded")
    with tempfile.TemporaryDirectory() as folder, CRM(f"{folder}/crm.db") as crm:
        start = time.perf_counter()
        with as_file(files("crmcore.demo") / "online_retail.toml") as mapping:
            crm.import_file(path, read_map(mapping))
        took = time.perf_counter() - start
        totals = {one.name: one for one in crm.totals()}
    found = {
        "lines": totals["item_ordered"].count,
        "customers": totals["order_placed"].customers,
        "invoices": totals["order_placed"].count,
        "revenue": totals["item_ordered"].amount,
    }
    for name, value in found.items():
        report(
            as_json=given.json,
            name=f"import.{name}",
            value=value,
            unit="",
            against="published",
            ratio=value / PUBLISHED[name],
        )
    report(as_json=given.json, name="import.seconds", value=took, unit="s")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    report(as_json=given.json, name="import.peak", value=peak, unit="MB")


if __name__ == "__main__":
    main()
