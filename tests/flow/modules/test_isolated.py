"""Row-level security of PostgreSQL covers the tables of modules as well."""

from __future__ import annotations

import os

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, text

from crmcore.cli import crm as command
from crmcore.migrations import modules
from crmcore.store import isolation
from crmcore.store.engine import open_engine, write
from crmcore.testing import postgres


@pytest.fixture
def engine(servers):
    """A database of PostgreSQL with the core's tables, which is dropped in the end."""
    with servers(min(postgres.servers())).untouched() as url:
        engine = open_engine(url)
        yield engine
        engine.dispose()


@pytest.fixture
def owner(engine):
    """An engine of a role that is no superuser, in whose database row-level security is on."""
    role = f"crm_wallet_{os.getpid()}"
    write(engine, lambda connection: connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN"))
    write(engine, lambda connection: connection.exec_driver_sql(f"GRANT CREATE ON SCHEMA public TO {role}"))
    write(engine, lambda connection: isolation.turn_on(connection, isolation.tables()))
    made = create_engine(engine.url.set(username=role))
    yield made
    made.dispose()
    write(engine, lambda connection: connection.exec_driver_sql(f"DROP OWNED BY {role}"))
    write(engine, lambda connection: connection.exec_driver_sql(f"DROP ROLE {role}"))


def notes(connection):
    return connection.execute(text("SELECT note FROM crm_wallet_coin ORDER BY id")).scalars().all()


def test_row_level_security_is_turned_on_and_off_for_a_module_that_is_gone_too(engine, wallet):
    modules.upgrade(engine, wallet)
    for state, is_on in (("on", True), ("off", False)):
        result = CliRunner().invoke(command, ["--db", engine.url.render_as_string(), "db", "rls", state])
        assert result.exit_code == 0, result.output
        with engine.connect() as connection:
            security = "SELECT relforcerowsecurity FROM pg_class WHERE relname = 'crm_wallet_coin'"
            assert connection.execute(text(security)).scalar() is is_on


def test_where_row_level_security_is_on_it_covers_a_modules_tables_and_revisions_see_every_row(owner, engine, wallet):
    modules.upgrade(owner, wallet, "wallet_0001")
    with engine.begin() as connection:
        rows = "(1, 1, 7, 5), (2, 2, 7, 5)"
        connection.execute(text(f"INSERT INTO crm_wallet_coin (workspace_id, id, customer_id, at) VALUES {rows}"))
    modules.upgrade(owner, wallet)
    with engine.connect() as connection:
        assert notes(connection) == ["welcome", "welcome"]
    with owner.connect() as connection:
        assert notes(connection) == []
        isolation.enter(connection, 2)
        assert notes(connection) == ["welcome"]
