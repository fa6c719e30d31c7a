"""The steps of a campaign as a graph: where each leads, and what is wrong with it before anybody sets out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from itertools import pairwise

from crmcore.model.names import NAME
from crmcore.model.reaching import Fallback, Order, Reaction, words_of
from crmcore.model.steps import END, PAUSES, Arm, Branch, Call, Exit, Send, Split, Step, WaitFor


def following(steps: Sequence[Step]) -> dict[str, str]:
    """Return the step that is told after each one."""
    after = {one.name: then.name for one, then in pairwise(steps)}
    return after | {one.name: END for one in steps[-1:]}


def ways(step: Step, following: Mapping[str, str]) -> dict[str, str]:
    """Return where a step leads, by what is said of the way: "" where there is but one."""
    after = following[step.name]
    match step:
        case Branch():
            return {"yes": step.then or after, "no": step.otherwise or after}
        case WaitFor():
            return {"happened": step.then or after, "timeout": step.otherwise or after}
        case Split():
            return {arm.name: arm.then or after for arm in step.arms}
        case Call():
            return {"": step.then or after, **step.ways}
        case Exit():
            return {"": END}
        case _:
            return {"": step.then or after}


def problems(steps: Sequence[Step]) -> Iterator[str]:
    """Yield what is wrong with steps, in sentences."""
    yield from _misnamed(steps)
    names = {one.name for one in steps}
    leads = {one.name: list(ways(one, following(steps)).values()) for one in steps}
    for name, others in leads.items():
        for unknown in sorted(set(others) - names - {END}):
            near = get_close_matches(unknown, names, 1)
            yield f"step {name!r} leads to {unknown!r}, which is no step" + (f"; is {near[0]!r} meant?" if near else "")
    yield from _unreachable(steps, leads)
    yield from _endless(steps, leads)


def _misnamed(steps: Sequence[Step]) -> Iterator[str]:
    names = [one.name for one in steps]
    yield from (f"two steps are called {name!r}" for name in sorted({one for one in names if names.count(one) > 1}))
    for name in names:
        if not NAME.fullmatch(name) or name == END:
            yield f"{name!r} is no name of a step: lower-case letters, digits and _ (and not {END!r})"
    for one in steps:
        if isinstance(one, Split):
            yield from _arms(one.name, one.arms)
        if isinstance(one, Call):
            yield from _words(one.name, one.ways)
        if isinstance(one, Send):
            yield from _unsendable(one)


def _unsendable(step: Send) -> Iterator[str]:
    if not step.channels or len(set(step.channels)) < len(step.channels):
        yield f"step {step.name!r} needs a channel to send by, and names each once"
    if not 0 <= step.holdout < 1:
        yield f"the holdout of step {step.name!r} is {step.holdout}; it goes from 0 to below 1"
    if step.order not in words_of(Order):
        yield f"the order of step {step.name!r} is {step.order!r}; it is one of {', '.join(words_of(Order))}"
    if step.fallback is not None:
        yield from _unfallable(step, step.fallback)


def _unfallable(step: Send, fallback: Fallback) -> Iterator[str]:
    if len(step.channels) == 1:
        yield f"step {step.name!r} has a fallback and one channel; name the channel it falls back to"
    if fallback.unless not in words_of(Reaction):
        yield f"the fallback of step {step.name!r} is off unless {fallback.unless!r}; it is one of {', '.join(words_of(Reaction))}"
    if not isinstance(fallback.after, str) or fallback.patience == 0:
        yield f"the fallback of step {step.name!r} comes after {fallback.after!r}; lengths are such as '2h'"


def _arms(name: str, arms: Sequence[Arm]) -> Iterator[str]:
    if len({arm.name for arm in arms}) < max(2, len(arms)):
        yield f"split {name!r} needs two arms or more, each with a name of its own"
    if any(arm.weight < 0 for arm in arms) or not sum(arm.weight for arm in arms):
        yield f"the weights of split {name!r} are 0 or more, and not all 0"
    for arm in arms:
        if not NAME.fullmatch(arm.name):
            yield f"{arm.name!r} is no name of an arm of {name!r}: lower-case letters, digits and _"


def _words(name: str, ways: Mapping[str, str]) -> Iterator[str]:
    for word in ways:
        if not NAME.fullmatch(word):
            yield f"{word!r} is no word for a way of {name!r}: lower-case letters, digits and _"


def _unreachable(steps: Sequence[Step], leads: Mapping[str, Sequence[str]]) -> Iterator[str]:
    reached = _reached([one.name for one in steps[:1]], leads)
    yield from (f"no way leads to step {one.name!r}" for one in steps if one.name not in reached)


def _reached(begin: Iterable[str], leads: Mapping[str, Sequence[str]]) -> set[str]:
    reached: set[str] = set()
    ahead = list(begin)
    while ahead:
        name = ahead.pop()
        if name not in reached and name in leads:
            reached.add(name)
            ahead += leads[name]
    return reached


def _endless(steps: Sequence[Step], leads: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """A way round on which nothing is waited for: among the steps that do not wait, one is reached from itself.

    A date that is over, or that nobody knows, is not waited for.
    """
    still = {one.name: leads[one.name] for one in steps if not isinstance(one, PAUSES)}
    if around := sorted(name for name, others in still.items() if name in _reached(others, still)):
        yield f"steps {', '.join(repr(one) for one in around)} go round without a wait"
