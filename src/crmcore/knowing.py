"""The part of a CRM that tells what is known and how it came to be: histories."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from crmcore.model.identity import Who
from crmcore.opening import Opened

if TYPE_CHECKING:
    from crmcore.store.history import Written


class Knowing(ABC):
    """What a CRM can tell of its customers beyond their present state."""

    _opened: Opened

    @abstractmethod
    def _fold(self) -> object:
        """Fold what hosts have committed."""

    def history(self, who: Who, name: str | None = None, limit: int = 100) -> list[Written]:
        """Return what was ever said of a customer, the latest first: attributes, tags, wishes, consents, memberships, links.

        `name` leaves only what is of that name: an attribute, a tag, a topic, a purpose, an account, or the kind of an
        identity that was linked. Events are in `timeline`. Raise UnknownCustomer.
        """
        from crmcore.store import history, identities

        self._fold()
        with self._opened.reading() as scope:
            return history.of(scope, identities.owner(scope, who)[0], name, limit)
