"""The gate `open_case`: nothing is advertised to whoever waits for an answer to a complaint."""

from __future__ import annotations

from collections.abc import Sequence

from crmcore.hooks.gate import Intent, Verdict
from crmcore.model.purpose import MARKETING

ATTRIBUTE = "open_case"


class OpenCaseGate:
    """Marketing is skipped while the attribute `open_case` is true; a gate sees attributes and no tables.

    README.md shows the two campaigns that keep the attribute.
    """

    name = "open_case"
    contract = 1
    reads = frozenset({ATTRIBUTE})

    def judge(self, intents: Sequence[Intent], *, now: int) -> Sequence[Verdict]:  # noqa: ARG002 - the contract's
        """Return a verdict for each."""
        return [Verdict(delivery_id=one.delivery_id, reason=_reason(one)) for one in intents]


def _reason(one: Intent) -> str:
    return "open_case" if one.purpose in MARKETING and one.attributes.get(ATTRIBUTE) is True else ""
