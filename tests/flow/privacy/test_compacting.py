"""A database is written anew, or it is said why not: whoever reads, whoever owns it, whatever its engine does by itself."""

from __future__ import annotations

from contextlib import closing, contextmanager

import pytest
from sqlalchemy import create_engine, event, make_url, text

from crmcore import CRM
from crmcore.loader import installed
from crmcore.store import compacting
from crmcore.testing.fakes import Recorder
from crmcore.testing.planted import occurrences_in_postgresql, plant

ROLE = "crm_test_compacting"
_OWN = """DO $$ DECLARE t text; BEGIN
    FOR t IN SELECT tablename FROM pg_tables WHERE tablename LIKE 'crm\\_%' LOOP
        EXECUTE format('ALTER TABLE %I OWNER TO {0}', t);
    END LOOP;
END $$"""


@pytest.fixture
def url(new_database):
    return new_database("crm.db")


@pytest.fixture
def opening(clock, url):
    def opened(database=url) -> CRM:
        return CRM(database, clock=clock, plugins={"recorder": Recorder()}, blocked=installed())

    return opened


@pytest.fixture
def postgresql(url):
    """The engine of whoever administers a server; a test that asks for it is about PostgreSQL."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    if engine.dialect.name != "postgresql":
        pytest.skip("SQLite has neither roles nor statistics of others")
    yield engine
    engine.dispose()


@contextmanager
def role(engine, *statements):
    """Yield the URL of somebody who administers nothing; let them have what statements give."""
    with engine.connect() as connection:
        connection.execute(text(f"CREATE ROLE {ROLE} LOGIN"))
        try:
            for statement in statements:
                connection.execute(text(statement))
            yield make_url(str(engine.url)).set(username=ROLE).render_as_string(hide_password=False)
        finally:
            for statement in (
                f"REASSIGN OWNED BY {ROLE} TO CURRENT_USER",
                f"DROP OWNED BY {ROLE}",
                f"DROP ROLE {ROLE}",
            ):
                connection.execute(text(statement))


def test_whoever_holds_an_earlier_state_of_the_database_keeps_what_was_erased(opening, url, monkeypatch):
    monkeypatch.setattr(compacting, "PATIENCE", 0)
    reader = create_engine(url, isolation_level="REPEATABLE READ" if "postgresql" in url else "SERIALIZABLE")
    with opening() as crm, closing(reader.connect()) as reading:
        crm.identify("ada", {"email": "ada@example.com"})
        reading.execute(text("BEGIN" if reader.dialect.name == "sqlite" else "SELECT 1"))
        reading.execute(text("SELECT count(*) FROM " + ("crm_node" if reader.dialect.name == "sqlite" else "pg_class")))
        compaction = crm.erase("ada", compact=True).compaction
        assert compaction is not None
        assert (compaction.done, compaction.problem) == (False, compacting.STILL_READ)
        reading.rollback()
        again = crm.erase("ada", compact=True).compaction
        assert again is not None
        assert again.done
    reader.dispose()


def test_a_host_whose_engine_begins_by_itself_has_its_file_written_anew(opening, url):
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    with opening(engine) as crm:
        crm.identify("ada", {"email": "ada@example.com"})
        compaction = crm.erase("ada", compact=True).compaction
        assert compaction is not None
        assert (compaction.done, compaction.problem) == (True, "")
    engine.dispose()


@pytest.mark.untouched
@pytest.mark.parametrize("isolated", [False, True])
def test_an_owner_who_administers_nothing_leaves_not_a_byte(opening, postgresql, isolated):
    from crmcore.store import isolation

    if isolated:
        with postgresql.begin() as connection:
            isolation.turn_on(connection, isolation.tables())
    with role(postgresql, _OWN.format(ROLE)) as url, opening(url) as crm:
        planted = plant(crm)
        with postgresql.connect() as connection:
            connection.exec_driver_sql("ANALYZE")
        compaction = crm.erase(planted.customer, compact=True).compaction
        assert compaction is not None
        assert (compaction.done, compaction.problem) == (True, "")
        assert occurrences_in_postgresql(postgresql, planted.identifiers) == 0


def test_whoever_owns_no_table_is_told_who_does(opening, postgresql):
    give = [f"GRANT ALL ON ALL {what} IN SCHEMA public TO {ROLE}" for what in ("TABLES", "SEQUENCES")]
    with role(postgresql, *give) as url, opening(url) as crm:
        crm.identify("ada", {"email": "ada@example.com"})
        receipt = crm.erase("ada", compact=True)
        assert receipt.customers == 1
        assert receipt.compaction is not None
        assert not receipt.compaction.done
        assert f"are of {postgresql.url.username}" in receipt.compaction.problem
