"""What stops a message from going by the next channel, what it has in common with the one before, and what is told of it."""

from __future__ import annotations

import json
from collections import Counter

import attrs
import pytest

from crmcore.errors import InvalidCampaign
from crmcore.hooks.channel import Unrendered
from crmcore.hooks.provider import InDoubt, Retry
from crmcore.model.outline import outline
from crmcore.model.reaching import Fallback
from crmcore.model.steps import Wait
from crmcore.store import schema
from crmcore.store.plans import campaign_of, data_of
from crmcore.testing.fakes import TokenCodes
from tests.flow.journeys.channelling import ALL, EMAIL, FAILED, LATE, PUSH, WHATSAPP
from tests.flow.journeys.travelling import journey, send

WAITS = Wait(name="a_week", lasting="7d")


def became(shop) -> list[tuple[str, str, str]]:
    return [(one.channel, one.state, one.reason) for one in shop.crm.deliveries("journey")]


def timers(shop) -> int:
    with shop.crm._opened.reading() as scope:
        row = schema.timer.c
        return len(scope.connection.execute(schema.timer.select().where(row.workspace_id == scope.workspace_id)).all())


def test_caps_count_every_message_that_went_on_whatever_channel(open_shop):
    shop = open_shop(policy={"caps": [{"count": 1, "per": "1d", "channels": "all"}]})
    shop.customer()
    shop.launch(fallback=LATE)
    shop.pass_time("2h")
    assert shop.channels == (WHATSAPP,)


def test_a_message_that_gives_way_says_what_kept_it(shop):
    shop.customer(consents=(EMAIL,))
    shop.launch()
    shop.pass_time()
    assert became(shop) == [
        (WHATSAPP, "skipped", "rerouted: no_consent"),
        (PUSH, "skipped", "rerouted: no_consent"),
        (EMAIL, "accepted", ""),
    ]
    report = shop.crm.report("journey")
    assert (report.eligible, report.sent, report.skipped) == (1, 1, {})
    said = shop.crm.explain("journey", "ada").messages[0].says
    assert said == "the customer has not consented to the purpose; another message took its place"


def test_what_would_not_open_a_conversation_says_that_its_window_is_closed(shop):
    """As free words do on WhatsApp, where the customer has not written lately."""
    notes = shop.carriers[WHATSAPP].notes
    notes.capabilities = attrs.evolve(notes.capabilities, session_window=86_400, opens_session=frozenset({"approved"}))
    shop.customer()
    shop.launch(order="preference")
    shop.pass_time()
    assert became(shop) == [(WHATSAPP, "skipped", "rerouted: session_closed"), (PUSH, "accepted", "")]


def test_what_has_failed_leaves_its_room_to_the_next_channel(open_shop):
    shop = open_shop(policy={"caps": [{"count": 1, "per": "1d", "channels": "all"}]})
    shop.customer()
    shop.refuse(WHATSAPP)
    shop.launch(fallback=LATE)
    shop.pass_time("2h", "2h")
    assert shop.channels == (WHATSAPP, PUSH)


def test_whoever_is_held_out_gets_nothing_by_any_channel_and_counts_once(shop):
    shop.customer()
    shop.crm.launch(journey(send("hello", channels=ALL, fallback=LATE, holdout=0.999999)))
    shop.pass_time("2h", "2h")
    report = shop.crm.report("journey")
    assert (shop.got, report.eligible, report.skipped) == ([], 1, {"holdout": 1})


def test_what_ends_a_way_ends_what_would_follow(shop):
    shop.customer()
    shop.crm.launch(journey(send("hello", channels=ALL, fallback=LATE), WAITS, exits=["order_placed"]))
    shop.pass_time()
    shop.crm.track("order_placed", "ada")
    shop.pass_time("2h", "2h")
    assert became(shop) == [(WHATSAPP, "accepted", ""), (PUSH, "skipped", "exited")]


def test_a_cancelled_campaign_goes_by_no_further_channel(shop):
    shop.customer()
    shop.launch(fallback=LATE)
    shop.pass_time()
    shop.crm.cancel("journey")
    shop.pass_time("2h", "2h")
    assert (shop.channels, timers(shop)) == ((WHATSAPP,), 0)


def test_a_paused_campaign_goes_on_to_the_next_channel_once_it_is_resumed(shop):
    shop.customer()
    shop.launch(fallback=LATE)
    shop.pass_time()
    shop.crm.pause("journey")
    shop.pass_time("3h")
    assert shop.channels == (WHATSAPP,)
    shop.crm.resume("journey")
    shop.pass_time()
    assert shop.channels == (WHATSAPP, PUSH)


