"""A CRM whose time is turned: what is due happens when it is due, nothing leaves, and the same seed gives the same."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from crmcore.model.building import event, everyone
from crmcore.model.campaign import Campaign
from crmcore.model.happens import entered
from crmcore.model.steps import Arm, Emit, Send, Split, Wait, WaitUntil, Webhook
from crmcore.model.time import HOUR, MINUTE, microseconds
from crmcore.model.triggers import OnDate, OnSchedule, Reentry
from crmcore.testing.plugin import crm
from crmcore.testing.silent import SilentChannel
from crmcore.testing.simulation import START, Simulation

__all__ = ["crm"]
BEGAN = microseconds(START, "start")
DAY = 24 * HOUR


def campaign(*steps, **changes):
    return Campaign(**{"name": "drip", "purpose": "retention", "audience": everyone(), "steps": steps} | changes)


def send(name, channels="email", **changes):
    return Send(name=name, template=name, channels=channels, **changes)


def wait(lasting):
    return Wait(name=f"wait_{lasting}", lasting=lasting)


def fill(crm, *keys, **attributes):
    crm.identify_many({"customer": key, "attributes": {"email": f"{key}@example.com", **attributes}} for key in keys)
    crm.consent_many({"customer": key, "purpose": "retention", "channel": "*"} for key in keys)
    for name in ("hello", "tips"):
        for channel in ("email", "push", "note"):
            crm.save_template(name, channel, {"text": f"{name.title()}, {{{{ customer.key }}}}!"})


def times(crm):
    return [(one.at - BEGAN, one.customer, one.step) for one in crm.sent]


def test_what_waits_for_days_goes_on_the_minute_however_far_the_clock_is_turned_at_once(crm):
    fill(crm, "ada")
    crm.launch(campaign(send("hello"), wait("3d"), send("tips")))
    crm.turn("365d")
    assert times(crm) == [(0, "ada", "hello"), (3 * DAY, "ada", "tips")]
    assert crm.now() == BEGAN + 365 * DAY


def test_each_goes_on_at_its_own_time(crm):
    fill(crm, "ada", time_zone="Europe/London")
    fill(crm, "bob", time_zone="America/New_York")
    crm.launch(campaign(WaitUntil(name="ten", at="10:00"), send("hello")))
    crm.turn("1d")
    assert times(crm) == [(HOUR, "ada", "hello"), (6 * HOUR, "bob", "hello")]


def test_what_time_alone_does_to_a_segment_happens_when_it_is_so(crm):
    fill(crm, "ada")
    crm.define_segment("dormant", event("order_placed").did() & ~event("order_placed").did(within="30d"))
    crm.launch(campaign(send("hello"), trigger=entered("dormant")))
    crm.track("order_placed", "ada")
    crm.turn("90d")
    (hello,) = crm.sent
    assert 30 * DAY <= hello.at - BEGAN <= 30 * DAY + MINUTE


def test_dates_and_schedules_come_round_when_they_do(crm):
    fill(crm, "ada", birth_date=date(1990, 1, 4), time_zone="Europe/London")
    crm.launch(campaign(send("hello"), name="birthday", trigger=OnDate(attribute="birth_date", at="09:00")))
    crm.launch(
        campaign(send("tips"), name="weekly", trigger=OnSchedule(cron="0 12 * * mon"), reentry=Reentry(when="every"))
    )
    crm.turn("14d")
    # The first of January 2026 is a Thursday; the simulation begins at nine.
    assert times(crm) == [
        (3 * DAY, "ada", "hello"),
        (4 * DAY + 3 * HOUR, "ada", "tips"),
        (11 * DAY + 3 * HOUR, "ada", "tips"),
    ]


@pytest.mark.crm(policy={"quiet": [{"from": "21:00", "to": "08:00"}]})
def test_a_message_that_is_held_goes_when_quiet_hours_end(crm):
    fill(crm, "ada")
    crm.launch(campaign(wait("13h"), send("hello")))
    crm.turn("3d")
    assert times(crm) == [(23 * HOUR, "ada", "hello")]


def test_what_one_campaign_tells_another_goes_on_at_the_same_moment(crm):
    fill(crm, "ada")
    crm.launch(campaign(send("hello"), name="second", trigger="told"))
    crm.launch(campaign(wait("1d"), Emit(name="tell", event="told"), name="first"))
    crm.turn("2d")
    assert times(crm) == [(DAY, "ada", "hello")]


def test_work_is_done_when_something_is_due_and_at_no_other_time(crm, monkeypatch):
    worked = []
    work = Simulation.work
    monkeypatch.setattr(Simulation, "work", lambda self: (worked.append(self.now()), work(self))[1])
    fill(crm, *map(str, range(100)))
    crm.launch(campaign(send("hello"), wait("3d"), send("tips"), wait("300d")))
    crm.turn("365d")
    assert {at - BEGAN for at in worked} == {0, 3 * DAY, 303 * DAY}
    assert len(worked) <= 6


def test_a_campaign_that_calls_itself_for_ever_does_not_stop_the_clock(crm, monkeypatch):
    monkeypatch.setattr("crmcore.flow.simulating.rounds.MOST", 3)
    fill(crm, "ada")
    crm.launch(
        campaign(Emit(name="again", event="called"), trigger="called", policy="parallel", reentry=Reentry(when="every"))
    )
    crm.track("called", "ada")
    crm.turn("1h")
    assert crm.now() == BEGAN + HOUR


def test_a_campaign_that_stands_still_does_not_stop_the_clock(crm):
    fill(crm, "ada")
    crm.launch(campaign(wait("1d"), send("hello")))
    crm.turn("0d")
    crm.pause("drip")
    crm.turn("7d")
    crm.resume("drip")
    crm.turn("0d")
    assert times(crm) == [(7 * DAY, "ada", "hello")]


def test_what_was_sent_says_when_to_whom_by_what_and_which_words(crm):
    fill(crm, "ada")
    crm.launch(campaign(send("hello", channels=["push", "email"])))
    crm.turn("1h")
    (hello,) = crm.sent
    assert (hello.at, hello.customer, hello.campaign, hello.channel, hello.step, hello.text) == (
        BEGAN,
        "ada",
        "drip",
        "email",
        "hello",
        "Hello, ada!",
    )


def test_what_turning_did_is_counted(crm):
    fill(crm, "ada", "bob")
    crm.identify("cyd", {"email": "cyd@example.com"})
    crm.launch(campaign(send("hello"), wait("3d"), send("tips")))
    done = crm.turn("14d")
    assert (done.sent, done.skipped, done.advanced) == (4, 2, 6)


GOLDEN = """\
2026-01-01 09:00
  ada  drip/hello  email
      Hello, ada!
  bob  drip/hello  email
      Hello, bob!
  cyd  drip/hello  email  not sent: no_consent
