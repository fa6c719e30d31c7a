"""Campaigns under fire: workers are struck until nothing waits, the books are read all the while, and audited in the end."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import attrs

from crmcore.model.time import SECOND
from tests.faults import world as scene
from tests.faults.auditing import Findings, audit
from tests.faults.books import Books
from tests.faults.ledger import Row
from tests.faults.mishaps import Dealer, refused
from tests.faults.sinks import Sinks, sinks
from tests.faults.stores import Store, for_workers
from tests.faults.striking import Strike, Striker
from tests.faults.world import CAMPAIGNS, LEASE, LONG, ShiftedClock, World

#: How often an undisturbed worker may have to come back until nothing waits.
DRAINS = 20


@attrs.frozen(kw_only=True)
class Size:
    """How large a round is.

    Attributes: `customers` (in each campaign); `strikes` (kills and cuts at most); `limit` (deliveries one worker takes on
    before it ends by itself, so that a round has room for many mishaps); `connections`; `window` (handed over at once).
    """

    customers: int
    strikes: int
    connections: int = 1
    window: int = 50
    limit: int = 150

    @property
    def eligible(self) -> dict[str, frozenset[str]]:
        """Return the customers of each campaign."""
        return dict.fromkeys(CAMPAIGNS, frozenset(map(str, range(self.customers))))

    @property
    def reachable(self) -> dict[str, frozenset[str]]:
        """Return those of them whom a message may and must reach."""
        return {name: scene.reachable(name, self.customers) for name in CAMPAIGNS}


@attrs.frozen(kw_only=True)
class Outcome:
    """What a round came to; `looks` is how often the books were read."""

    findings: Findings
    strikes: tuple[Strike, ...]
    looks: int


def under_fire(
    store: Store,
    deck: Dealer,
    size: Size,
    chance: random.Random,
    *,
    progress: Callable[[Strike], object] = lambda _: None,
    postfix: Sequence[str] | None = None,
) -> Outcome:
    """Run the campaigns on a new database while one mishap after the other befalls their workers."""
    with store.fresh() as url, sinks(postfix=postfix) as ends:
        with ends.smtp, ends.http:
            strikes, books, found = _fought(url, ends, deck, size, chance, progress)
        findings = _audited(found, ends, size, strikes)
    return Outcome(
        findings=attrs.evolve(findings, unbalanced=books.unbalanced), strikes=tuple(strikes), looks=books.looks
    )


def _fought(
    url: str,
    ends: Sinks,
    deck: Dealer,
    size: Size,
    chance: random.Random,
    progress: Callable[[Strike], object],
) -> tuple[list[Strike], Books, list[Row]]:
    clock = ShiftedClock()
    world = World(
        database=url,
        smtp=ends.smtp.port,
        http=ends.http.port,
        connections=size.connections,
        window=size.window,
    )
    workers = attrs.evolve(world, database=for_workers(url))
    with scene.opened(world, clock) as crm, Books(url, crm, size.eligible) as books:
        scene.populate(crm, size.customers)
        scene.launch(crm, chance.getrandbits(32))
        striker = Striker(workers, ends, books, clock, chance, size.limit)
        strikes: list[Strike] = []
        changes = iter([lambda: scene.change(crm, size.customers)])
        while (left := books.waiting()) and sum(one.counts for one in strikes) < size.strikes:
            if left < size.customers * len(CAMPAIGNS) / 2:
                next(changes, lambda: None)()
            if (mishap := deck.deal()) is None:
                break
            strikes.append(striker.strike(mishap))
            progress(strikes[-1])
            if not strikes[-1].hit:
                deck.put_back(mishap)
            books.ask()
            clock.offset += LEASE + SECOND
        _drain(striker, books, clock)
        return strikes, books, books.rows()


def _drain(striker: Striker, books: Books, clock: ShiftedClock) -> None:
    """Let undisturbed workers come until nothing waits."""
    for _ in range(DRAINS):
        if not books.waiting():
            return
        clock.offset += LONG
        striker.work_off()
        books.ask()


def _audited(found: Sequence[Row], ends: Sinks, size: Size, strikes: Sequence[Strike]) -> Findings:
    return audit(
        found,
        ends.arrivals(),
        eligible=size.eligible,
        reachable=size.reachable,
        refused=sum(refused(strike.mishap) for strike in strikes if strike.hit),
        strikes=sum(strike.counts for strike in strikes),
        exposed=size.window * size.connections,
    )
