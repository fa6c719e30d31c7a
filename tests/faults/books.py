"""The books of a round, read at any moment beside the workers, and what the CRM itself says of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import Self

from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from crmcore import CRM
from crmcore.model.report import Report
from tests.faults.auditing import WAITING, is_balanced
from tests.faults.ledger import Row, rows, states


class Books:
    """It counts the moments at which they did not balance; use it as a context manager."""

    def __init__(self, url: str, crm: CRM, eligible: Mapping[str, Collection[str]]) -> None:
        self._engine = create_engine(url, poolclass=NullPool)
        self._crm, self._eligible = crm, eligible
        self.looks = self.unbalanced = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.dispose()

    def look(self) -> Counter[str]:
        """Return how many rows are in each state at this moment, whoever is at work."""
        with self._engine.connect() as connection:
            found = states(connection)
        self.looks += 1
        self.unbalanced += not is_balanced(found, self._eligible)
        return sum(found.values(), Counter[str]())

    def waiting(self) -> int:
        """Return how many rows are not at an end."""
        found = self.look()
        return sum(found[state] for state in WAITING)

    def ask(self) -> None:
        """Let the CRM say what has come of each campaign so far."""
        for name, customers in self._eligible.items():
            said = self._crm.report(name)
            self.unbalanced += not (_columns(said) == said.eligible == len(customers))

    def rows(self) -> list[Row]:
        """Return the ledger."""
        with self._engine.connect() as connection:
            return rows(connection)


def _columns(said: Report) -> int:
    return said.sent + said.waiting + said.in_doubt + sum(said.failed.values()) + sum(said.skipped.values())
