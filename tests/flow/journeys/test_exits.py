"""What ends a way ends it whatever it waits for, and whenever it is heard of: what was not handed over by then never goes."""

from __future__ import annotations

import random
import re
from threading import Thread

import attrs
import pytest
from sqlalchemy import create_engine, event, select

from crmcore import CRM
from crmcore.loader import installed
from crmcore.model.campaign import Goal
from crmcore.model.happens import Happens
from crmcore.model.steps import WaitFor, WaitUntil
from crmcore.model.time import HOUR, MINUTE
from crmcore.store import listeners, schema
from tests.flow.journeys.test_merging import ways
from tests.flow.journeys.travelling import journey, people, said, send, templates, wait

#: An hour after noon carts are updated; an hour later they are to be reminded of.
ENTERED, DUE = HOUR, 2 * HOUR
WAITS = {
    "wait": wait("1h"),
    "wait until": WaitUntil(name="two", at="14:00"),
    "wait for": WaitFor(name="opens", event="app_opened", timeout="1h"),
}
BOTH, ONE, NONE = ("remind", "later"), ("remind",), ()


@attrs.frozen
class Row:
    """When somebody buys what is in cart `ref`, as far as anybody says `at` (after noon), and what is sent; and when the cart was updated."""

    phase: str
    sent: tuple[str, ...]
    at: int | None = None
    ref: str = "c1"
    carted_at: int = ENTERED


TABLE = {
    "nobody buys": Row("never", BOTH),
    "before the cart": Row("before", BOTH),
    "before the cart, told later than it": Row("before", NONE, carted_at=10 * MINUTE),
    "while it waits": Row("waiting", NONE),
    "while it waits, dated before the cart": Row("waiting", BOTH, at=ENTERED - MINUTE),
    "while it waits, dated as the cart": Row("waiting", NONE, at=ENTERED),
    "while it waits, another cart": Row("waiting", BOTH, ref="c2"),
    "a millisecond before it is due": Row("due", NONE, at=DUE - 1000),
    "when it is due": Row("due", NONE),
    "once it is planned": Row("planned", NONE),
    "once it is planned, dated before the cart": Row("planned", BOTH, at=ENTERED - MINUTE),
    "once it is planned, another cart": Row("planned", BOTH, ref="c2"),
    "once it is handed over": Row("handed", ONE),
    "told late, of while it waited": Row("handed", ONE, at=ENTERED + MINUTE),
    "once it is handed over, another cart": Row("handed", BOTH, ref="c2"),
}
NAMES = {name: f"p{number}" for number, name in enumerate(TABLE)}
CART, ORDER = (Happens(event=name, key="ref") for name in ("cart_updated", "order_placed"))


def buy(crm, noon, phase):
    for name, row in TABLE.items():
        if row.phase == phase:
            crm.track("order_placed", NAMES[name], ref=row.ref, at=None if row.at is None else noon + row.at)


def travel(crm, clock):
    """Let everybody of the table go the whole way; each buys in its phase."""
    noon = clock.now()
    clock.turn("30m")
    buy(crm, noon, "before")
    clock.turn("30m")
    for name, row in TABLE.items():
        crm.track("cart_updated", NAMES[name], ref="c1", at=noon + row.carted_at)
    crm.work()
    clock.turn("30m")
    buy(crm, noon, "waiting")
    clock.turn("30m")
    buy(crm, noon, "due")
    crm.work(limit=0)
    buy(crm, noon, "planned")
    crm.work()
    buy(crm, noon, "handed")
    clock.turn("1d")
    crm.work()


@pytest.mark.parametrize(
    ("waiting", "goal"),
    [("wait", None), ("wait until", Goal(event="order_placed")), ("wait for", Goal(event="visited"))],
    ids=["wait, no goal", "wait until, the goal is what ends it", "wait for, another goal"],
)
def test_whoever_buys_is_reminded_no_more(crm, clock, recorder, waiting, goal):
    people(crm, *NAMES.values())
    templates(crm, "remind", "later")
    course = (WAITS[waiting], send("remind"), wait("1d"), send("later"))
    crm.launch(journey(*course, trigger=CART, exits=[ORDER], goal=goal))
    travel(crm, clock)
    found = {name: tuple(one.split()[0] for one in said(recorder) if one.split()[1] == NAMES[name]) for name in TABLE}
    assert found == {name: row.sent for name, row in TABLE.items()}
    ended = {crm.customer(NAMES[name]).id: name for name in TABLE}
    states = {ended[one.customer_id]: one.reason or one.state for one in ways(crm).values()}
    assert states == {name: _state(row) for name, row in TABLE.items() if row.carted_at == ENTERED}


