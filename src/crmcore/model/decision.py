"""What the gates decide of a message that is about to be handed over."""

from __future__ import annotations

import attrs

from crmcore.model.delivery import Reason


@attrs.frozen(kw_only=True)
class Going:
    """It goes now."""


@attrs.frozen(kw_only=True)
class Skipped:
    """It ends unsent; `words` are what a plugin's gate says of it."""

    reason: Reason
    words: str = ""

    @property
    def text(self) -> str:
        """The reason as the ledger keeps it."""
        return f"{self.reason.value}: {self.words}" if self.words else self.reason.value


@attrs.frozen(kw_only=True)
class Held:
    """It waits until an instant, and is judged anew then."""

    until: int


@attrs.frozen(kw_only=True)
class Rerouted:
    """It ends, and on another channel one to each of these addresses takes its place; `why` is what kept it from going."""

    channel: str
    addresses: tuple[int, ...]
    template_id: int
    why: Reason | None = None

    @property
    def text(self) -> str:
        """The reason as the ledger keeps it."""
        return Reason.REROUTED.value if self.why is None else f"{Reason.REROUTED.value}: {self.why.value}"


@attrs.frozen(kw_only=True)
class Expired:
    """It has waited for longer than it is worth sending."""


Decision = Going | Skipped | Held | Rerouted | Expired
