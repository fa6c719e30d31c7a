"""Inside a host's transaction: it commits or rolls back with the host's own rows, and every answer is exact to the last commit."""

from __future__ import annotations

import sqlite3

import django
import psycopg
import pytest
from django.conf import settings as django_settings
from django.db import connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy import event as listening
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from crmcore import CRM, adopt
from crmcore.errors import InvalidValue, NoConnection, UnknownCustomer
from crmcore.model.building import event
from crmcore.store.engine import open_engine, write


@pytest.fixture
def engine(database):
    """A host's engine on the same file, as the host made it."""
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE shop_order (id INTEGER PRIMARY KEY)")
    yield engine
    engine.dispose()


@pytest.fixture
def host(engine, clock):
    with CRM(engine, clock=clock) as crm:
        yield crm


def orders(engine):
    with engine.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM shop_order")).scalar_one()


def test_a_committed_order_is_there_with_the_hosts_row(engine, host):
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO shop_order VALUES (1)"))
        host.using(connection).track("order_placed", "42", amount=500, currency="EUR")
    assert orders(engine) == 1
    assert host.customer("42").sums[0].amount == 500


def test_a_rolled_back_order_leaves_no_trace(engine, host):
    with engine.connect() as connection:
        connection.execute(text("INSERT INTO shop_order VALUES (1)"))
        host.using(connection).track("order_placed", "42", amount=500, currency="EUR")
        connection.rollback()
    assert orders(engine) == 0
    with pytest.raises(UnknownCustomer):
        host.customer("42")
    assert host.stats().pending == 0


def test_a_session_is_joined_too(engine, host):
    with Session(engine) as session, session.begin():
        session.execute(text("INSERT INTO shop_order VALUES (1)"))
        host.using(session).identify("42", {"city": "Bandung"})
    assert host.customer("42").attributes == {"city": "Bandung"}


def test_a_segment_is_exact_to_the_last_commit(engine, host):
    loyal = host.define_segment("loyal", event("order_placed").count() >= 2)
    for _ in range(2):
        with engine.begin() as connection:
            host.using(connection).track("order_placed", "42", amount=1, currency="EUR")
    assert loyal.size() == 1


def test_nothing_but_writing_is_offered_inside(host, engine):
    with engine.connect() as connection:
        assert not hasattr(host.using(connection), "customer")


def test_a_withdrawal_of_a_known_customer_is_written_at_once(engine, host):
    host.consent("42", "retention")
    host.identify("42")
    with engine.begin() as connection:
        writer = host.using(connection)
        writer.consent("42", "retention", granted=False)
        rows = connection.execute(text("SELECT granted FROM crm_consent_state WHERE workspace_id = 1")).all()
    assert [bool(granted) for (granted,) in rows] == [False]


def test_a_dbapi_connection_is_adopted_and_stays_its_owners(database, host):
    connection = sqlite3.connect(database)
    connection.execute("INSERT INTO shop_order VALUES (1)")
    host.using(adopt(connection, "sqlite")).track("order_placed", "42", amount=1, currency="EUR")
    assert connection.in_transaction
    connection.rollback()
    assert host.stats().pending == 0
    connection.execute("INSERT INTO shop_order VALUES (1)")
    host.using(adopt(connection, "sqlite")).track("order_placed", "42", amount=1, currency="EUR")
    connection.commit()
    connection.close()
    assert host.customer("42").sums[0].count == 1


@pytest.fixture
def django_connection(database):
    """A real Django connection to the same file, wrapped in nothing of ours."""
    if not django_settings.configured:
        django_settings.configure(DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
        django.setup()
    django_settings.DATABASES["shop"] = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(database)}
    connections.settings = connections.configure_settings(django_settings.DATABASES)
    yield connections["shop"]
    connections["shop"].close()
    del connections["shop"]


class Refused(Exception):
    pass


def test_a_django_transaction_carries_the_event_and_takes_it_back(host, engine, django_connection):
    with transaction.atomic(using="shop"), django_connection.cursor() as cursor:
        cursor.execute("INSERT INTO shop_order (id) VALUES (1)")
        host.using(adopt(django_connection.connection, "sqlite")).track("order_placed", "42", amount=1, currency="EUR")
    assert (orders(engine), host.customer("42").sums[0].count) == (1, 1)

    with pytest.raises(Refused), transaction.atomic(using="shop"), django_connection.cursor() as cursor:
        cursor.execute("INSERT INTO shop_order (id) VALUES (2)")
        host.using(adopt(django_connection.connection, "sqlite")).track("order_placed", "42", amount=1, currency="EUR")
        raise Refused
    assert (orders(engine), host.customer("42").sums[0].count) == (1, 1)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.booleans()), max_size=12))
def test_exactly_the_committed_events_are_there(open_crm, tmp_path, acts):
    crm = open_crm(f"{hash(tuple(acts))}.db")
    engine = open_engine(str(crm._opened.engine.url))
    before = {one: _count(crm, one) for one in ("a", "b")}
    for key, is_kept in acts:
        with engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            crm.using(connection).track("order_placed", key)
            connection.commit() if is_kept else connection.rollback()
    engine.dispose()
    for key in ("a", "b"):
        assert _count(crm, key) - before[key] == sum(kept for one, kept in acts if one == key)


def _count(crm, key):
    try:
        return sum(one.count for one in crm.customer(key).sums)
    except UnknownCustomer:
        return 0


