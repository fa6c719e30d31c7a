"""What results may hold: their types are not checked when they are made, a suite checks them."""

from __future__ import annotations

import math
from typing import Any, get_args, get_type_hints

import attrs

from crmcore.hooks.provider import Accepted, Gone, InDoubt, NeedsOther, NotStarted, Permanent, Result, Retry, Suppress
from crmcore.testing.counterpart import UNANSWERED, Kind, Step

#: Nothing has left for good.
UNSENT: tuple[type[Any], ...] = (NotStarted, Retry)
#: An answer has come, and it is no.
REFUSED: tuple[type[Any], ...] = (Permanent, Suppress, Gone, NeedsOther, Retry)
WEEK = 7 * 24 * 3600.0


def flaw(result: object) -> str | None:
    """Return what is wrong with the fields of a result; None where nothing is."""
    if not isinstance(result, get_args(Result)):
        return f"{type(result).__name__} is no Result"
    if isinstance(result, Retry) and not (math.isfinite(result.after) and 0 <= result.after <= WEEK):
        return f"`after` is {result.after}, which is no number of seconds between 0 and a week"
    hints = get_type_hints(type(result))
    for field in attrs.fields(type(result)):
        allowed, value = get_args(hints[field.name]), getattr(result, field.name)
        if allowed and all(isinstance(one, str) for one in allowed) and value not in allowed:
            return f"`{field.name}` is {value!r}, none of {', '.join(allowed)}"
    return None


def allowed(step: Step, kind: Kind) -> tuple[type[Any], ...]:
    """Return the results that a trouble at a step may lead to."""
    if kind in UNANSWERED:
        return (InDoubt,) if step.final else UNSENT
    if kind == "permanent":
        return REFUSED if step.final else (*REFUSED, NotStarted)
    return (Retry,) if step.final else UNSENT


def is_accepted(result: Result) -> bool:
    """Tell whether the carrier has taken a message over."""
    return isinstance(result, Accepted)
