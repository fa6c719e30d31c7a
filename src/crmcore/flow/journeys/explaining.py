"""Why a customer got what a campaign sends, or did not: what was sent, or one reason."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from crmcore.errors import CRMError, UnknownCustomer
from crmcore.flow import explaining
from crmcore.flow.explanation import Explanation
from crmcore.flow.journeys import explained, ways
from crmcore.flow.journeys.explained import Explained, Passed, Refused, Told, Way, message_says
from crmcore.flow.journeys.merging import standing_still
from crmcore.model.campaign import Campaign
from crmcore.model.condition import Condition, Count, Occurrences, Op
from crmcore.model.delivery import BOOKS, Book, State
from crmcore.model.happens import Happens
from crmcore.model.identity import Identity, Who, hint
from crmcore.model.outline import says
from crmcore.model.time import iso
from crmcore.rules.plugin import Plugins
from crmcore.store import decisions, enrolments, identities, runs, segments
from crmcore.store.decisions import Decided
from crmcore.store.enrolments import Enrolment
from crmcore.store.listeners import Refusal
from crmcore.store.runs import Run
from crmcore.store.scope import Scope

#: Of several messages none of which was sent, the reason of the first of these columns counts, and in it of the latest.
_WEIGHTY = (Book.WAITING, Book.IN_DOUBT, Book.FAILED, Book.SKIPPED)


@attrs.frozen(kw_only=True)
class _Log:
    """What was decided of one customer in a run."""

    run: Run
    customer_id: int
    ways: Sequence[Enrolment]
    messages: Sequence[Decided]
    refusals: Sequence[Refusal]


@attrs.frozen(kw_only=True)
class _Why:
    """The one reason, in words besides; and of whom never entered, what was asked of it."""

    reason: str = ""
    because: str = ""
    audience: Explanation | None = None
    trigger: Explanation | None = None


def explain(scope: Scope, run: Run, who: Who, plugins: Plugins) -> Explained:
    """Return what a run did with a customer; raise UnknownCustomer."""
    customer_id, _ = identities.owner(scope, who)
    origins = decisions.origins(scope, customer_id)
    log = _Log(
        run=run,
        customer_id=customer_id,
        ways=decisions.ways(scope, run.id, origins),
        messages=decisions.messages(scope, run.id, origins),
        refusals=decisions.refusals(scope, run.id, origins),
    )
    why = _why(scope, log, who, plugins)
    return Explained(
        campaign=run.campaign.name,
        run_id=run.id,
        state=run.state,
        customer_id=customer_id,
        key=decisions.key(scope, customer_id),
        sent=sum(_book(one) is Book.SENT for one in log.messages),
        **{field.name: getattr(why, field.name) for field in attrs.fields(_Why)},
        ways=tuple(_way(scope, log, one) for one in log.ways),
        messages=tuple(_all_told(scope, log.messages)),
        refusals=tuple(map(_refused, log.refusals)),
    )


def _book(one: Decided) -> Book:
    return BOOKS[State(one.state)]


def _why(scope: Scope, log: _Log, who: Who, plugins: Plugins) -> _Why:
    if log.messages:
        return _why_unsent(log.messages)
    if log.ways:
        return _why_without(scope, log)
    if log.refusals:
        latest = log.refusals[0]
        audience = _asked(scope, log.run.campaign, plugins, who) if latest.reason == ways.AUDIENCE else None
        return _Why(reason=latest.reason, because=_refusal_says(latest.reason), audience=audience)
    return _why_absent(scope, log.run, who, plugins)


def _why_unsent(messages: Sequence[Decided]) -> _Why:
    columns = {_book(one): one for one in messages if one.reason.partition(":")[0] != "rerouted"}
    if Book.SENT in columns:
        return _Why()
    one = next((columns[book] for book in _WEIGHTY if book in columns), messages[-1])
    reason = one.reason if one.state == State.SKIPPED.value else one.state
    return _Why(reason=reason, because=message_says(one.state, one.reason))


def _why_without(scope: Scope, log: _Log) -> _Why:
    """Of those under way the first counts, else the latest."""
    one = next((way for way in log.ways if way.state == enrolments.RUNNING), log.ways[-1])
    match one.state:
        case enrolments.RUNNING:
            return _Why(
                reason=explained.ON_THE_WAY, because=f"the way has come by no message yet: {_stands(scope, log, one)}"
            )
        case enrolments.EXITED:
            return _Why(reason=explained.EXITED, because=f"the way {_stands(scope, log, one)}, before any message")
        case _:
            return _nothing(explained.NO_MESSAGE)


def _nothing(reason: str, audience: Explanation | None = None, trigger: Explanation | None = None) -> _Why:
    return _Why(reason=reason, because=explained.NOTHING[reason], audience=audience, trigger=trigger)


def _why_absent(scope: Scope, run: Run, who: Who, plugins: Plugins) -> _Why:
    campaign = run.campaign
    if campaign.is_single:
        return _nothing(explained.NOT_MATCHED)
    if campaign.trigger is not None:
        trigger = _triggered(scope, run, plugins, who) if isinstance(campaign.trigger, Happens) else None
        return _nothing(explained.NOT_MATCHED, _asked(scope, campaign, plugins, who), trigger)
    try:
        return _nothing(explained.NOT_IN_AUDIENCE, _asked(scope, campaign, plugins, who, run.started_at))
    except UnknownCustomer:
        return _nothing(explained.UNKNOWN_THEN)


def _triggered(scope: Scope, run: Run, plugins: Plugins, who: Who) -> Explanation:
    trigger = run.campaign.trigger
    assert isinstance(trigger, Happens)
    events = Occurrences(name=trigger.event, where=trigger.where, since=run.started_at)
    return explaining.of_customer(scope, Count(events=events, op=Op.GE, value=1), plugins, who, None)


def _asked(scope: Scope, campaign: Campaign, plugins: Plugins, who: Who, at: int | None = None) -> Explanation | None:
    """Explain the audience's condition; None where it has no answer any more. Raise UnknownCustomer for one unknown then."""
    try:
        return explaining.of_customer(scope, _audience(scope, campaign), plugins, who, at)
    except UnknownCustomer:
        raise
    except CRMError:
        return None