def test_a_run_is_finished_once_no_channel_may_follow_any_more(shop):
    shop.customer()
    shop.launch(channels=[WHATSAPP, PUSH], fallback=LATE)
    shop.pass_time("2h")
    assert shop.crm.report("journey").state == "running"
    shop.pass_time("2h")
    assert (shop.crm.report("journey").state, timers(shop)) == ("finished", 0)


def test_the_next_channel_that_has_to_wait_is_not_needed_once_the_first_is_read(open_shop):
    quiet = [{"channels": [PUSH], "from": "13:00", "to": "20:00"}]
    shop = open_shop(policy={"quiet": quiet})
    shop.customer()
    shop.launch(fallback=LATE)
    shop.pass_time("2h")
    assert [state for _, state, _ in became(shop)] == ["accepted", "planned"]
    shop.hear(WHATSAPP, "read")
    shop.pass_time("8h")
    assert became(shop) == [(WHATSAPP, "read", ""), (PUSH, "skipped", "answered")]
    assert shop.crm.report("journey").sent == 1


def test_the_next_channel_that_has_to_wait_is_not_needed_once_the_first_was_delivered_after_all(open_shop):
    shop = open_shop(policy={"quiet": [{"channels": [PUSH], "from": "11:00", "to": "20:00"}]})
    shop.customer()
    shop.launch(fallback=FAILED)
    shop.pass_time()
    shop.hear(WHATSAPP, "failed")
    shop.pass_time()
    assert [state for _, state, _ in became(shop)] == ["failed", "planned"]
    shop.hear(WHATSAPP, "delivered")
    shop.pass_time("10h")
    assert became(shop) == [(WHATSAPP, "delivered", ""), (PUSH, "skipped", "answered")]


def test_what_has_failed_is_not_tried_again_where_the_next_channel_has_carried_it(shop):
    shop.customer()
    shop.refuse(WHATSAPP)
    shop.launch(fallback=FAILED)
    shop.pass_time()
    shop.crm.retry("journey")
    shop.pass_time()
    assert shop.channels == (WHATSAPP, PUSH)
    assert became(shop) == [(WHATSAPP, "skipped", "answered"), (PUSH, "accepted", "")]


def test_what_nobody_knows_the_fate_of_is_followed_only_after_the_time(shop):
    shop.customer()
    shop.carriers[WHATSAPP].answer = lambda message: InDoubt(delivery_id=message.delivery_id, evidence="cut")
    shop.launch(fallback=LATE)
    shop.pass_time("1h")
    assert shop.channels == (WHATSAPP,)
    shop.pass_time("1h")
    assert shop.channels == (WHATSAPP, PUSH)


def test_what_its_carrier_never_takes_goes_by_the_next_channel_once_it_has_expired(shop):
    shop.customer()
    shop.carriers[WHATSAPP].answer = lambda message: Retry(delivery_id=message.delivery_id, after=7200, code="busy")
    shop.crm.launch(journey(send("hello", channels=ALL, fallback=FAILED), expires="6h"))
    shop.pass_time(*["1h"] * 5)
    assert set(shop.channels) == {WHATSAPP}
    shop.pass_time(*["1h"] * 3)
    assert became(shop) == [(WHATSAPP, "expired", "busy"), (PUSH, "accepted", "")]


def test_what_cannot_be_made_for_a_channel_goes_by_the_next(shop, monkeypatch):
    notes = shop.carriers[WHATSAPP].notes
    shop.customer()
    shop.launch(fallback=FAILED)
    monkeypatch.setattr(
        notes,
        "render",
        lambda _, drafts: [Unrendered(delivery_id=one.delivery_id, problem="no words") for one in drafts],
    )
    shop.pass_time()
    assert became(shop) == [(WHATSAPP, "failed", "content: no words"), (PUSH, "accepted", "")]


def test_two_who_turn_out_to_be_one_get_what_follows_once_and_both_go_on_when_they_are_parted(shop):
    shop.customer("ada")
    shop.customer("bob")
    shop.launch(fallback=LATE)
    shop.pass_time()
    shop.crm.merge("bob", "ada", force=True)
    shop.pass_time("2h", "2h")
    assert Counter(shop.channels) == {WHATSAPP: 2, PUSH: 1, EMAIL: 1}
    shop.crm.unmerge("bob", "ada")
    shop.pass_time("1d", "2h")
    assert Counter(shop.channels) == {WHATSAPP: 2, PUSH: 2, EMAIL: 2}
    assert shop.crm.report("journey").eligible == 2


