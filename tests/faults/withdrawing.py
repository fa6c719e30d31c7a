"""The withdrawal race: while a worker sends, customers withdraw; what was not handed over by then must never be.

What was handed over by then is read in the very transaction that withdraws, just before it commits: no clock decides.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import attrs
from sqlalchemy import Connection, Engine, create_engine, event, func, select

from crmcore import CRM
from crmcore.flow import links
from crmcore.flow.links import Link
from crmcore.model.building import attribute
from crmcore.model.campaign import Campaign
from crmcore.store import schema
from tests.faults import world as scene
from tests.faults.databases import is_server
from tests.faults.ledger import rows
from tests.faults.process import Worker, started
from tests.faults.sinks import sinks
from tests.faults.stores import Store, for_workers
from tests.faults.worker import Job
from tests.faults.world import ShiftedClock, World

TOPIC = "news"
#: Customers of a campaign; when it is over another is launched, for others.
WAVE = 300
#: One withdrawal in so many comes from somebody whose message nobody has claimed yet.
EARLY = 4
#: Of how many messages that wait, the first ones, one is drawn.
NEXT = 200
_WITHDRAWS = re.compile(r"\s*(INSERT INTO|UPDATE) crm_(consent|subscription|suppression|contact)")


@attrs.frozen(kw_only=True)
class Raced:
    """What came of the race.

    `trials` are the withdrawals that met a message not handed over yet, `claimed` those of them whose message a worker was
    already at; `late` are the messages handed over all the same, and `arrived` those that came to the sink; `in_air` is the
    most that was handed over and not settled when a withdrawal was committed; `deaths` tell of workers that ended by
    themselves.
    """

    trials: int
    claimed: int
    late: int
    arrived: int
    in_air: int
    deaths: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Due:
    """A delivery that is not handed over yet."""

    id: int
    customer_id: int
    key: str
    state: str


def race(
    store: Store, trials: int, chance: random.Random, *, progress: Callable[[int], object] = lambda _: None
) -> Raced:
    """Let customers withdraw until so many trials are made; then look what was handed over later."""
    with store.fresh() as url, sinks() as ends:
        world = World(database=url, smtp=ends.smtp.port, http=ends.http.port)
        with ends.smtp, ends.http, _engine(url) as engine, scene.opened(world, ShiftedClock(), engine) as crm:
            racer = Racer(crm, engine, chance)
            with ExitStack() as stack:
                shift = Shift(attrs.evolve(world, database=for_workers(url)), stack)
                while racer.trials < trials:
                    shift.go_on()
                    racer.withdraw()
                    progress(racer.trials)
                shift.end()
            with engine.connect() as connection:
                late = [row for row in rows(connection) if row.id in racer.withdrawn]
        keys = {row.key for row in late}
        return Raced(
            trials=racer.trials,
            claimed=racer.claimed,
            late=sum(row.was_handed for row in late),
            arrived=sum(one.key in keys for one in ends.arrivals()),
            in_air=racer.watch.in_air,
            deaths=tuple(shift.deaths),
        )


class Watch:
    """Reads a customer's deliveries in each transaction that withdraws something, before it commits."""

    def __init__(self, engine: Engine, workspace_id: int) -> None:
        self.workspace_id = workspace_id
        self.customer_id = 0
        self.not_handed: set[int] = set()
        self.in_air = 0
        event.listen(engine, "before_cursor_execute", self._notice)
        event.listen(engine, "commit", self._read)

    def _notice(self, connection: Connection, _cursor: Any, statement: str, *_more: Any) -> None:
        if _WITHDRAWS.match(statement):
            connection.info["withdraws"] = True

    def _read(self, connection: Connection) -> None:
        if not connection.info.pop("withdraws", False):
            return
        row = schema.delivery.c
        here = row.workspace_id == self.workspace_id
        mine = select(row.id).where(here, row.customer_id == self.customer_id, row.handed_at.is_(None))
        self.not_handed = set(connection.execute(mine).scalars())
        handed = select(func.count()).select_from(schema.delivery).where(here, row.state == "handed")
        self.in_air = max(self.in_air, connection.execute(handed).scalar_one())


