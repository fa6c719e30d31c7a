"""Every customer that a campaign could have written to has a message, or one reason why there is none."""

from __future__ import annotations

from collections import Counter
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore import CRM
from crmcore.errors import UnknownCampaign, UnknownCustomer
from crmcore.flow.journeys import explained
from crmcore.flow.journeys.explained import Explained, message_says
from crmcore.hooks.provider import InDoubt, Permanent
from crmcore.model.building import attribute, event, tag
from crmcore.model.delivery import BOOKS, Book, Reason, State
from crmcore.model.happens import Happens
from crmcore.model.steps import Arm, Branch, Split, WaitFor
from crmcore.model.time import DAY, iso
from crmcore.model.triggers import OnCall, Reentry
from tests.flow.journeys.travelling import journey, people, send, templates, wait


def made(crm: CRM, *steps, **changes) -> None:
    people(crm, "ada", "bob")
    templates(crm, "hello", "again")
    crm.launch(journey(*steps, **changes))


def why(crm: CRM, who="ada") -> tuple[int, str]:
    found = crm.explain("journey", who)
    return found.sent, found.reason


# -- the one reason -------------------------------------------------------------------------------------------------------


def test_of_a_message_that_was_sent_no_reason_is_asked_for(crm):
    made(crm, send("hello"))
    crm.work()
    found = crm.explain("journey", "ada")
    assert (found.sent, found.reason, found.because, found.key) == (1, "", "", "ada")
    assert [(one.step, one.state, one.says) for one in found.messages] == [
        ("hello", "accepted", "a carrier has taken it over")
    ]


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (lambda one: InDoubt(delivery_id=one.delivery_id), "in_doubt"),
        (lambda one: Permanent(delivery_id=one.delivery_id, fault="content"), "failed"),
    ],
)
def test_a_message_that_did_not_arrive_says_what_became_of_it(crm, recorder, result, reason):
    recorder.answer = result
    made(crm, send("hello"))
    crm.work()
    assert why(crm) == (0, reason)


def test_a_message_that_waits_says_so(crm):
    made(crm, send("hello"))
    crm.work(limit=0)
    assert why(crm) == (0, "planned")


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (lambda crm: crm.consent("ada", "retention", channel="note", granted=False), "unsubscribed"),
        (lambda crm: crm.suppress("ada", reason="complaint"), "suppressed"),
    ],
)
def test_a_gate_that_objected_is_the_reason(crm, act, reason):
    made(crm, send("hello"))
    act(crm)
    crm.work()
    assert why(crm) == (0, reason)


def test_whoever_is_held_out_is_told_so(crm):
    people(crm, *map(str, range(30)))
    templates(crm, "hello")
    crm.launch(journey(send("hello"), holdout=0.5))
    crm.work()
    held = {one.key for one in crm.deliveries("journey") if one.held_out}
    assert {key for key in map(str, range(30)) if why(crm, key) == (0, "holdout")} == held


def test_whoever_waits_is_told_at_which_step_for_what_and_until_when(crm, clock):
    thanks = WaitFor(name="opens", event=event("app_opened"), timeout="2d")
    made(crm, thanks, send("hello"))
    crm.work()
    found = crm.explain("journey", "ada")
    [way] = found.ways
    until = clock.now() + 2 * DAY
    assert found.reason == "on_the_way"
    assert way.stands == f"waits at opens (wait for app_opened, 2d at most) until {iso(until)}, then goes on to hello"
    assert (way.step, way.next, way.due_at) == ("opens", "hello", until)


def test_a_way_that_an_event_has_ended_names_it(crm):
    made(crm, wait("1d"), send("hello"), exits=["order_placed"])
    crm.work()
    crm.track("order_placed", "ada")
    found = crm.explain("journey", "ada")
    assert (found.reason, found.because) == ("exited", "the way ended by order_placed, before any message")


def test_a_way_that_came_by_no_message_says_so(crm):
    never = Branch(name="never", condition=tag("vip"), then="hello", otherwise="end")
    made(crm, never, send("hello"))
    crm.work()
    assert why(crm) == (0, "no_message")


