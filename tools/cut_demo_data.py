"""Cut the demo's part out of the complete UCI Online Retail file: `python tools/cut_demo_data.py --data FOLDER`.

The part holds whole histories, cancellations included, of the customers whose number's hash falls into a fixed share, and
the same share of the invoices without a customer.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import lzma
from pathlib import Path

TARGET = Path(__file__).parents[1] / "src" / "crmcore" / "demo" / "data" / "online_retail_part.csv.xz"
SHARE = 0.275


def is_chosen(name: str) -> bool:
    """Tell whether a customer or invoice is in the share."""
    digest = hashlib.blake2b(name.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") < SHARE * 2**64


def main() -> None:
    """Write the part."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="the folder with online_retail.csv.gz")
    source = parser.parse_args().data / "online_retail.csv.gz"
    with gzip.open(source, "rt", encoding="utf-8", newline="") as lines:
        rows = csv.reader(lines)
        header = next(rows)
        customer, invoice = header.index("CustomerID"), header.index("InvoiceNo")
        chosen = [row for row in rows if is_chosen(row[customer] or row[invoice])]
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(chosen)
    TARGET.write_bytes(lzma.compress(text.getvalue().encode(), preset=9 | lzma.PRESET_EXTREME))
    print(f"{len(chosen):,} lines, {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