def _audience(scope: Scope, campaign: Campaign) -> Condition:
    asked = campaign.audience
    return segments.load(scope, asked).condition if isinstance(asked, str) else asked


def _way(scope: Scope, log: _Log, one: Enrolment) -> Way:
    return Way(
        enrolment_id=one.id,
        key=one.key,
        occurrence=one.occurrence,
        version=one.version,
        held_out=one.held_out,
        entered_at=one.entered_at,
        state=one.state,
        stands=_stands(scope, log, one),
        step=one.step,
        next=one.next,
        due_at=one.due_at,
        left_at=one.left_at,
        reason=one.reason or "",
        path=tuple(map(_passed, one.path.split())),
    )


def _passed(said: str) -> Passed:
    where, _, at = said.partition("@")
    step, _, way = where.partition(":")
    return Passed(step=step, way=way, at=int(at))


def _stands(scope: Scope, log: _Log, one: Enrolment) -> str:
    if one.state == enrolments.COMPLETED:
        return "came to its end"
    if one.state == enrolments.EXITED:
        return explained.ENDED.get(one.reason or "", f"ended by {one.reason}")
    if one.due_at is None:
        return f"stands at {one.step}"
    return _stands_still(log, one) or _waits(scope, log, one, one.due_at)


def _stands_still(log: _Log, one: Enrolment) -> str:
    if one.customer_id != log.customer_id or one.id in standing_still(log.ways, log.run.campaign):
        return "stands still: its customer was merged into one with a way of the same key"
    return (
        f"stands still at {one.step or 'the beginning'}: the campaign is paused" if log.run.state == runs.PAUSED else ""
    )


def _waits(scope: Scope, log: _Log, one: Enrolment, due_at: int) -> str:
    if due_at <= scope.now:
        return f"goes on to {one.next} at the next crm.work"
    return f"waits at {one.step} ({_step_says(scope, log.run, one)}) until {iso(due_at)}, then goes on to {one.next}"


def _step_says(scope: Scope, run: Run, one: Enrolment) -> str:
    course = runs.of_version(scope, run, one.version).campaign.course
    return next((says(step) for step in course if step.name == one.step), "a step that is no more")


def _all_told(scope: Scope, messages: Sequence[Decided]) -> Iterator[Told]:
    known = decisions.addresses(scope, {one.address_id for one in messages})
    before: dict[tuple[int, str, int], str] = {}
    for one in messages:
        unit = (one.enrolment_id, one.step, one.occurrence)
        yield _told(one, before.get(unit, ""), known.get(one.address_id))
        before[unit] = one.channel


def _told(one: Decided, before: str, address: Identity | None) -> Told:
    known = attrs.asdict(one)
    del known["run_id"], known["occurrence"], known["address_id"]
    return Told(
        delivery_id=known.pop("id"),
        follows="" if before == one.channel else before,
        address_kind=address.kind if address else "",
        address_hint=hint(address.value) if address else "",
        says=message_says(one.state, one.reason),
        **known,
    )


def _refused(one: Refusal) -> Refused:
    return Refused(
        reason=one.reason,
        says=_refusal_says(one.reason),
        count=one.count,
        first_at=one.first_at,
        last_at=one.last_at,
    )


def _refusal_says(reason: str) -> str:
    return explained.REFUSED.get(reason, reason)
