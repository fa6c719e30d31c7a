"""FCM, APNs and web push as documented, where their clients do not lead: limits, tokens, times."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from crmcore.testing.clock import TurnedClock
from crmcore.testing.standins.apns import Apns, SigningKey
from crmcore.testing.standins.fcm import Fcm
from crmcore.testing.standins.jws import encoded, read_token
from crmcore.testing.standins.webpush import PushService
from tests.testing.standins.asking import NOW, posted

PHONE = "b2" * 32
KEY = ec.generate_private_key(ec.SECP256R1())


def signed(**claims):
    parts = [json.dumps({"alg": "ES256", "kid": "K1"}).encode(), json.dumps(claims).encode()]
    text = ".".join(map(encoded, parts))
    first, second = decode_dss_signature(KEY.sign(text.encode(), ec.ECDSA(SHA256())))
    return f"{text}.{encoded(first.to_bytes(32) + second.to_bytes(32))}"


@pytest.fixture
def clock():
    return TurnedClock(NOW)


@pytest.fixture
def apns(clock):
    return Apns(keys={"K1": SigningKey(team="T1", public=KEY.public_key())}, clock=clock)


def notify(apns, token, body=None, topic="com.example.shop", **headers):
    named = {"authorization": f"bearer {token}", "apns_topic": topic, **headers}
    status, answer = posted(apns, f"/3/device/{PHONE}", body or {"aps": {"alert": "hi"}}, **named)
    return answer["reason"] if answer else status


def fresh(clock, **claims):
    return signed(**{"iss": "T1", "iat": clock.now() // 1_000_000, **claims})


def test_a_provider_token_holds_an_hour(apns, clock):
    token = fresh(clock)
    clock.turn("1h")
    assert notify(apns, token) == 200
    clock.turn("1s")
    assert notify(apns, token) == "ExpiredProviderToken"
    assert notify(apns, fresh(clock)) == 200


def test_provider_tokens_are_made_now_and_then_and_not_for_each_message(apns, clock):
    said = [notify(apns, fresh(clock, n=number)) for number in range(4)]
    assert said == [200, 200, 200, "TooManyProviderTokenUpdates"]
    clock.turn("20m")
    assert notify(apns, fresh(clock, n=5)) == 200


@pytest.mark.parametrize(
    "token", ["", "x", "a.b.c", signed(iss="T2", iat=NOW // 1_000_000), signed(iss="T1"), signed(iss="T1", iat=NOW)]
)
def test_a_provider_token_that_does_not_fit_is_none(apns, token):
    assert notify(apns, token) == ("InvalidProviderToken" if token else "MissingProviderToken")


def test_topics_of_the_app_s_own_are_let_in(apns, clock):
    token = fresh(clock)
    assert notify(apns, token, topic="com.example.shop.voip", apns_push_type="voip") == 200
    assert notify(apns, token, topic="com.example.shopping") == "TopicDisallowed"
    assert notify(apns, token, topic="") == "MissingTopic"


def test_a_payload_has_4096_bytes_at_most_and_one_at_least(apns, clock):
    token = fresh(clock)
    frame = len(b'{"aps":""}')
    assert notify(apns, token, b'{"aps":"%s"}' % (b"x" * (4096 - frame))) == 200
    assert notify(apns, token, b'{"aps":"%s"}' % (b"x" * (4097 - frame))) == "PayloadTooLarge"
    assert notify(apns, token, b"{}") == "PayloadEmpty"


def test_a_signature_by_another_algorithm_is_none():
    text = signed(iss="T1")
    head = encoded(json.dumps({"alg": "none"}).encode())
    forged = ".".join([head, *text.split(".")[1:]])
    assert read_token(text).is_signed_by(KEY.public_key())
    assert not read_token(forged).is_signed_by(KEY.public_key())


def fcm_said(fcm, message, **more):
    status, answer = posted(
        fcm, "/v1/projects/shop/messages:send", {"message": message, **more}, authorization="Bearer t"
    )
    if status == 200:
        return 200
    fields = [one for each in answer["error"].get("details", ()) for one in each.get("fieldViolations", ())]
    return fields[0]["field"] if fields else answer["error"]["status"]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ({"token": "t"}, 200),
        ({"topic": "news"}, 200),
        ({"token": "t", "android": {"collapseKey": "k", "ttl": "3.5s", "priority": "HIGH"}}, 200),
        ({}, "message"),
        ({"token": "t", "topic": "news"}, "INVALID_ARGUMENT"),
        ({"token": "no token"}, "message.token"),
        ({"token": "t", "data": {"n": 1}}, "message.data[0].value"),
        ({"token": "t", "data": {"from": "x"}}, "message.data.from"),
        ({"token": "t", "android": {"ttl": "1h"}}, "message.android.ttl"),
        ({"token": "t", "android": {"ttl": "2419201s"}}, "message.android.ttl"),
        ({"token": "t", "android": {"priority": "urgent"}}, "message.android.priority"),
        ({"token": "t", "sound": "x"}, "message"),
        ({"token": "t", "data": {"x": "x" * 4095}}, 200),
        ({"token": "t", "data": {"x": "x" * 4096}}, "INVALID_ARGUMENT"),
        ({"topic": "t", "data": {"x": "x" * 2048}}, "INVALID_ARGUMENT"),
    ],
)
def test_fcm_takes_what_is_as_documented(clock, message, said):
    assert fcm_said(Fcm(clock=clock), message) == said


def test_fcm_s_quota_is_of_a_minute(clock):
    fcm = Fcm(clock=clock, quota=2)
    assert [fcm_said(fcm, {"token": "t"}) for _ in range(3)] == [200, 200, "RESOURCE_EXHAUSTED"]
    clock.turn("30s")
    assert fcm_said(fcm, {"token": "t"}) == 200


def test_a_push_that_is_too_old_is_not_delivered(clock):
    service = PushService(clock=clock, needs_vapid=False)
    service.subscribe("anna")
    for ttl in ("10", "20", "0"):
        assert posted(service, "/push/anna", b"", ttl=ttl)[0] == 201
    clock.turn("10s")
    assert [one.headers["ttl"] for one in service.collect("anna")] == ["20"]
    assert service.collect("anna") == []


def test_nobody_is_pushed_to_who_has_not_subscribed(clock):
    service = PushService(clock=clock, needs_vapid=False)
    assert posted(service, "/push/ben", b"", ttl="1")[0] == 404
