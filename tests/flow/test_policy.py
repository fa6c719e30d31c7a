"""What the send policy makes of messages at the moment they would go: each goes, waits, or ends with one reason."""

from __future__ import annotations

from datetime import datetime

import pytest

from crmcore import CRM
from crmcore.errors import SettingsError
from crmcore.hooks.gate import Verdict
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.provider import Feedback, InDoubt, NotStarted, Permanent, Retry
from crmcore.loader import installed
from crmcore.model.building import attribute, everyone
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.delivery import Reason
from crmcore.model.time import microseconds
from crmcore.store import bulk, schema
from crmcore.testing.fakes import Notes, Recorder, accept

NIGHT = {"from": "21:00", "to": "08:00"}
#: It is noon in London, 19:00 in Jakarta, and 4:00 in Los Angeles: a Sunday.
LONDON, JAKARTA, LOS_ANGELES = "Europe/London", "Asia/Jakarta", "America/Los_Angeles"


@pytest.fixture
def texts():
    return Recorder(notes=Notes("text", address_kinds=frozenset({"phone"})))


@pytest.fixture
def open_with(new_database, recorder, texts, clock):
    """Open a CRM of two channels with a policy."""
    opened = []

    def opening(policy=None, **plugins):
        named = {"recorder": recorder, "texts": texts, **plugins}
        given = {} if policy is None else {"policy": policy}
        crm = CRM(new_database("crm.db"), clock=clock, plugins=named, blocked=installed(), **given)
        opened.append(crm)
        return crm

    yield opening
    for crm in opened:
        crm.close()


def people(crm, count=1, **attributes):
    crm.identify_many(
        {"customer": str(n), "attributes": {"email": f"{n}@example.com", "phone": f"+4412345{n:03}", **attributes}}
        for n in range(count)
    )
    crm.consent_many({"customer": str(n), "purpose": "newsletter"} for n in range(count))
    for channel in ("note", "text"):
        crm.save_template("hello", channel, {"text": "hello {{ customer.key }}"})


def launch(crm, name, channel="note", **changes):
    said = {"purpose": "newsletter", "audience": everyone(), "channel": channel, "template": "hello", **changes}
    crm.launch(Campaign(name=name, **said))
    return name


def send(crm, name, channel="note", **changes):
    """Launch a campaign, work, and return what became of its deliveries."""
    launch(crm, name, channel, **changes)
    crm.work()
    return became(crm, name)


def became(crm, name):
    return [one.reason or one.state for one in crm.deliveries(name)]


def cap(count, per="7d", **changes):
    return {"count": count, "per": per, **changes}


# -- caps -------------------------------------------------------------------------------------------------------------


def test_a_cap_counts_across_channels(open_with, recorder, texts):
    crm = open_with({"caps": [cap(2)]})
    people(crm)
    assert [send(crm, "a"), send(crm, "b", "text"), send(crm, "c")] == [["accepted"], ["accepted"], ["capped"]]
    assert (len(recorder.sent), len(texts.sent)) == (1, 1)


def test_a_cap_of_one_channel_lets_another_be(open_with):
    crm = open_with({"caps": [cap(1, channels=["note"])]})
    people(crm)
    assert [send(crm, "a"), send(crm, "b"), send(crm, "c", "text")] == [["accepted"], ["capped"], ["accepted"]]


def test_a_cap_of_a_tag_counts_campaigns_that_have_it(open_with):
    crm = open_with({"caps": [cap(1, tag="promo")]})
    people(crm)
    assert send(crm, "a", tags=["promo", "summer"]) == ["accepted"]
    assert send(crm, "b") == ["accepted"]
    assert send(crm, "c", tags=["promo"]) == ["capped"]


def test_a_rolling_cap_has_room_again_when_its_time_is_over(open_with, clock):
    crm = open_with({"caps": [cap(1, "24h", then="hold")]})
    people(crm)
    send(crm, "a")
    clock.turn("23h")
    assert send(crm, "b") == ["planned"]
    clock.turn("1h")
    crm.work()
    assert became(crm, "b") == ["accepted"]


@pytest.mark.parametrize(("zone", "answer"), [(JAKARTA, "accepted"), (LONDON, "capped"), (None, "capped")])
def test_a_calendar_day_is_the_customers_own(open_with, clock, zone, answer):
    crm = open_with({"zone": LONDON, "caps": [cap(1, "day")]})
    people(crm, **({} if zone is None else {"time_zone": zone}))
    send(crm, "a")
    clock.turn("6h")
    assert send(crm, "b") == [answer]


