"""What is wrong with the steps of a campaign is found before anybody sets out: all of it, and nothing else."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.errors import InvalidCampaign
from crmcore.model import graph
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.steps import END, Arm, Branch, Exit, Send, Split, Wait, WaitDate, WaitFor
from crmcore.testing.journeys import courses

NAMES = ("a", "b", "c", "d", "e")
#: One of them nobody has.
TARGETS = st.sampled_from(("", "", END, *NAMES, "far"))


def wait(name, then=""):
    return Wait(name=name, lasting="1d", then=then)


def sending(name, then=""):
    return Send(name=name, template="t", channels="note", then=then)


def branch(name, then="", otherwise=""):
    return Branch(name=name, condition=everyone(), then=then, otherwise=otherwise)


def split(name, *thens, weight=1):
    return Split(name=name, arms=[Arm(name=f"a{n}", then=then, weight=weight) for n, then in enumerate(thens)])


def waiting(name, then="", otherwise=""):
    return WaitFor(name=name, event="seen", timeout="1d", then=then, otherwise=otherwise)


@st.composite
def any_steps(draw):
    """Steps that lead anywhere, to where nothing is as well."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=5, unique=True))
    kinds = st.sampled_from([wait, sending, branch, split, waiting, Exit])
    made = []
    for name in names:
        kind, ends = draw(kinds), draw(st.tuples(TARGETS, TARGETS))
        leads = () if kind is Exit else ends if kind in (branch, split, waiting) else ends[:1]
        made.append(kind(name=name) if kind is Exit else kind(name, *leads))
    return tuple(made)


def leads(steps):
    """Where each step leads, told once more: the following step where it says nothing."""
    found = {}
    for place, step in enumerate(steps):
        after = steps[place + 1].name if place + 1 < len(steps) else END
        if isinstance(step, Exit):
            said = [END]
        elif isinstance(step, Split):
            said = [arm.then for arm in step.arms]
        else:
            said = [step.then, *([step.otherwise] if isinstance(step, Branch | WaitFor) else [])]
        found[step.name] = {one or after for one in said}
    return found


def walks(steps):
    """Every walk from the first step, until it ends or comes to where it was."""
    to, ahead = leads(steps), [(steps[0].name,)]
    while ahead:
        walk = ahead.pop()
        yield walk
        ahead += [(*walk, one) for one in to.get(walk[-1], ()) if walk[-1] not in walk[:-1]]


def ways_round(steps):
    """The steps that a walk comes to again, from wherever it sets out, without one that waits."""
    to = leads(steps)
    still = {one.name for one in steps if not isinstance(one, Wait | WaitFor)}
    found = set()
    for name in still:
        seen, ahead = set(), [one for one in to[name] if one in still]
        while ahead:
            one = ahead.pop()
            if one not in seen:
                seen.add(one)
                ahead += [other for other in to[one] if other in still]
        if name in seen:
            found.add(name)
    return found


@settings(max_examples=300, deadline=None)
@given(any_steps())
def test_problems_are_those_that_every_walk_finds(steps):
    names, to = {one.name for one in steps}, leads(steps)
    reached = {one for walk in walks(steps) for one in walk}
    expected = {f"step {name!r} leads to 'far', which is no step" for name in names if "far" in to[name]}
    expected |= {
        f"step {name!r} leads to {one!r}, which is no step" for name in names for one in to[name] - names - {END, "far"}
    }
    expected |= {f"no way leads to step {name!r}" for name in names - reached}
    if round_ := sorted(ways_round(steps)):
        expected.add(f"steps {', '.join(map(repr, round_))} go round without a wait")
    assert {problem.partition(";")[0] for problem in graph.problems(steps)} == expected


@settings(max_examples=100, deadline=None)
@given(courses())
def test_nothing_is_wrong_with_what_is_drawn_as_right(steps):
    assert list(graph.problems(steps)) == []


@settings(max_examples=100, deadline=None)
@given(courses(), st.data())
def test_a_name_that_two_steps_have_is_found(steps, data):
    chosen = data.draw(st.sampled_from(steps))
    assert f"two steps are called {chosen.name!r}" in set(graph.problems((*steps, wait(chosen.name))))


PROBLEMS = {
    "unknown": (
        [sending("hello", "by"), sending("bye")],
        "step 'hello' leads to 'by', which is no step; is 'bye' meant",
    ),
    "unreachable": ([sending("hello", END), sending("bye")], "no way leads to step 'bye'"),
    "round": ([sending("hello"), branch("again", "hello", END)], "steps 'again', 'hello' go round without a wait"),
    "leads into a round": ([sending("x"), sending("y", "y")], "steps 'y' go round without a wait"),
    "a date that may be over": (
        [WaitDate(name="day", attribute="birthday"), sending("hello", "day")],
        "steps 'day', 'hello' go round without a wait",
    ),
    "no channel": ([Send(name="hello", template="t", channels=())], "step 'hello' needs a channel to send by"),
    "same channels": ([Send(name="hello", template="t", channels=["a", "a"])], "and names each once"),
    "holdout": (
        [Send(name="hello", template="t", channels="note", holdout=1.5)],
        "the holdout of step 'hello' is 1.5; it goes from 0 to below 1",
    ),
    "twice": ([sending("hello"), sending("hello")], "two steps are called 'hello'"),
    "name": ([sending("Hello You")], "'Hello You' is no name of a step"),
    "end": ([sending("end")], "'end' is no name of a step"),
    "one arm": ([split("parts", END)], "split 'parts' needs two arms or more"),
    "same arms": ([Split(name="parts", arms=[Arm(name="a"), Arm(name="a")])], "each with a name of its own"),
    "no weight": ([split("parts", "", "", weight=0)], "the weights of split 'parts' are 0 or more, and not all 0"),
    "negative": ([split("parts", "", "", weight=-1)], "the weights of split 'parts' are 0 or more"),
    "arm's name": ([Split(name="p", arms=[Arm(name="a b"), Arm(name="c")])], "'a b' is no name of an arm of 'p'"),
}


@pytest.mark.parametrize("name", PROBLEMS)
def test_an_error_names_the_campaign_the_step_and_what_is_wrong(name):
    steps, words = PROBLEMS[name]
    with pytest.raises(InvalidCampaign) as caught:
        Campaign(name="drip", purpose="retention", audience="all", steps=steps)
    assert "'drip'" in str(caught.value)
    assert words in str(caught.value)


def test_a_way_round_that_waits_is_none_to_be_refused():
    steps = (sending("hello"), wait("day"), branch("again", "hello", END))
    assert list(graph.problems(steps)) == []
