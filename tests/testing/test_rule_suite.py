"""The suite lets a good rule pass, and catches each of many bad ones by the check that is about its fault."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import strategies as st
from sqlalchemy import func, select

from crmcore.hooks.rule import Touches
from crmcore.model.time import DAY, HOUR
from crmcore.store import schema
from crmcore.testing import laws
from crmcore.testing.laws import LawBroken
from crmcore.testing.rule_suite import RuleSuite


class Busy:
    """Bought so many times within a day, unless `b` is known of the customer."""

    name = "busy"
    contract = 1

    def sql(self, scope, params):
        event, attribute = scope.table(schema.event).c, scope.table(schema.attribute).c
        bought = select(event.customer_id).where(event.name == "bought", *self.window(scope, event))
        known = select(attribute.customer_id).where(attribute.name == "b")
        many = bought.where(event.customer_id.not_in(known)).group_by(event.customer_id)
        return many.having(func.count() >= params["times"])

    def window(self, scope, event):
        return [event.occurred_at > scope.now - DAY, event.occurred_at <= scope.now]

    def holds(self, history, params, now):
        return "b" not in history.attributes and len(self.seen(history, now)) >= params["times"]

    def seen(self, history, now):
        return [one.at for one in history.events if one.name == "bought" and now - DAY < one.at <= now]

    def touches(self, params):
        return Touches(events=frozenset({"bought"}), attributes=frozenset({"b"}), time=True)

    def next_change(self, history, params, now):
        return min((at for at in self.ends(history) if at > now), default=None)

    def ends(self, history):
        return [one.at + age for one in history.events if one.name == "bought" for age in (0, DAY)]


class BusySuite(RuleSuite):
    def rule(self):
        return Busy()

    def params(self):
        return st.fixed_dictionaries({"times": st.integers(1, 2)})


class TestBusy(BusySuite):
    pass


class Generous(Busy):
    """Its window in SQL is a microsecond longer."""

    def window(self, scope, event):
        return [event.occurred_at >= scope.now - DAY, event.occurred_at <= scope.now]


class Foreseeing(Busy):
    """Its SQL counts what has not yet happened."""

    def window(self, scope, event):
        return [event.occurred_at > scope.now - DAY]


class Broken(Busy):
    """Its SQL asks for a column there is not."""

    def window(self, scope, event):
        return [event.nowhere == 1]


class Abroad(Busy):
    """Its SQL reads the attributes of all workspaces."""

    def window(self, scope, event):
        known = select(schema.attribute.c.customer_id).where(schema.attribute.c.name == "b")
        return [*super().window(scope, event), event.customer_id.not_in(known)]


class Forgetful(Busy):
    """Does not say that an attribute matters."""

    def touches(self, params):
        return attrs.evolve(super().touches(params), attributes=frozenset())


class Deaf(Busy):
    """Does not say which events matter."""

    def touches(self, params):
        return attrs.evolve(super().touches(params), events=frozenset())


class Timeless(Busy):
    """Does not say that time matters."""

    def touches(self, params):
        return attrs.evolve(super().touches(params), time=False)


class Quiet(Timeless):
    """The same, and names no time either."""

    def next_change(self, history, params, now):
        return None


class Late(Busy):
    """Looks again when the last has left the window."""

    def next_change(self, history, params, now):
        return max((at for at in self.ends(history) if at > now), default=None)


class Blind(Busy):
    """Forgets events that come into sight."""

    def ends(self, history):
        return [one.at + DAY for one in history.events if one.name == "bought"]


class Behind(Busy):
    """Names times that are over."""

    def next_change(self, history, params, now):
        return min(self.ends(history), default=None)


class Vague(Busy):
    """Names a time that is no integer."""

    def next_change(self, history, params, now):
        return now + 0.5 * HOUR


class Stumbling(Busy):
    """Falls over customers of whom nothing is known."""

    def holds(self, history, params, now):
        return history.events[0] is not None and super().holds(history, params, now)


class Loose(Busy):
    """Returns what is as good as a yes, and is none."""

    def holds(self, history, params, now):
        return len(self.seen(history, now))


class Never(Busy):
    """Holds for nobody."""

    def holds(self, history, params, now):
        return False


class Shouting(Busy):
    name = "Busy!"


class Newer(Busy):
    contract = 2


ON_SQLITE, ALWAYS = "test_sql_finds_whom_it_holds_for_on_sqlite", "test_it_always_has_an_answer"
TOUCHES, TIME = "test_only_what_it_touches_changes_the_answer", "test_time_changes_only_what_it_says_time_changes"
AHEAD, BEFORE = "test_next_change_lies_ahead", "test_nothing_changes_before_next_change"


@pytest.mark.parametrize(
    ("rule", "check", "law"),
    [
        (Generous, ON_SQLITE, laws.ALIKE),
        (Foreseeing, ON_SQLITE, laws.ALIKE),
        (Foreseeing, "test_sql_finds_whom_it_holds_for_on_postgresql", laws.ALIKE),
        (Broken, ON_SQLITE, laws.ALIKE),
        (Abroad, "test_its_sql_reads_one_workspace", laws.OWN_ROWS),
        (Forgetful, TOUCHES, laws.TOUCHED),
        (Deaf, TOUCHES, laws.TOUCHED),
        (Timeless, TIME, laws.TOUCHED),
        (Quiet, TIME, laws.TOUCHED),
        (Late, BEFORE, laws.LASTING),
        (Blind, BEFORE, laws.LASTING),
        (Behind, AHEAD, laws.AHEAD),
        (Vague, AHEAD, laws.AHEAD),
        (Stumbling, ALWAYS, laws.TELLING),
        (Loose, ALWAYS, laws.TELLING),
        (Never, ALWAYS, laws.DIVERSE),
        (Shouting, "test_it_is_what_it_says", laws.NAMED),
        (Newer, "test_it_is_what_it_says", laws.NAMED),
    ],
)
def test_a_bad_rule_is_caught_by_the_check_that_is_about_its_fault(rule, check, law):
    suite = BusySuite()
    suite.rule = rule
    with pytest.raises(LawBroken) as caught:
        getattr(suite, check)()
    assert caught.value.law is law