def test_after_a_merge_both_histories_count(open_with):
    crm = open_with({"caps": [cap(2)]})
    people(crm, 2)
    send(crm, "a")
    crm.merge("0", "1", force=True)
    assert send(crm, "b") == ["capped"]


def test_two_messages_to_one_customer_in_one_batch_count_one_another(open_with, recorder):
    crm = open_with({"caps": [cap(1)]})
    people(crm, 2)
    launch(crm, "a")
    crm.merge("0", "1", force=True)
    crm.work()
    assert sorted(became(crm, "a")) == ["accepted", "capped"]


def test_one_that_another_gate_ends_has_no_room_kept_for_it(open_with):
    crm = open_with({"caps": [cap(1)]})
    people(crm, 2)
    launch(crm, "a")
    crm.merge("0", "1", force=True)
    crm.suppress("0", address={"email": "0@example.com"})
    crm.work()
    assert sorted(became(crm, "a")) == ["accepted", "suppressed"]


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        (accept, True),
        (lambda one: InDoubt(delivery_id=one.delivery_id), True),
        (lambda one: Permanent(delivery_id=one.delivery_id, fault="content"), False),
        (lambda one: Retry(delivery_id=one.delivery_id, after=10**9), False),
    ],
    ids=["accepted", "in doubt", "failed", "deferred"],
)
def test_what_may_have_arrived_counts_and_what_did_not_is_given_back(open_with, recorder, answer, counts):
    crm = open_with({"caps": [cap(1)]})
    people(crm)
    recorder.answer = answer
    send(crm, "a")
    recorder.answer = accept
    assert send(crm, "b") == [["accepted"], ["capped"]][counts]


def test_what_did_not_start_is_given_back_and_has_its_turn(open_with, recorder, clock):
    crm = open_with({"caps": [cap(1)]})
    people(crm)
    recorder.answer = lambda one: NotStarted(delivery_id=one.delivery_id)
    send(crm, "a")
    recorder.answer = accept
    assert send(crm, "b", priority=1) == ["accepted"]
    clock.turn("1h")
    crm.work()
    assert became(crm, "a") == ["capped"]


def test_a_bounce_gives_back_what_it_took(open_with):
    crm = open_with({"caps": [cap(1)]})
    people(crm)
    send(crm, "a")
    [one] = crm.deliveries("a")
    crm.feedback([Feedback(key="k", type="failed", at=crm.now(), delivery_id=one.id)], provider="recorder")
    assert send(crm, "b") == ["accepted"]


def test_of_what_waits_the_higher_priority_goes(open_with, clock):
    crm = open_with({"caps": [cap(1)]})
    people(crm)
    launch(crm, "low")
    launch(crm, "high", "text", priority=5)
    for _ in range(2):
        crm.work()
        clock.turn("1m")
    assert (became(crm, "high"), became(crm, "low")) == (["accepted"], ["capped"])


def test_a_lower_priority_keeps_out_of_the_way_of_one_that_waits_for_the_morning(open_with, clock):
    crm = open_with({"zone": LOS_ANGELES, "quiet": [{"channels": ["text"], **NIGHT}], "caps": [cap(1)]})
    people(crm)
    send(crm, "high", "text", priority=5)
    assert send(crm, "low") == ["planned"]
    clock.turn("5h")
    crm.work()
    clock.turn("5m")
    crm.work()
    assert (became(crm, "high"), became(crm, "low")) == (["accepted"], ["capped"])


def test_a_message_of_a_paused_run_is_not_waited_for(open_with):
    crm = open_with({"caps": [cap(1)]})
    people(crm)
    launch(crm, "high", priority=5)
    _write(crm, schema.run, "state", "paused")
    _write(crm, schema.delivery, "due_at", crm.now() + 1)
    assert send(crm, "low") == ["accepted"]


def test_what_is_reserved_is_for_what_must_be_sent(open_with):
    crm = open_with({"caps": [cap(2, reserved=1)]})
    people(crm)
    assert send(crm, "a") == ["accepted"]
    assert send(crm, "b", priority=1000) == ["capped"]
    assert send(crm, "c", must_send=True) == ["accepted"]
    assert send(crm, "d", must_send=True) == ["capped"]


