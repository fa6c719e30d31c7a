"""Why a customer is in a segment, or is not: the tree with what each leaf found."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from crmcore.errors import UnknownCustomer
from crmcore.flow.explanation import Deciding, Explanation
from crmcore.model import logbook as played
from crmcore.model.condition import (
    All,
    Anniversary,
    AnyOf,
    Attribute,
    Bucket,
    Condition,
    Consented,
    Count,
    Distinct,
    Extreme,
    Followed,
    InSegment,
    Leaf,
    Moment,
    Not,
    Occurrences,
    OfAccount,
    Subscribed,
    Sum,
    Tag,
)
from crmcore.model.history import History, PastEvent, Said
from crmcore.model.identity import Who
from crmcore.model.identity import identities as identities_of
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.time import iso
from crmcore.model.values import Value
from crmcore.rules.bucket import bucket_of
from crmcore.rules.extremes import number_in, text_in
from crmcore.rules.naming import resolved
from crmcore.rules.occurrences import seen
from crmcore.rules.plugin import Plugins
from crmcore.rules.tree import holds, touches
from crmcore.store import identities, logbook, recent
from crmcore.store.plain import to_data
from crmcore.store.scope import Scope

#: So many events of each leaf are shown.
FEW = 3


@attrs.frozen(kw_only=True)
class _Ground:
    """What a leaf found."""

    found: Value | tuple[Value, ...] = None
    events: tuple[Deciding, ...] = ()


def explain(condition: Condition, history: History, now: int, plugins: Plugins) -> Explanation:
    """Return the tree with each node's truth at a time, and what made it so."""
    answer = holds(condition, history, now, plugins)
    match condition:
        case All() | AnyOf():
            of = tuple(explain(inner, history, now, plugins) for inner in condition.of)
            return Explanation(node="all" if isinstance(condition, All) else "any", holds=answer, of=of)
        case Not():
            return Explanation(node="not", holds=answer, of=(explain(condition.of, history, now, plugins),))
    ground = _ground(condition, history, now)
    plain = to_data(condition)
    return Explanation(node="leaf", holds=answer, condition=plain, found=ground.found, events=ground.events)


def of_customer(scope: Scope, condition: Condition, plugins: Plugins, who: Who, at: int | None) -> Explanation:
    """Explain a condition for one customer, as it is now or was known at a time; raise UnknownCustomer."""
    customer_id, origin = identities.owner(scope, who)
    tree = resolved(scope, condition)
    touched = touches(tree, plugins)
    if at is None:
        return explain(tree, recent.of_customer(scope, customer_id, touched), scope.now, plugins)
    book = logbook.read(scope, [origin], at, touched)
    if origin not in (homes := played.homes(book, at)):
        [named, *_] = identities_of(who)
        raise UnknownCustomer(kind=named.kind, value=f"{named.value} at {iso(at)}")
    return explain(tree, played.known(book, at)[homes[origin]].history, at, plugins)


def _ground(leaf: Leaf, history: History, now: int) -> _Ground:  # noqa: PLR0911 - one line a leaf
    match leaf:
        case Attribute() | Anniversary():
            return _Ground(found=history.attributes.get(leaf.name))
        case OfAccount():
            return _Ground(found=tuple(one[leaf.name] for one in history.accounts if leaf.name in one))
        case Bucket():
            return _Ground(found=bucket_of(history.customer_id, leaf.salt))
        case Tag():
            return _Ground(found=leaf.name if leaf.name in history.tags else None)
        case InSegment():
            return _Ground(found=leaf.segment if leaf.segment in history.segments else None)
        case Consented():
            return _Ground(found=_said(history.consents, leaf.purpose.value, leaf.channel))
        case Subscribed():
            return _Ground(found=_said(history.wishes, leaf.topic, leaf.channel))
        case Followed():
            return _followed(leaf, history, now)
        case Count() | Sum() | Moment() | Extreme() | Distinct():
            return _measured(leaf, history, now)
        case _:
            return _Ground()


def _said(statements: Sequence[Said], about: str, channel: str) -> bool | None:
    """Return what was said last on a channel or on every one; of two of the same time the no counts."""
    found = [one for one in statements if one.about == about and one.channel in (channel, ANY_CHANNEL)]
    return max(found, key=lambda one: (one.at, not one.yes)).yes if found else None


def _measured(leaf: Count | Sum | Moment | Extreme | Distinct, history: History, now: int) -> _Ground:
    matching = _matching(leaf.events, history, now)
    if isinstance(leaf, Sum) and leaf.currency is not None:
        matching = [one for one in matching if one.currency == leaf.currency]
    if not matching:
        none = 0 if isinstance(leaf, Count | Sum | Distinct) else None
        return _Ground(found=none, events=_near(leaf.events, history))
    found, deciding = _measure(leaf, matching)
    return _Ground(found=found, events=_shown(deciding))


def _measure(
    leaf: Count | Sum | Moment | Extreme | Distinct, matching: Sequence[PastEvent]
) -> tuple[Value, Sequence[PastEvent]]:
    """Return what is compared of events (there are some), and those of them that decide it."""
    match leaf:
        case Count():
            return len(matching), matching
        case Sum():
            return sum(getattr(one, leaf.field) or 0 for one in matching), matching
        case Moment():
            one = matching[-1] if leaf.which == "first" else matching[0]
            return one.at, [one]
        case Extreme():
            numbers = {number: one for one in matching if (number := number_in(one, leaf.field)) is not None}
            least = min(numbers, default=None) if leaf.which == "min" else max(numbers, default=None)
            return least, matching if least is None else [numbers[least]]
        case Distinct():
            texts = {text: one for one in reversed(matching) if (text := text_in(one, leaf.field)) is not None}
            return len(texts), sorted(texts.values(), key=_latest)


def _followed(leaf: Followed, history: History, now: int) -> _Ground:
    """Show the latest pair; where there is none, the latest of each."""
    first, then = _matching(leaf.first, history, now), _matching(leaf.then, history, now)
    for later in then:
        for earlier in first:
            if earlier.at < later.at <= earlier.at + leaf.within:
                return _Ground(found=later.at - earlier.at, events=_shown([later, earlier]))
    return _Ground(events=_shown(sorted([*first[:1], *then[:1]], key=_latest)))


def _matching(events: Occurrences, history: History, now: int) -> list[PastEvent]:
    """Return the events that count, the latest first."""
    return sorted(seen(events, history, now), key=_latest)


def _near(events: Occurrences, history: History) -> tuple[Deciding, ...]:
    named = sorted((one for one in history.events if one.name == events.name), key=_latest)
    return tuple(attrs.evolve(one, counts=False) for one in _shown(named))


def _shown(events: Sequence[PastEvent]) -> tuple[Deciding, ...]:
    return tuple(Deciding(id=one.id, name=one.name, at=one.at) for one in events[:FEW])


def _latest(one: PastEvent) -> tuple[int, int]:
    return -one.at, -one.id
