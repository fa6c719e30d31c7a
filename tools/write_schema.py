"""Write the first revision's SQL from the table declarations: `python tools/write_schema.py`.

Only while that revision is unreleased; a released revision is never edited.
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

from crmcore.store.schema import metadata

VERSIONS = Path(__file__).parents[1] / "src" / "crmcore" / "migrations" / "versions"
NODES = """WITH RECURSIVE counted(node) AS (SELECT 0 UNION ALL SELECT node + 1 FROM counted WHERE node < 1023)
INSERT INTO crm_node (node, until_ms) SELECT node, 0 FROM counted"""
NODES_SQLITE = """INSERT INTO crm_node (node, until_ms)
WITH RECURSIVE counted(node) AS (SELECT 0 UNION ALL SELECT node + 1 FROM counted WHERE node < 1023)
SELECT node, 0 FROM counted"""


def script(dialect: Dialect, nodes: str) -> str:
    """Return every CREATE statement for a dialect, and the rows every database begins with."""
    made = [str(CreateTable(table).compile(dialect=dialect)) for table in metadata.sorted_tables]
    made += [
        str(CreateIndex(index).compile(dialect=dialect))
        for table in metadata.sorted_tables
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
    lines = (line.rstrip() for line in ";\n\n".join([*(statement.strip() for statement in made), nodes]).split("\n"))
    return "\n".join(lines).replace("\t", "    ") + ";\n"


if __name__ == "__main__":
    (VERSIONS / "crmcore_0001_sqlite.sql").write_text(script(sqlite.dialect(), NODES_SQLITE))
    (VERSIONS / "crmcore_0001_postgresql.sql").write_text(script(postgresql.dialect(), NODES))