def test_a_message_that_would_have_to_wait_for_too_long_expires(open_with, clock):
    crm = open_with({"caps": [cap(1, "7d", then="hold")]})
    people(crm)
    send(crm, "a")
    assert send(crm, "b", expires="1d") == ["planned"]
    clock.turn("1d")
    crm.work()
    assert became(crm, "b") == ["expired"]


def test_the_held_out_pass_the_caps_and_take_nothing_of_them(open_with, recorder):
    crm = open_with({"caps": [cap(1)]})
    people(crm, 40)
    held_out = send(crm, "a", holdout=0.5).count("holdout")
    answers = send(crm, "b", holdout=0.5)
    assert answers.count("capped") == 40 - held_out
    assert answers.count("accepted") + answers.count("holdout") == held_out


def test_no_room_is_kept_for_a_message_to_somebody_held_out(open_with):
    crm = open_with({"zone": LOS_ANGELES, "quiet": [{"channels": ["text"], **NIGHT}], "caps": [cap(1)]})
    people(crm)
    assert send(crm, "high", "text", priority=5, holdout=0.999999999) == ["planned"]
    assert send(crm, "low") == ["accepted"]


def test_one_that_is_held_out_takes_nothing_from_another_in_its_batch(open_with):
    crm = open_with({"caps": [cap(1)]})
    people(crm, 2)
    launch(crm, "a")
    first = crm.deliveries("a")[0].id
    crm._opened.write(lambda scope: bulk.update(scope, schema.delivery, ("held_out",), ("id",), [(True, first)]))
    crm.merge("0", "1", force=True)
    crm.work()
    assert became(crm, "a") == ["holdout", "accepted"]


# -- clock and calendar -----------------------------------------------------------------------------------------------


def test_a_message_waits_until_the_morning_where_the_customer_is(open_with, clock):
    crm = open_with({"zone": LONDON, "quiet": [NIGHT]})
    people(crm, time_zone=LOS_ANGELES)
    assert send(crm, "a") == ["planned"]
    clock.turn(at("2026-03-01T15:59:59") - clock.now())
    crm.work()
    assert became(crm, "a") == ["planned"]
    clock.turn("1s")
    crm.work()
    assert became(crm, "a") == ["accepted"]


def at(text):
    return microseconds(datetime.fromisoformat(f"{text}+00:00"), "")


def test_a_message_goes_at_once_where_it_is_day(open_with):
    crm = open_with({"zone": LOS_ANGELES, "quiet": [NIGHT]})
    people(crm, time_zone=JAKARTA)
    assert send(crm, "a") == ["accepted"]


def test_a_message_that_would_come_at_night_is_dropped_where_the_rule_says_so(open_with):
    crm = open_with({"zone": LOS_ANGELES, "quiet": [{**NIGHT, "then": "drop"}]})
    people(crm)
    assert send(crm, "a") == ["quiet_hours"]


def test_a_rule_about_one_channel_leaves_another_alone(open_with):
    crm = open_with({"zone": LOS_ANGELES, "quiet": [{**NIGHT, "channels": ["text"]}]})
    people(crm)
    assert (send(crm, "a"), send(crm, "b", "text")) == (["accepted"], ["planned"])


def test_a_message_goes_on_the_weekdays_that_are_allowed(open_with, clock):
    crm = open_with({"zone": LONDON, "weekdays": [{"days": ["mon", "tue"]}], "quiet": [NIGHT]})
    people(crm)
    assert send(crm, "a") == ["planned"]
    clock.turn("12h")
    crm.work()
    assert became(crm, "a") == ["planned"]
    clock.turn("8h")
    crm.work()
    assert became(crm, "a") == ["accepted"]


def test_a_message_on_a_weekday_that_is_not_allowed_is_dropped_where_the_rule_says_so(open_with):
    crm = open_with({"weekdays": [{"days": ["mon"], "then": "drop"}]})
    people(crm)
    assert send(crm, "a") == ["weekday"]


REROUTING = {"zone": LOS_ANGELES, "quiet": [{"channels": ["note"], "then": "text", **NIGHT}]}


def test_at_night_another_channel_stands_in(open_with, texts, recorder):
    crm = open_with(REROUTING)
    people(crm)
    crm.save_template("hello", "text", {"text": "Halo"}, locale="id")
    crm.identify("0", {"locale": "id_ID"})
    assert sorted(send(crm, "a", priority=3)) == ["accepted", "rerouted"]
    assert [one.body for one in texts.sent] == [b"Halo"]
    assert recorder.sent == []


