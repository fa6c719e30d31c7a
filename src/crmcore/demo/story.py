"""The story itself: load, segment, recommend, send, react, report."""

from __future__ import annotations

import email
import resource
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import UTC, datetime
from email import policy
from importlib.resources import as_file, files
from pathlib import Path

import attrs

from crmcore.app import CRM
from crmcore.demo import making, templates
from crmcore.errors import InvalidFile
from crmcore.flow.importing.mapping import read_map
from crmcore.model.building import event, everyone
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.offers import Offers
from crmcore.model.report import Report
from crmcore.model.time import microseconds
from crmcore.testing.clock import TurnedClock
from crmcore.testing.smtp_sink import Mail, Sink

Progress = Callable[[int, int], None]
#: The day after the data set's last order.
NOW = datetime(2011, 12, 10, tzinfo=UTC)
SEED = 2011
MAILS = "demo_mails"
LOYAL_ORDERS = 5
#: Who is who, by orders alone.
SEGMENTS = {
    "loyal": (event("order_placed").count(within="365d") >= LOYAL_ORDERS) & event("order_placed").last().within("90d"),
    "lapsed": event("order_placed").last().older_than("120d"),
    "new": event("order_placed").first().within("60d"),
}


@attrs.frozen(kw_only=True)
class HeldOut:
    """Those who passed every gate and got no message."""

    customers: int
    converted: int


@attrs.frozen(kw_only=True)
class Figures:
    """The demo in figures; `revenue_minor` in pence, `peak_mb` in megabytes."""

    customers: int
    orders: int
    revenue_minor: int
    segments: dict[str, int]
    sent: int
    skipped: dict[str, int]
    opened: int
    clicked: int
    converted: int
    holdout: HeldOut
    seconds: float
    peak_mb: float


@attrs.frozen(kw_only=True)
class Told:
    """The figures, the reports, and what was written."""

    figures: Figures
    reports: tuple[Report, ...]
    written: tuple[str, ...]
    next_commands: tuple[str, ...]


def tell(directory: Path, data: Path | None, orders: Progress, mails: Progress) -> Told:
    """Tell the story in a directory; raise InvalidFile where demo.db is somebody else's or the data are not there."""
    start = time.perf_counter()
    database = _fresh(directory / "demo.db")
    clock = TurnedClock(NOW)
    with Sink() as sink:
        server = {"host": sink.host, "port": sink.port}
        settings = {"email": {"sender": "The shop <shop@example.com>", "smtp": server}}
        with CRM(str(database), clock=clock, channels=settings) as crm:
            crm.pin(microseconds(NOW, "now"))
            shop = _load(crm, data, orders)
            sizes = {name: crm.define_segment(name, clause).size() for name, clause in SEGMENTS.items()}
            _send(crm, mails)
            written = _write(directory, sink.mails)
            _react(crm, clock, sink.mails)
            reports = tuple(crm.report(name) for name in ("winback", "thanks"))
            crm.pin(crm.now())
            key = crm.segment("loyal").members(limit=1)
    figures = _figures(shop, sizes, reports, time.perf_counter() - start)
    prefix = f"{_program()} --db {shlex.quote(str(database))}"
    commands = [
        "segment list",
        f"customer {key[0].key if key else 'KEY'}",
        "report winback",
        "deliveries winback --limit 5",
    ]
    return Told(
        figures=figures,
        reports=reports,
        written=(str(database), *written),
        next_commands=tuple(f"{prefix} {command}" for command in commands),
    )


def _program() -> str:
    """Return how `crm` can be started again: by its name, or as it was started where no PATH leads to it."""
    started = Path(sys.argv[0])
    return "crm" if shutil.which("crm") or started.name != "crm" else shlex.quote(str(started))


@attrs.frozen(kw_only=True)
class _Shop:
    customers: int
    orders: int
    revenue: int


def _load(crm: CRM, data: Path | None, progress: Progress) -> _Shop:
    package = files("crmcore.demo")
    with (
        as_file(package / "online_retail.toml") as mapping,
        as_file(package / "data" / "online_retail_part.csv.xz") as part,
    ):
        crm.import_file(part if data is None else _data_file(data), read_map(mapping), progress)
    keys = [one.key for one in crm.define_segment("everyone", everyone()).members() if one.key is not None]
    crm.identify_many(making.people(keys, SEED))
    crm.consent_many(making.consents(keys, SEED))
    crm.suppress_many(making.suppressions(keys, SEED))
    placed = next(one for one in crm.totals() if one.name == "order_placed")
    return _Shop(customers=placed.customers, orders=placed.count, revenue=placed.amount)


