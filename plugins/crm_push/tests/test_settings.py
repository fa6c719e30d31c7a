"""What crm.toml may say, what the plugin brings of it, and the files for browsers."""

from __future__ import annotations

import pytest

import crm_push
from crm_push.fcm import Fcm
from crm_push.settings import apns_settings, fcm_settings, push_settings, web_push_settings
from crmcore.errors import NotFound, SettingsError
from crmcore.hooks.setup import Setup
from crmcore.model.time import TurnedClock

WEB = {"private_key": "env:VAPID", "subject": "mailto:push@shop.example"}
FCM = {"service_account": "env:FIREBASE"}
APNS = {"key": "env:P8", "key_id": "K", "team_id": "T", "topic": "example.shop"}


def setup(**section):
    return Setup(clock=TurnedClock(0), settings={"channels": {"push": section}})


@pytest.mark.parametrize(
    ("section", "found"),
    [
        ({}, []),
        ({"webpush": WEB}, ["webpush"]),
        ({"fcm": FCM, "apns": APNS}, ["fcm", "apns"]),
        ({"webpush": WEB, "fcm": FCM, "apns": APNS}, ["webpush", "fcm", "apns"]),
    ],
)
def test_a_carrier_is_there_where_it_has_settings(section, found):
    providers = crm_push.providers(setup(**section))
    assert [one.name for one in providers] == found
    assert all(one.carriage.address_kinds == {one.name} for one in providers)


@pytest.mark.parametrize("wrong", [{"keyy": "env:P8"}, {"key": ""}, {"environment": "staging"}], ids=str)
def test_a_carrier_whose_settings_are_wrong_says_so_when_it_is_opened_and_the_others_carry(wrong):
    given = setup(fcm=FCM, apns={**APNS, **wrong})
    fcm, apns = crm_push.providers(given)
    assert isinstance(fcm, Fcm)
    assert apns.carriage.address_kinds == {"apns"}
    with pytest.raises(SettingsError, match=rf"{next(iter(wrong))}.*\[channels.push.apns\]"):
        apns.open()


def test_the_channel_is_there_whatever_is_wrong_with_a_carrier():
    [channel] = crm_push.channels(setup(webpush={"subject": 1}, fcm=FCM))
    assert channel.capabilities.address_kinds == {"webpush", "fcm"}


def test_no_secret_is_read_before_it_is_needed():
    [channel] = crm_push.channels(setup(webpush=WEB, fcm=FCM, apns=APNS))
    assert channel.capabilities.address_kinds == {"webpush", "fcm", "apns"}


@pytest.mark.parametrize(
    ("read", "section", "problem"),
    [
        (push_settings, {"webpuhs": {}}, "did you mean webpush?"),
        (push_settings, {"zzz": 1}, "known are apns, fcm, provider, ttl, webpush"),
        (push_settings, {"ttl": "5w"}, "no time from 0s to 4w"),
        (push_settings, {"ttl": True}, "no time from 0s to 4w"),
        (web_push_settings, {"webpush": 1}, "no table"),
        (web_push_settings, {"webpush": {}}, "'private_key'.*missing"),
        (web_push_settings, {"webpush": {**WEB, "subject": "shop"}}, "neither mailto:ADDRESS nor"),
        (web_push_settings, {"webpush": {**WEB, "report_url": "shop"}}, "no URL"),
        (web_push_settings, {"webpush": {**WEB, "private_kee": "x"}}, "did you mean private_key?"),
        (web_push_settings, {"webpush": {**WEB, "subject": 1}}, "1 is no text"),
        (fcm_settings, {"fcm": {}}, "'service_account'.*missing"),
        (fcm_settings, {"fcm": {**FCM, "dry_run": "maybe"}}, "neither true nor false"),
        (fcm_settings, {"fcm": {**FCM, "url": "ftp://x"}}, "no URL"),
        (apns_settings, {"apns": {**APNS, "environment": "staging"}}, "none of production, sandbox"),
        (apns_settings, {"apns": {**APNS, "topic": ""}}, "'topic'.*missing"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(read, section, problem):
    with pytest.raises(SettingsError, match=problem):
        read(section)


@pytest.mark.parametrize(
    ("said", "means"), [(True, True), ("true", True), ("1", True), ("false", False), (False, False)]
)
def test_a_truth_may_come_from_the_environment(said, means):
    assert fcm_settings({"fcm": {**FCM, "dry_run": said}}).dry_run is means


@pytest.mark.parametrize(("said", "seconds"), [(60, 60), ("60", 60), ("1d", 86400)])
def test_how_long_messages_are_kept(said, seconds):
    assert push_settings({"ttl": said}).ttl == seconds


@pytest.mark.parametrize("name", ["crm-push.js", "crm-push-worker.js"])
def test_the_files_for_browsers_come_with_the_package(name):
    assert "crm-push" in crm_push.browser_file(name)


@pytest.mark.parametrize("name", ["", "../__init__.py", "crm-push.css"])
def test_no_other_file_is_given_out(name):
    with pytest.raises(NotFound):
        crm_push.browser_file(name)
