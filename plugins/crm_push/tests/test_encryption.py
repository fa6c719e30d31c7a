"""Messages are encrypted as RFC 8291 says, the same each time, and never two under one key."""

from __future__ import annotations

import base64

import http_ece
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pywebpush import WebPusher

from crm_push.address import Subscription, subscribed, subscription, unpacked
from crm_push.encryption import MAX_BODY, MAX_PLAIN, encrypted, sealed
from crm_push.signing import private_key
from crm_push.vapid import new_keys, public_key
from crmcore.errors import InvalidIdentity

#: RFC 8291, section 5 and appendix A.
SENDER = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
RECEIVER = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
SALT = "DGv6ra1nlYgDCS1FRnbzlw"
PLAIN = b"When I grow up, I want to be a watermelon"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl"
    "7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
SECRET = unpacked(SENDER)


def browser(private=RECEIVER, endpoint="https://push.example.net/p/1"):
    keys = {"p256dh": public_key(private), "auth": AUTH}
    return subscribed(subscription({"endpoint": endpoint, "keys": keys}))


def decrypted(body, private=RECEIVER):
    key = private_key(private, "browser")
    return http_ece.decrypt(body, private_key=key, auth_secret=unpacked(AUTH), version="aes128gcm")


def test_the_vector_of_the_rfc():
    assert sealed(PLAIN, browser(), private_key(SENDER, "sender"), unpacked(SALT)) == unpacked(BODY)


@settings(max_examples=25)
@given(st.binary(max_size=MAX_PLAIN))
def test_another_implementation_reads_what_we_write(plain):
    private = new_keys().private
    assert decrypted(encrypted(plain, browser(private), "k1", SECRET), private) == plain


def test_what_pywebpush_writes_is_as_long_and_is_read_by_the_same_reader():
    given = {"endpoint": "https://push.example.net/p/1", "keys": {"p256dh": public_key(RECEIVER), "auth": AUTH}}
    theirs = WebPusher(given).encode(PLAIN, content_encoding="aes128gcm")["body"]
    ours = encrypted(PLAIN, browser(), "k1", SECRET)
    assert len(theirs) == len(ours)
    assert decrypted(theirs) == decrypted(ours) == PLAIN


def test_our_salt_and_key_give_what_http_ece_gives_for_them():
    ours = encrypted(PLAIN, browser(), "k1", SECRET)
    salt, public = ours[:16], ours[21:86]
    theirs = http_ece.encrypt(
        PLAIN,
        salt=unpacked(SALT),
        private_key=private_key(SENDER, "sender"),
        dh=browser().key,
        auth_secret=unpacked(AUTH),
        version="aes128gcm",
    )
    assert theirs == unpacked(BODY)
    assert (len(salt), public[0]) == (16, 4)


def test_the_largest_message_fills_a_body_to_the_byte():
    assert MAX_PLAIN == 3993
    assert len(encrypted(b"x" * MAX_PLAIN, browser(), "k1", SECRET)) == MAX_BODY == 4096


def test_the_same_message_is_the_same_on_the_wire():
    assert encrypted(PLAIN, browser(), "k1", SECRET) == encrypted(PLAIN, browser(), "k1", SECRET)


@pytest.mark.parametrize(
    "other",
    [
        (PLAIN + b"!", browser(), "k1", SECRET),
        (PLAIN, browser(endpoint="https://push.example.net/p/2"), "k1", SECRET),
        (PLAIN, browser(SENDER), "k1", SECRET),
        (PLAIN, Subscription(endpoint=browser().endpoint, key=browser().key, auth=b"a" * 16), "k1", SECRET),
        (PLAIN, browser(), "k2", SECRET),
        (PLAIN, browser(), "k1", SECRET[::-1]),
    ],
    ids=["text", "endpoint", "key", "auth", "message", "secret"],
)
def test_messages_that_differ_in_anything_have_another_salt_and_another_key(other):
    one, two = encrypted(PLAIN, browser(), "k1", SECRET), encrypted(*other)
    assert one[:16] != two[:16]
    assert one[21:86] != two[21:86]


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.text(max_size=3), st.binary(max_size=3)), min_size=2, max_size=5, unique=True))
def test_no_two_messages_share_a_salt(messages):
    salts = [encrypted(plain, browser(), key, SECRET)[:16] for key, plain in messages]
    assert len(set(salts)) == len(messages)


def test_a_key_that_is_no_point_of_the_curve_is_refused_and_not_shown():
    broken = Subscription(endpoint="https://push.example.net/p/1", key=b"\x04" + b"\x01" * 64, auth=b"a" * 16)
    with pytest.raises(InvalidIdentity, match="no point of P-256") as refused:
        encrypted(PLAIN, broken, "k1", SECRET)
    assert base64.urlsafe_b64encode(broken.key).decode().rstrip("=") not in str(refused.value)