def test_each_channel_says_it_in_the_customers_language_or_the_plain_one(shop):
    shop.crm.save_template("hello", WHATSAPP, {"text": "hallo"}, locale="de")
    shop.crm.save_template("hello", PUSH, {"text": "servus"}, locale="de_AT")
    shop.crm.save_template("hello", PUSH, {"text": "hallo"}, locale="de")
    shop.customer(locale="de_AT")
    shop.launch(fallback=LATE)
    shop.pass_time("2h", "2h")
    assert shop.got == ["hallo", "servus", "email ada"]


def test_the_next_channel_gives_the_same_code(shop, open_shop):
    codes = open_shop("codes.db", plugins={"tokens": TokenCodes()})
    for name in ALL:
        codes.crm.save_template("hello", name, {"text": name + " {{ message.coupon }}"})
    codes.customer()
    codes.launch(fallback=LATE, coupon="tokens")
    codes.pass_time("2h", "2h")
    assert codes.channels == ALL
    assert len({one.split()[1] for one in codes.got}) == 1


def test_it_is_seen_when_the_next_channel_is_due(shop):
    shop.customer()
    shop.launch(fallback=LATE)
    simulated = shop.crm.simulate(journey(send("hello", channels=ALL, fallback=LATE), name="dry"), days=1)
    hour = 3_600_000_000
    assert [(one.channel, (one.at - simulated.since) // hour) for one in simulated.messages] == [
        (WHATSAPP, 0),
        (PUSH, 2),
        (EMAIL, 4),
    ]


def test_it_is_told_which_channel_followed_which(shop):
    shop.customer()
    shop.refuse(WHATSAPP)
    shop.launch(fallback=LATE)
    shop.pass_time("2h")
    told = shop.crm.explain("journey", "ada")
    assert [(one.channel, one.follows, one.state) for one in told.messages] == [
        (WHATSAPP, "", "failed"),
        (PUSH, WHATSAPP, "accepted"),
        (EMAIL, PUSH, "accepted"),
    ]


SAYS = {
    "send hello by whatsapp or push": {},
    "send hello by the cheapest of whatsapp or push": {"order": "price"},
    "send hello by what the customer prefers of whatsapp or push": {"order": "preference"},
    "send hello by whatsapp or push, the next one after a failure": {"fallback": FAILED},
    "send hello by whatsapp or push, the next one after a failure, or 2h after the last was not clicked": {
        "fallback": Fallback(after="2h", unless="clicked")
    },
}


@pytest.mark.parametrize("says", SAYS)
def test_a_step_is_shown_with_its_order_and_fallback(says):
    shown = outline(journey(send("hello", channels=[WHATSAPP, PUSH], **SAYS[says])))
    assert shown.steps[0].says == says


def test_a_step_is_the_same_read_from_a_file():
    given = journey(send("hello", channels=ALL, order="price", fallback=Fallback(after="2h", unless="clicked")))
    plain = json.loads(json.dumps(data_of(given)))
    assert plain["steps"][0]["fallback"] == {"after": "2h", "unless": "clicked"}
    assert campaign_of(plain) == given
    assert campaign_of(data_of(journey(send("hello", channels=ALL, fallback=FAILED)))).sends[0].fallback == FAILED


WRONG = {
    "its order is no order": ({"order": "cheap"}, "the order of step 'hello' is 'cheap'; it is one of given, price, preference"),
    "one channel": ({"channels": PUSH, "fallback": FAILED}, "name the channel it falls back to"),
    "no such reaction": ({"fallback": Fallback(after="2h", unless="liked")}, "unless 'liked'"),
    "no time at all": ({"fallback": Fallback(after="0d")}, "after '0d'; lengths are such as '2h'"),
    "no Fallback": ({"fallback": "2h"}, "which is no Fallback"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_a_step_is_refused_that_says_what_nobody_can_do(name):
    changes, problem = WRONG[name]
    with pytest.raises(InvalidCampaign, match=problem):
        journey(send("hello", **{"channels": ALL} | changes))


def test_a_step_by_price_needs_a_price(open_shop):
    shop = open_shop(channels={PUSH: {"price": "0.01"}})
    shop.launch(order="price")
    with pytest.raises(InvalidCampaign, match=r"no channel has one; say \[channels.whatsapp\] price"):
        shop.launch(channels=[WHATSAPP, EMAIL], order="price")