def _data_file(data: Path) -> Path:
    if data.is_dir():
        data = data / "online_retail.csv.gz"
    if not data.exists():
        raise InvalidFile(file=data, place="--data", problem="there is no such file; nothing is downloaded")
    return data


def _send(crm: CRM, progress: Progress) -> None:
    crm.save_template("winback", "email", templates.WINBACK)
    crm.save_template("thanks", "email", templates.THANKS)
    goal = Goal(event="order_placed", within="14d")
    winback = Campaign(
        name="winback",
        purpose="retention",
        audience="lapsed",
        channel="email",
        template="winback",
        holdout=0.2,
        goal=goal,
        offers=Offers(engine="repeat", k=3, repeat="allow", slot="winback"),
    )
    thanks = Campaign(
        name="thanks", purpose="retention", audience="loyal", channel="email", template="thanks", holdout=0.1, goal=goal
    )
    for campaign in (winback, thanks):
        crm.launch(campaign, seed=SEED)
    crm.work(progress=progress)


def _react(crm: CRM, clock: TurnedClock, mails: Sequence[Mail]) -> None:
    sent_at = crm.now()
    clock.turn("14d")
    for name in ("winback", "thanks"):
        ledger = crm.deliveries(name)
        sent = [one for one in ledger if one.state == "accepted"]
        compared = [*sent, *(one for one in ledger if one.reason == "holdout")]
        crm.feedback(making.reactions(sent, SEED, sent_at), provider="simulated")
        crm.track_many(making.orders(compared, SEED, sent_at))
    link = email.message_from_bytes(mails[0].body, policy=policy.SMTP)["List-Unsubscribe"]
    crm.unsubscribe(str(link).strip("<>").rpartition("/")[2])


def _write(directory: Path, mails: Sequence[Mail]) -> list[str]:
    """Write three mails as they went, and what is to be seen of them."""
    folder = directory / MAILS
    folder.mkdir(parents=True, exist_ok=True)
    written: list[str] = []
    for number, mail in enumerate(mails[:3], start=1):
        parsed = email.message_from_bytes(mail.body, policy=policy.SMTP)
        html = parsed.get_body(("html",))
        for suffix, content in ((".eml", mail.body), (".html", b"" if html is None else html.get_content().encode())):
            path = folder / f"mail-{number}{suffix}"
            path.write_bytes(content)
            written.append(str(path))
    return written


def _figures(shop: _Shop, sizes: dict[str, int], reports: Sequence[Report], seconds: float) -> Figures:
    skipped: dict[str, int] = {}
    for report in reports:
        for reason, count in report.skipped.items():
            skipped[reason] = skipped.get(reason, 0) + count
    held = HeldOut(
        customers=sum(one.held_out.customers for one in reports),
        converted=sum(one.held_out.converted for one in reports),
    )
    return Figures(
        customers=shop.customers,
        orders=shop.orders,
        revenue_minor=shop.revenue,
        segments=sizes,
        sent=sum(one.sent for one in reports),
        skipped=dict(sorted(skipped.items())),
        opened=sum(one.opened for one in reports),
        clicked=sum(one.clicked for one in reports),
        converted=sum(one.treated.converted for one in reports),
        holdout=held,
        seconds=round(seconds, 2),
        peak_mb=round(
            resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1024 if sys.platform != "darwin" else 1 << 20), 1
        ),
    )


def _fresh(database: Path) -> Path:
    """Make room for the database: an earlier demo's goes, anything else stays and is an error."""
    database.parent.mkdir(parents=True, exist_ok=True)
    if database.exists() and not _is_demo(database):
        raise InvalidFile(
            file=database, place="the demo", problem="it is not the demo's own; choose another --directory"
        )
    for suffix in ("", "-wal", "-shm"):
        Path(f"{database}{suffix}").unlink(missing_ok=True)
    return database


def _is_demo(database: Path) -> bool:
    from sqlalchemy.exc import DatabaseError

    try:
        with closing(CRM(str(database))) as crm:
            return {"loyal", "lapsed", "new"} <= set(crm.segments()) or not crm.totals()
    except DatabaseError:
        return False
