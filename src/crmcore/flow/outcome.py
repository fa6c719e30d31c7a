"""What a provider's answers mean for deliveries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import attrs

from crmcore.flow import retrying
from crmcore.hooks.provider import Accepted, Gone, InDoubt, NeedsOther, NotStarted, Permanent, Result, Retry, Suppress
from crmcore.model.delivery import Reason, State
from crmcore.model.purpose import MessageClass
from crmcore.model.time import MINUTE
from crmcore.store.claims import Claimed
from crmcore.store.moves import Settled

#: A message that did not leave is not tried again at once: its carrier is out of reach.
NOT_STARTED_AGAIN = MINUTE


@attrs.frozen(kw_only=True)
class Outcome:
    """A delivery, what its carrier answered, where it goes, and the suppression that follows, if any."""

    claimed: Claimed
    settled: Settled
    result: Result | None = None
    suppress: Suppress | None = None


def outcomes(handed: Sequence[Claimed], answered: Mapping[int, Result], now: int) -> list[Outcome]:
    """Return the outcome of every delivery that was handed over, answered or not."""
    return [_outcome(one, answered.get(one.id), now) for one in handed]


def _outcome(one: Claimed, result: Result | None, now: int) -> Outcome:
    settled = _unanswered(one, now) if result is None else _settled(one, result, now)
    suppress = result if isinstance(result, Suppress) else None
    return Outcome(claimed=one, settled=settled, result=result, suppress=suppress)


def _unanswered(one: Claimed, now: int) -> Settled:
    """Nobody knows whether it left: marketing goes at most once, transactional at least once."""
    if one.message_class is MessageClass.MARKETING:
        return Settled(id=one.id, state=State.IN_DOUBT, reason="no answer")
    return Settled(id=one.id, state=State.PLANNED, due_at=retrying.due_at(one, 0, now))


def _settled(one: Claimed, result: Result, now: int) -> Settled:  # noqa: C901, PLR0911 - one line a result
    match result:
        case Accepted(provider_id=provider_id):
            return Settled(id=one.id, state=State.ACCEPTED, provider_id=provider_id or None)
        case Retry(after=after, code=code):
            return Settled(id=one.id, state=State.DEFERRED, reason=code, due_at=retrying.due_at(one, after, now))
        case Permanent(fault="sender", code=code):
            return Settled(id=one.id, state=State.DEFERRED, reason=code, due_at=retrying.due_at(one, 0, now))
        case Permanent(fault=fault, code=code):
            return Settled(id=one.id, state=State.FAILED, reason=f"{fault}: {code}")
        case Suppress(reason=reason, code=code):
            return Settled(id=one.id, state=State.FAILED, reason=f"{reason}: {code}")
        case Gone(code=code):
            return Settled(id=one.id, state=State.FAILED, reason=f"gone: {code}")
        case InDoubt(evidence=evidence):
            return _in_doubt(one, evidence, now)
        case NeedsOther(what="template"):
            return Settled(id=one.id, state=State.FAILED, reason="content: it needs an approved template")
        case NeedsOther():
            return Settled(id=one.id, state=State.SKIPPED, reason=Reason.SESSION_CLOSED.value)
        case NotStarted():
            return Settled(id=one.id, state=State.PLANNED, due_at=now + NOT_STARTED_AGAIN)


def _in_doubt(one: Claimed, evidence: str, now: int) -> Settled:
    if one.message_class is MessageClass.MARKETING:
        return Settled(id=one.id, state=State.IN_DOUBT, reason=evidence)
    return Settled(id=one.id, state=State.PLANNED, reason=evidence, due_at=retrying.due_at(one, 0, now))
