"""Links between identities, and which import wrote what, so that both can be taken back."""

from __future__ import annotations

import re
from pathlib import Path

from alembic import op

revision = "crmcore_0002"
down_revision = "crmcore_0001"


def upgrade() -> None:
    for statement in _script().split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    script = _script()
    for name, table in re.findall(r"CREATE (?:UNIQUE )?INDEX (\w+) ON (\w+)", script):
        op.drop_index(name, table)
    for table, column in re.findall(r"ALTER TABLE (\w+) ADD COLUMN (\w+)", script):
        op.drop_column(table, column)
    for table in re.findall(r"CREATE TABLE (\w+)", script):
        op.drop_table(table)


def _script() -> str:
    return Path(__file__).with_name(f"{revision}_{op.get_bind().dialect.name}.sql").read_text()
