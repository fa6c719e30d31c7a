"""Two laws of backtests: what did run is predicted to the minute, and what comes later changes nothing that was before."""

from __future__ import annotations

import shutil

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.model.building import event, everyone, tag
from crmcore.model.campaign import Campaign
from crmcore.model.happens import Happens, entered
from crmcore.model.steps import Arm, Branch, Emit, Send, Split, Update, Wait, WaitFor
from crmcore.model.time import MINUTE
from crmcore.model.triggers import Reentry
from crmcore.testing.simulation import Simulation, make_tables

PEOPLE = ("ada", "bob", "cyd", "dan")
EVENTS = ("visited", "cart_updated", "order_placed")
WHO = st.sampled_from(PEOPLE) | st.sampled_from([{"anonymous": one} for one in "xyz"])
#: Of what came in at one microsecond no log says whether work was done between: time passes between any two.
PAUSES = ("1s", "1m", "90m", "7h", "1d", "9d")
QUIET = {"quiet": [{"from": "22:00", "to": "08:00"}], "caps": [{"count": 2, "per": "7d"}]}


def send(name):
    return Send(name=name, template="hello", channels="note")


def campaign(*steps, **changes):
    said = {"name": "drip", "purpose": "retention", "audience": everyone(), "steps": steps, "holdout": 0.2}
    return Campaign(**said | changes)


PARTS = Split(name="parts", arms=[Arm(name="a", then="one"), Arm(name="b", then="two")])
BOUGHT = Branch(name="bought", condition=event("order_placed").did(within="3d"), then="end")
CAMPAIGNS = {
    "to all": campaign(send("one"), Wait(name="w", lasting="1d"), BOUGHT, send("two"), exits=["order_placed"]),
    "after an event": campaign(PARTS, send("one"), send("two"), trigger="visited", reentry=Reentry(when="every")),
    "of each cart": campaign(
        Wait(name="w", lasting="1h"),
        send("one"),
        trigger=Happens(event="cart_updated", key="ref"),
        exits=["order_placed"],
        policy="restart",
    ),
    "by time alone": campaign(send("one"), trigger=entered("dormant"), reentry=Reentry(when="every")),
    "that acts": campaign(
        Update(name="mark", tags="seen"),
        Emit(name="tell", event="visited"),
        WaitFor(name="buys", event="order_placed", timeout="2d", then="end"),
        send("one"),
        trigger="cart_updated",
        audience=~tag("seen"),
    ),
}


def tracked(crm, who, name, ref, late):
    crm.track(name, who, ref=ref, at=crm.now() - late * MINUTE)


SAID = st.one_of(
    st.builds(
        lambda who, name, ref, late: lambda crm: tracked(crm, who, name, ref, late),
        WHO,
        st.sampled_from(EVENTS),
        st.sampled_from(["c1", "c2"]),
        st.sampled_from([0, 0, 0, 1, 3000]),
    ),
    st.builds(lambda who, yes: lambda crm: crm.consent(who, "retention", granted=yes), WHO, st.booleans()),
    st.builds(lambda who: lambda crm: crm.identify(who, {"email": "shared@example.com"}, tags=["vip"]), WHO),
    st.builds(
        lambda one, into: lambda crm: crm.merge_many([{"customer": {"anonymous": one}, "into": into}]),
        st.sampled_from("xyz"),
        st.sampled_from(PEOPLE),
    ),
    st.builds(lambda who: lambda crm: crm.suppress(who, reason="manual"), st.sampled_from(PEOPLE)),
)
STORIES = st.lists(st.tuples(SAID, st.sampled_from(PAUSES)), max_size=12)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    path = tmp_path_factory.mktemp("tables") / "empty.db"
    make_tables(path)
    return path


@pytest.fixture
def opened(tables, tmp_path):
    """Open a CRM on new tables, each time it is asked for."""
    numbers = iter(range(1_000_000))

    def opening():
        path = shutil.copy(tables, tmp_path / f"{next(numbers)}.db")
        crm = Simulation(path, silent=["note"], policy=QUIET)
        crm.save_template("hello", "note", {"text": "Hello"})
        crm.define_segment("dormant", event("visited").did() & ~event("visited").did(within="5d"))
        crm.identify_many({"customer": one, "attributes": {"email": f"{one}@example.com"}} for one in PEOPLE)
        crm.consent_many({"customer": one, "purpose": "retention", "channel": "*"} for one in PEOPLE)
        return crm

    return opening


def live(crm, story):
    for say, pause in story:
        say(crm)
        crm.turn(pause)


def fates(messages):
    return sorted((one.at, one.customer, one.step, one.key, one.arm, one.state, one.reason) for one in messages)


LAW = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LAW
@given(name=st.sampled_from(sorted(CAMPAIGNS)), before=STORIES, after=STORIES, seed=st.integers(0, 3))
def test_what_did_run_is_predicted(opened, name, before, after, seed):
    with opened() as crm:
        live(crm, before)
        launched = crm.launch(CAMPAIGNS[name], seed=seed)
        live(crm, after)
        crm.turn("3d")
        found = crm.backtest(CAMPAIGNS[name], run=launched.run_id)
        assert fates(found.messages) == fates(crm.ended)


@LAW
@given(name=st.sampled_from(sorted(CAMPAIGNS)), before=STORIES, after=STORIES, seed=st.integers(0, 3))
def test_what_comes_later_changes_nothing_that_was_before(opened, name, before, after, seed):
    with opened() as crm:
        began = crm.now()
        live(crm, before)
        until = crm.now()
        first = crm.backtest(CAMPAIGNS[name], began, until, seed=seed)
        crm.turn("1m")
        live(crm, after)
        again = crm.backtest(CAMPAIGNS[name], began, until, seed=seed)
        assert fates(again.messages) == fates(first.messages)
        assert (again.entered, again.refused, again.skipped) == (first.entered, first.refused, first.skipped)
