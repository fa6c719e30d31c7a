"""What a module brings is looked at when it is loaded: what is not as the contract says is a Fault, in words."""

from __future__ import annotations

import attrs
import click
import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from crmcore import loader
from crmcore.hooks.module import Job, Route, Schema
from crmcore.hooks.setup import Setup
from crmcore.testing.clock import TurnedClock
from tests.flow.modules.wallet import SCHEMA, Wallet

BLOCKED = frozenset(loader.installed())


def problem(module):
    plugins = {"crm_wallet": module}
    registry = loader.load(Setup(clock=TurnedClock(0)), plugins=plugins, blocked=BLOCKED)
    found = [one.problem for one in registry.faults if one.plugin == "crm_wallet"]
    assert (registry.modules == {}) is bool(found)
    assert (registry.listeners == {}) is bool(found)
    return found[0] if found else ""


def of_table(*parts, name="crm_wallet_coin", key=("workspace_id", "id"), **options):
    metadata = MetaData()
    columns = [Column(one, BigInteger, nullable=False) for one in ("workspace_id", "id")]
    Table(name, metadata, *columns, PrimaryKeyConstraint(*key), *parts, **options)
    return Wallet(schema=attrs.evolve(SCHEMA, metadata=metadata))


KINDS = [Integer, BigInteger, Text, Text(collation="C"), LargeBinary, Boolean]


def test_a_module_as_the_contract_says_loads():
    assert problem(Wallet()) == ""


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_columns_may_be_of_these_types(kind):
    assert problem(of_table(Column("one", kind))) == ""


@pytest.mark.parametrize(
    ("kind", "said"),
    [(String(20), "VARCHAR"), (DateTime, "DATETIME"), (Numeric(9, 2), "NUMERIC"), (SmallInteger, "SMALLINT")],
    ids=str,
)
def test_columns_of_other_types_are_refused(kind, said):
    found = problem(of_table(Column("one", kind)))
    assert f"the column crm_wallet_coin.one is {said}, none of INTEGER, BIGINT, TEXT, BLOB, BOOLEAN" in found


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (of_table(name="crm_purse_coin"), "its table crm_purse_coin is not named crm_wallet_..."),
        (of_table(name="coin"), "its table coin is not named crm_wallet_..."),
        (of_table(schema="other"), "its table other.crm_wallet_coin is not named crm_wallet_..."),
        (of_table(key=("id", "workspace_id")), "the primary key of its table crm_wallet_coin does not begin with work"),
        (of_table(key=()), "the primary key of its table crm_wallet_coin does not begin with workspace_id"),
        (of_table(UniqueConstraint("id")), "the unique key of its table crm_wallet_coin does not begin with work"),
        (of_table(Index("ix_wallet", "id")), "the index of its table crm_wallet_coin does not begin with workspace_id"),
        (
            of_table(Column("customer_id", BigInteger, ForeignKey("crm_customer.id"))),
            "its table crm_wallet_coin has a foreign key into crm_customer, which is not its own",
        ),
    ],
)
def test_tables_that_could_not_be_kept_apart_or_left_behind_are_refused(module, said):
    assert said in problem(module)


@pytest.mark.parametrize("name", ["segment", "customer", "event", "crmcore", "alembic", "job"])
def test_a_name_whose_tables_the_core_has_is_refused(name):
    module = of_table(name=f"crm_{name}_coin")
    module.name = name
    assert f"the core has tables of the name {name!r}" in problem(module)


def test_revisions_that_are_not_there_are_refused():
    lost = Schema(metadata=MetaData(), migrations="crm_wallet.nowhere", head="wallet_0001")
    assert "there is no package 'crm_wallet.nowhere' with a folder `versions`" in problem(Wallet(schema=lost))


def job(name="tidy", every=60.0):
    return Job(name=name, every=every, run=lambda in_tables: 0)


def route(method="GET", path="/coins"):
    return Route(method=method, path=path, answer=lambda request, in_tables: None)


@pytest.mark.parametrize(
    ("brought", "said"),
    [
        ({"jobs": [job(every=0)]}, "its job 'tidy' is due every 0 seconds"),
        ({"jobs": [job(every=float("nan"))]}, "its job 'tidy' is due every nan seconds"),
        ({"jobs": [job(), job()]}, "it has the job 'tidy' twice"),
        ({"jobs": [job("Tidy up")]}, "'Tidy up' is no valid job name (at module wallet)"),
        ({"routes": [route(path="coins")]}, "the path of its route 'coins' does not begin with /"),
        ({"routes": [route("get")]}, "its route '/coins' answers 'get', none of GET, POST"),
        ({"routes": [route(), route()]}, "it has the route 'GET /coins' twice"),
        ({"commands": [click.Command(None)]}, "one of its commands has no name"),
        ({"commands": [click.Command("coins"), click.Group("coins")]}, "it has the command 'coins' twice"),
    ],
)
def test_jobs_routes_and_commands_that_could_not_be_run_are_refused(brought, said):
    assert said in problem(Wallet(schema=None, **brought))


def test_all_that_is_wrong_with_the_tables_is_said_at_once():
    said = problem(of_table(Column("at", DateTime), name="coin"))
    assert "not named crm_wallet_" in said
    assert "DATETIME" in said
