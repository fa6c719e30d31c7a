"""The part of a CRM that tells what is known and how it came to be: histories, and customers that are probably one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crmcore.errors import InvalidValue
from crmcore.facet import Facet
from crmcore.flow.progress import Progress, quiet
from crmcore.model.identity import Who

if TYPE_CHECKING:
    from crmcore.model.duplicates import Duplicates
    from crmcore.store.history import Written


class Knowing(Facet):
    """What a CRM can tell of its customers beyond their present state."""

    def history(self, who: Who, name: str | None = None, limit: int = 100) -> list[Written]:
        """Return what was ever said of a customer, the latest first: attributes, tags, wishes, consents, memberships, links.

        `name` leaves only what is of that name: an attribute, a tag, a topic, a purpose, an account, or the kind of an
        identity that was linked. Events are in `timeline`. Raise UnknownCustomer.
        """
        from crmcore.store import history, identities

        self._fold()
        with self._opened.reading() as scope:
            return history.of(scope, identities.owner(scope, who)[0], name, limit)

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