class Racer:
    """The customers who withdraw, one after the other, each in one of four ways."""

    def __init__(self, crm: CRM, engine: Engine, chance: random.Random) -> None:
        self._crm, self._engine, self._chance = crm, engine, chance
        self._waves = 0
        self._run_id = 0
        self.watch = Watch(engine, crm._opened.workspace.id)
        self.withdrawn: set[int] = set()
        self.trials = self.claimed = 0

    def withdraw(self) -> None:
        """Let one customer withdraw who waits for a message; where nobody does, launch the next campaign."""
        due = self._due()
        if due is None:
            self._launch()
            return
        self.watch.customer_id, self.watch.not_handed = due.customer_id, set()
        self._chance.choice((self._refuse, self._unwish, self._suppress, self._click))(due)
        self.withdrawn |= self.watch.not_handed
        self.trials += bool(self.watch.not_handed)
        self.claimed += bool(self.watch.not_handed) and due.state == "claimed"

    def _due(self) -> Due | None:
        states = ("planned", "claimed") if self._chance.randrange(EARLY) == 0 else ("claimed", "planned")
        with self._engine.connect() as connection:
            found = next(filter(None, (self._in_state(connection, state) for state in states)), [])
        return self._chance.choice(found) if found else None

    def _in_state(self, connection: Connection, state: str) -> list[Due]:
        row, customer = schema.delivery.c, schema.customer.c
        query = (
            select(row.id, row.customer_id, customer.key, row.state)
            .join_from(schema.delivery, schema.customer, customer.id == row.customer_id)
            .where(row.run_id == self._run_id, row.state == state, row.id.not_in(self.withdrawn))
            .order_by(row.id)
            .limit(NEXT)
        )
        return [
            Due(id=one, customer_id=customer_id, key=key, state=state)
            for one, customer_id, key, state in connection.execute(query)
        ]

    def _launch(self) -> None:
        self._waves += 1
        first, name = self._waves * WAVE, f"offer_{self._waves}"
        keys = [str(n) for n in range(first, first + WAVE)]
        self._crm.identify_many(
            {"customer": key, "attributes": {"name": f"N{key}", "email": f"{key}@example.com", "wave": self._waves}}
            for key in keys
        )
        self._crm.consent_many({"customer": key, "purpose": "retention"} for key in keys)
        self._crm.subscribe_many({"customer": key, "topic": TOPIC} for key in keys)
        scene.template(self._crm, scene.TEXT)
        campaign = Campaign(
            name=name,
            purpose="retention",
            audience=attribute("wave") == self._waves,
            channel="email",
            template="hello",
            topic=TOPIC,
        )
        self._run_id = self._crm.launch(campaign).run_id

    def _refuse(self, due: Due) -> None:
        self._crm.consent(due.key, "retention", granted=False)

    def _unwish(self, due: Due) -> None:
        self._crm.subscribe(due.key, TOPIC, wanted=False)

    def _suppress(self, due: Due) -> None:
        self._crm.suppress(due.key)

    def _click(self, due: Due) -> None:
        with self._engine.connect() as connection:
            workspace_id, secret = connection.execute(select(schema.workspace.c.id, schema.workspace.c.secret)).one()
        link = Link(kind="unsubscribe", workspace_id=workspace_id, row_id=due.id)
        self._crm.unsubscribe(links.token(link, secret))


class Shift:
    """Somebody is always at work: a worker that has ended is followed by another."""

    def __init__(self, world: World, stack: ExitStack) -> None:
        self._world, self._stack = world, stack
        self._worker = self._next()
        self.deaths: list[str] = []

    def go_on(self) -> None:
        """See to it that a worker is there."""
        if not self._worker.runs():
            self.deaths.append(self._worker.complaint())
            self._worker = self._next()

    def end(self) -> None:
        """Let the worker finish what is due."""
        self._worker.finish()
        assert self._worker.exit_code() == 0, self._worker.complaint()

    def _next(self) -> Worker:
        worker = self._stack.enter_context(started(Job(world=self._world, forever=True)))
        worker.ready()
        worker.go()
        return worker


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = create_engine(url, connect_args={} if is_server(url) else {"timeout": 60})
    try:
        yield engine
    finally:
        engine.dispose()
