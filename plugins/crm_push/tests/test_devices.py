"""Devices come in by `identify` in the form that their carrier gives them, or they do not come in."""

from __future__ import annotations

import pytest

import crm_push
from crmcore import CRM
from crmcore.errors import InvalidIdentity
from crmcore.loader import installed

TOKEN = "0a1b" * 16
FIREBASE = "cQzXw1:APA91bE_token-of-Firebase"


@pytest.fixture
def crm(tmp_path):
    with CRM(str(tmp_path / "shop.db"), plugins={"crm_push": crm_push}, blocked=installed()) as made:
        yield made


def devices(crm, who="ada"):
    return {(one.kind, one.value) for one in crm.customer(who).identities if one.kind != "key"}


@pytest.mark.parametrize(
    ("kind", "value", "problem"),
    [
        ("apns", "undefined", "no device token of Apple"),
        ("apns", TOKEN[:-1], "no device token of Apple"),
        ("fcm", "null", "no registration token of Firebase"),
        ("fcm", "a token with blanks", "no registration token of Firebase"),
        ("webpush", "https://push.example/1", "not ENDPOINT P256DH AUTH"),
    ],
)
def test_what_is_no_device_does_not_come_in(crm, kind, value, problem):
    with pytest.raises(InvalidIdentity, match=problem):
        crm.identify({"key": "ada", kind: value})
    crm.identify("ada")
    assert devices(crm) == set()


def test_a_token_is_the_same_however_it_is_written(crm):
    crm.identify({"key": "ada", "apns": TOKEN.upper(), "fcm": FIREBASE})
    crm.track("app_opened", {"apns": TOKEN})
    assert devices(crm) == {("apns", TOKEN), ("fcm", FIREBASE)}
    assert [one.name for one in crm.timeline("ada")] == ["app_opened"]
    crm.identify("ada", removed={"apns": TOKEN.upper()})
    assert [(one.kind, one.value) for one in crm.customer("ada").removed] == [("apns", TOKEN)]


def test_a_host_is_told_inside_its_own_transaction(crm):
    with crm._opened.engine.begin() as connection, pytest.raises(InvalidIdentity):
        crm.using(connection).identify({"key": "ada", "fcm": "null"})


def test_what_is_no_device_may_be_taken_away(crm):
    crm.identify("ada", removed={"fcm": "null"})
    assert devices(crm) == set()
