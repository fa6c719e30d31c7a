"""A host's own connection: joined as it is, never committed, rolled back or closed by us."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

#: The SQLAlchemy URL that names a dialect and the driver whose connection is adopted.
URLS = {"sqlite": "sqlite://", "postgresql": "postgresql+psycopg://"}


class _Borrowed:
    """A DBAPI connection whose transaction belongs to somebody else."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def commit(self) -> None:
        """Leave it to the owner."""

    def rollback(self) -> None:
        """Leave it to the owner."""

    def close(self) -> None:
        """Leave it to the owner."""


def adopt(connection: Any, dialect: str) -> Connection:
    """Return a SQLAlchemy connection that speaks through a host's DBAPI connection, inside its transaction.

    `dialect` is "sqlite" or "postgresql". For Django: `adopt(django.db.connection.connection, "sqlite")`.
    """
    borrowed = _Borrowed(connection)
    engine = create_engine(URLS[dialect], creator=lambda: borrowed, poolclass=StaticPool, pool_reset_on_return=None)
    return engine.connect()
