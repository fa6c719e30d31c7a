"""Firebase: the token, the request, and what its answers mean."""

from __future__ import annotations

import json
import logging
from urllib.parse import parse_qs

import pytest
from google.auth import jwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_push.fcm import Fcm
from crm_push.settings import fcm_settings
from crmcore.errors import SettingsError
from crmcore.hooks.provider import Accepted, Gone, HttpResponse, InDoubt, Permanent, Retry
from crmcore.model.time import SECOND
from crmcore.testing.answers import flaw

NAME = "projects/shop-1/messages/0:1"
FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"
QUOTA = "type.googleapis.com/google.rpc.QuotaFailure"


@pytest.fixture
def carrier(service_account):
    def made(**given):
        return Fcm(fcm_settings({"fcm": {"service_account": service_account, **given}}))

    return made


def granted(token="ya29.t-1", lasts=3600):
    return HttpResponse(status=200, body=json.dumps({"access_token": token, "expires_in": lasts}).encode())


def failure(http, status, code=None, fields=(), quota=()):
    """Return an error as Firebase writes it."""
    details = [{"@type": FCM_ERROR, "errorCode": code}] if code else []
    details += [{"@type": BAD_REQUEST, "fieldViolations": [{"field": one} for one in fields]}] if fields else []
    details += (
        [{"@type": QUOTA, "violations": [{"subject": "x", "description": one} for one in quota]}] if quota else []
    )
    error = {"code": http, "message": "words", "status": status, "details": details}
    return json.dumps({"error": error}).encode()


# -- the token ---------------------------------------------------------------------------------------------------------


def test_the_assertion_is_signed_for_the_token_endpoint_and_the_scope_of_messages(carrier, service_account, now):
    asked = carrier().token_request(now)
    form = parse_qs(asked.body.decode())
    claims = jwt.decode(form["assertion"][0], verify=False)
    assert asked.url == claims["aud"] == "https://oauth2.example.net/token"
    assert form["grant_type"] == ["urn:ietf:params:oauth:grant-type:jwt-bearer"]
    assert claims["iss"] == "push@shop-1.iam.gserviceaccount.com"
    assert claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
    assert claims["exp"] - claims["iat"] == 3600
    assert claims["iat"] == now // SECOND


@pytest.mark.parametrize(("seconds", "is_asked"), [(0, False), (3299, False), (3300, True), (4000, True)])
def test_a_token_is_asked_for_five_minutes_before_it_ends(carrier, now, seconds, is_asked):
    one = carrier()
    assert one.take_token(granted(), now) == ""
    assert (one.token_request(now + seconds * SECOND) is not None) is is_asked


@pytest.mark.parametrize(
    ("response", "why"),
    [
        (HttpResponse(status=400, body=b'{"error": "invalid_grant"}'), "the token endpoint answered 400 invalid_grant"),
        (HttpResponse(status=503, body=b"<html>"), "the token endpoint answered 503"),
        (HttpResponse(status=200, body=b"{}"), "the token endpoint answered 200"),
        (HttpResponse(status=200, body=b'{"access_token": "a\\r\\nb"}'), "the token endpoint answered 200"),
        (HttpResponse(status=200, body=b'{"access_token": 1}'), "the token endpoint answered 200"),
    ],
)
def test_where_there_is_no_token_it_is_said_why(carrier, now, response, why):
    one = carrier()
    assert one.take_token(response, now) == why
    assert one.token_request(now) is not None


@pytest.mark.parametrize("lasts", [None, "3600", 0, -1, 10**9, True])
def test_a_token_of_no_certain_life_is_taken_for_an_hours(carrier, now, lasts):
    one = carrier()
    one.take_token(granted(lasts=lasts), now)
    assert one.token_request(now + 3299 * SECOND) is None
    assert one.token_request(now + 3300 * SECOND) is not None


@pytest.mark.parametrize(
    ("body", "is_dropped"),
    [
        (failure(401, "UNAUTHENTICATED"), True),
        (b"", True),
        (failure(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), False),
    ],
)
def test_a_token_that_is_refused_is_used_no_more(carrier, outgoing, now, body, is_dropped):
    one = carrier()
    one.take_token(granted(), now)
    one.read_response([outgoing("fcm")], HttpResponse(status=401, body=body), now)
    assert (one.token_request(now) is not None) is is_dropped


def test_an_empty_service_account_is_said_to_be_empty(tmp_path, now):
    (tmp_path / "no.json").write_text("")
    one = Fcm(fcm_settings({"fcm": {"service_account": f"file:{tmp_path / 'no.json'}"}}))
    with pytest.raises(SettingsError, match=r"channels\.push\.fcm\.service_account.*is empty"):
        one.token_request(now)


@pytest.mark.parametrize("account", ["[]", "{}", '{"client_email": "a", "private_key": "x", "token_uri": "u"}'])
def test_what_is_no_service_account_is_refused_and_not_shown(tmp_path, now, account):
    (tmp_path / "no.json").write_text(account)
    one = Fcm(fcm_settings({"fcm": {"service_account": f"file:{tmp_path / 'no.json'}"}}))
    with pytest.raises(SettingsError, match="no service account of Firebase"):
        one.token_request(now)


def test_the_secrets_are_nowhere_to_be_read(carrier, outgoing, now, caplog):
    caplog.set_level(logging.DEBUG)
    one = carrier()
    asked = one.token_request(now)
    one.take_token(granted(), now)
    made = one.build_request([outgoing("fcm")], now)
    seen = " ".join([repr(one), repr(asked), repr(made), repr(one._account), caplog.text])
    assert "ya29" not in seen
    assert "PRIVATE KEY" not in seen


