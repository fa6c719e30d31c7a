"""Customers on their way through campaigns: a batch at a time, beside engines that move one enrolment at a time.

`journeys.advance.sqlite` and `.postgresql` are the seconds in which `crm.work()` lets 100,000 due enrolments go on, of
1,000,000 that wait (the median of three hundred thousands), through the end of a wait, a branch on what each customer did in 30 days, and the planning of a send in
the ledger; 10 events a customer, every second of whom takes either way. Nothing is sent. `journeys.growth` is what one costs
then, to what it costs where 200,000 wait (the greater of the two stores). `journeys.dbos` and `journeys.celery` are how many
times as long an enrolment takes them on the same steps and rows on SQLite (`peers/enrolments.py`), to ours there.
`journeys.year` is how many seconds a year of 10,000 customers in five campaigns takes with a clock that is turned
(`journey_year.py`).
The peers live in environments of their own, made once by `python benchmarks/journeys.py --prepare`.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import attrs
import journey_year
from dispatch import files
from environments import prepare, require
from journeying import PEERS, peer_seconds
from measuring import arguments, report, rounds, stopwatch
from profiling import profiled, show
from serving import server
from sqlalchemy import select

from crmcore import CRM
from crmcore.flow.journeys.entering import setting_out
from crmcore.loader import installed
from crmcore.model.building import event, everyone
from crmcore.model.campaign import Campaign
from crmcore.model.steps import Branch, Send, Wait
from crmcore.model.time import DAY
from crmcore.store import enrolments, runs, schema
from crmcore.store.scope import Scope
from crmcore.testing.clock import TurnedClock
from crmcore.testing.fakes import Recorder

START = datetime(2026, 3, 1, tzinfo=UTC)
EVENTS, BATCH = 10, 5000
CAMPAIGN = Campaign(
    name="journey",
    purpose="retention",
    audience=everyone(),
    steps=[
        Wait(name="wait", lasting="3d"),
        Branch(name="bought", condition=event("order_placed").did(within="30d"), then="thanks", otherwise="remind"),
        Send(name="thanks", template="thanks", channels="note", then="end"),
        Send(name="remind", template="remind", channels="note"),
    ],
    trigger="cart_updated",
)


@attrs.frozen(kw_only=True)
class Shop:
    """A database with customers, and how many of their enrolments are due."""

    crm: CRM
    customers: list[int]

    def advance(self, name: str, waiting: int, due: int, times: int) -> list[float]:
        """Let so many enrolments wait in a campaign, and so many of them be due, again and again; return the seconds of each."""
        self.crm.launch(attrs.evolve(CAMPAIGN, name=name))
        ids: list[int] = []
        for start in range(0, waiting, BATCH):
            places = range(start, min(start + BATCH, waiting))
            ids += self.crm._opened.write(lambda scope, some=places: self._wait(scope, name, some))
        took = [self._advance(ids[one * due : (one + 1) * due]) for one in range(times)]
        self.crm.cancel(name)
        return took

    def _wait(self, scope: Scope, name: str, places: range) -> list[int]:
        run = runs.latest(scope, name)
        ids = scope.new_ids(len(places))
        enrolments.add(
            scope,
            [
                attrs.evolve(
                    setting_out(scope, run, new_id, self.customers[place % len(self.customers)], held_out=False),
                    key=str(place // len(self.customers)),
                    step="wait",
                    next="bought",
                    due_at=scope.now + DAY,
                )
                for place, new_id in zip(places, ids, strict=True)
            ],
        )
        return ids

    def _advance(self, due: list[int]) -> float:
        self.crm._opened.write(lambda scope: enrolments.put_off(scope, due, scope.now))
        with stopwatch() as seconds:
            done = self.crm.work(limit=0).advanced
            took = seconds()
        if done != len(due):
            raise SystemExit(f"{done:,} went on, where {len(due):,} were due")
        return took


def shop(database: str, count: int) -> Shop:
    """Fill a database: every second customer has ordered in the last 30 days, and looked at something else before."""
    clock = TurnedClock(START)
    crm = CRM(database, clock=clock, plugins={"recorder": Recorder()}, blocked=installed())
    crm.identify_many({"customer": str(n), "attributes": {"email": f"c{n}@example.com"}} for n in range(count))
    crm.track_many(
        {"name": "order_placed", "customer": str(n), "at": clock.now() - (5 * k + 1 + 40 * (n % 2)) * DAY}
        for n in range(count)
        for k in range(EVENTS)
    )
    for name in ("thanks", "remind"):
        crm.save_template(name, "note", {"text": "Hello {{ customer.key }}"})
    with crm._opened.reading() as scope:
        customers = list(scope.connection.execute(select(scope.table(schema.customer).c.id)).scalars())
    return Shop(crm=crm, customers=customers)


def databases() -> Iterator[tuple[str, Callable[[], str]]]:
    """Yield the stores, each with what gives a database there."""
    with files() as sqlite:
        yield "sqlite", sqlite
    with server() as served:
        yield "postgresql", served.fresh


def measure(given: Namespace) -> None:
    """Measure the stores one after the other, the year, then the peers, and print the figures."""
    if given.only in (None, "year"):
        _print(given, "journeys.year", year(given.customers), "s", f"{given.customers:,} customers in five campaigns")
    if given.only != "year":
        ours = advance(given)
        peers(given, ours)


def advance(given: Namespace) -> float:
    """Measure how fast enrolments go on; return the seconds of one on SQLite."""
    due, times = given.due, given.rounds
    growth: list[float] = []
    costs: list[float] = []
    for name, database in databases():
        made = shop(database(), due)
        small = median([made.advance(f"small_{one}", due * 2, due, 1)[0] for one in range(times)])
        large = median(made.advance("large", due * 10, due, times))
        made.crm.close()
        growth.append(large / small)
        costs.append(large / due)
        _print(given, f"journeys.advance.{name}", large, "s", f"{due:,} due of {due * 10:,} that wait")
    _print(given, "journeys.growth", max(growth), "of the cost where a fifth waits")
    return costs[0]


def peers(given: Namespace, ours: float) -> None:
    """Measure what engines take that move one enrolment at a time."""
    for name, peer in (("dbos", "dbos"), ("celery", "celery_journey")):
        (theirs,) = rounds(given.rounds, lambda peer=peer: peer_seconds(peer, given.jobs))
        against = f"{PEERS[peer][0]} ({theirs * 1e6:,.0f} µs an enrolment, ours {ours * 1e6:.0f})"
        _print(given, f"journeys.{name}", theirs / ours, "times ours", against)


def year(customers: int) -> float:
    """Return the seconds that a year takes."""
    with TemporaryDirectory() as folder, stopwatch() as seconds:
        lived = journey_year.live(Path(folder) / "year.db", customers)
        took = seconds()
    if lived.sent < customers:
        raise SystemExit(f"{lived}")
    return took


def _print(given: Namespace, name: str, value: float, unit: str, against: str = "") -> None:
    report(as_json=given.json, name=name, value=value, unit=unit, against=against)


def profile(given: Namespace) -> None:
    """Print where the time goes."""
    for name, database in databases():
        made = shop(database(), given.due)
        show(name, profiled(lambda made=made: made.advance("profiled", given.due * 2, given.due, 1)), given.due)
        made.crm.close()


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--due", type=int, default=100_000, help="enrolments that are due; ten times as many wait")
    parser.add_argument("--customers", type=int, default=10_000, help="customers of the year (default 10,000)")
    parser.add_argument("--only", choices=["advance", "year"], help="measure nothing else")
    parser.add_argument("--jobs", type=int, default=2000, help="enrolments of the peers (default 2,000)")
    parser.add_argument("--prepare", action="store_true", help="make the peers' environments, and nothing else")
    parser.add_argument("--profile", action="store_true", help="print where the time goes instead")
    given = parser.parse_args()
    if given.prepare:
        prepare(PEERS)
    elif given.profile:
        profile(given)
    else:
        require(PEERS, "journeys.py")
        measure(given)


if __name__ == "__main__":
    main()
