"""What every revision does: run the script of its dialect, or take back what the script says."""

from __future__ import annotations

import re
from pathlib import Path

from alembic import op

_VERSIONS = Path(__file__).with_name("versions")


def run(revision: str) -> None:
    """Run a revision's script."""
    for statement in _script(revision).split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)


def take_back(revision: str) -> None:
    """Drop the indexes, columns and tables that a revision's script makes; columns get the names back that they had."""
    script = _script(revision)
    for name, table in re.findall(r"CREATE (?:UNIQUE )?INDEX (\w+) ON (\w+)", script):
        op.drop_index(name, table)
    for table, column in re.findall(r"ALTER TABLE (\w+) ADD COLUMN (\w+)", script):
        op.drop_column(table, column)
    for table, former, name in re.findall(r"ALTER TABLE (\w+) RENAME COLUMN (\w+) TO (\w+)", script):
        op.get_bind().exec_driver_sql(f"ALTER TABLE {table} RENAME COLUMN {name} TO {former}")
    for table, column in re.findall(r"ALTER TABLE (\w+) ALTER COLUMN (\w+) ADD GENERATED", script):
        op.get_bind().exec_driver_sql(f"ALTER TABLE {table} ALTER COLUMN {column} DROP IDENTITY")
    for table in tables(revision):
        op.drop_table(table)


def tables(revision: str) -> list[str]:
    """Return the names of the tables that a revision makes."""
    return re.findall(r"CREATE TABLE (\w+)", _script(revision))


def made_again(revision: str) -> list[str]:
    """Return the indexes that a revision drops to make them anew, or otherwise."""
    return re.findall(r"DROP INDEX (\w+)", _script(revision))


def make_again(revision: str, index: str) -> None:
    """Make an index again as an earlier revision made it."""
    statement = re.search(rf"CREATE INDEX {index} ON [^;]+", _script(revision))
    assert statement is not None, (revision, index)
    op.get_bind().exec_driver_sql(statement[0])


def make_table_again(revision: str, table: str, rows: str) -> None:
    """Make a table again as an earlier revision made it, filled with the rows of a query."""
    statement = re.search(rf"CREATE TABLE {table} [^;]+", _script(revision))
    assert statement is not None, (revision, table)
    op.get_bind().exec_driver_sql(statement[0])
    op.get_bind().exec_driver_sql(f"INSERT INTO {table} {rows}")


def _script(revision: str) -> str:
    return (_VERSIONS / f"{revision}_{op.get_bind().dialect.name}.sql").read_text()
