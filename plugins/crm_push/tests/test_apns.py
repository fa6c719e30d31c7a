"""Apple: the provider token, the request, and what the reasons mean."""

from __future__ import annotations

import json
import logging
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_push.address import unpacked
from crm_push.apns import Apns
from crm_push.settings import apns_settings
from crm_push.vapid import public_key
from crmcore.errors import SettingsError
from crmcore.hooks.provider import Accepted, Authorised, Gone, HttpResponse, Permanent, Retry
from crmcore.model.time import MINUTE, SECOND
from crmcore.testing.answers import flaw

PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
APP = {"key_id": "ABC1234567", "team_id": "DEF7654321", "topic": "example.shop"}


@pytest.fixture
def carrier(p8):
    def made(**given):
        return Apns(apns_settings({"apns": {"key": p8, **APP, **given}}))

    return made


@pytest.fixture
def sent(carrier, outgoing, now):
    def made(parts=None, deadline=None, **given):
        return carrier(**given).build_request([outgoing("apns", parts, deadline=deadline)], now)

    return made


def token(request):
    return request.headers["authorization"].removeprefix("bearer ")


# -- the token ---------------------------------------------------------------------------------------------------------


def test_the_token_says_team_and_key_and_is_signed_by_it(sent, now):
    head, claims, signature = token(sent()).split(".")
    assert json.loads(unpacked(head)) == {"alg": "ES256", "kid": "ABC1234567"}
    assert json.loads(unpacked(claims)) == {"iss": "DEF7654321", "iat": now // SECOND}
    raw = unpacked(signature)
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpacked(public_key(PRIVATE)))
    public.verify(der, f"{head}.{claims}".encode(), ec.ECDSA(SHA256()))


def test_a_token_is_renewed_no_more_often_and_no_less_than_apple_asks_for(carrier, outgoing, now):
    one, message = carrier(), outgoing("apns")
    tokens = [token(one.build_request([message], now + minute * MINUTE)) for minute in range(181)]
    made_at = [minute for minute in range(1, 181) if tokens[minute] != tokens[minute - 1]]
    gaps = [later - earlier for earlier, later in zip([0, *made_at], made_at, strict=False)]
    assert gaps
    assert all(20 <= gap < 60 for gap in gaps)


@pytest.mark.parametrize(("minutes", "is_same"), [(5, True), (20, False), (30, False)])
def test_a_token_called_expired_is_renewed_once_it_may_be(carrier, outgoing, now, minutes, is_same):
    one, message, later = carrier(), outgoing("apns"), now + minutes * MINUTE
    first = token(one.build_request([message], now))
    one.read_response([message], HttpResponse(status=403, body=b'{"reason": "ExpiredProviderToken"}'), later)
    assert (token(one.build_request([message], later)) == first) is is_same


def test_a_key_that_is_missing_is_told_before_a_batch_so_that_it_waits(carrier, now):
    with pytest.raises(SettingsError, match="the environment has no NO_SUCH_KEY"):
        carrier(key="env:NO_SUCH_KEY").token_request(now)


def test_nobody_is_asked_for_a_token(carrier, now):
    assert isinstance(carrier(), Authorised)
    assert carrier().token_request(now) is None


def test_the_secrets_are_nowhere_to_be_read(carrier, outgoing, now, caplog):
    caplog.set_level(logging.DEBUG)
    one = carrier()
    made = one.build_request([outgoing("apns")], now)
    seen = " ".join([repr(one), repr(made), caplog.text])
    assert token(made) not in seen
    assert "PRIVATE KEY" not in seen + repr(vars(one))


# -- the request -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ({}, "https://api.push.apple.com"),
        ({"environment": "sandbox"}, "https://api.sandbox.push.apple.com"),
        ({"url": "https://127.0.0.1:8443/"}, "https://127.0.0.1:8443"),
    ],
)
def test_the_request_goes_to_the_device_over_http_2(carrier, sent, given, host):
    assert sent(**given).url == f"{host}/3/device/{'a1' * 32}"
    assert carrier().carriage.protocol == "h2"


