"""The schema is what the revisions make of it, and can be left again."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, inspect

from crmcore import CRM, migrations
from crmcore.errors import SchemaError, SchemaMissing
from crmcore.store.engine import open_engine
from crmcore.store.schema import metadata


def test_the_revisions_make_the_tables_that_are_declared(tmp_path):
    made, declared = open_engine(f"sqlite:///{tmp_path}/made.db"), open_engine(f"sqlite:///{tmp_path}/declared.db")
    migrations.upgrade(made)
    metadata.create_all(declared)
    with made.connect() as one, declared.connect() as other:
        assert _described(one) == _described(other)


def _described(connection):
    """Columns in any order (a revision adds them at the end), keys and indexes."""
    names = connection.exec_driver_sql("SELECT name, type, sql FROM sqlite_master WHERE sql IS NOT NULL").all()
    tables = [name for name, kind, _ in names if kind == "table" and "alembic" not in name]
    columns = {
        name: sorted(row[1:] for row in connection.exec_driver_sql(f"PRAGMA table_info({name})")) for name in tables
    }
    keys = {
        (name, index[1]): [row[2] for row in connection.exec_driver_sql(f"PRAGMA index_info({index[1]})")]
        for name in tables
        for index in connection.exec_driver_sql(f"PRAGMA index_list({name})")
    }
    return columns, keys, {name: " ".join(sql.split()) for name, kind, sql in names if kind == "index"}


def test_the_schema_can_be_left_and_entered_again(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/crm.db")
    migrations.upgrade(engine)
    migrations.downgrade(engine)
    assert [name for name in inspect(engine).get_table_names() if name != migrations.VERSION_TABLE] == []
    migrations.upgrade(engine)
    with engine.connect() as connection:
        assert migrations.current(connection) == migrations.HEAD


def test_every_key_begins_with_the_workspace():
    exempt = {"crm_workspace", "crm_node"}
    for table in metadata.tables.values():
        if table.name not in exempt:
            for index in table.indexes:
                assert next(iter(index.columns)).name == "workspace_id", index.name
            assert next(iter(table.primary_key.columns)).name == "workspace_id", table.name


def test_a_new_sqlite_file_gets_its_schema(tmp_path):
    with CRM(str(tmp_path / "new.db")) as crm:
        crm.identify("42")
        assert crm.customer("42").key == "42"


def test_a_database_of_a_host_is_never_migrated_unasked(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/host.db")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE host_order (id INTEGER PRIMARY KEY)")
    with pytest.raises(SchemaMissing, match="crm db upgrade"):
        CRM(engine)
    migrations.upgrade(engine)
    with CRM(engine) as crm:
        crm.identify("42")


def test_a_revision_of_another_release_is_an_error_naming_the_command(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/old.db")
    migrations.upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE {migrations.VERSION_TABLE} SET version_num = 'crmcore_9999'")
    with pytest.raises(SchemaError, match="crm db upgrade"):
        CRM(engine)
