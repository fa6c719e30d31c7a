"""A look at a leaf, made once for many histories, says what the reference says, and what it is sure of comes to pass."""

from __future__ import annotations

from itertools import groupby

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.errors import CRMError
from crmcore.model.condition import Count, leaves
from crmcore.model.time import DAY
from crmcore.rules.comparing import ORDER
from crmcore.rules.occurrences import seen
from crmcore.rules.tree import RULES
from crmcore.testing import populations

NOW = 1_772_366_400_000_000
HISTORIES = populations.histories(NOW)


def looked_at(leaf, history, now):
    """What a look says; nothing where the reference has no answer."""
    rule = RULES[type(leaf)]
    try:
        return rule.holds(history, leaf, now), rule.next_change(history, leaf, now), rule.lasting(leaf)(history, now)
    except CRMError:
        return None


@pytest.mark.parametrize("kind", RULES, ids=lambda kind: kind.__name__)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_look_is_what_holds_and_the_next_change(kind, data):
    history = data.draw(HISTORIES)
    for leaf in leaves(data.draw(populations.leaves(NOW)[kind])):
        if (found := looked_at(leaf, history, NOW)) is not None:
            holds, change, look = found
            assert look[:2] == (holds, change)


def counted(leaf, history, at):
    """Count the events that are seen, one by one."""
    return bool(ORDER[leaf.op](len(seen(leaf.events, history, at)), leaf.value))


@given(history=HISTORIES, drawn=populations.leaves(NOW)[Count])
def test_a_count_stays_until_it_changes_and_what_is_sure_to_turn_over_does_for_good(history, drawn):
    for leaf in leaves(drawn):
        answer, until, is_sure = RULES[Count].lasting(leaf)(history, NOW)
        assert answer == counted(leaf, history, NOW)
        if until is not None:
            assert [counted(leaf, history, at) for at in (until - 1, until)] == [answer, not answer]
            assert not is_sure or counted(leaf, history, until + 90 * DAY) != answer


@given(history=HISTORIES, drawn=populations.leaves(NOW)[Count])
def test_times_alone_say_of_a_count_what_events_say(history, drawn):
    by_name = groupby(sorted(history.events, key=lambda one: (one.name, one.at)), key=lambda one: one.name)
    times = {name: [one.at for one in events] for name, events in by_name}
    bare = attrs.evolve(history, events=(), times=times)
    for leaf in leaves(drawn):
        if not leaf.events.where:
            assert RULES[Count].lasting(leaf)(bare, NOW) == RULES[Count].lasting(leaf)(history, NOW)
