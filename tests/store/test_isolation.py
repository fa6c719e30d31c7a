"""Row-level security: PostgreSQL itself keeps workspaces apart, and a shared pool hands nobody's workspace on."""

from __future__ import annotations

import os

import pytest
from sqlalchemy import create_engine, make_url, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.pool import QueuePool

from crmcore import CRM, migrations
from crmcore.errors import PostgreSQLNeeded, UnknownCustomer
from crmcore.store import isolation
from crmcore.store.guarding import unguarded
from crmcore.testing import postgres

ROLE = f"crm_tenant_{os.getpid()}"
NAMES = [table.name for table in isolation.tables()]


@pytest.fixture(params=sorted(postgres.servers()))
def administrator(request, servers):
    """A superuser of a database whose tables belong to a role that is none, with row-level security on."""
    databases = servers(request.param)
    url = databases.take()
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql(f"CREATE ROLE {ROLE} LOGIN")
        for name in [*NAMES, "crm_workspace", "crm_node", migrations.VERSION_TABLE]:
            connection.exec_driver_sql(f"ALTER TABLE {name} OWNER TO {ROLE}")
        isolation.turn_on(connection, isolation.tables())
        yield connection
        isolation.turn_off(connection, isolation.tables())
        connection.exec_driver_sql(f"REASSIGN OWNED BY {ROLE} TO postgres")
        connection.exec_driver_sql(f"DROP OWNED BY {ROLE}")
        connection.exec_driver_sql(f"DROP ROLE {ROLE}")
    engine.dispose()
    databases.give_back(url)


@pytest.fixture
def engine(administrator):
    """One connection, which everybody shares; a host's own engine."""
    url = make_url(administrator.engine.url).set(username=ROLE)
    engine = create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=0, pool_timeout=1)
    yield engine
    engine.dispose()


@pytest.fixture
def tenants(engine, clock):
    with CRM(engine, workspace="one", clock=clock) as one, CRM(engine, workspace="other", clock=clock) as other:
        one.identify("42", {"city": "Bandung"})
        other.identify("42", {"city": "Jakarta"})
        yield one, other


def cities(connection):
    return connection.execute(text("SELECT text FROM crm_attribute ORDER BY text")).scalars().all()


def raw(engine):
    with engine.connect() as connection:
        return cities(connection)


def test_a_raw_query_without_the_setting_sees_nothing(engine, tenants, administrator):
    assert raw(engine) == []
    assert cities(administrator) == ["Bandung", "Jakarta"]


def test_a_raw_query_sees_the_workspace_it_says_and_no_other(engine, tenants):
    for crm, city in zip(tenants, ["Bandung", "Jakarta"], strict=True):
        with engine.begin() as connection:
            isolation.enter(connection, crm._opened.workspace.id)
            assert cities(connection) == [city]


def test_nothing_is_written_or_changed_in_another_workspace(engine, tenants, administrator):
    one, other = (crm._opened.workspace.id for crm in tenants)
    insertion = text(f"INSERT INTO crm_tag (workspace_id, customer_id, name, at) VALUES ({other}, 1, 'x', 0)")
    with engine.connect() as connection, pytest.raises(ProgrammingError, match="row-level security"):
        isolation.enter(connection, one)
        connection.execute(insertion)
    with engine.begin() as connection:
        isolation.enter(connection, one)
        assert connection.execute(text("DELETE FROM crm_attribute")).rowcount == 1
    assert cities(administrator) == ["Jakarta"]


def test_every_table_of_a_workspace_is_protected_also_from_its_owner(administrator):
    query = "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity"
    assert sorted(administrator.execute(text(query)).scalars()) == NAMES


def test_all_goes_on_as_before(tenants, recorder):
    one, other = tenants
    one.consent("42", "retention")
    one.merge({"anonymous": "a"}, "42")
    one.work()
    assert (one.customer("42").attributes, other.customer("42").attributes) == (
        {"city": "Bandung"},
        {"city": "Jakarta"},
    )
    with pytest.raises(UnknownCustomer):
        other.customer({"anonymous": "a"})


def test_what_is_written_in_bulk_is_written_all_the_same(tenants):
    rows = [{"name": "seen", "customer": str(one % 60), "message_id": str(one)} for one in range(120)]
    for crm in tenants:
        assert (crm.track_many(rows).new, crm.track_many(rows).repeated) == (120, 120)
        assert crm.totals()[0].customers == 60


def leave_by_commit(crm, connection):
    crm.using(connection).track("seen", "42")
    connection.commit()


def leave_by_rollback(crm, connection):
    crm.using(connection).track("seen", "42")
    connection.rollback()


def leave_by_error(crm, connection):
    crm.using(connection).consent("42", "retention")
    with pytest.raises(ProgrammingError):
        connection.execute(text("SELECT nothing_of_this_name"))


def leave_after_a_savepoint(crm, connection):
    with connection.begin_nested() as savepoint:
        crm.using(connection).track("seen", "42")
        savepoint.rollback()
    crm.using(connection).track("seen", "42")
    connection.commit()


LEAVINGS = [leave_by_commit, leave_by_rollback, leave_by_error, leave_after_a_savepoint]


@pytest.mark.parametrize("leave", LEAVINGS)
def test_a_connection_given_back_remembers_no_workspace_of_a_hosts_transaction(engine, tenants, leave):
    with engine.connect() as connection:
        leave(tenants[0], connection)
        if not connection.in_transaction():
            assert cities(unguarded(connection)) == []
    assert raw(engine) == []


def test_a_connection_given_back_remembers_no_workspace_of_ours(engine, tenants):
    one, _ = tenants
    one.track("seen", "42")
    assert raw(engine) == []
    one.totals()
    assert raw(engine) == []
    with pytest.raises(ZeroDivisionError):
        one._opened.write(lambda scope: 1 // (scope.now - scope.now))
    assert raw(engine) == []


def test_two_workspaces_write_in_one_transaction_of_a_host(engine, tenants):
    with engine.begin() as connection:
        for crm in (*tenants, *tenants):
            crm.using(connection).track("seen", "42")
    assert [crm.totals()[0].count for crm in tenants] == [2, 2]


def test_a_revision_keeps_it_on(engine, tenants, administrator):
    migrations.downgrade(administrator.engine, "crmcore_0003")
    migrations.upgrade(administrator.engine)
    with administrator.engine.connect() as connection:
        assert isolation.is_on(connection)
    assert raw(engine) == []


def test_off_again_it_is_as_before(engine, tenants, administrator):
    isolation.turn_off(administrator, isolation.tables())
    assert raw(engine) == ["Bandung", "Jakarta"]
    isolation.turn_on(administrator, isolation.tables())


def test_where_it_is_off_no_statement_is_added(open_crm):
    assert not open_crm()._opened.isolated


def test_sqlite_has_none(tmp_path):
    with CRM(str(tmp_path / "crm.db")) as crm, crm._opened.engine.connect() as connection:
        assert not isolation.is_on(connection)
        with pytest.raises(PostgreSQLNeeded, match="this one is sqlite"):
            isolation.turn_on(connection, isolation.tables())
