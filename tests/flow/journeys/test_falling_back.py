"""A step that names several channels goes by the first that may be used, as it is when the message goes."""

from __future__ import annotations

import pytest

from crmcore import CRM
from crmcore.loader import installed
from crmcore.testing.fakes import Notes, Recorder
from tests.flow.journeys.travelling import journey, said, send


@pytest.fixture
def pushes():
    return Recorder(notes=Notes("push", address_kinds=frozenset({"device"})))


@pytest.fixture
def crm(new_database, recorder, pushes, clock):
    plugins = {"recorder": recorder, "pushes": pushes}
    with CRM(new_database("two.db"), clock=clock, plugins=plugins, blocked=installed()) as crm:
        for name, identities in (("ada", {"device": "a"}), ("bob", {"email": "bob@example.com"}), ("cyd", {})):
            crm.identify({"key": name, **identities}, {"email": "ada@example.com"} if name == "ada" else {})
        for channel in ("note", "push"):
            crm.save_template("hello", channel, {"text": f"{channel} {{{{ customer.key }}}}"})
        yield crm


def consent(crm, channel, *keys):
    crm.consent_many({"customer": key, "purpose": "retention", "channel": channel} for key in keys)


def test_who_has_no_address_on_the_first_channel_is_reached_by_the_second(crm, recorder, pushes):
    consent(crm, "push", "ada", "bob", "cyd")
    consent(crm, "note", "ada", "bob", "cyd")
    crm.launch(journey(send("hello", channels=["push", "note"])))
    crm.work()
    assert (said(pushes), said(recorder)) == (["push ada"], ["note bob"])
    assert crm.report("journey").skipped == {"no_address": 1}


def test_who_has_not_consented_to_the_first_channel_is_reached_by_the_second(crm, recorder, pushes):
    consent(crm, "note", "ada")
    crm.launch(journey(send("hello", channels=["push", "note"])))
    crm.work()
    assert (said(pushes), said(recorder)) == ([], ["note ada"])
    report = crm.report("journey")
    assert (report.sent, report.eligible, report.skipped) == (1, 3, {"no_address": 1, "no_consent": 1})


def test_who_has_withdrawn_everywhere_gets_nothing(crm, recorder, pushes):
    consent(crm, "note", "ada", "bob")
    crm.suppress("ada")
    crm.launch(journey(send("hello", channels=["push", "note"])))
    crm.work()
    assert (said(pushes), said(recorder)) == ([], ["note bob"])
    assert crm.report("journey").skipped == {"no_address": 1, "suppressed": 1}


def test_a_message_that_two_quiet_channels_would_give_to_each_other_ends_with_a_reason(
    new_database, recorder, pushes, clock
):
    day = {"from": "08:00", "to": "20:00"}
    quiet = [{"channels": ["push"], "then": "note", **day}, {"channels": ["note"], "then": "push", **day}]
    plugins = {"recorder": recorder, "pushes": pushes}
    given = {"plugins": plugins, "blocked": installed(), "policy": {"quiet": quiet}}
    with CRM(new_database("three.db"), clock=clock, **given) as crm:
        crm.identify({"key": "ada", "device": "a"}, {"email": "ada@example.com"})
        consent(crm, "note", "ada")
        consent(crm, "push", "ada")
        for channel in ("note", "push"):
            crm.save_template("hello", channel, {"text": "hello"})
        crm.launch(journey(send("hello", channels=["push", "note"])))
        crm.work()
        assert (said(pushes), said(recorder)) == ([], [])
        report = crm.report("journey")
        assert (report.eligible, report.skipped) == (1, {"quiet_hours": 1})