def _state(row):
    return "completed" if row.sent == BOTH else "order_placed"


def test_whoever_had_bought_by_the_time_of_a_cart_told_late_is_refused_and_that_is_said(crm, clock):
    people(crm, "ada")
    templates(crm, "remind")
    crm.launch(journey(wait("1h"), send("remind"), trigger=CART, exits=[ORDER]))
    clock.turn("1h")
    crm.track("order_placed", "ada", ref="c1", at=clock.now() - 1)
    crm.track("cart_updated", "ada", ref="c1", at=clock.now() - 2)
    with crm._opened.reading() as scope:
        [refusal] = listeners.refusals(scope, crm.customer("ada").id)
    assert (ways(crm), refusal.reason, refusal.count) == ({}, "exited", 1)


def test_what_a_host_has_committed_stops_what_is_planned(crm, clock, recorder, new_database):
    people(crm, "ada", "bob", "cyd")
    templates(crm, "remind")
    crm.launch(journey(send("remind"), trigger=CART, exits=[ORDER]))
    for name in ("ada", "bob", "cyd"):
        crm.track("cart_updated", name, ref="c1")
    crm.work(limit=0)
    engine = create_engine(new_database("crm.db").replace("postgresql://", "postgresql+psycopg://"))
    with engine.connect() as connection:
        crm.using(connection).track("order_placed", "ada", ref="c1")
        connection.commit()
        crm.using(connection).track("order_placed", "bob", ref="c1")
        connection.rollback()
    engine.dispose()
    crm.work()
    assert said(recorder) == ["remind bob", "remind cyd"]


#: How many are reminded at once, and how many of a window.
CROWD, WINDOW = 80, 4
_ENDS = re.compile(r"\s*UPDATE crm_enrolment SET state")


class Watch:
    """Reads the deliveries not handed over yet of whoever is buying, in the transaction that ends its way, before it commits."""

    def __init__(self, crm):
        self.customer_id, self.not_handed = 0, set()
        self._workspace_id, engine = crm._opened.workspace.id, crm._opened.engine
        event.listen(engine, "before_cursor_execute", self._notice)
        event.listen(engine, "commit", self._read)

    def _notice(self, connection, _cursor, statement, *_more):
        if _ENDS.match(statement):
            connection.info["ends"] = True

    def _read(self, connection):
        if connection.info.pop("ends", False):
            row = schema.delivery.c
            here = row.workspace_id == self._workspace_id
            mine = select(row.id).where(here, row.customer_id == self.customer_id, row.handed_at.is_(None))
            self.not_handed |= set(connection.execute(mine).scalars())


@pytest.fixture
def worker(new_database, clock, recorder):
    """Another CRM at the same database, which hands over in small windows."""
    made = {"plugins": {"recorder": recorder}, "blocked": installed(), "sending": {"window": WINDOW}}
    with CRM(new_database("crm.db"), clock=clock, **made) as crm:
        yield crm


def test_nothing_is_handed_over_once_an_exit_has_been_committed(crm, worker, recorder):
    names = [str(number) for number in range(CROWD)]
    people(crm, *names)
    templates(crm, "remind")
    crm.launch(journey(send("remind"), trigger=CART, exits=[ORDER]))
    crm.track_many({"name": "cart_updated", "customer": name, "ref": "c1"} for name in names)
    crm.work(limit=0)
    customers = {name: crm.customer(name).id for name in names}
    watch, working = Watch(crm), Thread(target=worker.work)
    working.start()
    for name in random.Random(3).sample(names[CROWD // 8 :], CROWD // 2):
        watch.customer_id = customers[name]
        crm.track("order_placed", name, ref="c1")
    working.join(60)
    crm.work()
    gone = {one.delivery_id for one in recorder.sent}
    assert gone & watch.not_handed == set()
    assert watch.not_handed
    assert len(gone) + len(watch.not_handed) == CROWD
