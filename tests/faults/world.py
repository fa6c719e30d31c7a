"""The small world in which workers die: customers, four campaigns over two carriers, and a clock that can be moved."""

from __future__ import annotations

import time
from collections.abc import Iterable

import attrs
from sqlalchemy import Engine

from crmcore import CRM
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.time import HOUR, MINUTE, SECOND
from crmcore.testing.http_carrier import HttpCarrier

#: By which a worker's clock is moved on before the next one starts: what the dead have claimed is free again.
LEASE = 10 * MINUTE
#: By which it is moved on to wait for whatever was put off.
LONG = HOUR
#: Seconds a worker waits for a sink.
TIMEOUT = 0.5
#: Campaign -> purpose and channel.
CAMPAIGNS = {
    "mail_offer": ("retention", "email"),
    "mail_order": ("service", "email"),
    "note_offer": ("retention", "note"),
    "note_order": ("service", "note"),
}
#: How many customers differ from the rest: one has no address, one is suppressed, one has not consented, of so many.
EVERY = 50
TEXT = "Hello {{ customer.name }},\n\n.a line that begins with a dot\n" + "and another line of some length\n" * 12


@attrs.frozen(kw_only=True)
class World:
    """Where workers work: the database's URL, the ports of the sinks, and how many messages are under way at once."""

    database: str
    smtp: int
    http: int
    connections: int = 1
    window: int = 50
    timeout: float = TIMEOUT


@attrs.frozen(kw_only=True)
class Jump:
    """The clock jumps `by` microseconds once it has been read `after` times."""

    after: int
    by: int


class ShiftedClock:
    """The time of the machine and an offset, in microseconds; it may jump once."""

    def __init__(self, offset: int = 0, jump: Jump | None = None) -> None:
        self.offset = offset
        self._jump, self._read = jump, 0

    def now(self) -> int:
        """Return the time in microseconds UTC."""
        self._read += 1
        if self._jump is not None and self._read == self._jump.after:
            self.offset += self._jump.by
        return time.time_ns() // 1000 + self.offset


def opened(world: World, clock: ShiftedClock, engine: Engine | None = None) -> CRM:
    """Open the CRM of a world, on an engine of its own or on the one given."""
    server = {"host": "127.0.0.1", "port": world.smtp, "timeout": world.timeout, "connections": world.connections}
    return CRM(
        engine or world.database,
        clock=clock,
        channels={"email": {"sender": "Shop <shop@example.com>", "smtp": server, "provider": "smtp"}},
        plugins={"http": HttpCarrier("127.0.0.1", world.http)},
        blocked=["crm_recommend"],
        http={"timeout": world.timeout},
        sending={"window": world.window, "lease": f"{LEASE // SECOND}s"},
    )


def populate(crm: CRM, customers: int) -> None:
    """Let there be customers: some of them cannot, or must not, be written to."""
    crm.identify_many(
        {"customer": str(n), "attributes": {"name": f"N{n}"} | ({"email": address(n)} if n % EVERY else {})}
        for n in range(customers)
    )
    crm.suppress_many({"customer": str(n), "reason": "manual"} for n in range(1, customers, EVERY))
    crm.consent_many({"customer": str(n), "purpose": "retention"} for n in range(customers) if n % EVERY != 2)
    template(crm, TEXT)


def reachable(campaign: str, customers: int) -> frozenset[str]:
    """Return the customers whom a campaign can reach, and may."""
    others = {0, 1, 2} if CAMPAIGNS[campaign][0] == "retention" else {0, 1}
    return frozenset(str(n) for n in range(customers) if n % EVERY not in others)


def address(number: int) -> str:
    """Return the address of a customer."""
    return f"c{number}@example.com"


def template(crm: CRM, text: str) -> None:
    """Save what all campaigns say."""
    crm.save_template("hello", "email", {"subject": "Hello {{ customer.name }}", "text": text})
    crm.save_template("hello", "note", {"text": text})


def launch(crm: CRM, seed: int, names: Iterable[str] = CAMPAIGNS) -> None:
    """Launch the campaigns."""
    for name in names:
        purpose, channel = CAMPAIGNS[name]
        holdout = 0.05 if purpose == "retention" else 0.0
        whole = Campaign(
            name=name, purpose=purpose, audience=everyone(), channel=channel, template="hello", holdout=holdout
        )
        crm.launch(whole, seed=seed)


def change(crm: CRM, customers: int) -> None:
    """Change what messages are made of; those that were handed over once stay as they were."""
    crm.identify_many({"customer": str(n), "attributes": {"name": f"Changed {n}"}} for n in range(customers))
    template(crm, f"A new text.\n{TEXT}")
