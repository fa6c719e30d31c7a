"""The first schema, written out for each dialect beside this file."""

from __future__ import annotations

import re
from pathlib import Path

from alembic import op

revision = "crmcore_0001"
down_revision = None


def upgrade() -> None:
    for statement in _script().split(";\n"):
        if statement.strip():
            op.get_bind().exec_driver_sql(statement)


def downgrade() -> None:
    for name in re.findall(r"CREATE TABLE (\w+)", _script()):
        op.drop_table(name)


def _script() -> str:
    return Path(__file__).with_name(f"{revision}_{op.get_bind().dialect.name}.sql").read_text()
