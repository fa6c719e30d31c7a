"""What the database's own clock says."""

from __future__ import annotations

from sqlalchemy import Connection, func, select

from crmcore.model.time import microseconds


def database_now(connection: Connection) -> int | None:
    """Return the database's time in microseconds UTC; None where it is in this process, and has the machine's."""
    if connection.dialect.name != "postgresql":
        return None
    return microseconds(connection.execute(select(func.clock_timestamp())).scalar_one(), "the database's clock")