def test_the_headers_are_apples(sent, now):
    headers = dict(sent({"ttl": "1h"}).headers)
    del headers["authorization"]
    assert UUID(headers.pop("apns-id"))
    assert len(headers.pop("apns-collapse-id").encode()) <= 64
    assert headers == {
        "apns-topic": "example.shop",
        "apns-push-type": "alert",
        "apns-priority": "10",
        "apns-expiration": str(now // SECOND + 3600),
        "content-type": "application/json",
    }


def test_the_payload_is_apples(sent):
    made = json.loads(
        sent({"url": "shop://p", "image": "https://x/i", "data": "a: 1", "count": "2", "sound": "default"}).body
    )
    assert made == {
        "aps": {
            "alert": {"title": "Hello", "body": "There"},
            "badge": 2,
            "sound": "default",
            "mutable-content": 1,
        },
        "url": "shop://p",
        "image": "https://x/i",
        "data": {"a": "1"},
    }


@pytest.mark.parametrize(("urgency", "priority"), [("high", "10"), ("normal", "10"), ("low", "5"), ("very-low", "1")])
def test_urgency_is_a_priority(sent, urgency, priority):
    assert sent({"urgency": urgency}).headers["apns-priority"] == priority


@pytest.mark.parametrize(
    ("ttl", "left", "kept"), [("1h", 7200, 3600), ("1h", 60, 60), ("0", 60, None), ("0", None, None)]
)
def test_nothing_is_kept_beyond_its_deadline(sent, now, ttl, left, kept):
    deadline = None if left is None else now + left * SECOND
    expected = "0" if kept is None else str(now // SECOND + kept)
    assert sent({"ttl": ttl}, deadline).headers["apns-expiration"] == expected


def test_a_message_sent_again_is_kept_no_longer(carrier, outgoing, now):
    one, message = carrier(), outgoing("apns", {"ttl": "1h"})
    first, again = (one.build_request([message], now + later).headers for later in (0, 30 * MINUTE))
    assert first["apns-expiration"] == again["apns-expiration"] == str(now // SECOND + 3600)


def test_the_same_message_has_the_same_id_and_collapse_id_and_no_other_has(carrier, outgoing, now):
    one = carrier()
    first, again, other = (one.build_request([outgoing("apns", key=key)], now).headers for key in ("k1", "k1", "k2"))
    for name in ("apns-id", "apns-collapse-id"):
        assert first[name] == again[name] != other[name]


# -- the answers -------------------------------------------------------------------------------------------------------


def said(reason, **more):
    return json.dumps({"reason": reason, **more}).encode()


@pytest.mark.parametrize(
    ("status", "headers", "body", "result"),
    [
        (200, {"apns-id": "EC1BF194"}, b"", Accepted(delivery_id=7, provider_id="EC1BF194")),
        (410, {}, said("Unregistered", timestamp=1_795_000_000_000), Gone(delivery_id=7, event="app_uninstalled", at=1_795_000_000_000_000, code="Unregistered")),
        (410, {}, said("ExpiredToken"), Gone(delivery_id=7, event="app_uninstalled", code="ExpiredToken")),
        (410, {}, said("Unregistered", timestamp="soon"), Gone(delivery_id=7, event="app_uninstalled", code="Unregistered")),
        (400, {}, said("BadDeviceToken"), Gone(delivery_id=7, code="BadDeviceToken")),
        (400, {}, said("DeviceTokenNotForTopic"), Gone(delivery_id=7, code="DeviceTokenNotForTopic")),
        (400, {}, said("PayloadEmpty"), Permanent(delivery_id=7, fault="content", code="PayloadEmpty")),
        (413, {}, said("PayloadTooLarge"), Permanent(delivery_id=7, fault="content", code="PayloadTooLarge")),
        (400, {}, said("BadTopic"), Permanent(delivery_id=7, fault="sender", code="BadTopic")),
        (403, {}, said("InvalidProviderToken"), Permanent(delivery_id=7, fault="sender", code="InvalidProviderToken")),
        (403, {}, said("ExpiredProviderToken"), Permanent(delivery_id=7, fault="sender", code="ExpiredProviderToken")),
        (403, {}, said("BadEnvironmentKeyIdInToken"), Permanent(delivery_id=7, fault="sender", code="BadEnvironmentKeyIdInToken")),
        (429, {}, said("TooManyRequests"), Retry(delivery_id=7, after=0, scope="recipient", code="TooManyRequests")),
        (429, {}, said("TooManyProviderTokenUpdates"), Retry(delivery_id=7, after=0, scope="sender", code="TooManyProviderTokenUpdates")),
        (503, {"retry-after": "15"}, said("ServiceUnavailable"), Retry(delivery_id=7, after=15, scope="sender", code="ServiceUnavailable")),
        (503, {}, said("Shutdown"), Retry(delivery_id=7, after=0, scope="sender", code="Shutdown")),
        (500, {}, said("InternalServerError"), Retry(delivery_id=7, after=0, scope="recipient", code="InternalServerError")),
        (404, {}, b"", Permanent(delivery_id=7, fault="sender", code="404")),
    ],
)  # fmt: skip
def test_what_an_answer_means(carrier, outgoing, now, status, headers, body, result):
    response = HttpResponse(status=status, headers=headers, body=body)
    assert carrier().read_response([outgoing("apns")], response, now) == [result]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.integers(100, 999),
    st.binary(max_size=20)
    | st.fixed_dictionaries(
        {},
        optional={
            "reason": st.none() | st.integers() | st.text(max_size=5) | st.lists(st.text(), max_size=2),
            "timestamp": st.none() | st.integers() | st.floats() | st.booleans(),
        },
    ).map(lambda one: json.dumps(one).encode()),
)
def test_whatever_apple_answers_there_is_one_result(carrier, outgoing, now, status, body):
    [result] = carrier().read_response([outgoing("apns")], HttpResponse(status=status, body=body), now)
    assert flaw(result) is None
