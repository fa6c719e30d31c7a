"""History played through a campaign that never ran: each moment sees what had come in by then, and nothing later."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from crmcore.errors import InvalidValue
from crmcore.model.building import attribute, event, in_segment, tag
from crmcore.model.campaign import Goal
from crmcore.model.happens import Happens, entered
from crmcore.model.steps import Branch, WaitFor
from crmcore.model.triggers import Reentry
from crmcore.store.schema import metadata
from tests.flow.journeys.travelling import journey, people, send, templates, wait

HOUR = 3_600_000_000
DAY = 24 * HOUR


@pytest.fixture
def shop(crm):
    templates(crm, "hello", "tips")
    people(crm, "ada", "bob")
    return crm


def told(found):
    return [((one.at - found.since) / DAY, one.customer, one.step) for one in found.messages if one.is_sent]


def after(crm, clock, time):
    clock.turn(time)
    return crm


def test_what_happened_lets_customers_enter_then(shop, clock):
    began = shop.now()
    after(shop, clock, "2d").track("signed_up", "ada")
    after(shop, clock, "5d").track("signed_up", "bob")
    clock.turn("30d")
    found = shop.backtest(journey(send("hello"), wait("3d"), send("tips"), trigger="signed_up"), began)
    assert told(found) == [(2, "ada", "hello"), (5, "ada", "tips"), (7, "bob", "hello"), (10, "bob", "tips")]
    assert (found.since, found.until, found.entered, found.sent) == (began, shop.now(), 2, 4)


def test_it_ends_when_it_is_said_to(shop, clock):
    began = shop.now()
    after(shop, clock, "2d").track("signed_up", "ada")
    clock.turn("30d")
    campaign = journey(send("hello"), wait("3d"), send("tips"), trigger="signed_up")
    assert told(shop.backtest(campaign, began, began + 4 * DAY)) == [(2, "ada", "hello")]


def test_work_may_be_done_every_so_often(shop, clock):
    began = shop.now()
    after(shop, clock, "10m").track("signed_up", "ada")
    after(shop, clock, "90m").track("signed_up", "bob")
    clock.turn("30d")
    campaign = journey(send("hello"), wait("90m"), send("tips"), trigger="signed_up")
    found = shop.backtest(campaign, began, every="1h")
    hours = [(at * 24, customer, step) for at, customer, step in told(found)]
    assert hours == [(1, "ada", "hello"), (2, "bob", "hello"), (3, "ada", "tips"), (4, "bob", "tips")]


def test_what_ended_ways_ends_them(shop, clock):
    began = shop.now()
    for one in ("ada", "bob"):
        shop.track("cart_updated", one, ref=f"cart {one}")
    after(shop, clock, "3h").track("order_placed", "ada", properties={"cart": "cart ada"})
    clock.turn("30d")
    cart = journey(
        wait("4h"),
        send("hello"),
        trigger=Happens(event="cart_updated", key="ref"),
        exits=[Happens(event="order_placed", key="cart")],
    )
    found = shop.backtest(cart, began - 1)
    assert [(one.customer, one.key) for one in found.messages] == [("bob", "cart bob")]


def test_consent_counts_as_it_was_when_the_message_would_have_gone(shop, clock):
    began = shop.now()
    after(shop, clock, "2d").consent("ada", "retention", channel="note", granted=False)
    after(shop, clock, "2d").consent("ada", "retention", channel="note")
    clock.turn("30d")
    found = shop.backtest(
        journey(send("hello"), wait("3d"), send("tips"), audience=attribute("email") == "ada@example.com"), began
    )
    assert [((one.at - began) / DAY, one.state, one.reason) for one in found.messages] == [
        (0, "accepted", ""),
        (3, "skipped", "unsubscribed"),
    ]
    assert found.skipped == {"unsubscribed": 1}


def test_attributes_and_tags_count_as_they_were(shop, clock):
    began = shop.now()
    after(shop, clock, "1d").identify("ada", {"city": "Paris"}, tags=["vip"])
    after(shop, clock, "1d").identify("ada", {"city": "Rome"}, untags=["vip"])
    after(shop, clock, "1d").track("visited", "ada")
    after(shop, clock, "30d")
    shop.save_template("city", "note", {"text": "{{ customer.city | default('nowhere') }}"})
    every = Reentry(when="every")
    steps = (
        send("hello", template="city"),
        wait("25h"),
        send("tips", template="city"),
        wait("24h"),
        send("late", template="city"),
    )
    found = shop.backtest(journey(*steps, reentry=every, audience=attribute("email") == "ada@example.com"), began)
    assert [one.text for one in found.messages] == ["nowhere", "Paris", "Rome"]
    vips = journey(send("hello"), trigger="visited", audience=tag("vip"))
    assert shop.backtest(vips, began).refused == {"audience": 1}


def test_what_came_in_late_is_not_there_before_it_came_in(shop, clock):
    began = shop.now()
    after(shop, clock, "10d").track("order_placed", "ada", at=began + HOUR)
    clock.turn("10d")
    bought = Branch(name="bought", condition=event("order_placed").did(), then="hello", otherwise="end")
    steps = (wait("5d"), bought, send("hello"))
    assert told(shop.backtest(journey(*steps), began)) == []
    assert told(shop.backtest(journey(wait("11d"), *steps[1:]), began)) == [(11, "ada", "hello")]


def test_who_was_not_known_yet_is_in_no_audience(shop, clock):
    began = shop.now()
    clock.turn("1d")
    people(shop, "cyd")
    found = shop.backtest(journey(send("hello")), began)
    assert (found.audience, told(found)) == (2, [(0, "ada", "hello"), (0, "bob", "hello")])


def test_customers_are_one_from_when_they_were_merged(shop, clock):
    began = shop.now()
    shop.track("visited", {"anonymous": "a"})
    after(shop, clock, "1d").merge({"anonymous": "a"}, "ada")
    clock.turn("5d")
    visited = Branch(name="visited", condition=event("visited").did(), then="hello", otherwise="end")
    before, later = (journey(wait(time), visited, send("hello")) for time in ("12h", "2d"))
    assert told(shop.backtest(before, began)) == []
    assert told(shop.backtest(later, began)) == [(2, "ada", "hello")]


def test_segments_are_entered_by_time_alone(shop, clock):
    began = shop.now()
    shop.define_segment("dormant", event("order_placed").did() & ~event("order_placed").did(within="10d"))
    after(shop, clock, "1d").track("order_placed", "ada")
    after(shop, clock, "5d").track("order_placed", "ada")
    clock.turn("60d")
    found = shop.backtest(journey(send("hello"), trigger=entered("dormant")), began)
    [(at, customer, step)] = told(found)
    assert (round(at, 3), customer, step) == (16, "ada", "hello")


def test_segments_in_conditions_are_as_they_were(shop, clock):
    began = shop.now()
    shop.define_segment("vips", tag("vip"))
    after(shop, clock, "1d").identify("ada", {}, tags=["vip"])
    clock.turn("5d")
    vip = Branch(name="vip", condition=in_segment("vips"), then="hello", otherwise="end")
    found = shop.backtest(journey(wait("12h"), vip, send("hello", then="end"), audience="vips"), began + 2 * DAY)
    assert (found.audience, [one.customer for one in found.messages]) == (1, ["ada"])
    assert shop.backtest(journey(send("hello"), audience="vips"), began).audience == 0


def test_whoever_waited_for_an_event_went_on_at_once(shop, clock):
    began = shop.now()
    after(shop, clock, "36h").track("app_opened", "ada")
    clock.turn("30d")
    opens = WaitFor(name="opens", event=event("app_opened"), timeout="7d", then="tips", otherwise="hello")
    found = shop.backtest(journey(opens, send("tips", then="end"), send("hello")), began)
    assert told(found) == [(1.5, "ada", "tips"), (7, "bob", "hello")]


def test_messages_of_other_campaigns_use_up_caps_and_its_own_earlier_runs_do_not(shop, clock):
    shop.settings.tables["policy"] = {"caps": [{"count": 1, "per": "3d"}]}
    clock.turn("1h")
    began = shop.now()
    shop.launch(journey(send("hello"), name="other", audience=attribute("email") == "ada@example.com"))
    shop.work()
    clock.turn("5d")
    shop.launch(journey(send("tips")))
    shop.work()
    clock.turn("10d")
    found = shop.backtest(journey(wait("1d"), send("tips"), wait("4d"), send("hello")), began)
    assert [(one.customer, one.step, one.reason) for one in found.messages] == [
        ("ada", "tips", "capped"),
        ("bob", "tips", ""),
        ("ada", "hello", ""),
        ("bob", "hello", ""),
    ]
    assert found.capped == 1


def test_the_goals_that_customers_reached_after_its_messages_are_counted(shop, clock):
    began = shop.now()
    after(shop, clock, "3d").track("order_placed", "ada", amount=1900, currency="EUR")
    after(shop, clock, "20d").track("order_placed", "ada", amount=100, currency="EUR")
    found = shop.backtest(journey(send("hello"), goal=Goal(event="order_placed", within="7d")), began)
    (goal,) = found.goals
    assert (goal.event, goal.customers, goal.events, goal.amounts) == ("order_placed", 1, 1, {"EUR": 1900})


def test_nothing_is_sent_and_nothing_changes(shop, clock, recorder):
    began = shop.now()
    clock.turn("5d")

    def everything():
        with shop._opened.engine.connect() as connection:
            return {name: sorted(map(repr, connection.execute(select(one)))) for name, one in metadata.tables.items()}

    before = everything()
    assert shop.backtest(journey(send("hello")), began).sent == 2
    assert recorder.sent == []
    assert everything() == before


@pytest.mark.parametrize(
    ("given", "said"),
    [({}, "say when"), ({"run": 5}, "no run 5"), ({"since": 2_000_000, "until": 1_000_000}, "before it begins")],
)
def test_a_time_that_cannot_be_is_refused(shop, given, said):
    with pytest.raises(InvalidValue, match=said):
        shop.backtest(journey(send("hello")), **given)