def test_a_rerouted_message_is_one_message_in_the_books(open_with):
    crm = open_with(REROUTING)
    people(crm, 3)
    send(crm, "a", goal=Goal(event="order_placed"))
    report = crm.report("a")
    assert (report.eligible, report.sent, report.skipped, report.treated.customers) == (3, 3, {}, 3)


def test_a_message_that_stands_in_passes_the_gates_of_its_own_channel(open_with):
    crm = open_with(REROUTING)
    people(crm)
    crm.consent("0", "newsletter", channel="text", granted=False)
    assert sorted(send(crm, "a")) == ["rerouted", "unsubscribed"]


def test_a_message_that_stands_in_is_sent_nowhere_else(open_with):
    rules = [{"channels": [one], "then": other, **NIGHT} for one, other in (("note", "text"), ("text", "note"))]
    crm = open_with({**REROUTING, "quiet": rules})
    people(crm)
    assert sorted(send(crm, "a")) == ["quiet_hours", "rerouted"]


def test_without_an_address_there_nothing_stands_in(open_with):
    crm = open_with(REROUTING)
    people(crm)
    crm.identify("other", {"email": "other@example.com"})
    crm.consent("other", "newsletter")
    assert sorted(send(crm, "a")) == ["accepted", "quiet_hours", "rerouted"]


def test_without_a_template_there_nothing_stands_in(open_with):
    crm = open_with(REROUTING)
    people(crm)
    crm.save_template("other", "note", {"text": "hello"})
    assert send(crm, "a", template="other") == ["quiet_hours"]


@pytest.mark.parametrize(
    ("rule", "answer"), [("workspace", "planned"), ("skip", "unknown_zone"), ("ignore", "accepted")]
)
@pytest.mark.parametrize("known", [{}, {"time_zone": "Mars/Olympus"}, {"time_zone": 7}])
def test_a_rule_says_what_becomes_of_customers_whose_zone_is_unknown(open_with, rule, answer, known):
    crm = open_with({"zone": LOS_ANGELES, "unknown_zone": rule, "quiet": [NIGHT]})
    people(crm, **known)
    assert send(crm, "a") == [answer]


# -- sessions, exits, expiry, holdouts --------------------------------------------------------------------------------


@pytest.fixture
def chats():
    """A channel on which one may write freely for a day after the customer has; later only what opens a session."""
    capabilities = {"session_window": 86_400, "opens_session": frozenset({"approved"})}
    return Recorder(notes=Notes("chat", address_kinds=frozenset({"phone"}), **capabilities))


def talking(open_with, chats, purpose="newsletter", **parts):
    crm = open_with(chats=chats)
    people(crm)
    crm.save_template("hello", "chat", {"text": "hello", **parts})
    return crm


@pytest.mark.parametrize("purpose", ["newsletter", "service"])
def test_outside_of_a_session_nothing_goes_but_what_may_open_one(open_with, chats, purpose):
    crm = talking(open_with, chats)
    assert send(crm, "a", "chat", purpose=purpose) == ["session_closed"]
    crm.save_template("hello", "chat", {"text": "hello", "approved": "hello_1"})
    assert send(crm, "b", "chat", purpose=purpose) == ["accepted"]


@pytest.mark.parametrize(
    ("event", "channel", "ago", "answer"),
    [
        ("message_received", "chat", 0, "accepted"),
        ("message_replied", "chat", 86_399, "accepted"),
        ("message_received", "chat", 86_400, "session_closed"),
        ("message_received", "text", 0, "session_closed"),
        ("message_sent", "chat", 0, "session_closed"),
    ],
)
def test_a_session_is_open_for_its_time_after_the_customer_wrote_there(open_with, chats, event, channel, ago, answer):
    crm = talking(open_with, chats)
    crm.track(event, "0", properties={"channel": channel}, at=crm.now() - ago * 1_000_000)
    assert send(crm, "a", "chat") == [answer]


def _write(crm, table, column, value):
    """Write what nothing but a campaign's own course writes otherwise."""

    def write(scope):
        rows = [(value, one) for (one,) in scope.connection.execute(scope.rows(table).with_only_columns(table.c.id))]
        bulk.update(scope, table, (column,), ("id",), rows)

    crm._opened.write(write)