def test_the_path_says_which_way_one_went_and_when(crm, clock):
    parts = Split(name="subject", arms=[Arm(name="a", then="hello"), Arm(name="b", then="hello", weight=0)])
    made(crm, wait("1d"), parts, send("hello"))
    crm.work()
    started = clock.now()
    clock.turn("1d")
    crm.work()
    [way] = crm.explain("journey", "ada").ways
    passed = [(one.step, one.way, one.at - started) for one in way.path]
    assert passed == [("wait_1d", "", 0), ("subject", "a", DAY), ("hello", "", DAY)]


def test_the_way_of_each_cart_is_told_by_itself(crm):
    made(crm, wait("1h"), send("hello"), trigger=Happens(event="cart_updated", key="ref"), exits=["order_placed"])
    crm.track("cart_updated", "ada", ref="c1")
    crm.track("cart_updated", "ada", ref="c2")
    assert [one.key for one in crm.explain("journey", "ada").ways] == ["c1", "c2"]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"audience": tag("vip")}, "audience"),
        ({"trigger": Happens(event="signed_up", key="ref")}, "no_key"),
    ],
)
def test_a_match_that_did_not_let_in_says_why(crm, changes, reason):
    made(crm, send("hello"), **{"trigger": "signed_up", **changes})
    crm.track("signed_up", "ada")
    crm.work()
    assert why(crm) == (0, reason)


def test_refusals_are_told_beside_what_was_sent(crm):
    made(crm, send("hello"), trigger="signed_up")
    for _ in range(3):
        crm.track("signed_up", "ada")
        crm.work()
    found = crm.explain("journey", "ada")
    assert (found.sent, found.reason) == (1, "")
    assert [(one.reason, one.count) for one in found.refusals] == [("once", 2)]


def test_whoever_was_not_in_the_audience_sees_which_part_of_it_did_not_fit(crm):
    made(crm, send("hello"), trigger="signed_up", audience=tag("vip") & (attribute("city") == "u"))
    crm.identify("ada", {"city": "u"})
    crm.track("signed_up", "ada")
    found = crm.explain("journey", "ada")
    assert [(line.condition, line.holds) for line in found.audience.lines()][1:] == [
        ('tag "vip"', False),
        ('city = "u"', True),
    ]


def test_without_a_trigger_the_audience_is_that_of_the_launch(crm, clock):
    people(crm, "ada", "bob")
    crm.identify("bob", {}, tags=["vip"])
    templates(crm, "hello")
    crm.launch(journey(send("hello"), audience=tag("vip")))
    crm.work()
    clock.turn("1d")
    crm.identify("ada", {}, tags=["vip"])
    crm.identify("cyd", {}, tags=["vip"])
    assert [why(crm, one) for one in ("bob", "ada", "cyd")] == [(1, ""), (0, "not_in_audience"), (0, "unknown_then")]
    assert crm.explain("journey", "ada").audience.holds is False


def test_whoever_never_did_what_lets_in_sees_what_came_nearest(crm, clock):
    made(crm, send("hello"), trigger=event("signed_up").where(plan="pro"))
    crm.track("signed_up", "ada", properties={"plan": "free"})
    found = crm.explain("journey", "ada")
    assert found.reason == "not_matched"
    assert [(one.name, one.counts) for one in found.trigger.events] == [("signed_up", False)]


def test_it_is_told_of_a_broadcast_as_well(crm):
    people(crm, "ada")
    crm.identify("bob")
    templates(crm, "hello")
    crm.launch(journey(channel="note", template="hello"))
    crm.work()
    assert [why(crm, one) for one in ("ada", "bob")] == [(1, ""), (0, "no_address")]


def test_what_was_sent_before_a_merge_is_told_of_the_customer_it_leads_to(crm):
    people(crm, "ada")
    crm.identify({"anonymous": "phone"})
    templates(crm, "hello")
    crm.launch(journey(wait("1d"), send("hello")))
    crm.work()
    crm.merge({"anonymous": "phone"}, "ada")
    found = crm.explain("journey", "ada")
    assert [one.state for one in found.ways] == ["running", "running"]
    assert [one for one in found.ways if "merged" in one.stands]


def test_nobody_and_nothing_are_errors(crm):
    made(crm, send("hello"))
    with pytest.raises(UnknownCampaign):
        crm.explain("other", "ada")
    with pytest.raises(UnknownCustomer):
        crm.explain("journey", "nobody")


