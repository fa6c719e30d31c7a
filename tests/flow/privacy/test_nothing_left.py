"""Of a person who has been everywhere nothing is left once they are erased: not a byte."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import create_engine

from crmcore import CRM
from crmcore.loader import installed
from crmcore.store import holdings, schema
from crmcore.testing.fakes import Recorder
from crmcore.testing.planted import occurrences_in_file, occurrences_in_postgresql, plant
from tests.flow.privacy.listening import Ear

#: What no code writes yet, and what needs an engine of a plugin.
UNTOUCHED = {"conversion", "impression"}


@pytest.fixture
def ear():
    return Ear()


@pytest.fixture
def opening(new_database, clock, ear):
    def opened(**given) -> CRM:
        plugins = {"recorder": Recorder(), "ear": ear}
        return CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=installed(), **given)

    return opened


def looked_at(url: str) -> None:
    """Let the database know what stands in its columns."""
    engine = create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("ANALYZE")
    engine.dispose()


def left(url: str, identifiers: tuple[bytes, ...]) -> int:
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        return occurrences_in_file(Path(str(engine.url.database)), identifiers)
    found = occurrences_in_postgresql(engine, identifiers)
    engine.dispose()
    return found


@pytest.mark.untouched
def test_not_a_byte_is_left(opening, new_database):
    with opening() as crm:
        planted = plant(crm)
        assert planted.channels == ("note",)
        looked_at(new_database("crm.db"))
        assert left(new_database("crm.db"), planted.identifiers) > 100
        receipt = crm.erase(planted.customer, compact=True)
        assert receipt.compaction is not None
        assert receipt.compaction.done
        assert left(new_database("crm.db"), planted.identifiers) == 0
    assert left(new_database("crm.db"), planted.identifiers) == 0


@pytest.mark.untouched
def test_not_a_byte_comes_back_by_working_on(opening, new_database):
    with opening() as crm:
        planted = plant(crm)
        crm.erase(planted.customer)
        crm.work()
        crm.rebuild()
        crm.erase(planted.customer, compact=True)
        assert left(new_database("crm.db"), planted.identifiers) == 0


def test_whoever_is_planted_is_in_every_table_that_holds_something_of_a_person(opening):
    with opening() as crm:
        planted = plant(crm)
        share = crm.export(planted.customer)
        held = {table.name.removeprefix("crm_") for table in holdings.HELD}
        assert held - set(share["core"]) <= UNTOUCHED
        assert len(set(share["core"])) > 20


def test_what_hears_of_erasures_is_told(opening, ear):
    with opening() as crm:
        planted = plant(crm)
        customer_id = crm.customer(planted.customer).id
        crm.erase(planted.customer)
        crm.work()
        assert customer_id in ear.erased


def test_every_table_is_looked_through_or_has_a_reason_not_to_be():
    every = set(schema.metadata.tables.values())
    assert set(holdings.HELD) | set(holdings.EXEMPT) == every
    assert not set(holdings.HELD) & set(holdings.EXEMPT)
    assert all(holdings.EXEMPT.values())


#: Columns that lead to a person.
LEADING = {"customer_id", "delivery_id", "enrolment_id", "address_id"}


def test_no_table_that_leads_to_a_person_is_exempt():
    assert {table.name for table in holdings.EXEMPT if LEADING & set(table.c.keys())} == set()
