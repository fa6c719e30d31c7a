"""What the plugin brings to campaigns, in campaigns."""

from __future__ import annotations

import pytest

import crm_operational
from crm_operational import is_code
from crmcore.model.building import everyone, rule
from crmcore.model.campaign import Campaign
from crmcore.model.happens import entered, left
from crmcore.model.steps import Send, Update
from crmcore.model.triggers import Reentry
from crmcore.testing.simulation import Simulation


@pytest.fixture
def crm(tmp_path):
    plugins = {"crm_operational": crm_operational}
    with Simulation(tmp_path / "crm.db", silent=["note"], plugins=plugins, modules={"operational": {}}) as crm:
        crm.save_template("offer", "note", {"text": "Your code: {{ message.coupon }}"})
        crm.save_template("hello", "note", {"text": "Hello"})
        for key in ("ada", "ben"):
            crm.identify(key, {"email": f"{key}@example.com"})
            crm.consent(key, "newsletter", channel="note")
        yield crm


def keep_the_attribute(crm):
    crm.define_segment("complaining", rule("open_case"))
    for name, trigger, value in (("hush", entered("complaining"), True), ("speak", left("complaining"), False)):
        step, again = Update(name=name, attributes={"open_case": value}), Reentry(when="every")
        crm.launch(
            Campaign(name=name, purpose="service", audience=everyone(), trigger=trigger, reentry=again, steps=[step])
        )


def broadcast(crm, name, purpose, template="hello", coupon=""):
    step = Send(name="say", template=template, channels="note", coupon=coupon)
    crm.launch(Campaign(name=name, purpose=purpose, audience=everyone(), steps=[step]))
    crm.turn("1h")
    return {one.customer: one.reason for one in crm.ended if one.campaign == name}


def test_who_complains_gets_no_marketing_until_the_case_is_closed(crm):
    keep_the_attribute(crm)
    crm.track("complaint_raised", "ada", ref="lamp")
    crm.turn("1h")
    assert broadcast(crm, "news", "newsletter") == {"ada": "gate: open_case", "ben": ""}
    assert broadcast(crm, "recall", "service") == {"ada": "", "ben": ""}
    crm.track("complaint_closed", "ada", ref="lamp")
    crm.turn("1h")
    assert broadcast(crm, "more", "newsletter") == {"ada": "", "ben": ""}


def test_a_message_carries_a_code_that_can_be_checked(crm):
    broadcast(crm, "offers", "newsletter", "offer", "checked")
    codes = [one.parts["text"].removeprefix("Your code: ") for one in crm.sent]
    assert len(set(codes)) == 2
    assert all(map(is_code, codes))


def test_a_segment_of_those_who_wait_for_an_answer_is_live(crm):
    crm.define_segment("complaining", rule("open_case"))
    crm.track("complaint_raised", "ada", ref="lamp")
    assert [one.key for one in crm.segment("complaining").members()] == ["ada"]
    crm.merge("ada", "ben", force=True)
    assert [one.key for one in crm.segment("complaining").members()] == ["ben"]
    crm.track("complaint_closed", "ben", ref="lamp")
    assert crm.segment("complaining").size() == 0