def test_who_has_left_a_campaign_gets_no_more_of_it(open_with):
    crm = open_with()
    people(crm)
    launch(crm, "a")
    _write(crm, schema.enrolment, "state", "exited")
    crm.work()
    assert became(crm, "a") == ["exited"]


def test_a_message_that_expires_between_its_claim_and_its_handing_is_not_sent(open_with, recorder, clock):
    """The gate of a plugin takes its time."""
    slow = Slow(clock)
    crm = open_with(slow=slow)
    people(crm)
    assert send(crm, "a", expires="90s") == ["expired"]
    assert recorder.sent == []


class Slow:
    name = "slow"
    contract = 1
    reads = frozenset()

    def __init__(self, clock):
        self.clock = clock

    @hookimpl
    def crm_register_gates(self, setup):
        return [self]

    def judge(self, intents, *, now):
        self.clock.turn("2m")
        return []


def test_messages_live_as_long_as_their_campaign_says(open_with, clock):
    crm = open_with({"zone": LONDON, "weekdays": [{"days": ["sat"]}]})
    people(crm)
    assert send(crm, "short") == ["planned"]
    assert send(crm, "long", expires="2w") == ["planned"]
    clock.turn("6d")
    crm.work()
    assert (became(crm, "short"), became(crm, "long")) == (["expired"], ["accepted"])


def test_a_share_of_customers_gets_no_marketing_at_all(open_with):
    crm = open_with({"holdout": 0.2})
    people(crm, 60)
    first, second = ({one.key for one in crm.deliveries(send_of(crm, name)) if one.held_out} for name in ("a", "b"))
    assert first == second
    assert 2 <= len(first) <= 25
    assert crm.report("a").skipped == {"global_holdout": len(first)}


def send_of(crm, name):
    send(crm, name)
    return name


def test_whoever_gets_no_marketing_at_all_is_not_what_a_campaign_is_measured_against(open_with):
    """They are alike but for all messages, not but for this one."""
    crm = open_with({"holdout": 0.3})
    people(crm, 60)
    answers = send(crm, "a", holdout=0.3)
    assert crm.report("a").held_out.customers == answers.count("holdout") > 0
    assert answers.count("global_holdout") > 0


STRICT = {
    "zone": LOS_ANGELES,
    "holdout": 0.99,
    "quiet": [{**NIGHT, "then": "drop"}],
    "weekdays": [{"days": ["mon"], "then": "drop"}],
    "caps": [cap(1)],
}


@pytest.mark.parametrize("purpose", ["service", "transactional"])
def test_transactional_messages_are_exempt_from_all_marketing_rules(open_with, purpose):
    crm = open_with(STRICT)
    people(crm)
    crm.consent("0", purpose, granted=False)
    for name in ("a", "b"):
        assert send(crm, name, purpose=purpose, topic="news", holdout=0.9) == ["accepted"]


@pytest.mark.parametrize("purpose", ["service", "transactional"])
def test_transactional_messages_are_not_exempt_from_a_suppression(open_with, purpose):
    crm = open_with(STRICT)
    people(crm)
    crm.suppress("0", reason="complaint")
    assert send(crm, "a", purpose=purpose) == ["suppressed"]


class Closed(Slow):
    def judge(self, intents, *, now):
        return [Verdict(delivery_id=one.delivery_id, reason="shop closed") for one in intents]


def test_the_words_of_a_plugins_gate_stand_behind_the_reason(open_with, clock):
    crm = open_with(closed=Closed(clock))
    people(crm)
    assert send(crm, "a") == ["gate: shop closed"]


class Hasty(Slow):
    """A gate that wants to be asked again at a time that is over."""

    def judge(self, intents, *, now):
        return [Verdict(delivery_id=one.delivery_id, retry_at=now - 1) for one in intents]


def test_a_gate_is_not_asked_again_without_a_break(open_with, clock):
    crm = open_with(hasty=Hasty(clock))
    people(crm)
    assert send(crm, "a", expires="90s") == ["planned"]
    clock.turn("90s")
    crm.work()
    assert became(crm, "a") == ["expired"]


