"""WhatsApp in the core, against the stand-in of Meta's Graph API: windows, statuses, choices, templates that are paused."""

from __future__ import annotations

import attrs
import pytest

import crm_whatsapp
from crmcore import CRM
from crmcore.flow import choosing
from crmcore.hooks.provider import Choice, HttpResponse
from crmcore.loader import installed
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.identity import Identity
from crmcore.testing.standins.app import StandIns
from crmcore.testing.standins.faults import Drop, usual
from crmcore.testing.standins.meta import Meta
from crmcore.testing.standins.meta_content import Approved
from crmcore.testing.standins.meta_webhooks import Webhooks
from crmcore.testing.standins.serving import served

ADA = "447700900123"


@attrs.frozen
class World:
    """A CRM, the stand-in that it sends to, and what that says by webhook."""

    crm: CRM
    meta: Meta
    app: StandIns

    @property
    def webhooks(self) -> Webhooks:
        return Webhooks(self.meta)

    def hear(self, *changes):
        return self.crm.receive("whatsapp", "cloud", self.webhooks.signed(*changes)).status

    def choose(self, address, *, wanted):
        one = Choice(key=f"{address}{wanted}", at=self.crm.now(), addresses=(address,), wanted=wanted)
        self.crm._opened.write(lambda scope: choosing.take(scope, "whatsapp", "cloud", [one]))

    def states_after(self, template, name="hello", purpose="service"):
        campaign = Campaign(name=name, purpose=purpose, audience=everyone(), channel="whatsapp", template=template)
        self.crm.launch(campaign)
        self.crm.work()
        return self.states(name)

    def states(self, name="hello"):
        return [one.state for one in self.crm.deliveries(name)]


@pytest.fixture
def world(new_database, clock, monkeypatch):
    meta = Meta(clock=clock)
    meta.approve(Approved(name="shipped", category="UTILITY", body=1))
    app = StandIns(meta)
    for name in ("token", "app_secret", "verify_token"):
        monkeypatch.setenv(f"META_{name.upper()}", getattr(meta, name))
    with served(app) as server:
        cloud = {
            "phone_number_id": meta.senders[0].phone_number_id,
            "base_url": server.url,
            **{name: f"env:META_{name.upper()}" for name in ("token", "app_secret", "verify_token")},
        }
        with CRM(
            new_database("crm.db"),
            clock=clock,
            plugins={"whatsapp": crm_whatsapp},
            blocked=installed(),
            channels={"whatsapp": {"provider": "cloud", "cloud": cloud}},
            http={"allow_private": True},
        ) as crm:
            crm.identify("1", {"phone": f"+{ADA}", "name": "Ada"})
            parts = {"approved": "shipped", "language": "en_US", "body.1": "{{ customer.name }}"}
            crm.save_template("shipped", "whatsapp", parts)
            crm.save_template("free", "whatsapp", {"text": "Hello {{ customer.name }}"})
            yield World(crm, meta, app)


def test_an_approved_template_arrives_and_its_statuses_end_as_read_in_any_order(world):
    assert world.states_after("shipped") == ["accepted"]
    [message] = world.meta.messages
    assert (message.recipient, message.kind) == (ADA, "template")
    course = world.webhooks.course(message)
    assert [world.hear(one) for one in [*reversed(course), *course]] == [200] * 6
    assert world.states() == ["read"]


def test_free_words_go_while_a_window_is_open_and_no_longer(world, clock):
    assert world.states_after("free", "before") == ["skipped"]
    assert world.hear(world.webhooks.inbound(ADA, "Hi")) == 200
    clock.turn("23h")
    assert world.states_after("free", "within") == ["accepted"]
    clock.turn("2h")
    assert world.states_after("free", "after") == ["skipped"]
    assert world.meta.refusals == {}


def test_a_message_in_doubt_is_settled_by_its_status(world):
    world.crm.consent("1", "newsletter", channel="whatsapp")
    world.app.script = lambda stage, _address: Drop() if stage == "taken" else None
    assert world.states_after("shipped", purpose="newsletter") == ["in_doubt"]
    world.app.script = usual
    [message] = world.meta.messages
    assert world.hear(world.webhooks.status(message, "delivered")) == 200
    assert world.states() == ["delivered"]


