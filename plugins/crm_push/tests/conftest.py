"""What the tests share: keys, a browser that has subscribed, and messages as the channel renders them."""

from __future__ import annotations

import json
from functools import cache

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from crm_push import subscription
from crm_push.address import text, unpacked
from crm_push.channel import Push
from crm_push.settings import PushSettings
from crm_push.signing import private_key
from crm_push.vapid import new_keys, public_key
from crmcore.hooks.channel import Draft, Rendered
from crmcore.hooks.provider import Outgoing
from crmcore.model.identity import Identity
from crmcore.model.purpose import MessageClass
from crmcore.model.template import Template

#: 2026-11-26 12:00 UTC, in microseconds.
NOW = 1_795_694_400_000_000
#: Keys of the RFC: nobody has to keep them.
PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"
BROWSER = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
ENDPOINT = "https://push.example.net/p/1"
ADDRESSES = {
    "webpush": {"endpoint": ENDPOINT, "keys": {"p256dh": public_key(BROWSER), "auth": AUTH}},
    "fcm": "token-of-a-phone:APA91bHPRgkF3JUikC4ENAHEeMrd41Zxv3hVZjC9KtT8OvPVGJ-hQ",
    "apns": "a1" * 32,
}


@pytest.fixture
def now():
    return NOW


def address_of(kind):
    return subscription(ADDRESSES[kind]) if kind == "webpush" else Identity(kind, ADDRESSES[kind])


@pytest.fixture
def address():
    """Return an address of a kind."""
    return address_of


@pytest.fixture
def keys():
    """Return how to make a browser's keys: public and private, as ECDH needs it."""

    def made():
        pair = new_keys()
        return pair.public, private_key(pair.private, "browser")

    return made


@pytest.fixture
def channel():
    return Push(PushSettings(kinds=frozenset(ADDRESSES)))


@pytest.fixture
def draft():
    def made(kind="webpush", key="0" * 32, **context):
        return Draft(delivery_id=7, address=address_of(kind), context=context, message_key=key, at=NOW)

    return made


@pytest.fixture
def rendered(channel, draft):
    """Render parts for one kind of address: a message, or why there is none."""

    def made(parts, kind="webpush", key="0" * 32, **context):
        whole = {"title": "Hello", "body": "There", **parts}
        template = channel.compile(Template(name="hello", channel="push", parts=whole))
        [answer] = channel.render(template, [draft(kind, key, **context)])
        return answer

    return made


@pytest.fixture
def outgoing(rendered):
    """Return a message as dispatch hands it over."""

    def made(kind, parts=None, *, deadline=None, key="0" * 32):
        message = rendered(parts or {}, kind, key)
        assert isinstance(message, Rendered), message
        return Outgoing(
            delivery_id=7,
            address=address_of(kind),
            body=message.body,
            message_key=key,
            message_class=MessageClass.MARKETING,
            deadline=deadline,
        )

    return made


@pytest.fixture
def browser():
    """Decrypt what has arrived, by an implementation that is not ours."""
    import http_ece

    def decrypted(body):
        key = private_key(BROWSER, "browser")
        return http_ece.decrypt(body, private_key=key, auth_secret=unpacked(AUTH), version="aes128gcm")

    return decrypted


@pytest.fixture
def vapid_key(tmp_path):
    """A reference to a file with the key of the RFC."""
    (tmp_path / "vapid.key").write_text(PRIVATE)
    return f"file:{tmp_path / 'vapid.key'}"


@cache
def _rsa():
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@cache
def _p8():
    key = ec.derive_private_key(int.from_bytes(unpacked(PRIVATE), "big"), ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture
def service_account(tmp_path):
    account = {
        "type": "service_account",
        "project_id": "shop-1",
        "client_email": "push@shop-1.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.example.net/token",
        "private_key": _rsa(),
        "private_key_id": "k1",
    }
    (tmp_path / "firebase.json").write_text(json.dumps(account))
    return f"file:{tmp_path / 'firebase.json'}"


@pytest.fixture
def p8(tmp_path):
    (tmp_path / "AuthKey.p8").write_text(_p8())
    return f"file:{tmp_path / 'AuthKey.p8'}"


@pytest.fixture
def base64url():
    return text
