"""Workers killed and cut off while they send campaigns, on every store: what is lost, what comes twice, what nobody can explain.

Each round is a new database with four campaigns (marketing and service, over SMTP and over HTTP). One worker process after
the other is struck until nothing waits; then the ledger is held against what the sinks took. In the end customers withdraw
while a worker sends. It exits with 1 where a promise was broken.
"""

from __future__ import annotations

import json
import random
import sys
from collections import Counter
from collections.abc import Sequence
from functools import reduce
from operator import add
from pathlib import Path

import attrs
from measuring import arguments, report

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.faults.auditing import Findings
from tests.faults.driving import Outcome, Size, under_fire
from tests.faults.mishaps import Deck
from tests.faults.stores import Store, stores
from tests.faults.striking import Strike
from tests.faults.withdrawing import Raced, race

#: Rounds that may follow one another on a store without a single strike.
IN_VAIN = 3


def rounds(store: Store, kills: int, recipients: int, seed: int) -> list[Outcome]:
    """Return what came of as many rounds as it takes for so many kills and cuts."""
    chance = random.Random(f"{seed} {store.name}")
    deck = Deck(chance, server=store.is_server)
    outcomes: list[Outcome] = []
    while (left := kills - sum(one.findings.strikes for one in outcomes)) > 0:
        size = Size(customers=recipients, strikes=left, connections=len(outcomes) % 2 + 1)
        outcomes.append(under_fire(store, deck, size, chance, progress=Ticker(store.name, kills - left, kills)))
        if not outcomes[-1].findings.is_clean:
            sys.stderr.write(f"\r\x1b[K{store.name}, round {len(outcomes)}: {outcomes[-1].findings}\n")
        if not any(one.findings.strikes for one in outcomes[-IN_VAIN:]) and len(outcomes) >= IN_VAIN:
            raise SystemExit(f"Nothing hits on {store.name}: {outcomes[-1].strikes}")
    return outcomes


class Ticker:
    """Says on stderr how far it is."""

    def __init__(self, what: str, done: int, wanted: int) -> None:
        self._what, self._done, self._wanted = what, done, wanted

    def __call__(self, one: Strike) -> None:
        """Count a strike."""
        self._done += one.counts
        self.show(self._done, one.mishap.name)

    def show(self, done: int, doing: str) -> None:
        """Show a number and what is being done."""
        sys.stderr.write(f"\r\x1b[K{self._what}: {done} of {self._wanted}, {doing}")
        sys.stderr.flush()


def races(store: Store, trials: int, seed: int) -> Raced:
    """Return what came of the withdrawals on a store."""
    ticker = Ticker(store.name, 0, trials)
    return race(store, trials, random.Random(seed), progress=lambda done: ticker.show(done, "withdrawals"))


@attrs.frozen(kw_only=True)
class Tried:
    """One class of faults, over all rounds: `ended` tells how workers did, `claimed` and `handed` what they left behind."""

    fault: str
    tried: int
    hit: int
    claimed: int
    handed: int
    ended: str


def tried(strikes: Sequence[Strike]) -> list[Tried]:
    """Return the table of fault classes."""
    names = sorted({one.mishap.name for one in strikes})
    return [_tried(name, [one for one in strikes if one.mishap.name == name]) for name in names]


def _tried(name: str, strikes: Sequence[Strike]) -> Tried:
    hits = [one for one in strikes if one.hit]
    ended = Counter(map(_ended, hits))
    return Tried(
        fault=name,
        tried=len(strikes),
        hit=len(hits),
        claimed=sum(one.claimed for one in hits),
        handed=sum(one.handed for one in hits),
        ended=", ".join(f"{count} {how}" for how, count in sorted(ended.items())),
    )


def _ended(one: Strike) -> str:
    match one.exit_code:
        case None:
            return "hung"
        case 0:
            return "went on"
        case code if code < 0:
            return "killed"
    return one.complaint.partition("\n")[0][:80] or "died"


def figures(findings: Findings, raced: Sequence[Raced], hung: int) -> dict[str, int]:
    """Return every figure by its name."""
    return {
        "kills": findings.strikes,
        "lost": findings.lost,
        "duplicate_rows": findings.duplicate_rows,
        "marketing_duplicates": findings.marketing_duplicates,
        "unaccounted": findings.unaccounted,
        "transactional_excess": findings.transactional_excess,
        "withdrawn": sum(max(one.late, one.arrived) for one in raced),
        "unflagged": findings.unflagged,
        "altered": findings.altered,
        "unbalanced": findings.unbalanced,
        "doubt_excess": findings.doubt_excess,
        "hung": hung,
        "messages": findings.arrivals,
        "transactional_duplicates": findings.transactional_duplicates,
        "in_doubt": findings.in_doubt,
        "bound": findings.bound,
        "withdrawals": sum(one.trials for one in raced),
    }


#: These are counts; all others are to be 0.
COUNTS = {"kills", "messages", "transactional_duplicates", "in_doubt", "bound", "withdrawals"}


def show(rows: Sequence[Tried], *, as_json: bool) -> None:
    """Print the table."""
    if as_json:
        for row in rows:
            print(json.dumps(attrs.asdict(row)))
        return
    head = ("fault", "tried", "hit", "left claimed", "left handed", "the worker")
    lines = [head, *((one.fault, one.tried, one.hit, one.claimed, one.handed, one.ended) for one in rows)]
    for line in lines:
        print("{:40} {:>6} {:>4} {:>13} {:>12}  {}".format(*line))


def main() -> None:
    """Strike, and print the figures."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--kills", type=int, default=200, help="kills and cuts in all (default 200)")
    parser.add_argument("--recipients", type=int, default=2000, help="of each campaign (default 2000)")
    parser.add_argument("--withdrawals", type=int, default=1000, help="trials on each store (default 1000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stores", default="sqlite,postgresql")
    given = parser.parse_args()
    outcomes: list[Outcome] = []
    raced: list[Raced] = []
    with stores(*given.stores.split(",")) as found:
        for number, store in enumerate(found):
            share = given.kills * (number + 1) // len(found) - given.kills * number // len(found)
            outcomes += rounds(store, share, given.recipients, given.seed)
            raced.append(races(store, given.withdrawals, given.seed))
    sys.stderr.write("\r\x1b[K")
    strikes = [one for outcome in outcomes for one in outcome.strikes]
    show(tried(strikes), as_json=given.json)
    hung = sum(one.exit_code is None for one in strikes)
    values = figures(reduce(add, (one.findings for one in outcomes), Findings()), raced, hung)
    for name, value in values.items():
        report(as_json=given.json, name=f"faults.{name}", value=value, unit="")
    if any(value for name, value in values.items() if name not in COUNTS):
        raise SystemExit(1)


if __name__ == "__main__":
    main()
