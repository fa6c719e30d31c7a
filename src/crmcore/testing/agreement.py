"""Do the readings of a condition agree: what SQL finds among customers, and what the reference says of their histories?"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import Engine

from crmcore import CRM
from crmcore.errors import MixedCurrencies
from crmcore.loader import installed
from crmcore.model.condition import Condition, Sum, leaves
from crmcore.model.history import History, PastEvent
from crmcore.rules.plugin import Plugins
from crmcore.rules.tree import NONE, customer_ids, fetched, holds
from crmcore.store import bulk, schema
from crmcore.store.engine import open_engine
from crmcore.store.guarding import unfiltered
from crmcore.store.scope import Scope
from crmcore.testing import populations, postgres
from crmcore.testing.clock import TurnedClock
from crmcore.testing.drawing import drawn

#: The kind of a segment whose members are uploaded.
STATIC = "static"
#: How many trees share a population, and of how many customers; one population of MIXED has events of two currencies.
BATCH, CUSTOMERS, MIXED = 250, 25, 4
#: Noon, the end of a year, 28 February before a leap day and the day itself, and 1 March without one: microseconds UTC.
NOWS = (
    1_772_366_400_000_000,
    1_798_761_599_999_999,
    1_835_395_199_999_999,
    1_835_395_200_000_000,
    1_740_787_200_000_000,
)
#: Who is in; None where a sum has no meaning.
Members = frozenset[int] | None


@attrs.frozen(kw_only=True)
class Population:
    """Customers in a workspace of a database, and what is known of each."""

    crm: CRM
    histories: tuple[History, ...]

    def found(self, condition: Condition, plugins: Plugins = NONE) -> Members:
        """Return the customers for whom it holds by SQL."""
        try:
            with self.crm._opened.reading() as scope:  # noqa: SLF001 - as the segments of the CRM do
                return frozenset(one for (one,) in fetched(scope, customer_ids(condition, scope, plugins)))
        except MixedCurrencies:
            return None

    def unguarded(self, condition: Condition, plugins: Plugins = NONE) -> Sequence[str]:
        """Return the tables of which its SQL reads rows of any workspace."""
        with self.crm._opened.reading() as scope:  # noqa: SLF001 - as the segments of the CRM do
            said = customer_ids(condition, scope, plugins).compile(dialect=scope.connection.dialect)
        return sorted(unfiltered(str(said)))

    def meant(self, condition: Condition, plugins: Plugins = NONE) -> Members:
        """Return the customers for whom it holds by the reference.

        A sum has no meaning where the events of all customers mix currencies.
        """
        now = self.crm.now()
        together = History(events=tuple(event for history in self.histories for event in history.events))
        try:
            for leaf in leaves(condition):
                if isinstance(leaf, Sum):
                    holds(leaf, together, now)
            return frozenset(one.customer_id for one in self.histories if holds(condition, one, now, plugins))
        except MixedCurrencies:
            return None


@contextmanager
def both_stores() -> Iterator[dict[str, Engine]]:
    """Open a new database on SQLite and one on PostgreSQL, the newest found, by those names, for as long as it lasts."""
    server = postgres.servers()[max(postgres.servers())]
    with tempfile.TemporaryDirectory() as folder, server() as url, postgres.Databases(url) as databases:
        urls = {"sqlite": f"sqlite:///{Path(folder) / 'crm.db'}", "postgresql": databases.take()}
        engines = {name: open_engine(one) for name, one in urls.items()}
        try:
            yield engines
        finally:
            for engine in engines.values():
                engine.dispose()


def mismatches(engines: Mapping[str, Engine], cases: int, number: int = 0) -> Iterator[str]:
    """Draw trees and populations, and tell of each tree for which the stores and the reference differ.

    A case is a tree over a population; BATCH of them share one, in a workspace of its own. Another `number` draws others.
    """
    for batch, done in enumerate(range(0, cases, BATCH)):
        now, which = NOWS[batch % len(NOWS)], number * cases + batch
        currencies = ("EUR", "GBP") if batch % MIXED == 0 else ("EUR",)
        histories = drawn(populations.histories(now, currencies), CUSTOMERS, which)
        conditions = drawn(populations.conditions(now), min(BATCH, cases - done), which)
        with ExitStack() as held:
            told = {
                name: held.enter_context(populated(engine, f"cases_{which}", histories, now))
                for name, engine in engines.items()
            }
            yield from (line for condition in conditions for line in _unlike(told, condition))


def _unlike(told: Mapping[str, Population], condition: Condition) -> Iterator[str]:
    for name, population in told.items():
        found, meant = population.found(condition), population.meant(condition)
        if found != meant:
            yield f"{name} finds {found} where the reference finds {meant}: {condition}"


@contextmanager
def populated(engine: Engine, workspace: str, histories: Sequence[History], now: int) -> Iterator[Population]:
    """Let customers be told of in a new workspace, at `now`; their histories get their ids."""
    with CRM(engine, workspace=workspace, clock=TurnedClock(now), blocked=installed()) as crm:
        keyed = {str(number): history for number, history in enumerate(histories)}
        tell(crm, keyed)
        known = tuple(attrs.evolve(one, customer_id=crm.customer(key).id) for key, one in keyed.items())
        crm._opened.write(lambda scope: _upload(scope, known))  # noqa: SLF001 - the same
        yield Population(crm=crm, histories=known)


def tell(crm: CRM, histories: Mapping[str, History]) -> None:
    """Say what is known of customers, by their keys."""
    crm.identify_many(
        {"customer": key, "attributes": one.attributes, "tags": one.tags} for key, one in histories.items()
    )
    crm.track_many(_event(key, event) for key, one in histories.items() for event in one.events)
    crm.group_many(
        {"account": f"{key}-{number}", "attributes": account, "customer": key}
        for key, one in histories.items()
        for number, account in enumerate(one.accounts)
    )
    crm.consent_many(
        {"customer": key, "purpose": said.about, "channel": said.channel, "granted": said.yes, "at": said.at}
        for key, one in histories.items()
        for said in one.consents
    )
    crm.subscribe_many(
        {"customer": key, "topic": said.about, "channel": said.channel, "wanted": said.yes, "at": said.at}
        for key, one in histories.items()
        for said in one.wishes
    )


def _event(key: str, event: PastEvent) -> dict[str, Any]:
    quantity = None if event.quantity is None else Decimal(event.quantity).scaleb(-6)
    said = attrs.asdict(event, filter=lambda field, _: field.name != "id", recurse=False)
    return said | {"customer": key, "quantity": quantity}


def _upload(scope: Scope, histories: Sequence[History]) -> None:
    names = sorted(frozenset(populations.UPLOADED).union(*(one.segments for one in histories)))
    ids = dict(zip(names, scope.new_ids(len(names)), strict=True))
    columns = ("id", "name", "kind", "definition", "version", "created_at", "updated_at")
    rows = [(one, name, STATIC, "", 1, scope.now, scope.now) for name, one in ids.items()]
    bulk.insert(scope, schema.segment, columns, rows)
    members = [(ids[name], one.customer_id, one.customer_id, scope.now) for one in histories for name in one.segments]
    bulk.insert(scope, schema.segment_member, ("segment_id", "customer_id", "origin_id", "since"), members)
