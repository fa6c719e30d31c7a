"""Modules' tables come by revisions of their own, and neither the core nor other modules depend on them."""

from __future__ import annotations

import attrs
import pytest
from sqlalchemy import BigInteger, Column, MetaData, Table, inspect, text

from crmcore import CRM, migrations
from crmcore.hooks.setup import Setup
from crmcore.loader import installed, load
from crmcore.migrations import modules
from tests.flow.modules.wallet import SCHEMA, Wallet, coin, coins, give


def faults(crm):
    return {one.plugin: one.problem for one in crm.registry.faults if one.plugin not in installed()}


def revision(engine):
    with engine.connect() as connection:
        return modules.current(connection, "wallet")


def tables(engine):
    return {name for name in inspect(engine).get_table_names() if "wallet" in name}


def test_a_module_is_upgraded_to_its_head_and_back(engine, wallet):
    assert revision(engine) is None
    modules.upgrade(engine, wallet)
    assert (revision(engine), tables(engine)) == ("wallet_0002", {"crm_wallet_coin", "crm_alembic_wallet"})
    modules.downgrade(engine, wallet)
    assert (revision(engine), tables(engine)) == (None, {"crm_alembic_wallet"})
    modules.upgrade(engine, wallet)
    assert revision(engine) == "wallet_0002"


def test_a_module_without_tables_needs_no_revision(engine, opening):
    none = Wallet(schema=None)
    modules.upgrade(engine, none)
    assert tables(engine) == set()
    assert faults(opening(none)) == {}


def test_the_core_goes_up_and_down_beside_the_tables_of_a_module(crm, engine, wallet, opening):
    crm.in_tables(lambda found: give(found, 1, 5, "kept"))
    migrations.downgrade(engine, "crmcore_0006")
    migrations.upgrade(engine)
    assert faults(opening(wallet)) == {}
    assert [one.note for one in crm.in_tables(lambda found: coins(found, 1))] == ["kept"]


def test_the_core_goes_without_what_an_uninstalled_module_has_left(crm, engine, opening):
    crm.in_tables(lambda found: give(found, 1, 5))
    migrations.downgrade(engine, "crmcore_0006")
    migrations.upgrade(engine)
    assert faults(opening()) == {}
    with engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM crm_wallet_coin")).scalar() == 1
        assert modules.distributions(connection) == ["wallet"]


@pytest.mark.parametrize("found", [None, "wallet_0001"])
def test_a_module_behind_its_head_is_a_fault_that_names_the_command(engine, opening, wallet, found):
    if found:
        modules.upgrade(engine, wallet, found)
    said = faults(opening(wallet))["crm_wallet"]
    assert said == (
        f"Plugin 'crm_wallet' has its tables at schema revision {found!r}, its code needs 'wallet_0002'; "
        "run `crm db upgrade`."
    )


def test_nothing_is_made_where_the_core_is_already_there(opening, wallet, engine):
    opening(wallet)
    assert tables(engine) == set()


def test_all_that_the_plugin_of_a_module_behind_brings_is_left_out(opening, wallet):
    crm = opening(wallet)
    crm.track("seen", "42")
    crm.work()
    assert wallet.told == []
    assert crm.registry.modules == {}
    assert [one.name for one in crm.timeline("42")] == ["seen"]


def test_a_new_file_gets_the_tables_of_modules_too(tmp_path, wallet, clock):
    with CRM(str(tmp_path / "new.db"), plugins={"crm_wallet": wallet}, blocked=installed(), clock=clock) as crm:
        assert faults(crm) == {}
        crm.in_tables(lambda found: give(found, 1, 5, "first"))
        assert [one.note for one in crm.in_tables(lambda found: coins(found, 1))] == ["first"]


def test_a_revision_that_fails_in_a_new_file_is_a_fault_and_the_core_opens(tmp_path, clock):
    lost = Wallet(schema=attrs.evolve(SCHEMA, head="wallet_9999"))
    with CRM(str(tmp_path / "new.db"), plugins={"crm_wallet": lost}, blocked=installed(), clock=clock) as crm:
        assert "wallet_9999" in faults(crm)["crm_wallet"]
        crm.track("seen", "42")


def test_the_statements_of_a_module_can_be_printed_and_run(engine, wallet):
    said = [
        one for one in modules.sql(wallet, engine.dialect.name).split(";") if one.strip() not in ("BEGIN", "COMMIT")
    ]
    with engine.begin() as connection:
        for one in filter(str.strip, said):
            connection.exec_driver_sql(one).close()
    assert revision(engine) == "wallet_0002"
    assert {one["name"] for one in inspect(engine).get_columns("crm_wallet_coin")} == set(coin.c.keys())


def test_a_host_that_generates_revisions_is_not_told_of_a_modules_tables():
    for name in ("crm_wallet_coin", "crm_alembic_wallet"):
        assert not migrations.include_object(None, name, "table", True, None)


def test_of_two_modules_that_mean_one_table_the_second_is_a_fault_naming_both(clock):
    metadata = MetaData()
    key = Column("workspace_id", BigInteger, primary_key=True)
    Table("crm_wallet_coin_old", metadata, key)
    schema = attrs.evolve(SCHEMA, metadata=metadata)
    one, other = Wallet(schema=schema), Wallet(schema=schema)
    other.name = "wallet_coin"
    setup = Setup(clock=clock)
    registry = load(setup, plugins={"crm_a": one, "crm_b": other}, blocked=frozenset(installed()))
    assert list(registry.modules) == ["wallet"]
    [problem] = [one.problem for one in registry.faults if one.plugin == "crm_b"]
    assert "the table 'crm_wallet_coin_old', which 'crm_a'" in problem