# -- the request -------------------------------------------------------------------------------------------------------


@pytest.fixture
def sent(carrier, outgoing, now):
    def made(parts=None, deadline=None, **given):
        one = carrier(**given)
        one.take_token(granted(), now)
        return one.build_request([outgoing("fcm", parts, deadline=deadline)], now)

    return made


def test_the_request_carries_the_token_to_the_project(sent):
    made = sent()
    assert made.url == "https://fcm.googleapis.com/v1/projects/shop-1/messages:send"
    assert made.headers["authorization"] == "Bearer ya29.t-1"
    assert not made.is_guarded


def test_the_message_in_the_form_of_http_v1(sent, address):
    made = json.loads(
        sent(
            {"url": "shop://p/1", "data": "a: 1", "image": "https://x/i", "count": "2", "urgency": "high", "ttl": "60"}
        ).body
    )
    message = made["message"]
    tag = message["android"]["collapse_key"]
    assert made == {
        "message": {
            "token": address("fcm").value,
            "notification": {"title": "Hello", "body": "There", "image": "https://x/i"},
            "data": {"a": "1", "url": "shop://p/1"},
            "android": {
                "ttl": "60s",
                "priority": "HIGH",
                "collapse_key": tag,
                "notification": {"tag": tag, "notification_count": 2},
            },
        }
    }


def test_a_dry_run_is_firebases_own(sent):
    assert json.loads(sent(dry_run=True).body)["validate_only"] is True


def test_a_project_that_is_set_outweighs_that_of_the_account(sent):
    assert "/projects/other/" in sent(project="other").url


@pytest.mark.parametrize(("left", "ttl"), [(None, "3600s"), (7200, "3600s"), (60, "60s"), (-1, "0s")])
def test_nothing_is_kept_beyond_its_deadline(sent, now, left, ttl):
    deadline = None if left is None else now + left * SECOND
    assert json.loads(sent({"ttl": "1h"}, deadline).body)["message"]["android"]["ttl"] == ttl


# -- the answers -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "headers", "body", "result"),
    [
        (200, {}, json.dumps({"name": NAME}).encode(), Accepted(delivery_id=7, provider_id=NAME)),
        (200, {}, b"<html>", InDoubt(delivery_id=7, evidence="an answer 200 that names no message")),
        (404, {}, failure(404, "NOT_FOUND", "UNREGISTERED"), Gone(delivery_id=7, event="app_uninstalled", code="UNREGISTERED")),
        (400, {}, failure(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", ["message.token"]), Gone(delivery_id=7, code="INVALID_ARGUMENT")),
        (400, {}, failure(400, "INVALID_ARGUMENT", "INVALID_ARGUMENT", ["message.data[0].value"]), Permanent(delivery_id=7, fault="content", code="INVALID_ARGUMENT", text="message.data[0].value")),
        (400, {}, failure(400, "INVALID_ARGUMENT"), Permanent(delivery_id=7, fault="content", code="INVALID_ARGUMENT")),
        (403, {}, failure(403, "PERMISSION_DENIED", "SENDER_ID_MISMATCH"), Permanent(delivery_id=7, fault="sender", code="SENDER_ID_MISMATCH")),
        (403, {}, failure(403, "PERMISSION_DENIED"), Permanent(delivery_id=7, fault="sender", code="PERMISSION_DENIED")),
        (404, {}, failure(404, "NOT_FOUND"), Permanent(delivery_id=7, fault="sender", code="NOT_FOUND")),
        (401, {}, failure(401, "UNAUTHENTICATED", "THIRD_PARTY_AUTH_ERROR"), Permanent(delivery_id=7, fault="sender", code="THIRD_PARTY_AUTH_ERROR")),
        (401, {}, b"", Permanent(delivery_id=7, fault="sender", code="401")),
        (429, {"retry-after": "90"}, failure(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), Retry(delivery_id=7, after=90, scope="sender", code="QUOTA_EXCEEDED")),
        (429, {}, failure(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED"), Retry(delivery_id=7, after=60, scope="sender", code="QUOTA_EXCEEDED")),
        (429, {}, failure(429, "RESOURCE_EXHAUSTED", "QUOTA_EXCEEDED", quota=["Device message rate exceeded"]), Retry(delivery_id=7, after=60, scope="recipient", code="QUOTA_EXCEEDED")),
        (503, {"retry-after": "30"}, failure(503, "UNAVAILABLE", "UNAVAILABLE"), Retry(delivery_id=7, after=30, scope="sender", code="UNAVAILABLE")),
        (500, {}, failure(500, "INTERNAL", "INTERNAL"), Retry(delivery_id=7, after=0, scope="recipient", code="INTERNAL")),
        (413, {}, b"", Permanent(delivery_id=7, fault="content", code="413")),
    ],
)  # fmt: skip
def test_what_an_answer_means(carrier, outgoing, now, status, headers, body, result):
    response = HttpResponse(status=status, headers=headers, body=body)
    assert carrier().read_response([outgoing("fcm")], response, now) == [result]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda of: (
        st.lists(of, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["error", "details", "errorCode", "fieldViolations", "violations", "field", "status", "name"]
            ),
            of,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(100, 999), JSON | st.binary(max_size=20), st.text(max_size=20))
def test_whatever_firebase_answers_there_is_one_result(carrier, outgoing, now, status, said, pause):
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    one = carrier()
    response = HttpResponse(status=status, headers={"retry-after": pause}, body=body)
    [result] = one.read_response([outgoing("fcm")], response, now)
    assert flaw(result) is None
    one.take_token(response, now)