@pytest.mark.parametrize("state", list(State))
def test_every_state_of_a_message_is_said_in_words(state):
    reasons = [*Reason, "gate: too loud"] if state is State.SKIPPED else [""]
    said = [message_says(state.value, reason) for reason in reasons]
    assert all(" " in one for one in said)
    assert len(set(said)) == len(said)


# -- the law --------------------------------------------------------------------------------------------------------------

KEYS = ("1", "2", "3")
WHO = st.sampled_from([*KEYS, {"anonymous": "a"}])
NUMBERS = count()
CAMPAIGNS = [
    journey(
        send("hello", holdout=0.3),
        wait("1d"),
        send("again"),
        trigger="signed_up",
        audience=tag("vip"),
        exits=["order_placed"],
        reentry=Reentry(when="every", gap="1d"),
        holdout=0.3,
    ),
    journey(
        Branch(name="asked", condition=event("order_placed").did(), then="end"),
        wait("1d"),
        send("hello"),
        trigger=Happens(event="signed_up", key="ref"),
        exits=[Happens(event="order_placed", key="ref")],
        policy="restart",
    ),
    journey(wait("1d"), send("hello"), audience=tag("vip"), exits=["order_placed"]),
    journey(send("hello"), trigger=OnCall(), audience=tag("vip")),
    journey(channel="note", template="hello", audience=tag("vip"), holdout=0.3),
]
ACTS = st.one_of(
    st.tuples(st.sampled_from(["signed_up", "order_placed", "tag", "untag", "consent", "refuse", "enter"]), WHO),
    st.tuples(st.sampled_from(["work", "plan", "turn", "merge", "unmerge", "pause", "resume", "cancel"]), st.none()),
)
WORDS = {*Reason, *State, *explained.REFUSED, *explained.NOTHING, explained.ON_THE_WAY, explained.EXITED}


def act(crm: CRM, clock, what: str, who) -> None:
    deeds = {
        "signed_up": lambda: crm.track("signed_up", who, ref="c"),
        "order_placed": lambda: crm.track("order_placed", who, ref="c"),
        "tag": lambda: crm.identify(who, {}, tags=["vip"]),
        "untag": lambda: crm.identify(who, {}, untags=["vip"]),
        "consent": lambda: crm.consent(who, "retention", channel="note"),
        "refuse": lambda: crm.consent(who, "retention", channel="note", granted=False),
        "enter": lambda: steer(crm, ("running", "paused"), lambda: crm.enter("journey", KEYS[:2])),
        "work": crm.work,
        "plan": lambda: crm.work(limit=0),
        "turn": lambda: clock.turn("1d"),
        "merge": lambda: crm.merge({"anonymous": "a"}, "1"),
        "unmerge": lambda: crm.unmerge({"anonymous": "a"}, "1"),
        "pause": lambda: steer(crm, ("running",), lambda: crm.pause("journey")),
        "resume": lambda: steer(crm, ("paused",), lambda: crm.resume("journey")),
        "cancel": lambda: steer(crm, ("running", "paused"), lambda: crm.cancel("journey")),
    }
    deeds[what]()


def steer(crm: CRM, states, deed) -> None:
    """A run that is over is not steered."""
    [state] = [one.state for one in crm.runs()]
    if state in states:
        deed()


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(CAMPAIGNS), st.lists(ACTS, max_size=14))
def test_every_customer_has_a_message_or_exactly_one_reason(open_crm, clock, campaign, acts):
    crm = open_crm(f"law-{next(NUMBERS)}.db")
    people(crm, *KEYS[:2])
    crm.identify(KEYS[2])
    crm.identify({"anonymous": "a"}, {"email": "a@example.com"})
    crm.identify("1", {}, tags=["vip"])
    templates(crm, "hello", "again")
    crm.launch(campaign)
    for what, who in acts:
        act(crm, clock, what, who)
        told = {one.customer_id: one for one in (crm.explain("journey", who) for who in (*KEYS, {"anonymous": "a"}))}
        sent = Counter(one.customer_id for one in crm.deliveries("journey") if BOOKS[State(one.state)] is Book.SENT)
        assert {one: found.sent for one, found in told.items() if found.sent} == dict(sent)
        assert all(has_one_reason(found) for found in told.values())


def has_one_reason(found: Explained) -> bool:
    is_said = bool(found.reason) == bool(found.because)
    return is_said and bool(found.sent) != (found.reason.partition(":")[0] in WORDS)
