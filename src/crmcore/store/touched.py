"""What a transaction has changed of customers, as far as a condition may ask for it."""

from __future__ import annotations

from collections.abc import Iterable

#: Everything may have changed.
ALL = "all"
SAID, ACCOUNTS = "said", "accounts"


def event_key(name: str) -> str:
    """Return how events of a name are called here."""
    return f"event {name}"


def attribute_key(name: str) -> str:
    """Return how an attribute is called here."""
    return f"attribute {name}"


def tag_key(name: str) -> str:
    """Return how a tag is called here."""
    return f"tag {name}"


def segment_key(name: str) -> str:
    """Return how an uploaded segment is called here."""
    return f"segment {name}"


class Touched:
    """Collects, customer by customer, while a transaction writes."""

    def __init__(self) -> None:
        self._keys: dict[int, set[str]] = {}
        #: Definitions have changed: what follows from them is not to be kept before the transaction is committed.
        self.is_asked_anew = False

    def note(self, customer_id: int, key: str) -> None:
        """Remember that something of a customer has changed."""
        self._keys.setdefault(customer_id, set()).add(key)

    def note_all(self, customers: Iterable[int], key: str = ALL) -> None:
        """Remember the same of many customers."""
        for one in customers:
            self.note(one, key)

    def take(self) -> dict[int, set[str]]:
        """Return what has been collected, and begin anew."""
        taken, self._keys = self._keys, {}
        return taken
