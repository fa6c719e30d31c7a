"""The stand-in of the Graph API keeps to what Meta has documented."""

from __future__ import annotations

import hashlib
import hmac
import json
import random
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from crmcore.testing.clock import TurnedClock
from crmcore.testing.standins.meta import Meta, Sender, unlucky
from crmcore.testing.standins.meta_content import Approved
from crmcore.testing.standins.meta_errors import USUALLY_LATER
from crmcore.testing.standins.meta_webhooks import Webhooks
from crmcore.testing.standins.meta_webhooks import posted as carried
from tests.testing.standins.asking import NOW, posted

ANNA, BEN, ID = "491701234567", "491707654321", "DE.13491208655302741918"
TEXT = {"type": "text", "text": {"body": "hello"}}


@pytest.fixture
def meta():
    one = Meta(clock=TurnedClock(NOW), senders=[Sender(), Sender(phone_number_id="2", display="15550000002")])
    one.approve(Approved(name="sale", body=1), Approved(name="code", category="AUTHENTICATION", body=1))
    one.approve(Approved(name="named", category="UTILITY", body=("name", "city")))
    return one


def template(name="sale", count=1, **extra):
    parameters = [{"type": "text", "text": "x", **extra} for _ in range(count)]
    components = [{"type": "body", "parameters": parameters}]
    return {"type": "template", "template": {"name": name, "language": {"code": "en_US"}, "components": components}}


def send(meta, content=None, to=ANNA, number=None, token=None, **more):
    path = f"/v25.0/{number or meta.senders[0].phone_number_id}/messages"
    recipient = {"recipient": to} if "." in to else {"to": to}
    value = {"messaging_product": "whatsapp", **recipient, **(content or template()), **more}
    status, answer = posted(meta, path, value, authorization=f"Bearer {token or meta.token}")
    return answer["error"]["code"] if "error" in answer else status


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (template("spring"), 132001),
        (template(count=2), 132000),
        (template(count=0), 132000),
        (template(text=""), 131008),
        (template("named", count=2, parameter_name="name"), 132012),
        ({"type": "template", "template": {}}, 131008),
        ({"type": "text"}, 131008),
        ({"type": "text", "text": {"body": "x" * 4097}}, 100),
        ({"type": "image", "image": {}}, 131008),
        ({"type": "image", "image": {"caption": "x"}}, 131008),
        ({"type": "interactive", "interactive": {"type": "quiz", "action": {}}}, 131009),
        ({"type": "interactive", "interactive": {"type": "button", "body": {"text": "?"}}}, 131008),
        ({"type": "hologram", "hologram": {"id": "1"}}, 100),
    ],
)
def test_content_that_is_not_as_documented_is_refused(meta, content, code):
    assert send(meta, content) == code
    assert meta.messages == []


@pytest.mark.parametrize(
    ("content", "to"),
    [
        ({"type": "image", "image": {"link": "https://example.com/a.png", "caption": "A"}}, ANNA),
        ({"type": "reaction", "reaction": {"message_id": "wamid.1", "emoji": "+"}}, ANNA),
        ({"type": "contacts", "contacts": [{"name": {"formatted_name": "Ben"}}]}, ANNA),
        (
            {
                "type": "interactive",
                "interactive": {"type": "button", "body": {"text": "?"}, "action": {"buttons": [{"type": "reply"}]}},
            },
            ID,
        ),
        (TEXT, ID),
    ],
)
def test_in_an_open_window_anything_may_be_said(meta, content, to):
    assert send(meta, content, to) == 131047
    Webhooks(meta).inbound(to)
    assert send(meta, content, to) == 200


def test_a_template_becomes_what_a_webhook_says_of_it(meta):
    said = Webhooks(meta)
    codes = []
    for status in ("PAUSED", "DISABLED", "REJECTED", "APPROVED"):
        said.template("sale", status)
        codes.append(send(meta))
    assert codes == [132015, 132016, 132001, 200]


def test_a_number_takes_as_many_a_second_as_it_may(meta):
    codes = [send(meta, to=f"49170{number:07d}") for number in range(81)]
    assert codes == [200] * 80 + [130429]
    assert send(meta, number="2") == 200
    meta.clock.turn("1s")
    assert send(meta) == 200


def test_a_pair_may_borrow_and_has_to_wait(meta):
    codes = [send(meta) for _ in range(46)]
    assert codes == [200] * 45 + [131056]
    assert send(meta, to=BEN) == 200
    meta.clock.turn("269s")
    assert send(meta) == 131056
    meta.clock.turn("1s")
    assert send(meta) == 200


