"""What broke live segments: each as small as it gets."""

from __future__ import annotations

from datetime import UTC, datetime
from threading import Thread

import pytest

from crmcore import CRM
from crmcore.errors import CRMError
from crmcore.flow import segments
from crmcore.flow.upkeep import planning
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.rule import Touches
from crmcore.loader import installed
from crmcore.model.building import attribute, event, field, rule, tag
from crmcore.store import standings
from crmcore.store.touched import ALL
from tests.flow.test_segments_over_plugins import Fresh


def keys(crm, name):
    return sorted(member.key for member in crm.segment(name).members())


def looked_up(crm, name):
    with crm._opened.reading() as scope:
        return segments.found(scope, crm.segment(name).condition, crm.registry.rules, limit=None)


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (True, 1)])
def test_a_definition_of_another_kind_of_value_is_another_definition(crm, one, other):
    crm.identify("one", {"score": one})
    crm.identify("other", {"score": other})
    crm.define_segment("s", attribute("score") == one)
    assert keys(crm, "s") == ["one"]
    crm.define_segment("s", attribute("score") == other)
    assert keys(crm, "s") == ["other"]


def test_so_it_is_of_a_field_of_an_event(crm):
    crm.track("e", "one", properties={"p": 1})
    crm.track("e", "other", properties={"p": True})
    crm.define_segment("s", event("e").where(field("p") == 1).did())
    crm.define_segment("s", event("e").where(field("p") == True).did())  # noqa: E712 - a value
    assert keys(crm, "s") == ["other"]


@pytest.mark.parametrize(
    "clause",
    [
        lambda: {"event": "e", "count": 1, "is": ">=", "within": "99999999w"},
        lambda: event("e").did(within="99999999w"),
        lambda: event("e").between(-(2**63), 2**62).did(),
        lambda: "did e since -9223372036854775808us",
    ],
)
def test_a_window_longer_than_all_time_stops_no_event(crm, clock, clause):
    """It is refused when it is defined, or it means for ever."""
    try:
        crm.define_segment("s", clause())
    except CRMError:
        return
    crm.track("e", "1")
    assert keys(crm, "s") == ["1"]


def test_what_was_rolled_back_is_forgotten(open_crm, monkeypatch):
    one, other = open_crm(), open_crm()
    one.identify("1", tags=["vip"])
    one.identify("2", {"city": "u"})
    one.define_segment("s", tag("vip"))
    assert keys(one, "s") == ["1"]
    [there] = one.segment("s").members()

    def defined(scope):
        one._opened.upkeep.define(scope, "s", tag("other").condition)
        scope.touched.note(there.id, ALL)

    with monkeypatch.context() as patch, pytest.raises(OSError, match="disk full"):
        patch.setattr(standings, "save", full)
        one._opened.write(defined)
    other.define_segment("cities", attribute("city") == "u")
    one.identify("3", {"city": "u"}, tags=["vip"])
    assert (keys(one, "s"), keys(one, "cities")) == (["1", "3"], ["2", "3"])


def full(*_):
    raise OSError("disk full")


def test_two_threads_of_a_process_take_each_its_own_plan(open_crm):
    """One is about to look under a new generation while another one still reads the one before."""
    crm = open_crm()
    crm.define_segment("s", tag("vip"))
    assert keys(crm, "s") == []
    upkeep = crm._opened.upkeep
    with crm._opened.reading() as scope:
        before = planning.plan(scope, 1, {})
    crm.define_segment("t", tag("other"))

    class Racing(type(upkeep)):
        """Between what a thread keeps and what it takes, another one comes."""

        def __setattr__(self, name, value):
            object.__setattr__(self, name, value)
            if name == "_plan" and value is not None and value.generation == 2:
                object.__setattr__(self, name, before)

    upkeep.__class__ = Racing
    crm.identify("1", tags=["other"])
    assert keys(crm, "t") == ["1"]


class Odd(Fresh):
    """What it says of time is no time."""

    def __init__(self, says):
        self.says = says

    def next_change(self, history, params, now):
        return self.says(now)


def brought(one):
    class Rules:
        @hookimpl
        def crm_register_rules(self, setup):
            return [one]

    return Rules()


@pytest.mark.parametrize(
    "says", [lambda _: datetime(2027, 1, 1, tzinfo=UTC), lambda _: 2**70, lambda now: now + 1.5, lambda _: "soon"]
)
def test_a_rule_that_says_no_time_stops_no_write(new_database, clock, says):
    with CRM(new_database("crm.db"), clock=clock, plugins={"odd": brought(Odd(says))}, blocked=installed()) as crm:
        crm.define_segment("vips", tag("vip"))
        crm.define_segment("fresh", rule("fresh"))
        crm.identify("1", {"until_at": 2**62}, tags=["vip"])
        crm.identify("1", {"until_at": 2**61})
        assert keys(crm, "vips") == ["1"]


def test_a_rule_that_says_now_for_ever_lets_others_go_on(new_database, clock):
    with CRM(
        new_database("crm.db"),
        clock=clock,
        plugins={"odd": brought(Odd(lambda now: now))},
        blocked=installed(),
    ) as crm:
        crm.define_segment("vips", tag("vip"))
        crm.define_segment("fresh", rule("fresh"))
        crm.track_many({"name": "seen", "customer": str(number)} for number in range(1000))
        done = Thread(target=keys, args=(crm, "vips"), daemon=True)
        done.start()
        done.join(20)
        is_stuck = done.is_alive()
        crm.registry.rules["fresh"].says = lambda _: None  # so that the thread ends
        done.join(20)
        assert not is_stuck


@pytest.mark.parametrize("raising", ["holds", "next_change"])
def test_a_rule_that_raises_is_told_and_leaves_nobody_out_in_silence(new_database, clock, raising):
    class Raising(Fresh):
        def touches(self, params):
            return Touches(attributes=frozenset({"until_at"}), time=True)

    def fails(*_):
        raise ZeroDivisionError

    setattr(Raising, raising, fails)
    with CRM(new_database("crm.db"), clock=clock, plugins={"odd": brought(Raising())}, blocked=installed()) as crm:
        crm.define_segment("fresh", rule("fresh"))
        crm.identify("1", {"until_at": 2**62})
        try:
            found = crm.segment("fresh").members()
        except CRMError:
            return
        assert found == looked_up(crm, "fresh")