def test_of_several_reasons_the_first_of_the_list_counts(open_with, chats, clock):
    """A message that has every reason not to go, and loses them one after the other."""
    closed = Closed(clock)
    days = [{"days": ["mon"], "then": "drop"}]
    policy = {"unknown_zone": "skip", "quiet": [{**NIGHT, "then": "drop"}], "weekdays": days, "caps": [cap(1)]}
    crm = open_with({**policy, "holdout": 0.999999999}, chats=chats, closed=closed)
    people(crm)
    crm.identify("1", {"phone": "+44123451"})
    crm.save_template("hello", "chat", {"text": "hello"})
    crm.suppress("1", until=crm.now() + 1_000_000)
    was = []
    for change in (
        lambda: (_write(crm, schema.enrolment, "state", "exited"), _write(crm, schema.identity, "removed_at", 1)),
        lambda: _write(crm, schema.identity, "removed_at", 1),
        lambda: None,
        lambda: clock.turn("1s"),
        lambda: crm.consent("1", "newsletter", granted=False),
        lambda: (clock.turn("1s"), crm.consent("1", "newsletter")),
        lambda: crm.track("message_received", "1", properties={"channel": "chat"}),
        lambda: setattr(closed, "judge", lambda intents, *, now: []),
        lambda: crm.identify("1", {"time_zone": LOS_ANGELES}),
        lambda: clock.turn("5h"),
        lambda: (
            clock.turn("24h"),
            crm.track("message_received", "1", properties={"channel": "chat"}),
            _count(crm, "accepted"),
        ),
        lambda: _count(crm, "failed"),
    ):
        _write(crm, schema.identity, "removed_at", None)
        name = launch(crm, f"c{len(was)}", "chat", audience=attribute("phone") == "+44123451", topic="news")
        change()
        crm.work()
        was += [Reason(became(crm, name)[0].partition(":")[0])]
        crm.subscribe("1", "news") if Reason.NO_CONSENT in was else None
    elsewhere = (Reason.ANSWERED, Reason.NO_COUPON, Reason.REROUTED, Reason.HOLDOUT)
    assert list(dict.fromkeys(was)) == [one for one in Reason if one not in elsewhere]


def _count(crm, state):
    """Let all that was ever planned have been handed over."""
    launched = [one.id for name in crm.campaigns() for one in crm.deliveries(name) if one.state != "planned"]
    rows = [(state, crm.now(), one) for one in launched]
    crm._opened.write(lambda scope: bulk.update(scope, schema.delivery, ("state", "handed_at"), ("id",), rows))


# -- what it costs, and what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "policy",
    [
        {"zone": LONDON, "unknown_zone": "skip"},
        {"quiet": [{**NIGHT, "channels": ["text"]}], "caps": [cap(3, channels=["text"]), cap(3, tag="promo")]},
    ],
    ids=["empty", "about others"],
)
def test_rules_about_nothing_of_a_campaign_cost_its_messages_no_statement(open_with, policy, statement_count):
    assert statement_count(open_with(policy), 5) == statement_count(open_with(), 5)


def test_rules_cost_the_same_statements_for_one_customer_and_for_forty(open_with, statement_count):
    policy = {"quiet": [NIGHT], "weekdays": [{"days": ["sun"]}], "caps": [cap(3, tag="promo"), cap(2, "day")]}
    assert statement_count(open_with(policy), 1) == statement_count(open_with(policy), 40)


@pytest.fixture
def statement_count():
    """Count what is run for one batch of a campaign of so many customers, wherever nobody was sent anything before."""
    from tests.store.planning import statements

    def count(crm, customers):
        people(crm, customers)
        name = f"n{len(crm.campaigns())}"
        audience = attribute("email").in_([f"{n}@example.com" for n in range(customers)])
        launch(crm, name, tags=["news"], audience=audience)
        with statements(crm) as seen:
            crm.work()
        return len(seen)

    return count


def test_a_policy_about_a_channel_that_is_not_there_is_refused(database, clock, recorder):
    with pytest.raises(SettingsError, match=r"'channels' from \[\[policy.quiet\]\] 1.*'nite'.*did you mean note"):
        CRM(
            str(database),
            clock=clock,
            plugins={"recorder": recorder},
            policy={"quiet": [{**NIGHT, "channels": ["nite"]}]},
        )


def test_where_a_plugin_did_not_load_its_channel_may_be_missing(database, clock):
    policy = {"quiet": [{**NIGHT, "channels": ["email"]}]}
    with CRM(str(database), clock=clock, blocked=["crm_email"], policy=policy) as crm:
        assert crm.campaigns() == []
