"""What comes in is held against the tracking plan of its source; what does not fit goes to quarantine."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import attrs

from crmcore.model.event import Event
from crmcore.model.statement import Identify
from crmcore.model.wire import Statement
from crmcore.store.quarantine import Refused
from crmcore.store.scope import Scope

if TYPE_CHECKING:
    from crmcore.model.tracking import Source

_LOG = logging.getLogger("crmcore.screening")


@attrs.frozen(kw_only=True)
class Screened:
    """Statements that fit, in the order they came, and those that do not."""

    fitting: Sequence[Statement]
    refused: Sequence[Refused] = ()


def screen(scope: Scope, statements: Sequence[Statement]) -> Screened:
    """Sort statements into those that fit what their source declares and those that do not."""
    plans = _plans(scope, statements)
    if not plans:
        return Screened(fitting=statements)
    told = [(one, _reason(plans, one)) for one in statements]
    return Screened(
        fitting=[one for one, why in told if not why],
        refused=[Refused(statement=one, reason=why) for one, why in told if why],
    )


def reasons(scope: Scope, statements: Sequence[Statement]) -> list[str]:
    """Return, for each statement, why it does not fit what its source declares; empty where it does."""
    plans = _plans(scope, statements)
    return [_reason(plans, one) for one in statements] if plans else [""] * len(statements)


def reasons_of_lines(scope: Scope, lines: Sequence[Sequence[Statement]]) -> list[str]:
    """Return, for the statements that each line of a file makes, why not all of them fit; empty where they do."""
    told = iter(reasons(scope, [one for line in lines for one in line]))
    return ["; ".join(filter(None, islice(told, len(line)))) for line in lines]


def warn(quarantined: int) -> None:
    """Tell the log of statements that went to quarantine (of what they say, nothing)."""
    if quarantined:
        _LOG.warning("%d statement(s) did not fit and wait in quarantine; `crm quarantine list` says why", quarantined)


def _plans(scope: Scope, statements: Sequence[Statement]) -> Mapping[str, Source]:
    """Return the plans in force in this transaction; statements that name no source cost no look."""
    named = {one.source for one in statements if isinstance(one, Event | Identify) and one.source is not None}
    if not named:
        return {}
    # What only hosts with sources use is imported when it is first used.
    from crmcore.store import declarations

    return {name: one.source for name, one in declarations.declared(scope, named).items()}


def _reason(plans: Mapping[str, Source], statement: Statement) -> str:
    plan = plans.get(getattr(statement, "source", None) or "")
    if plan is None:
        return ""
    from crmcore.model.fitting import reason

    return reason(plan, statement)