def test_a_template_that_is_paused_at_meta_pauses_its_campaign_until_it_may_be_sent(world, clock):
    world.app.script = lambda stage, _address: Drop() if stage == "body" else None
    assert world.states_after("shipped") == ["planned"]
    world.app.script = usual
    assert world.hear(world.webhooks.template("shipped", "PAUSED")) == 200
    clock.turn("1h")
    world.crm.work()
    assert world.meta.messages == []
    assert world.hear(world.webhooks.template("shipped", "APPROVED")) == 200
    world.crm.work()
    assert world.states() == ["accepted"]


def test_a_campaign_begun_while_its_template_is_paused_waits_until_it_may_be_sent(world, clock):
    assert world.hear(world.webhooks.template("shipped", "PAUSED")) == 200
    assert world.states_after("shipped") == ["planned"]
    assert world.meta.refusals == {}
    clock.turn("1m")
    assert world.hear(world.webhooks.template("shipped", "APPROVED")) == 200
    world.crm.work()
    assert world.states() == ["accepted"]


def test_a_stop_that_was_told_as_an_answer_is_lifted_by_a_later_resume(world, clock):
    world.crm.consent("1", "newsletter", channel="whatsapp")
    stopped = HttpResponse(status=400, body=b'{"error": {"code": 131050}}')
    world.app.script = lambda stage, _address: stopped if stage == "body" else None
    assert world.states_after("shipped", "stopped", "newsletter") == ["failed"]
    world.app.script = usual
    clock.turn("1h")
    assert world.states_after("shipped", "again", "newsletter") == ["skipped"]
    assert world.hear(world.webhooks.preference(ADA, "resume")) == 200
    assert world.states_after("shipped", "resumed", "newsletter") == ["accepted"]


def test_who_stops_marketing_at_meta_gets_none_until_they_want_it_again(world, clock):
    world.crm.consent("1", "newsletter", channel="whatsapp")
    assert world.hear(world.webhooks.preference(ADA, "stop")) == 200
    assert world.states_after("shipped", "stopped", "newsletter") == ["skipped"]
    clock.turn("1h")
    assert world.hear(world.webhooks.preference(ADA, "resume")) == 200
    assert world.states_after("shipped", "resumed", "newsletter") == ["accepted"]


@pytest.mark.parametrize(("first", "then"), [("bsuid", "bsuid"), ("phone", "bsuid"), ("bsuid", "phone")])
def test_a_choice_told_of_the_id_holds_for_the_number_and_the_other_way_round(world, clock, first, then):
    addresses = {"phone": Identity("phone", f"+{ADA}"), "bsuid": Identity("bsuid", "GB.1349")}
    world.crm.identify({"key": "1", "bsuid": "GB.1349"})
    world.crm.consent("1", "newsletter", channel="whatsapp")
    world.choose(addresses[first], wanted=False)
    assert world.states_after("shipped", "stopped", "newsletter") == ["skipped"]
    clock.turn("1h")
    world.choose(addresses[then], wanted=True)
    assert world.states_after("shipped", "resumed", "newsletter") == ["accepted"]


def test_a_number_that_becomes_known_after_a_stop_gets_no_marketing_either(world):
    world.crm.identify({"key": "1", "bsuid": "GB.1349"})
    world.crm.consent("1", "newsletter", channel="whatsapp")
    world.choose(Identity("bsuid", "GB.1349"), wanted=False)
    world.crm.identify("1", {"phone": "+447700900999"})
    assert world.states_after("shipped", "stopped", "newsletter") == ["skipped"]


def test_without_the_token_messages_wait_and_what_is_missing_is_told(world, monkeypatch, caplog):
    monkeypatch.delenv("META_TOKEN")
    assert world.states_after("shipped") == ["planned"]
    assert "the environment has no META_TOKEN" in caplog.text
    assert world.app.requests == 0


def test_without_the_right_signature_nothing_is_heard(world):
    request = attrs.evolve(world.webhooks.signed(world.webhooks.inbound(ADA)), headers={})
    assert world.crm.receive("whatsapp", "cloud", request).status == 401
    assert world.crm.receive("whatsapp", "cloud", world.webhooks.verification("42")).body == b"42"


def test_a_setting_that_is_wrong_is_told_by_the_doctor_and_breaks_nothing(new_database, clock):
    cloud = {"throughput": "fast"}
    with CRM(
        new_database("crm.db"),
        clock=clock,
        plugins={"whatsapp": crm_whatsapp},
        blocked=installed(),
        channels={"whatsapp": {"cloud": cloud}},
    ) as crm:
        assert any("throughput" in str(one) for one in crm.registry.faults)
