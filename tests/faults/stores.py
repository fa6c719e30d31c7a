"""The stores a fault is tried on: how a new, empty database of each is made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
from sqlalchemy import make_url

from crmcore.testing import postgres
from crmcore.testing.postgres import Databases

#: What workers call themselves on a server, so that theirs are the connections that are cut.
WORKER = "crm-fault-worker"


@attrs.frozen(kw_only=True)
class Store:
    """A kind of database; `fresh`, entered, gives the URL of a new one with its schema."""

    name: str
    fresh: Callable[[], AbstractContextManager[str]]

    @property
    def is_server(self) -> bool:
        """Tell whether it is a process of its own."""
        return self.name != "sqlite"


@contextmanager
def _sqlite() -> Iterator[str]:
    with TemporaryDirectory(prefix="crm-faults-") as folder:
        yield f"sqlite:///{Path(folder) / 'crm.db'}"


SQLITE = Store(name="sqlite", fresh=_sqlite)


@contextmanager
def stores(*kinds: str) -> Iterator[list[Store]]:
    """Return the stores of these kinds (sqlite, postgresql) that are here; their servers run until this is left."""
    with ExitStack() as stack:
        found = [SQLITE] if "sqlite" in kinds else []
        if "postgresql" in kinds:
            started = {name: stack.enter_context(start()) for name, start in postgres.servers().items()}
            found += [_postgresql(name, stack.enter_context(Databases(url))) for name, url in started.items()]
        yield found


def _postgresql(name: str, databases: Databases) -> Store:
    @contextmanager
    def fresh() -> Iterator[str]:
        url = databases.take()
        yield url
        databases.give_back(url)

    return Store(name=name, fresh=fresh)


def for_workers(url: str) -> str:
    """Return a URL whose connections are a worker's."""
    made = make_url(url)
    if made.get_backend_name() == "sqlite":
        return url
    return made.update_query_dict({"application_name": WORKER}).render_as_string(hide_password=False)
