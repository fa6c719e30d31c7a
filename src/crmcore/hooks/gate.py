"""The Gate contract: may this message go now? Pure over a batch of frozen values.

`crmcore.testing.gate_suite` proves what is said here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import attrs

from crmcore.model.identity import Identity
from crmcore.model.purpose import Purpose


@attrs.frozen(kw_only=True)
class Intent:
    """A message about to be sent, as a gate sees it; `attributes` are those the gate declared in `reads`, where known."""

    delivery_id: int
    customer_id: int
    campaign: str
    purpose: Purpose
    channel: str
    address: Identity
    attributes: Mapping[str, Any] = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Verdict:
    """The answer: `reason` empty lets it pass; `retry_at` (microseconds UTC, after `now`) holds it until then instead.

    A reason is a name as events have one, such as `on_staff`, and none of those the core has for its own gates.
    """

    delivery_id: int
    reason: str = ""
    retry_at: int | None = None


class Gate(Protocol):
    """A rule about sending that a plugin adds.

    It answers from what it is shown: it remembers nothing, and asks no clock, no chance and no server. Where it judges each
    message by itself, neither the others in the batch nor their order matter.
    """

    name: str
    contract: int
    reads: frozenset[str]

    def judge(self, intents: Sequence[Intent], *, now: int) -> Sequence[Verdict]:
        """Return one verdict per intent, in any order, within a time budget."""
