"""A host's own `alembic revision --autogenerate` beside crmcore's tables: it proposes the host's changes and no others."""

from __future__ import annotations

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Column, Index, Integer, MetaData, String, Table, create_engine

from crmcore import migrations
from crmcore.store.schema import metadata as ours

ENV = """
from alembic import context
from crmcore.migrations import include_object

attributes = context.config.attributes
context.configure(
    connection=attributes["connection"], target_metadata=attributes["metadata"], include_object=include_object
)
with context.begin_transaction():
    context.run_migrations()
"""


def order(*more, metadata=None):
    metadata = MetaData() if metadata is None else metadata
    table = Table("shop_order", metadata, Column("id", Integer, primary_key=True), Column("ref", String), *more)
    Index("ix_shop_order_ref", table.c.ref)
    return metadata


@pytest.fixture
def connection(database):
    """A database with crmcore's tables, a removed plugin's, and the host's."""
    engine = create_engine(f"sqlite:///{database}")
    with engine.begin() as connection:
        order().create_all(connection)
        connection.exec_driver_sql("CREATE TABLE crm_wallet_coin (workspace_id BIGINT NOT NULL, id BIGINT NOT NULL)")
        connection.exec_driver_sql("CREATE INDEX ix_wallet_coin ON crm_wallet_coin (workspace_id, id)")
        connection.exec_driver_sql("CREATE TABLE crm_alembic_wallet (version_num VARCHAR(32) NOT NULL)")
        yield connection
    engine.dispose()


def proposed(connection, metadata, include_object=migrations.include_object):
    """Return what a host would be told to do, as the operations' names and what they are about."""
    context = MigrationContext.configure(connection, opts={"include_object": include_object})
    return sorted((kind, getattr(about, "name", about)) for kind, about, *_ in compare_metadata(context, metadata))


def test_a_revision_holds_the_hosts_own_change_alone(connection, tmp_path):
    folder = tmp_path / "migrations"
    config = Config(tmp_path / "alembic.ini")
    config.set_main_option("script_location", str(folder))
    command.init(config, str(folder))
    (folder / "env.py").write_text(ENV)
    config.attributes.update(connection=connection, metadata=order(Column("coupon", String)))
    script = command.revision(config, "coupons", autogenerate=True)
    written = (folder / "versions" / f"{script.revision}_coupons.py").read_text()
    assert "op.add_column('shop_order', sa.Column('coupon'" in written
    assert "crm_" not in written


def test_nothing_is_proposed_where_the_host_changed_nothing(connection):
    assert proposed(connection, order()) == []


def test_without_it_our_tables_would_be_dropped(connection):
    dropped = {name for kind, name in proposed(connection, order(), None) if kind == "remove_table"}
    assert dropped > set(ours.tables) | {migrations.VERSION_TABLE}


def test_indexes_of_the_host_are_its_own(connection):
    metadata = order(Column("coupon", String, index=True))
    assert [kind for kind, _ in proposed(connection, metadata)] == ["add_column", "add_index"]


def test_a_table_that_the_host_declares_is_its_own_whatever_its_name(connection):
    metadata = order()
    Table("crm_lead", metadata, Column("id", Integer, primary_key=True))
    assert proposed(connection, metadata) == [("add_table", "crm_lead")]
    metadata.create_all(connection)
    Table("crm_lead", metadata, Column("name", String, index=True), extend_existing=True)
    assert [kind for kind, _ in proposed(connection, metadata)] == ["add_column", "add_index"]


def test_our_tables_among_the_hosts_are_ours(connection):
    """A host may hand Alembic our metadata beside its own."""
    connection.exec_driver_sql("DROP TABLE crm_tag")
    metadata = order()
    for table in ours.tables.values():
        table.to_metadata(metadata)
    assert proposed(connection, metadata) == []
