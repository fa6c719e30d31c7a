"""The suite lets a good module pass, and says what is wrong with others; tests/faulty has one for each of its checks."""

from __future__ import annotations

import pytest
from sqlalchemy import Column, MetaData, Table, Text

from crm_operational.module import Operational
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.module import Schema
from crmcore.testing.laws import LawBroken
from crmcore.testing.module_suite import ModuleSuite
from crmcore.testing.planting import _WRITTEN, person, places_of, unexported
from tests.testing.casebook import OfCases

ADA = person("ada")


class Bare:
    """A module that has nothing but a timeline."""

    name, contract, schema, jobs, commands, routes = "bare", 1, None, (), (), ()

    def timeline(self, tables, customer_id):
        return ()

    def export(self, tables, customer_id):
        return {}

    def erase(self, tables, customer_id):
        return 0

    @hookimpl
    def crm_register_modules(self, setup):
        return [self]


class TestBare(ModuleSuite):
    """What a module does not have is not checked."""

    name = "bare"

    def plugin(self):
        return Bare()

    def plant(self, crm, customer, identifiers):
        """It keeps nothing."""


class Misnamed(Operational):
    schema = Schema(metadata=MetaData(), migrations=Operational.schema.migrations, head=Operational.schema.head)


Table("crm_other", Misnamed.schema.metadata, Column("name", Text, primary_key=True))


def test_a_module_that_does_not_load_fails_one_check_and_is_not_tried_by_the_others():
    suite = OfCases()
    suite.made = Misnamed
    with pytest.raises(LawBroken, match="crm_other is not named"):
        suite.test_it_is_what_it_says()
    with pytest.raises(pytest.skip.Exception, match="a module that loads"):
        suite.test_an_erasure_leaves_nothing("sqlite")


def test_a_plant_that_plants_little_is_named():
    class Lazy(OfCases):
        def plant(self, crm, customer, identifiers):
            crm.track("complaint_raised", customer, ref=identifiers[0])

    with pytest.raises(LawBroken, match="Nothing was planted in crm_operational_entry"):
        Lazy().test_whoever_is_planted_is_there("sqlite")


def test_jobs_that_never_have_anything_to_do_prove_nothing():
    class Early(OfCases):
        later = "1h"

    with pytest.raises(LawBroken, match="let `later` be another time"):
        Early().test_a_job_counts_what_it_does_and_does_it_once("sqlite")


def test_commands_that_are_not_called_are_named():
    class Silent(OfCases):
        def calls(self, crm, customer):
            return [["case", "list"]]

    with pytest.raises(LawBroken, match="no words for case show, case assign, case close"):
        Silent().test_commands_have_help_and_answer_in_json()


class Raising(Operational):
    def export(self, tables, customer_id):
        raise KeyError(customer_id)


def test_what_raises_breaks_the_law_it_is_about():
    suite = OfCases()
    suite.made = Raising
    with pytest.raises(LawBroken, match="export raised KeyError"):
        suite.test_an_export_holds_everything("sqlite")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (42, True),
        (43, False),
        ("see 42", True),
        (ADA.key, True),
        (f"{ADA.identifiers[1]}!", True),
        (ADA.identifiers[0].encode(), True),
        (ADA.identifiers[0].encode().hex(), True),
        (None, False),
    ],
)
def test_traces_are_found_however_they_are_written(value, found):
    assert places_of({"t": [{"c": value}]}, 42, ADA) == (["t.c"] if found else [])


@pytest.mark.parametrize(
    ("value", "export", "held"),
    [
        ("dark", {"a": ["it is dark"]}, True),
        ("dark", {"a": "light"}, False),
        (7, {"a": 7}, True),
        (7, {"a": "7"}, True),
        (1_772_366_400_000_000, {"a": "2026-03-01T12:00:00+00:00"}, True),
        (1_772_366_400_000_000, {"a": "2026-03-01"}, False),
        ('{"x": [1, "y"]}', {"a": {"x": [1, "y"]}}, True),
        ('{"x": [1, "y"]}', {"a": {"x": [1]}}, False),
        (b"\x01\xff", {"a": "01ff"}, True),
        (None, {}, True),
    ],
)
def test_an_export_holds_a_value_as_it_is_or_as_people_write_it(value, export, held):
    assert unexported(export, {"t": [{"c": value}]}) == ([] if held else ["t.c"])


@pytest.mark.parametrize(
    ("statement", "tables"),
    [
        ("INSERT INTO crm_event (id) VALUES (1)", {"crm_event"}),
        ('update "crm_event" SET id = 1', {"crm_event"}),
        ("DELETE FROM crm_event WHERE id = 1", {"crm_event"}),
        ("DROP TABLE IF EXISTS crm_event", {"crm_event"}),
        ("CREATE UNIQUE INDEX ix ON crm_event (id)", {"crm_event"}),
        ("SELECT * FROM crm_event FOR UPDATE OF crm_event", set()),
        ("INSERT INTO crm_a_b (id) VALUES (1) ON CONFLICT (id) DO UPDATE SET id = 1", {"crm_a_b"}),
    ],
)
def test_what_a_statement_writes_into_is_seen(statement, tables):
    assert set(_WRITTEN.findall(statement)) == tables
