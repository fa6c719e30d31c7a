"""Push services are told who sends: one token for each, renewed before it ends, and checked by somebody else's code."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from crm_push import vapid
from crm_push.address import unpacked
from crm_push.signing import private_key
from crm_push.vapid import Vapid, new_keys, public_key
from crmcore.errors import SettingsError
from crmcore.model.time import HOUR, SECOND

ORIGIN = "https://push.example.net"
PAIR = new_keys()


@pytest.fixture
def signer():
    return Vapid(private_key(PAIR.private, "vapid"), "mailto:push@shop.example")


def token(header):
    scheme, _, rest = header.partition(" ")
    parts = dict(one.strip().split("=", 1) for one in rest.split(","))
    return scheme, parts["t"], parts["k"]


def claims(header):
    return json.loads(unpacked(token(header)[1].split(".")[1]))


def test_the_token_says_for_whom_it_is_until_when_and_who_sends(signer, now):
    header = signer.authorization(ORIGIN, now)
    assert claims(header) == {"aud": ORIGIN, "exp": (now + 12 * HOUR) // SECOND, "sub": "mailto:push@shop.example"}


def test_the_token_is_signed_by_the_key_that_is_given_along(signer, now):
    scheme, jwt, key = token(signer.authorization(ORIGIN, now))
    head, body, signature = jwt.split(".")
    raw = unpacked(signature)
    der = utils.encode_dss_signature(int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big"))
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unpacked(key))
    public.verify(der, f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
    assert (scheme, key) == ("vapid", PAIR.public)
    assert json.loads(unpacked(head)) == {"alg": "ES256", "typ": "JWT"}


@pytest.mark.parametrize(("hours", "is_same"), [(0, True), (10.99, True), (11, False), (12, False), (30, False)])
def test_a_token_is_used_until_an_hour_before_it_ends(signer, now, hours, is_same):
    first = signer.authorization(ORIGIN, now)
    assert (signer.authorization(ORIGIN, now + round(hours * HOUR)) == first) is is_same


def test_a_clock_turned_back_gets_a_token_of_its_own(signer, now):
    signer.authorization(ORIGIN, now)
    earlier = now - 24 * HOUR
    assert claims(signer.authorization(ORIGIN, earlier))["exp"] == (earlier + 12 * HOUR) // SECOND


def test_each_push_service_has_its_own(signer, now):
    assert claims(signer.authorization("https://other.example", now))["aud"] == "https://other.example"


def test_made_up_push_services_do_not_fill_the_memory(signer, now, monkeypatch):
    monkeypatch.setattr(vapid, "MAX_ORIGINS", 3)
    for number in range(10):
        signer.authorization(f"https://{number}.example", now)
    assert len(signer._tokens) <= 3


def test_a_new_pair_fits_together_and_hides_its_secret():
    assert public_key(PAIR.private) == PAIR.public
    assert len(unpacked(PAIR.public)) == 65
    assert PAIR.private not in repr(PAIR)
    assert new_keys() != PAIR


def test_a_key_in_pem_is_the_same_key():
    pem = private_key(PAIR.private, "vapid").private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    assert public_key(pem.decode()) == PAIR.public


@pytest.mark.parametrize("given", ["", "no key", "AAAA", "A" * 43, "_" * 43, "-----BEGIN PRIVATE KEY-----\nAA=="])
def test_what_is_no_key_is_refused_and_not_shown(given):
    with pytest.raises(SettingsError, match=r"no private key of P-256") as refused:
        public_key(given)
    assert not given or given not in str(refused.value)
