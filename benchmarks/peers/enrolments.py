"""What the row-at-a-time peers of `journeys.py` advance: one enrolment of each customer in a campaign, its wait at an end.

Every customer has ten events, one a day; half of them have ordered within 30 days, and take the other branch. SQLite has
the settings of crmcore's own files (write-ahead log, `synchronous=NORMAL`, its pages and its cache), but for
`secure_delete`, which costs; PostgreSQL has what its server has. Both have been analysed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from sqlite3 import Connection as SQLite

from sqlalchemy import Connection, Engine, create_engine, event, text

DAY = 86_400_000_000
NOW = 20_000 * DAY
EVENTS = 10
CONNECTIONS = 20

TABLES = (
    "CREATE TABLE customer (id INTEGER PRIMARY KEY, email TEXT NOT NULL)",
    """CREATE TABLE event (
        id INTEGER PRIMARY KEY, customer_id BIGINT NOT NULL, name TEXT NOT NULL, occurred_at BIGINT NOT NULL)""",
    "CREATE INDEX event_of_customer ON event (customer_id, name, occurred_at)",
    """CREATE TABLE enrolment (
        id INTEGER PRIMARY KEY, customer_id BIGINT NOT NULL, step TEXT NOT NULL, state TEXT NOT NULL,
        due_at BIGINT NOT NULL)""",
    """CREATE TABLE ledger (
        run_id BIGINT NOT NULL, step TEXT NOT NULL, customer_id BIGINT NOT NULL, channel TEXT NOT NULL,
        address TEXT NOT NULL, occurrence BIGINT NOT NULL, state TEXT NOT NULL, due_at BIGINT NOT NULL,
        UNIQUE (run_id, step, customer_id, channel, address, occurrence))""",
)
PRAGMAS = (
    "page_size=8192",
    "journal_mode=WAL",
    "synchronous=NORMAL",
    "busy_timeout=30000",
    "temp_store=MEMORY",
    "cache_size=-65536",
    "wal_autocheckpoint=4000",
)

CUSTOMER = text("INSERT INTO customer (id, email) VALUES (:id, :email)")
EVENT = text("INSERT INTO event (id, customer_id, name, occurred_at) VALUES (:id, :customer, :name, :at)")
ENROLMENT = text(
    "INSERT INTO enrolment (id, customer_id, step, state, due_at) VALUES (:id, :id, 'wait', 'waiting', :at)"
)
ORDERED = text(
    """SELECT EXISTS (SELECT 1 FROM event JOIN enrolment ON enrolment.customer_id = event.customer_id
        WHERE enrolment.id = :id AND event.name = 'order_placed' AND event.occurred_at >= :since)"""
)
PLAN = text(
    """INSERT INTO ledger (run_id, step, customer_id, channel, address, occurrence, state, due_at)
        SELECT 1, :step, customer.id, 'email', customer.email, 1, 'planned', :now
        FROM enrolment JOIN customer ON customer.id = enrolment.customer_id WHERE enrolment.id = :id
        ON CONFLICT DO NOTHING"""
)
MOVE = text(
    """UPDATE enrolment SET step = :step, state = 'done' WHERE id = :id AND state = 'waiting' AND due_at <= :now"""
)
PLANNED = text(
    """SELECT ledger.step, count(*) FROM enrolment JOIN ledger
        ON ledger.customer_id = enrolment.customer_id AND ledger.step = enrolment.step
        WHERE enrolment.state = 'done' GROUP BY ledger.step"""
)


def branch(connection: Connection, enrolment: int) -> str:
    """Return the step that an enrolment goes to: has its customer ordered within 30 days?"""
    ordered = connection.scalar(ORDERED, {"id": enrolment, "since": NOW - 30 * DAY})
    return "thanks" if ordered else "offer"


def plan(connection: Connection, enrolment: int, step: str) -> None:
    """Plan the step's send, unless that has been done."""
    connection.execute(PLAN, {"id": enrolment, "step": step, "now": NOW})


def move(connection: Connection, enrolment: int, step: str) -> None:
    """Note which step the enrolment has come to."""
    connection.execute(MOVE, {"id": enrolment, "step": step, "now": NOW})


@contextmanager
def waiting(count: int, url: str = "") -> Iterator[Engine]:
    """Make enrolments, in a SQLite file of their own where no URL is given; leave where not all were advanced."""
    with tempfile.TemporaryDirectory() as folder:
        engine = create_engine(url or f"sqlite:///{folder}/peer.db", pool_size=CONNECTIONS)
        if not url:
            event.listen(engine, "connect", _tune)
        _fill(engine, count)
        yield engine
        _check(engine, count)
        engine.dispose()


def _tune(connection: SQLite, _record: object) -> None:
    connection.isolation_level = "IMMEDIATE"
    for pragma in PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _fill(engine: Engine, count: int) -> None:
    with engine.begin() as connection:
        for table in TABLES:
            connection.execute(text(table))
        connection.execute(CUSTOMER, [{"id": n, "email": f"c{n}@example.com"} for n in range(count)])
        connection.execute(EVENT, [_event(n, day) for n in range(count) for day in range(EVENTS)])
        connection.execute(ENROLMENT, [{"id": n, "at": NOW - 1} for n in range(count)])
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))


def _event(customer: int, day: int) -> dict[str, object]:
    name = "order_placed" if customer % 2 and not day else "page_viewed"
    return {"id": customer * EVENTS + day, "customer": customer, "name": name, "at": NOW - (day + 1) * DAY}


def _check(engine: Engine, count: int) -> None:
    with engine.connect() as connection:
        planned = {step: many for step, many in connection.execute(PLANNED)}
    if planned != {"thanks": count // 2, "offer": count - count // 2}:
        raise SystemExit(f"Of {count} enrolments were planned: {planned}")