def test_so_many_users_may_be_written_to_first_in_24_hours(meta):
    meta.limit = 2
    Webhooks(meta).inbound("491700000000")
    assert [send(meta, to=to) for to in (ANNA, BEN, ANNA, "491709999999", "491700000000")] == [
        200,
        200,
        200,
        131048,
        200,
    ]
    meta.clock.turn("24h")
    assert send(meta, to="491709999999") == 200


def test_recipients_that_cannot_be_reached_are_told_apart(meta):
    meta.unknown.add(BEN)
    assert send(meta, to=BEN) == 131026
    assert send(meta, to="not a number") == 131009
    assert send(meta, to=meta.senders[0].display) == 131021
    assert send(meta, template("code"), to=ID) == 131062
    Webhooks(meta).preference(ANNA, "stop")
    assert send(meta) == 131050
    Webhooks(meta).preference(ANNA, "resume")
    assert send(meta) == 200


def test_who_has_written_under_an_id_has_a_window_under_the_number_too(meta):
    meta.people[ID] = ANNA
    change = Webhooks(meta).inbound(ID)
    assert send(meta, TEXT, to=ANNA) == 200
    assert change["value"]["contacts"] == [{"profile": {"name": "Customer"}, "wa_id": ANNA, "user_id": ID}]


@pytest.mark.parametrize(
    ("path", "token", "code"),
    [
        (None, "somebody else's", 190),
        ("/v25.0/999/messages", None, 100),
        ("/v25.0/106540352242922/photos", None, 100),
    ],
)
def test_who_may_not_is_refused(meta, path, token, code):
    path = path or f"/v25.0/{meta.senders[0].phone_number_id}/messages"
    value = {"messaging_product": "whatsapp", "to": ANNA, **template()}
    status, answer = posted(meta, path, value, authorization=f"Bearer {token or meta.token}")
    assert (status >= 400, answer["error"]["code"]) == (True, code)


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"messaging_product": "sms"}', b"[" * 100_000])
def test_no_body_breaks_it(meta, body):
    path = f"/v25.0/{meta.senders[0].phone_number_id}/messages"
    status, answer = posted(meta, path, body, authorization=f"Bearer {meta.token}")
    assert (status, answer["error"]["code"]) == (400, 100)


def test_what_is_told_later_is_taken_first_and_fails_by_webhook(meta):
    meta.later = USUALLY_LATER
    assert send(meta, to=unlucky(131026), biz_opaque_callback_data="d1") == 200
    [change] = Webhooks(meta).course(meta.messages[0])
    [status] = change["value"]["statuses"]
    assert (status["status"], status["errors"][0]["code"], status["biz_opaque_callback_data"]) == (
        "failed",
        131026,
        "d1",
    )


def test_a_webhook_is_signed_over_its_bytes(meta):
    request = Webhooks(meta).signed(Webhooks(meta).inbound(ANNA, "grüße"))
    proof = hmac.new(meta.app_secret.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-hub-signature-256"] == f"sha256={proof}"


def test_statuses_come_in_any_order_several_a_post_and_some_again(meta):
    for number in range(30):
        send(meta, to=f"49170{number:07d}")
    requests = Webhooks(meta).scrambled(meta.messages, random.Random(1), per_post=7, repeated=0.2)
    told = [
        (change["value"]["statuses"][0]["id"], change["value"]["statuses"][0]["status"])
        for request in requests
        for change in json.loads(request.body)["entry"][0]["changes"]
    ]
    everything = {(one.wamid, status) for one in meta.messages for status in ("sent", "delivered", "read")}
    assert set(told) == everything
    assert len(told) > len(everything)
    assert told[:3] != [(meta.messages[0].wamid, status) for status in ("sent", "delivered", "read")]
    assert max(len(json.loads(one.body)["entry"][0]["changes"]) for one in requests) == 7


def test_a_webhook_is_carried_to_a_url(meta):
    got = []

    class Listener(BaseHTTPRequestHandler):
        def do_POST(self):
            got.append((self.headers["X-Hub-Signature-256"], self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def do_GET(self):
            got.append(self.path)
            self.send_response(403)
            self.end_headers()

        def log_message(self, *args):
            pass

    webhooks = Webhooks(meta)
    request = webhooks.signed(webhooks.inbound(ANNA))
    with HTTPServer(("127.0.0.1", 0), Listener) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/hook"
        assert carried(request, url).status == 200
        assert carried(webhooks.verification("42"), url).status == 403
        server.shutdown()
    assert got[0] == (request.headers["x-hub-signature-256"], request.body)
    assert got[1].startswith("/hook?hub.mode=subscribe&hub.challenge=42&hub.verify_token=")