2026-01-04 09:00
  bob  drip/tips  note
      Tips, bob!
  cyd  drip/tips  note  not sent: no_consent"""


def test_the_transcript_is_what_a_person_would_write_down(crm):
    fill(crm, "ada", "bob")
    crm.identify("cyd", {"email": "cyd@example.com"})
    crm.launch(campaign(send("hello"), wait("3d"), send("tips", channels="note"), exits=["order_placed"]))
    crm.turn("2d")
    crm.track("order_placed", "ada")
    crm.turn("2d")
    assert crm.transcript() == GOLDEN


def year(path, seed):
    with Simulation(path, seed=seed) as crm:
        fill(crm, *(f"c{number}" for number in range(25)))
        parts = Split(name="parts", arms=[Arm(name="a", then="hello"), Arm(name="b", then="tips")])
        crm.launch(campaign(parts, send("hello", then="end"), send("tips"), holdout=0.2, trigger="visited"))
        for number in range(25):
            crm.track("visited", f"c{number}")
            if number % 5 == 0:
                crm.turn("90m")
        return crm.transcript()


def test_the_same_seed_gives_the_same_transcript_and_another_one_another(tmp_path):
    first, again, other = (year(tmp_path / f"{n}.db", seed) for n, seed in enumerate((1, 1, 2)))
    assert first == again
    assert first != other
    assert "not sent: holdout" in first


@pytest.mark.crm(silent=["sms", SilentChannel("letter", consent_needed=False)], start=datetime(2024, 2, 29, tzinfo=UTC))
def test_a_test_says_which_channels_there_are_and_when_it_begins(crm):
    crm.identify("ada", {"email": "ada@example.com", "phone": "+4412345"})
    crm.save_template("hello", "letter", {"text": "Dear {{ customer.key }}"})
    crm.save_template("hello", "sms", {"text": "Hi {{ customer.key }}"})
    crm.launch(campaign(send("hello", channels=["letter", "sms"])))
    crm.turn("1d")
    assert crm.transcript() == "2024-02-29 00:00\n  ada  drip/hello  letter\n      Dear ada"


def test_webhooks_are_kept_back(crm):
    fill(crm, "ada")
    crm.launch(campaign(Webhook(name="tell", url="http://127.0.0.1:9/"), send("hello")))
    assert crm.turn("1d").posted == 0
    assert times(crm) == [(0, "ada", "hello")]


class TestNearer:
    pytestmark = pytest.mark.crm(seed=3, silent=["note"])

    @pytest.mark.crm(seed=4)
    def test_what_stands_nearer_to_the_test_counts_and_the_rest_holds(self, crm):
        assert (crm.seed, sorted(crm.registry.channels)) == (4, ["note"])


def test_channels_of_real_plugins_render_and_their_carriers_carry_nothing(tmp_path):
    import crm_email

    mail = {"email": {"sender": "Shop <shop@example.com>", "provider": "smtp", "smtp": {"host": "mail.invalid"}}}
    with Simulation(tmp_path / "crm.db", silent=(), channels=mail, plugins={"crm_email": crm_email}) as crm:
        crm.identify("ada", {"email": "ada@example.com"})
        crm.consent("ada", "retention", channel="email")
        crm.save_template("hello", "email", {"subject": "Hello", "text": "{{ links.unsubscribe }}"})
        crm.launch(campaign(send("hello")))
        crm.turn("1h")
        assert crm.sent[0].parts["subject"] == "Hello"
