"""The ground of fault tests: a new database for each round, on every kind of store."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from itertools import count

import pytest

from tests.faults.stores import Store


@pytest.fixture
def ground(store: str, new_database: Callable[[str], str]) -> Store:
    numbers = count()
    return Store(name=store, fresh=lambda: nullcontext(new_database(f"round-{next(numbers)}.db")))