def test_a_statement_that_does_not_fit_is_kept_with_its_reason_and_the_others_go_on(engine, host):
    with engine.begin() as connection:
        writer = host.using(connection)
        writer.track("order_placed", "1", amount=2**62, currency="EUR")
        writer.track("order_placed", "1", amount=2**62, currency="EUR")
        writer.track("order_placed", "2", amount=1, currency="EUR")
    assert host.customer("2").sums[0].count == 1
    assert host.customer("1").sums[0].count == 1
    with engine.connect() as connection:
        [(reason,)] = connection.execute(text("SELECT reason FROM crm_quarantine")).all()
    assert "2^62" in reason


@pytest.fixture
def said(engine):
    """What is said to the database on the host's engine."""
    statements: list[str] = []
    listening.listen(engine, "before_cursor_execute", lambda *given: statements.append(given[2].split()[0]))
    return statements


APPENDED = {
    "track": lambda writer: writer.track("order_placed", "42", amount=1, currency="EUR", message_id="m"),
    "identify": lambda writer: writer.identify("42", {"email": "ada@example.com"}, tags=["new"]),
    "group": lambda writer: writer.group("acme", customer="42"),
    "merge": lambda writer: writer.merge("43", "42"),
    "unmerge": lambda writer: writer.unmerge("43", "42"),
    "offer": lambda writer: writer.offer("book"),
}


@pytest.mark.parametrize("verb", APPENDED)
def test_a_statement_is_one_insert_and_nothing_is_read(verb, engine, host, said):
    with engine.begin() as connection:
        APPENDED[verb](host.using(connection))
        assert said == ["INSERT"]


def test_where_no_lease_holds_a_node_is_borrowed_first(engine, host, said, clock):
    clock.turn("2h")
    with engine.begin() as connection:
        host.using(connection).track("order_placed", "42")
        assert said == ["UPDATE", "INSERT"]


def test_a_host_that_only_appends_never_runs_out_of_nodes(engine, host, clock):
    clock.turn("2h")
    with engine.begin() as connection:
        for number in range(1500):
            host.using(connection).track("order_placed", str(number))
    assert host.work().folded == 1500


def test_work_that_finds_nothing_to_do_keeps_no_writer_waiting(engine, host):
    assert write(engine, lambda _: host.work()).deliveries == 0


WRITTEN_AT_ONCE = {
    "consent": lambda writer: writer.consent("42", "retention", granted=False),
    "subscribe": lambda writer: writer.subscribe("42", "news", wanted=False),
    "suppress": lambda writer: writer.suppress("42"),
}


@pytest.mark.parametrize("verb", WRITTEN_AT_ONCE)
def test_what_is_written_at_once_writes_before_it_reads(verb, engine, host, said):
    host.identify("42")
    said.clear()
    with engine.begin() as connection:
        WRITTEN_AT_ONCE[verb](host.using(connection))
        assert said[0] == "UPDATE"
        assert host.stats().pending == 0


def test_a_host_may_let_its_engine_say_begin(engine, host):
    """Ours may not be deferred all the same: it could not be sure to write after it has read."""
    listening.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with engine.begin() as connection:
        host.using(connection).track("order_placed", "42")
    with pytest.raises(OperationalError, match="locked"):
        write(engine, lambda _: _order_at_once(engine))
    assert host.customer("42").sums[0].count == 1


def _order_at_once(engine):
    with engine.connect() as other:
        other.exec_driver_sql("PRAGMA busy_timeout = 0")
        other.exec_driver_sql("INSERT INTO shop_order VALUES (1)")


def test_adopting_changes_nothing_of_the_connection(database, host):
    connection = sqlite3.connect(database)
    connection.create_function("regexp", 2, lambda pattern, text: "the host's own")
    host.using(adopt(connection, "sqlite")).track("order_placed", "42")
    assert connection.execute("SELECT 'a' REGEXP 'b'").fetchone() == ("the host's own",)
    connection.close()


@pytest.mark.parametrize("given", ["x", 1, sqlite3.connect])
def test_what_is_no_connection_is_refused_by_name(host, given):
    with pytest.raises(NoConnection, match="adopt"):
        host.using(given)


def test_a_dialect_that_cannot_be_adopted_is_named(host):
    with pytest.raises(InvalidValue, match="'postgres' is none of sqlite, postgresql"):
        adopt(object(), "postgres")


@pytest.fixture
def lent(open_crm, store):
    """A shop with a customer and a template, and a connection of psycopg's own to its database."""
    if store == "sqlite":
        pytest.skip("that of SQLite is tried above")
    crm = open_crm()
    url = crm._opened.engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    crm.identify("42", {"email": "ada@example.com"})
    crm.save_template("receipt", "note", {"text": "{{ message.total }}"})
    with psycopg.connect(url) as connection:
        yield crm, connection


def say(crm, connection):
    writer = crm.using(adopt(connection, "postgresql"))
    writer.track("order_placed", "42", amount=1, currency="EUR")
    writer.consent("42", "retention", channel="note")
    writer.send("receipt", to="42", fields={"total": "5 EUR"})


def test_a_connection_of_psycopg_is_adopted(lent, recorder):
    crm, connection = lent
    say(crm, connection)
    connection.rollback()
    crm.work()
    assert (crm.stats().pending, recorder.sent, crm.customer("42").consents) == (0, [], ())
    say(crm, connection)
    connection.commit()
    crm.work()
    assert ([one.body for one in recorder.sent], crm.customer("42").sums[0].count) == ([b"5 EUR"], 1)
