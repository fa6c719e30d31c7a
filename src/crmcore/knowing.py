"""The part of a CRM that tells what is known and how it came to be: histories, and customers that are probably one."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmcore.errors import InvalidValue
from crmcore.facet import Facet
from crmcore.flow.progress import Progress, quiet
from crmcore.model.identity import Who
from crmcore.model.values import checked_list

if TYPE_CHECKING:
    from crmcore.flow.segments import Overlap
    from crmcore.model.duplicates import Duplicates
    from crmcore.registry import Registry
    from crmcore.store.events import Total
    from crmcore.store.history import Written
    from crmcore.store.links import Contradiction
    from crmcore.store.sums import DaySum


class Knowing(Facet):
    """What a CRM can tell of its customers beyond their present state."""

    registry: Registry

    @abstractmethod
    def _catch_up(self) -> object:
        """Fold, and look at whom time has moved into segments or out of them."""

    def days(self, who: Who, name: str | None = None) -> list[DaySum]:
        """Return what a customer's events add up to day by day (UTC), of one name or of all."""
        from crmcore.store import identities, sums

        self._fold()
        with self._opened.reading() as scope:
            return [one for one in sums.of_days(scope, identities.owner(scope, who)[0]) if name in (None, one.name)]

    def totals(self) -> list[Total]:
        """Return how many events there are of each name and currency, of how many customers, and their sums.

        Those of customers who were erased, or whose events were kept long enough, still count.
        """
        from crmcore.store import events

        self._fold()
        with self._opened.reading() as scope:
            return events.totals(scope)

    def history(self, who: Who, name: str | None = None, limit: int = 100) -> list[Written]:
        """Return what was ever said of a customer, the latest first: attributes, tags, wishes, consents, memberships, links.

        `name` leaves only what is of that name: an attribute, a tag, a topic, a purpose, an account, or the kind of an
        identity that was linked. Events are in `timeline`. Raise UnknownCustomer.
        """
        from crmcore.store import history, identities

        self._fold()
        with self._opened.reading() as scope:
            return history.of(scope, identities.owner(scope, who)[0], name, limit)

    def contradictions(self, limit: int = 100) -> list[Contradiction]:
        """Return the statements that were refused since they would join two customers known by a key, latest first."""
        from crmcore.store import links

        self._fold()
        with self._opened.reading() as scope:
            return links.contradictions(scope, limit)

    def duplicates(
        self,
        threshold: float = 0.5,
        limit: int | None = 100,
        *,
        largest: int = 100,
        progress: Progress = quiet,
    ) -> Duplicates:
        """Return pairs of customers that are probably one, best first, each with its probability and the reasons.

        Customers are compared where they share something: an e-mail address, the end of a phone number, the sound of a
        name and a birth date, and the like. What more than `largest` customers share is skipped, and said in `skipped`.
        A pair that was unmerged is never suggested. Nothing is changed: `merge` is for you to say. Raise MissingExtra
        where crmcore[duplicates] is not installed, InvalidValue.
        """
        if not 0 <= threshold <= 1:
            raise InvalidValue(place="duplicates.threshold", problem=f"{threshold} is no probability from 0 to 1")
        from crmcore.flow.duplicates import suggesting

        self._fold()
        with self._opened.reading() as scope:
            return suggesting.suggest(scope, threshold=threshold, limit=limit, largest=largest, progress=progress)

    def overlap(self, names: Sequence[str]) -> Overlap:
        """Return how many customers each two of several segments share, and the size of each; raise UnknownSegment."""
        from crmcore.flow import segments
        from crmcore.store.segments import load

        wanted = checked_list(names, "overlap.names")
        self._catch_up()
        with self._opened.reading() as scope:
            definitions = [load(scope, name) for name in dict.fromkeys(wanted)]
            return segments.overlap(scope, definitions, self.registry.rules)
