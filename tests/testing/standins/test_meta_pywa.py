"""pywa, a WhatsApp client that is not ours, works with the stand-in unchanged but for its host."""

from __future__ import annotations

import httpx
import pytest
from pywa import WhatsApp, errors
from pywa.types import templates
from pywa.types.message_status import MessageStatus

from crmcore.testing.clock import TurnedClock
from crmcore.testing.standins.app import StandIns
from crmcore.testing.standins.meta import Meta, unlucky
from crmcore.testing.standins.meta_content import Approved
from crmcore.testing.standins.meta_webhooks import Webhooks
from crmcore.testing.standins.serving import served

ANNA = "491701234567"
NOW = 2_200_000_000_000_000


class ToTheStandIn(httpx.HTTPTransport):
    """Goes to loopback, whatever the host of the URL is."""

    def __init__(self, server):
        super().__init__()
        self._server = server

    def handle_request(self, request):
        request.url = request.url.copy_with(scheme="http", host=self._server.host, port=self._server.port)
        return super().handle_request(request)


@pytest.fixture
def meta():
    one = Meta(clock=TurnedClock(NOW))
    one.approve(Approved(name="spring_sale", language="en_US", body=1))
    return one


@pytest.fixture
def server(meta):
    with served(StandIns(meta)) as one:
        yield one


@pytest.fixture
def wa(meta, server):
    with httpx.Client(transport=ToTheStandIn(server)) as session:
        yield WhatsApp(
            phone_id=meta.senders[0].phone_number_id,
            token=meta.token,
            session=session,
            server=None,
            verify_token=meta.verify_token,
            app_secret=meta.app_secret,
        )


def sent(wa, to=ANNA, name="spring_sale", params=("20 %",)):
    body = [templates.BodyText.params(*params)] if params else []
    language = templates.TemplateLanguage.ENGLISH_US
    return wa.send_template(to=to, name=name, language=language, params=body, tracker="delivery-1")


def test_an_approved_template_is_taken(wa, meta):
    assert sent(wa).id == meta.messages[0].wamid
    [message] = meta.messages
    assert (message.recipient, message.kind, message.callback) == (ANNA, "template", "delivery-1")


def test_a_free_text_needs_an_open_window(wa, meta):
    with pytest.raises(errors.ReEngagementMessage):
        wa.send_message(ANNA, "hello")
    Webhooks(meta).inbound(ANNA)
    wa.send_message(ANNA, "hello")
    meta.clock.turn("24h")
    with pytest.raises(errors.ReEngagementMessage):
        wa.send_message(ANNA, "hello again")


@pytest.mark.parametrize(
    ("to", "error"),
    [
        (unlucky(131026), errors.MessageUndeliverable),
        (unlucky(130429), errors.RateLimitHit),
        (unlucky(131049), errors.MessageUndeliverableDueToHealthyEcosystemEngagement),
        (unlucky(368), errors.TemporarilyBlocked),
    ],
)
def test_an_error_on_demand_is_the_client_s_own_exception(wa, to, error):
    with pytest.raises(error) as refused:
        sent(wa, to=to)
    assert refused.value.fbtrace_id


def test_what_the_stand_in_signs_and_says_is_what_the_client_reads(wa, meta):
    got = []
    wa.on_message_status(lambda _, status: got.append(status))
    sent(wa)
    webhooks = Webhooks(meta)
    for change in webhooks.course(meta.messages[0]):
        request = webhooks.signed(change)
        assert wa.webhook_update_validator(request.body, request.headers["x-hub-signature-256"]) is None
        assert wa.webhook_update_handler(request.body) == ("ok", 200)
    assert [(one.id, one.status.value, one.tracker) for one in got] == [
        (meta.messages[0].wamid, name, "delivery-1") for name in ("sent", "delivered", "read")
    ]
    assert all(isinstance(one, MessageStatus) for one in got)


def handed(wa, webhooks, change):
    """Hand a webhook to the client, which looks at its signature first."""
    request = webhooks.signed(change)
    assert wa.webhook_update_validator(request.body, request.headers["x-hub-signature-256"]) is None
    return wa.webhook_update_handler(request.body)


def test_what_a_customer_writes_is_what_the_client_reads(wa, meta):
    got, webhooks = [], Webhooks(meta)
    wa.on_message(lambda _, message: got.append(message))
    assert handed(wa, webhooks, webhooks.inbound(ANNA, "grüße", reply_to="wamid.1")) == ("ok", 200)
    [message] = got
    assert (message.text, message.from_user.wa_id, message.reply_to_message.id) == ("grüße", ANNA, "wamid.1")


def test_a_tap_on_a_button_is_what_the_client_reads(wa, meta):
    got, webhooks = [], Webhooks(meta)
    wa.on_callback_button(lambda _, button: got.append(button))
    assert handed(wa, webhooks, webhooks.button(ANNA, "stop", "No more", reply_to="wamid.1")) == ("ok", 200)
    assert [(one.data, one.title) for one in got] == [("stop", "No more")]


def test_a_template_that_is_paused_is_what_the_client_reads(wa, meta):
    got, webhooks = [], Webhooks(meta)
    wa.on_template_status_update(lambda _, update: got.append(update))
    assert handed(wa, webhooks, webhooks.template("spring_sale", "PAUSED")) == ("ok", 200)
    assert [(one.template_name, one.new_status.value) for one in got] == [("spring_sale", "PAUSED")]
    with pytest.raises(errors.TemplatePaused):
        sent(wa)


def test_who_has_stopped_marketing_is_what_the_client_reads(wa, meta):
    got, webhooks = [], Webhooks(meta)
    wa.on_user_marketing_preferences(lambda _, preference: got.append(preference))
    assert handed(wa, webhooks, webhooks.preference(ANNA, "stop")) == ("ok", 200)
    assert bool(got[0]) is False
    with pytest.raises(errors.UserStoppedMarketingMessages):
        sent(wa)


def test_a_failure_told_later_is_what_the_client_reads(wa, meta):
    got, webhooks = [], Webhooks(meta)
    meta.later = frozenset({131026})
    wa.on_message_status(lambda _, status: got.append(status))
    sent(wa, to=unlucky(131026))
    [change] = webhooks.course(meta.messages[0])
    assert handed(wa, webhooks, change) == ("ok", 200)
    assert isinstance(got[0].error, errors.MessageUndeliverable)


def test_a_webhook_signed_by_somebody_else_is_refused(wa, meta):
    webhooks = Webhooks(Meta(app_secret="another"))
    request = webhooks.signed(webhooks.inbound(ANNA))
    assert wa.webhook_update_validator(request.body, request.headers["x-hub-signature-256"])[1] == 403


@pytest.mark.parametrize(("token", "answer"), [(None, ("1158201444", 200)), ("wrong", ("Forbidden", 403))])
def test_the_verification_is_what_the_client_answers(wa, meta, token, answer):
    query = Webhooks(meta).verification(token=token).query
    assert wa.webhook_challenge_handler(query["hub.verify_token"], query["hub.challenge"]) == answer


def test_a_message_to_a_business_scoped_id_is_taken(wa, meta):
    sent(wa, to="US.13491208655302741918")
    assert [one.recipient for one in meta.messages] == ["US.13491208655302741918"]
