"""No statement reaches a workspace's tables without saying whose rows it means."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, insert, select, text

from crmcore import migrations
from crmcore.errors import WorkspaceUnguarded
from crmcore.store import schema
from crmcore.store.guarding import SHARED, guard, unfiltered, unguarded
from crmcore.store.schema import metadata

EVENTS, TAGS = "crm_event", "crm_tag"
GUARDED = """
SELECT id FROM crm_event WHERE workspace_id = 1
SELECT id FROM crm_event WHERE ? = workspace_id
SELECT crm_event.id FROM crm_event WHERE +crm_event.workspace_id = ? AND crm_event.id IN (SELECT value FROM json_each(?))
SELECT crm_event.id FROM crm_event WHERE crm_event.workspace_id = %(workspace_id_1)s::BIGINT AND crm_event.id > 3
SELECT e.id FROM crm_event AS e WHERE (e.workspace_id = :workspace AND (e.id = 1 OR e.id = 2))
SELECT e.id FROM "crm_event" e WHERE "e"."workspace_id" = 1
SELECT id FROM shop.crm_event WHERE shop.crm_event.workspace_id = 1
SELECT 1 FROM crm_event AS e JOIN crm_tag AS t ON t.workspace_id = 1 AND t.customer_id = e.customer_id WHERE e.workspace_id = 1
SELECT 1 FROM crm_event AS e LEFT OUTER JOIN crm_tag AS t ON t.workspace_id = 1 WHERE e.workspace_id = 1
SELECT 1 FROM crm_event AS e, crm_tag AS t WHERE e.workspace_id = 1 AND t.workspace_id = 1
SELECT id FROM (SELECT * FROM crm_event WHERE workspace_id = 1) AS crm_event WHERE crm_event.id > 3
WITH mine AS (SELECT id FROM crm_event WHERE workspace_id = 1) SELECT id FROM mine UNION SELECT id FROM crm_tag WHERE workspace_id = 1
SELECT crm_event.id IS DISTINCT FROM 3 FROM crm_event WHERE crm_event.id IS DISTINCT FROM ? AND workspace_id = 1
SELECT id FROM crm_event WHERE workspace_id = 1 ORDER BY id FOR UPDATE OF crm_event SKIP LOCKED
UPDATE crm_event SET name = 'or' WHERE workspace_id = 1 AND CASE WHEN id = 1 OR id = 2 THEN 1 ELSE 0 END = 1
UPDATE crm_event SET item = t.name FROM crm_tag AS t WHERE crm_event.workspace_id = 1 AND t.workspace_id = 1 RETURNING id
DELETE FROM crm_event WHERE workspace_id = 1
INSERT INTO crm_event (id, workspace_id) VALUES (?, 1), (?, ?) ON CONFLICT (workspace_id, id) DO UPDATE SET name = excluded.name
INSERT INTO crm_event (workspace_id, id) SELECT 1, id FROM crm_tag WHERE workspace_id = 1 ON CONFLICT DO NOTHING
INSERT INTO crm_event (workspace_id, id) SELECT t.workspace_id, t.id FROM crm_tag AS t WHERE t.workspace_id = 1
SELECT id FROM crm_event WHERE 0 = 1 ORDER BY id
SELECT id FROM crm_event WHERE id = 3 AND false
SELECT id FROM crm_workspace
UPDATE crm_node SET until_ms = 0
SELECT version_num FROM crm_alembic_crmcore
SELECT 'FROM crm_event' -- FROM crm_event
CREATE TABLE crm_event (id INTEGER)
""".strip().splitlines()
UNGUARDED = [
    ("SELECT id FROM crm_event", {EVENTS}),
    ("SELECT id FROM crm_event WHERE id = 1", {EVENTS}),
    ("SELECT id FROM shop.crm_event", {EVENTS}),
    ("SELECT id FROM crm_event WHERE workspace_id = 1 OR id = 2", {EVENTS}),
    ("SELECT id FROM crm_event WHERE 0 = 1 OR id = 2", {EVENTS}),
    ("SELECT id FROM crm_event WHERE 0 = 1 UNION SELECT id FROM crm_tag", {TAGS}),
    ("SELECT id FROM crm_event WHERE NOT (workspace_id = 1)", {EVENTS}),
    ("SELECT id FROM crm_event WHERE workspace_id <> 1", {EVENTS}),
    ("SELECT id FROM crm_event WHERE workspace_id = 1 + id", {EVENTS}),
    ("SELECT id FROM crm_event WHERE workspace_id = workspace_id", {EVENTS}),
    ("SELECT id FROM crm_event WHERE name = 'workspace_id = 1'", {EVENTS}),
    ("SELECT id FROM crm_event /* WHERE workspace_id = 1 */", {EVENTS}),
    ("SELECT id FROM crm_event -- WHERE workspace_id = 1", {EVENTS}),
    ("SELECT workspace_id = 1 FROM crm_event", {EVENTS}),
    ("SELECT id FROM crm_event GROUP BY id HAVING workspace_id = 1", {EVENTS}),
    ("SELECT e.id FROM crm_event AS e WHERE crm_tag.workspace_id = 1", {EVENTS}),
    ("SELECT 1 FROM crm_event AS e JOIN crm_tag AS t ON t.workspace_id = e.workspace_id WHERE e.workspace_id = 1", {TAGS}),
    ("SELECT 1 FROM crm_event AS e JOIN crm_tag AS t ON t.id = e.id WHERE workspace_id = 1", {EVENTS, TAGS}),
    ("SELECT 1 FROM crm_event AS e LEFT JOIN crm_tag AS t ON e.workspace_id = 1 AND t.workspace_id = 1", {EVENTS}),
    ("SELECT 1 FROM crm_event AS e FULL JOIN crm_tag AS t ON e.workspace_id = 1 AND t.workspace_id = 1", {EVENTS, TAGS}),
    ("SELECT 1 FROM (crm_event AS e JOIN crm_tag AS t ON t.workspace_id = 1) WHERE t.id = 1", {EVENTS}),
    ("SELECT id FROM (SELECT * FROM crm_event) AS e WHERE e.workspace_id = 1", {EVENTS}),
    ("SELECT id FROM crm_tag WHERE workspace_id = 1 AND EXISTS (SELECT 1 FROM crm_event)", {EVENTS}),
    ("SELECT (SELECT count(*) FROM crm_event) FROM crm_tag WHERE workspace_id = 1", {EVENTS}),
    ("SELECT id FROM crm_tag WHERE workspace_id = 1 UNION ALL SELECT id FROM crm_event", {EVENTS}),
    ("WITH all_ AS (SELECT id FROM crm_event) SELECT id FROM all_", {EVENTS}),
    ("SELECT CASE WHEN EXISTS (SELECT 1 FROM crm_event) THEN 1 END FROM crm_tag WHERE workspace_id = 1", {EVENTS}),
    ("UPDATE crm_event SET name = 'x' WHERE id = 1", {EVENTS}),
    ("UPDATE crm_event SET item = t.name FROM crm_tag AS t WHERE crm_event.workspace_id = 1", {TAGS}),
    ("DELETE FROM crm_event", {EVENTS}),
    ("INSERT INTO crm_event (id) VALUES (1)", {EVENTS}),
    ("INSERT INTO crm_event VALUES (1, 1)", {EVENTS}),
    ("INSERT INTO crm_event (workspace_id, id) VALUES (1, 2), (1 + 1, 3)", {EVENTS}),
    ("INSERT INTO crm_event (workspace_id, id) SELECT 1, id FROM crm_tag", {TAGS}),
    ("INSERT INTO crm_event (workspace_id, id) SELECT customer_id, id FROM crm_tag WHERE workspace_id = 1", {EVENTS}),
    ("INSERT INTO crm_event (workspace_id, id) VALUES (1, 2) ON CONFLICT (id) DO UPDATE SET name = 'x'", {EVENTS}),
    ("UPDATE crm_event SET workspace_id = 2 WHERE workspace_id = 1", {EVENTS}),
    ("TRUNCATE crm_event", {EVENTS}),
    ("COPY crm_event TO STDOUT", {EVENTS}),
]  # fmt: skip


@pytest.mark.parametrize("statement", GUARDED)
def test_a_statement_that_says_whose_rows_it_means_may_run(statement):
    assert unfiltered(statement) == set()


@pytest.mark.parametrize(("statement", "tables"), UNGUARDED)
def test_a_statement_that_could_reach_another_workspace_is_refused(statement, tables):
    assert unfiltered(statement) == tables


@pytest.mark.parametrize("table", metadata.sorted_tables, ids=str)
def test_every_table_is_guarded_but_those_of_the_whole_database(table):
    assert (unfiltered(f"SELECT 1 FROM {table.name}") == set()) == (table.name in SHARED)
    assert ("workspace_id" in table.c) == (table.name not in SHARED)


@pytest.fixture
def guarded():
    engine = create_engine("sqlite://")
    migrations.upgrade(engine)
    guard(engine)
    guard(engine)
    yield engine
    engine.dispose()


def test_the_guard_sees_core_text_and_the_driver_and_names_the_place(guarded):
    with guarded.connect() as connection:
        for run in (
            lambda: connection.execute(select(schema.event)),
            lambda: connection.execute(text("SELECT id FROM crm_event")),
            lambda: connection.exec_driver_sql("SELECT id FROM crm_event"),
        ):
            with pytest.raises(WorkspaceUnguarded, match=r"SELECT .*of crm_event"):
                run()


def test_what_is_refused_was_not_run(guarded):
    row = {"customer_id": 1, "name": "vip", "at": 0}
    with guarded.begin() as connection:
        connection.execute(insert(schema.tag), {**row, "workspace_id": 1})
        with pytest.raises(WorkspaceUnguarded):
            connection.execute(schema.tag.delete())
        with pytest.raises(WorkspaceUnguarded):
            connection.exec_driver_sql("INSERT INTO crm_tag (customer_id, name, at) VALUES (1, 'x', 0)")
        assert connection.execute(select(schema.tag.c.name).where(schema.tag.c.workspace_id == 1)).all() == [("vip",)]


def test_migrations_run_unguarded(guarded):
    migrations.downgrade(guarded)
    migrations.upgrade(guarded)
    with unguarded(guarded).connect() as connection:
        assert connection.execute(select(schema.event)).all() == []
