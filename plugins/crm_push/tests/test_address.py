"""Addresses: what a browser, Firebase and Apple give, in one form each."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm_push import subscription
from crm_push.address import normal, subscribed
from crmcore.errors import InvalidIdentity
from crmcore.model.identity import Identity, identity

ENDPOINT = "https://updates.push.example.net/wpush/v2/gAAAA"
KEY = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
GIVEN = {"endpoint": ENDPOINT, "expirationTime": None, "keys": {"p256dh": KEY, "auth": AUTH}}
FCM = "cBz0wU_KQ7:APA91bHPRgkF3JUikC4ENAHEeMrd41Zxv3hVZjC9KtT8OvPVGJ-hQ"


@pytest.mark.parametrize("given", [GIVEN, json.dumps(GIVEN)], ids=["parsed", "JSON"])
def test_a_subscription_is_one_address(given):
    assert subscription(given) == Identity("webpush", f"{ENDPOINT} {KEY} {AUTH}")


def test_the_core_takes_the_address_as_it_is():
    made = subscription(GIVEN)
    assert identity(made.kind, made.value) == made


def test_either_alphabet_of_base64_padded_or_not_is_the_same_address():
    padded = {"p256dh": KEY.replace("-", "+").replace("_", "/") + "=", "auth": AUTH + "=="}
    assert subscription({"endpoint": ENDPOINT, "keys": padded}) == subscription(GIVEN)


def test_its_push_service_is_known_by_scheme_host_and_port():
    made = subscription({**GIVEN, "endpoint": "https://push.example.net:8443/x"})
    assert subscribed(made).origin == "https://push.example.net:8443"


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ("not json", "no JSON object"),
        ("[]", "no JSON object"),
        ("[" * 100_000, "no JSON object"),
        ({}, "needs endpoint"),
        ({"endpoint": ENDPOINT, "keys": None}, "needs endpoint"),
        ({"endpoint": 1, "keys": GIVEN["keys"]}, "needs endpoint"),
        ({**GIVEN, "endpoint": "http://push.example.net/x"}, "no https URL"),
        ({**GIVEN, "endpoint": "https://user@push.example.net/x"}, "no https URL"),
        ({**GIVEN, "endpoint": "https://[push/x"}, "no https URL"),
        ({**GIVEN, "endpoint": "https://push.example.net/\x1f"}, "no https URL"),
        ({**GIVEN, "endpoint": "https://push.example.net/é"}, "no https URL"),
        ({**GIVEN, "endpoint": "https://push.example.net/a b"}, "one blank between"),
        ({**GIVEN, "endpoint": "https://push.example.net/" + "a" * 2000}, "2,048 bytes"),
        ({"endpoint": ENDPOINT, "keys": {"p256dh": "%%", "auth": AUTH}}, "no base64url"),
        ({"endpoint": ENDPOINT, "keys": {"p256dh": AUTH, "auth": AUTH}}, "16 bytes, 65 are needed"),
        ({"endpoint": ENDPOINT, "keys": {"p256dh": "C" + KEY[1:], "auth": AUTH}}, "no uncompressed point"),
        ({"endpoint": ENDPOINT, "keys": {"p256dh": KEY, "auth": KEY}}, "65 bytes, 16 are needed"),
    ],
)
def test_what_is_no_subscription_is_refused(given, problem):
    with pytest.raises(InvalidIdentity, match=problem):
        subscription(given)


def test_a_refusal_does_not_show_the_address():
    with pytest.raises(InvalidIdentity) as refused:
        subscription({**GIVEN, "keys": {"p256dh": KEY, "auth": "short"}})
    assert ENDPOINT not in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "value", "normal_form"),
    [("fcm", FCM, FCM), ("apns", "A1" * 32, "a1" * 32), ("apns", "0f" * 80, "0f" * 80)],
)
def test_tokens_have_a_normal_form(kind, value, normal_form):
    assert normal(Identity(kind, value)).value == normal_form


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("fcm", "short"),
        ("fcm", FCM + "/../x"),
        ("fcm", FCM + "\n"),
        ("apns", "a1" * 31),
        ("apns", "a1" * 32 + "a"),
        ("apns", "g1" * 32),
        ("apns", "a1" * 32 + "?x"),
        ("email", "ada@example.com"),
    ],
)
def test_what_is_no_token_is_refused(kind, value):
    with pytest.raises(InvalidIdentity):
        normal(Identity(kind, value))


@given(st.sampled_from(["webpush", "fcm", "apns"]), st.text())
def test_whatever_the_text_it_is_an_address_or_refused(kind, value):
    try:
        made = normal(Identity(kind, value))
    except InvalidIdentity:
        return
    assert normal(made) == made
