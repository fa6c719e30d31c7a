"""Limits: what may not go yet waits unclaimed, what a carrier says is heeded, and a sender at fault is paused, not failed."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from crmcore import CRM
from crmcore.flow.limiting import Limiter, Room
from crmcore.flow.plan import plan
from crmcore.hooks.provider import Carriage, LimitHint, Permanent, Retry
from crmcore.loader import installed
from crmcore.model import limiting
from crmcore.model.limiting import FAULTS, Limit
from crmcore.model.time import MINUTE, SECOND
from crmcore.store import limits, schema
from crmcore.store.guarding import unguarded
from crmcore.testing.fakes import accept
from tests.flow.test_campaign import balanced, made
from tests.store.planning import statements

PER_SECOND = {"count": 5, "per": 1}


@pytest.fixture
def opening(new_database, clock, recorder):
    """Open CRMs with limits on the same database, as several processes do."""
    opened, url = [], new_database("crm.db")

    def opening(**limits) -> CRM:
        blocked = installed()
        opened.append(CRM(url, clock=clock, plugins={"recorder": recorder}, blocked=blocked, limits=limits))
        return opened[-1]

    yield opening
    for crm in opened:
        crm.close()


def people(crm, emails):
    crm.identify_many({"customer": str(n), "attributes": {"email": one}} for n, one in enumerate(emails))
    crm.save_template("hello", "note", {"text": "Hello {{ customer.key }}"})


def launched(crm, emails, **changes):
    people(crm, emails)
    crm.launch(made(purpose="service", **changes))
    return crm


def at(domain, count):
    return [f"{n}@{domain}" for n in range(count)]


def rows(crm, *columns):
    row = schema.delivery.c
    with crm._opened.reading() as scope:
        found = unguarded(scope.connection).execute(
            select(*(row[name] for name in columns)).order_by(row.due_at, row.id)
        )
        return [tuple(one) for one in found]


def states(crm):
    return Counter(state for (state,) in rows(crm, "state"))


def buckets(crm):
    row = schema.limit.c
    with crm._opened.reading() as scope:
        return limits.read(
            scope, [tuple(one) for one in unguarded(scope.connection).execute(select(row.scope, row.key))]
        )


def looker(crm):
    """Return what tells the room in the eyes of one process."""
    limiter, given_plan = Limiter(crm.settings.limits, crm.registry), plan(made(), crm.registry, crm.settings)
    return lambda wanted: crm._opened.write(lambda scope: limiter.room(scope, given_plan, wanted))


def keep(crm, key, bucket):
    crm._opened.write(lambda scope: limits.hold(scope, {key: bucket}, [key]))


def paused(crm):
    with crm._opened.reading() as scope:
        return limits.paused(scope)


# -- limits of the settings and of carriers -----------------------------------------------------------------------------


def test_without_limits_a_run_looks_once_for_trouble_and_pays_nothing_else(crm, recorder):
    launched(crm, at("example.com", 230))
    with statements(crm) as seen:
        crm.work()
    assert len(recorder.sent) == 230
    assert [one.split()[0] for one, _ in seen if "crm_limit" in one] == ["SELECT"]


@pytest.mark.parametrize(
    "given",
    [
        {"workspace": PER_SECOND},
        {"channel": {"note": PER_SECOND}},
        {"sender": {"note/recorder": PER_SECOND}},
        {"destination": {"example.com": PER_SECOND}},
        {"destination": {"*": PER_SECOND}},
        {
            "workspace": {"count": 50, "per": 1},
            "channel": {"note": PER_SECOND},
            "destination": {"*": {"count": 9, "per": 1}},
        },
    ],
)
def test_no_more_go_than_the_tightest_limit_allows_and_the_rest_waits_for_its_turn(opening, clock, recorder, given):
    crm = launched(opening(**given), at("example.com", 12))
    crm.work()
    assert len(recorder.sent) == 5
    assert states(crm) == {"accepted": 5, "planned": 7}
    clock.turn("1s")
    crm.work()
    assert len(recorder.sent) == 10
    clock.turn("1s")
    crm.work()
    assert (len(recorder.sent), states(crm)) == (12, {"accepted": 12})


def test_those_that_wait_are_due_one_after_the_other(opening):
    crm = launched(opening(destination={"example.com": PER_SECOND}), at("example.com", 9))
    crm.work()
    waiting = [due_at - crm.now() for state, due_at in rows(crm, "state", "due_at") if state == "planned"]
    assert waiting == [SECOND // 5 * turn for turn in (1, 2, 3, 4)]


def test_the_line_goes_on_from_batch_to_batch(opening):
    crm = launched(opening(destination={"example.com": {"count": 10, "per": 1, "burst": 1}}), at("example.com", 131))
    crm.work()
    waiting = [due_at - crm.now() for state, due_at in rows(crm, "state", "due_at") if state == "planned"]
    assert waiting == [SECOND // 10 * turn for turn in range(1, 131)]


def test_nobody_waits_for_a_limit_longer_than_a_quarter_of_an_hour(opening, clock):
    crm = launched(opening(destination={"*": {"count": 1, "per": "5m"}}), at("example.com", 8))
    crm.work()
    waiting = [(due_at - crm.now()) // MINUTE for state, due_at in rows(crm, "state", "due_at") if state == "planned"]
    assert waiting == [5, 5, 10, 10, 15, 15, 20]


def test_a_destination_that_is_full_is_in_nobody_elses_way(opening, recorder):
    limit = {"destination": {"gmail.com": {"count": 2, "per": 60}}}
    launched(opening(**limit), [*at("GMail.com", 10), *at("example.com", 20)]).work()
    assert Counter(one.address.value.lower().partition("@")[2] for one in recorder.sent) == {
        "gmail.com": 2,
        "example.com": 20,
    }


def test_one_recipient_gets_one_message_at_a_time_whoever_writes(opening, recorder, clock):
    crm = launched(opening(recipient={"count": 1, "per": 6}), ["a@example.com", "b@example.com"])
    crm.launch(made(name="again", purpose="service"))
    crm.work()
    assert sorted(one.address.value for one in recorder.sent) == ["a@example.com", "b@example.com"]
    clock.turn("6s")
    crm.work()
    assert len(recorder.sent) == 4


def test_no_bucket_tells_an_address(opening):
    crm = launched(opening(recipient={"count": 1, "per": 6}), ["hidden@example.com"])
    crm.work()
    assert [scope for scope, _ in buckets(crm)] == ["recipient"]
    assert not any("hidden" in key or "example" in key for _, key in buckets(crm))


@pytest.mark.parametrize("scope", ["channel", "sender", "destination", "recipient"])
def test_what_a_carrier_declares_holds_like_a_setting(opening, recorder, scope):
    recorder.carriage = Carriage(batch=50, limits=(LimitHint(scope=scope, count=1, per=60.0),))
    crm = launched(opening(), ["a@example.com", "a@example.com", "b@example.com"])
    crm.launch(made(name="again", purpose="service"))
    crm.work()
    assert len(recorder.sent) == (2 if scope == "recipient" else 1)


@pytest.mark.parametrize(("setting", "declared", "sent"), [(3, 7, 3), (7, 3, 3)])
def test_of_a_setting_and_what_a_carrier_declares_the_tighter_holds(opening, recorder, setting, declared, sent):
    recorder.carriage = Carriage(limits=(LimitHint(scope="sender", count=declared, per=1.0),))
    launched(opening(sender={"note/recorder": {"count": setting, "per": 1}}), at("example.com", 10)).work()
    assert len(recorder.sent) == sent


def test_limits_hold_over_all_processes_and_outlive_them(opening, recorder):
    crm = launched(opening(channel={"note": PER_SECOND}), at("example.com", 30))
    crm.work(limit=3)
    for _ in range(3):
        with opening(channel={"note": PER_SECOND}) as other:
            other.work()
    crm.work()
    assert len(recorder.sent) == 5


def test_processes_at_work_at_once_let_no_more_through_than_one(opening, recorder, clock):
    recorder.carriage = Carriage(batch=3)
    limit = {"sender": {"note/recorder": {"count": 60, "per": 1}}, "destination": {"*": {"count": 40, "per": 1}}}
    crm = launched(opening(**limit), [*at("a.example", 60), *at("b.example", 60)])
    # A bucket that is there already is not guarded by whoever makes it.
    keep(crm, ("sender", "note/recorder"), limiting.full(Limit(count=60, per=SECOND), clock.now()))
    crms = [opening(**limit) for _ in range(4)]
    with ThreadPoolExecutor(len(crms)) as pool:
        list(pool.map(CRM.work, crms))
    assert len(recorder.sent) == 60
    assert max(Counter(one.address.value.rpartition("@")[2] for one in recorder.sent).values()) <= 40


def test_the_held_out_take_no_room(opening, recorder):
    crm = opening(workspace={"count": 10, "per": 1})
    people(crm, at("example.com", 30))
    crm.consent_many({"customer": str(n), "purpose": "retention"} for n in range(30))
    crm.launch(made(purpose="retention", holdout=0.5))
    crm.work()
    assert states(crm)["skipped"] > 5
    assert len(recorder.sent) == 10


def test_waiting_is_no_attempt(opening, recorder, clock):
    crm = launched(opening(workspace={"count": 1, "per": 1}), at("example.com", 3))
    for _ in range(3):
        crm.work()
        clock.turn("1s")
    assert [one.attempt for one in recorder.sent] == [1, 1, 1]


def test_nobody_waits_beyond_their_expiry(opening, clock):
    crm = launched(opening(workspace={"count": 1, "per": "365d"}), at("example.com", 2))
    crm.work()
    clock.turn("4d")
    crm.work()
    assert states(crm) == {"accepted": 1, "expired": 1}


numbers = count()
LIMIT = st.fixed_dictionaries(
    {"count": st.integers(1, 8), "per": st.integers(1, 5)}, optional={"burst": st.integers(1, 8)}
)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LIMIT, LIMIT, st.lists(st.tuples(st.integers(0, 1), st.integers(0, 3000)), min_size=1, max_size=8))
def test_whatever_processes_do_and_when_no_span_of_time_sees_more_than_its_limits(
    opening, recorder, clock, wide, narrow, acts
):
    domains = [f"{next(numbers)}.example" for _ in range(2)]
    crms = [opening(sender={"note/recorder": wide}, destination=dict.fromkeys(domains, narrow)) for _ in range(2)]
    name = f"run{next(numbers)}"
    launched(crms[0], [f"{n}@{domains[n % 2]}" for n in range(12)], name=name)
    recorder.sent.clear()
    went = []
    recorder.answer = lambda one: (went.append((clock.now(), one.address.value.rpartition("@")[2])), accept(one))[1]
    for which, milliseconds in acts:
        crms[which].work()
        clock._at += milliseconds * 1000
    for limit, times in [
        (wide, [at for at, _ in went]),
        *((narrow, [at for at, there in went if there == one]) for one in domains),
    ]:
        burst = limit.get("burst", limit["count"])
        for first, start in enumerate(times):
            for last, end in enumerate(times[first:], first):
                assert last - first + 1 <= burst + limit["count"] * (end - start) / (limit["per"] * SECOND)
    assert balanced(crms[0].report(name))
    clock.turn("2d")
    crms[0].work()
    clock.turn("4d")
    crms[0].work()


# -- before a claim -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "room"),
    [
        ({}, 1000),
        ({"workspace": {"count": 7, "per": 1}}, 7),
        ({"workspace": {"count": 7, "per": 1}, "channel": {"note": {"count": 4, "per": 1}}}, 4),
        ({"sender": {"note/recorder": {"count": 3, "per": 1, "burst": 2}}}, 2),
        ({"sender": {"note/other": {"count": 3, "per": 1}}, "channel": {"other": {"count": 3, "per": 1}}}, 1000),
        ({"destination": {"*": {"count": 1, "per": 1}}, "recipient": {"count": 1, "per": 1}}, 1000),
    ],
)
def test_room_is_what_the_wide_buckets_let_through_and_takes_nothing(opening, given, room):
    look = looker(opening(**given))
    assert [look(1000).count, look(1000).count] == [room, room]


def test_where_there_is_no_room_it_says_when_there_will_be(opening):
    crm = launched(
        opening(workspace={"count": 4, "per": 1}, channel={"note": {"count": 4, "per": 60}}), at("example.com", 9)
    )
    crm.work()
    assert looker(crm)(100) == Room(count=0, opens_at=crm.now() + 15 * SECOND)


# -- what carriers say --------------------------------------------------------------------------------------------------


def later(scope, after=60.0, code="429"):
    return lambda one: Retry(delivery_id=one.delivery_id, after=after, scope=scope, code=code)


@pytest.mark.parametrize("scope", ["sender", "channel"])
def test_a_hint_pauses_all_it_is_about_for_every_process_and_no_longer(opening, recorder, clock, scope):
    crm = launched(opening(), at("example.com", 1))
    recorder.answer = later(scope)
    crm.work()
    recorder.answer = accept
    crm.launch(made(name="again", purpose="service"))
    with opening() as other:
        other.work()
    assert states(crm) == {"deferred": 1, "planned": 1}
    clock.turn("59s")
    crm.work()
    assert states(crm) == {"deferred": 1, "planned": 1}
    clock.turn("1s")
    crm.work()
    assert states(crm) == {"accepted": 2}


def test_while_a_carrier_is_paused_there_is_no_room(opening, recorder):
    crm = launched(opening(), at("example.com", 1))
    recorder.answer = later("sender")
    crm.work()
    assert looker(crm)(100) == Room(count=0, opens_at=crm.now() + MINUTE)
    assert paused(crm) == [limits.Paused(channel="note", provider="recorder", reason="429", until=crm.now() + MINUTE)]


def test_a_process_at_work_hears_within_seconds_what_another_was_told(opening, recorder, clock):
    crm = launched(opening(), at("example.com", 1))
    look = looker(crm)
    assert look(5).count == 5
    recorder.answer = later("sender")
    crm.work()
    clock.turn("5s")
    assert look(5).count == 0


def test_a_hint_about_a_destination_is_in_nobody_elses_way(opening, recorder, clock):
    crm = launched(opening(), [*at("gmail.com", 60), *at("example.com", 60)])
    recorder.answer = lambda one: (later("destination") if "gmail" in one.address.value else accept)(one)
    crm.work()
    assert states(crm)["accepted"] == 60
    asked = sum("gmail" in one.address.value for one in recorder.sent)
    assert asked <= recorder.carriage.batch
    recorder.answer = accept
    clock.turn("60s")
    crm.work()
    assert states(crm) == {"accepted": 120}


def test_a_hint_about_a_recipient_delays_that_message_alone(opening, recorder):
    crm = launched(opening(), at("example.com", 3))
    recorder.answer = lambda one: (later("recipient") if one.address.value.startswith("0") else accept)(one)
    crm.work()
    assert states(crm) == {"accepted": 2, "deferred": 1}
    assert buckets(crm) == {}


def test_where_recipients_have_a_limit_a_hint_about_one_holds_for_all_messages_to_it(opening, recorder, clock):
    crm = launched(opening(recipient={"count": 5, "per": 1}), ["a@example.com"])
    recorder.answer = later("recipient")
    crm.work()
    recorder.answer = accept
    crm.launch(made(name="again", purpose="service"))
    crm.work()
    assert states(crm) == {"deferred": 1, "planned": 1}
    clock.turn("60s")
    crm.work()
    assert states(crm) == {"accepted": 2}


def test_a_carrier_that_said_later_goes_at_half_its_rate_and_comes_back_to_it(opening, recorder, clock):
    limit = {"sender": {"note/recorder": {"count": 100, "per": 1}}}
    crm = launched(opening(**limit), at("example.com", 1))
    recorder.answer = later("sender", after=1)
    crm.work()
    recorder.answer = accept
    [(key, slow)] = buckets(crm).items()
    assert (key, slow.rate, slow.nominal) == (("sender", "note/recorder"), slow.nominal // 2, slow.nominal)
    clock.turn("1m")
    crm.launch(made(name="again", purpose="service"))
    crm.work()
    [after] = buckets(crm).values()
    assert slow.rate < after.rate < slow.nominal
    people(crm, at("example.com", 100))
    crm.launch(made(name="more", purpose="service"))
    for _ in range(10):
        crm.work()
        clock.turn("1s")
    assert after.rate < next(iter(buckets(crm).values())).rate <= slow.nominal


def test_a_carrier_without_a_limit_learns_one_from_its_first_hint(opening, recorder, clock):
    crm = launched(opening(), at("example.com", 100))
    asked = count()

    def thirty(one):
        if next(asked) < 30:
            return accept(one)
        clock._at += 100_000
        return later("sender", after=10)(one)

    recorder.answer = thirty
    crm.work()
    [slow] = buckets(crm).values()
    assert (slow.nominal // 10**12, slow.rate // 10**12) == (15, 7)
    recorder.answer = accept
    for seconds in ("11s", "1s", "1s"):
        clock.turn(seconds)
        crm.work()
    assert 70 < states(crm)["accepted"] <= 30 + 30 + 2 * 8
    clock.turn("10s")
    crm.work()
    assert states(crm) == {"accepted": 100}


def test_a_learned_limit_is_forgotten_once_it_is_recovered_from(opening, clock):
    crm = launched(opening(), at("example.com", 1))
    slow = limiting.slowed(limiting.full(Limit(count=1, per=SECOND), clock.now()), clock.now(), clock.now() + 1, "429")
    nearly = attrs.evolve(slow, rate=slow.nominal - 1)
    keep(crm, ("sender", "note/recorder"), nearly)
    assert looker(crm)(1000).count == 0
    clock.turn("2s")
    crm.work()
    assert looker(crm)(1000).count == 1000


def test_a_hint_without_a_time_waits_up_to_a_minute_at_first(crm, recorder):
    recorder.answer = later("recipient", after=0.0)
    launched(crm, at("example.com", 1)).work()
    [(due_at,)] = rows(crm, "due_at")
    assert SECOND <= due_at - crm.now() < MINUTE


def test_what_is_asked_again_waits_longer_each_time_until_it_expires(crm, clock, recorder):
    recorder.answer = later("recipient", after=0.0)
    launched(crm, at("example.com", 1))
    tries = 0
    while states(crm) != {"expired": 1} and (tries := tries + 1) < 80:
        crm.work()
        clock._at = max(clock.now() + 1, rows(crm, "due_at")[0][0])
    assert 20 < len(recorder.sent) == tries - 1


# -- a sender at fault --------------------------------------------------------------------------------------------------


def refuse(one):
    return Permanent(delivery_id=one.delivery_id, fault="sender", code="535 5.7.8")


def test_a_sender_at_fault_is_paused_with_one_alert_and_nothing_fails(opening, recorder, caplog):
    crm = launched(opening(), at("example.com", 200))
    recorder.answer = refuse
    with caplog.at_level(logging.ERROR, "crmcore.limits"):
        crm.work()
    assert len(recorder.sent) == 50
    assert states(crm).keys() <= {"deferred", "planned"}
    assert balanced(crm.report("hello"))
    assert [one.name for one in caplog.records] == ["crmcore.limits"]
    assert "note/recorder" in caplog.text
    assert "535 5.7.8" in caplog.text
    assert [(one.provider, one.until) for one in paused(crm)] == [("recorder", crm.now() + MINUTE)]
    assert {due_at for state, due_at in rows(crm, "state", "due_at") if state == "deferred"} == {crm.now() + MINUTE}


def test_after_the_pause_one_message_tries_and_a_success_lets_all_others_go(opening, recorder, clock):
    crm = launched(opening(), at("example.com", 60))
    recorder.answer = refuse
    crm.work()
    clock.turn("1m")
    recorder.sent.clear()
    crm.work()
    assert len(recorder.sent) == 1
    assert states(crm).keys() <= {"deferred", "planned"}
    recorder.answer = accept
    clock.turn("2m")
    crm.work()
    clock.turn("4m")
    crm.work()
    assert states(crm) == {"accepted": 60}


def test_other_carriers_go_on(opening, recorder, clock):
    crm = launched(opening(), at("example.com", 1))
    keep(crm, ("sender", "note/other"), limiting.faulted(limiting.unmetered(clock.now()), clock.now(), FAULTS, "535"))
    crm.work()
    assert states(crm) == {"accepted": 1}


def test_a_message_that_is_always_refused_opens_no_circuit_while_others_go(opening, recorder, clock):
    crm = launched(opening(), at("example.com", 5))
    recorder.answer = lambda one: (refuse if one.address.value.startswith("0") else accept)(one)
    for _ in range(3 * FAULTS):
        crm.work()
        clock.turn("1h")
    assert states(crm) == {"accepted": 4, "deferred": 1}
    assert paused(crm) == []


def test_fewer_faults_than_it_takes_delay_their_messages_alone(opening, recorder):
    crm = launched(opening(), at("example.com", FAULTS - 1))
    recorder.answer = refuse
    crm.work()
    assert states(crm) == {"deferred": FAULTS - 1}
    assert all(SECOND <= due_at - crm.now() < MINUTE for (due_at,) in rows(crm, "due_at"))


# -- looking after buckets ------------------------------------------------------------------------------------------------


def test_buckets_of_destinations_and_recipients_are_forgotten_once_full_again(opening, clock):
    limit = {"count": 2, "per": 60}
    crm = launched(
        opening(workspace=limit, destination={"*": limit}, recipient=limit), ["a@example.com", "b@other.example"]
    )
    crm.work()
    assert (len(buckets(crm)), crm._opened.write(limits.forget_idle)) == (5, 0)
    clock.turn("32s")
    assert crm._opened.write(limits.forget_idle) == 4
    assert list(buckets(crm)) == [("workspace", "")]


def test_a_bucket_that_is_blocked_or_slowed_is_not_forgotten(opening, recorder, clock):
    crm = launched(opening(destination={"*": {"count": 60, "per": 60}}), ["a@example.com"])
    recorder.answer = later("destination", after=3600)
    crm.work()
    for wait in ("5m", "2h"):
        clock.turn(wait)
        assert crm._opened.write(limits.forget_idle) == 0
    assert len(buckets(crm)) == 1


def test_a_bucket_forgotten_while_a_process_knew_it_is_made_again(opening, clock):
    crm, key = opening(), ("destination", "note:example.com")
    bucket = limiting.full(Limit(count=2, per=SECOND), clock.now())
    keep(crm, key, bucket)
    clock.turn("1m")
    assert crm._opened.write(limits.forget_idle) == 1
    assert crm._opened.write(lambda scope: limits.hold(scope, {key: bucket}, [])).keys() == buckets(crm).keys() == {key}
