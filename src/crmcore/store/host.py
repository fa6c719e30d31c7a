"""A host's own connection: joined as it is, never committed, rolled back or closed by us."""

from __future__ import annotations

from contextvars import ContextVar
from functools import cache
from typing import Any

from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from crmcore.errors import InvalidValue

#: How SQLAlchemy is told of a dialect and the driver whose connection is adopted. It would look for hstore on a connection
#: of its own kind, which a lent one is not; nothing of crmcore's uses that type.
DIALECTS: dict[str, dict[str, Any]] = {
    "sqlite": {"url": "sqlite://"},
    "postgresql": {"url": "postgresql+psycopg://", "use_native_hstore": False},
}


class _Borrowed:
    """A DBAPI connection whose transaction, functions and handlers belong to somebody else."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def _leave(self, *_: Any, **__: Any) -> None:
        """Leave it to the owner."""

    commit = rollback = close = _leave
    # A dialect would put these in place of the owner's, Django's REGEXP for one.
    create_function = add_notice_handler = _leave


_lent: ContextVar[_Borrowed] = ContextVar("_lent")


def adopt(connection: Any, dialect: str) -> Connection:
    """Return a SQLAlchemy connection that speaks through a host's DBAPI connection, inside its transaction.

    `dialect` is "sqlite" or "postgresql". For Django: `adopt(django.db.connection.connection, "sqlite")`.
    For PostgreSQL it is a connection of psycopg 3. Raise InvalidValue for another dialect.
    """
    if dialect not in DIALECTS:
        raise InvalidValue(place="adopt's dialect", problem=f"{dialect!r} is none of {', '.join(DIALECTS)}")
    token = _lent.set(_Borrowed(connection))
    try:
        return _engine(dialect).connect()
    finally:
        _lent.reset(token)


@cache
def _engine(dialect: str) -> Engine:
    """Return the one engine of a dialect; it connects to whatever is lent at the moment."""
    return create_engine(**DIALECTS[dialect], creator=_lent.get, poolclass=NullPool, pool_reset_on_return=None)
