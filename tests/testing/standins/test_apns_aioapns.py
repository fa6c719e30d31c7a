"""aioapns, an APNs client that is not ours, works with the stand-in unchanged but for host, port and authority."""

from __future__ import annotations

import asyncio

import aioapns
import pytest
from aioapns.connection import APNsDevelopmentClientProtocol
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from crmcore.testing.standins.apns import Apns, Gone, SigningKey
from crmcore.testing.standins.app import StandIns
from crmcore.testing.standins.certificates import authority
from crmcore.testing.standins.serving import served

TOPIC, PHONE = "com.example.shop", "a1" * 32
ALERT = {"aps": {"alert": {"title": "Hello", "body": "Anna"}}}


@pytest.fixture(scope="module")
def trusted():
    with authority() as made:
        yield made


@pytest.fixture(scope="module")
def key():
    return ec.generate_private_key(ec.SECP256R1())


@pytest.fixture
def apns(key):
    return Apns(keys={"KEY4711000": SigningKey(team="TEAM471100", public=key.public_key())})


@pytest.fixture
def server(apns, trusted):
    with served(StandIns(apns), protocol="h2", authority=trusted) as one:
        yield one


@pytest.fixture
def send(key, server, trusted, monkeypatch):
    monkeypatch.setattr(APNsDevelopmentClientProtocol, "APNS_SERVER", server.host)
    monkeypatch.setattr(APNsDevelopmentClientProtocol, "APNS_PORT", server.port)
    form = serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()

    async def sent(requests, options):
        given = {"key": pem, "key_id": "KEY4711000", "team_id": "TEAM471100", "topic": TOPIC, "use_sandbox": True}
        client = aioapns.APNs(ssl_context=trusted.client_context(), **(given | options))
        try:
            return await asyncio.gather(*(client.send_notification(one) for one in requests))
        finally:
            client.pool.close()
            await asyncio.sleep(0.01)

    return lambda *requests, **options: asyncio.run(sent(requests, options))


def request(token=PHONE, message=ALERT, **options):
    return aioapns.NotificationRequest(device_token=token, message=message, **options)


def test_a_notification_is_taken_with_its_headers(send, apns):
    one = request(time_to_live=60, priority=5, collapse_key="k", push_type=aioapns.PushType.ALERT)
    [result] = send(one)
    [taken] = apns.notifications
    assert result.is_successful
    assert (taken.apns_id, taken.token) == (one.notification_id, PHONE)
    assert (taken.headers["apns-priority"], taken.headers["apns-collapse-id"]) == ("5", "k")


def test_many_go_at_once_over_one_connection(send, apns, server):
    results = send(*(request() for _ in range(50)), max_connections=1)
    assert all(one.is_successful for one in results)
    assert {one.apns_id for one in apns.notifications} == {one.notification_id for one in results}


def test_a_device_token_that_is_gone_comes_with_the_time(send, apns):
    apns.gone[PHONE] = Gone(at=1_700_000_000_123_456)
    [result] = send(request())
    assert (result.status, result.description, result.timestamp) == ("410", "Unregistered", 1_700_000_000_123)


@pytest.mark.parametrize(
    ("one", "status", "reason"),
    [
        (request(token="not-hex"), "400", "BadDeviceToken"),
        (request(apns_topic="com.example.other"), "400", "TopicDisallowed"),
        (request(message={"aps": {"alert": "x" * 4096}}), "413", "PayloadTooLarge"),
        (request(collapse_key="k" * 65), "400", "BadCollapseId"),
        (request(priority=7), "400", "BadPriority"),
        (request(priority=10, push_type=aioapns.PushType.BACKGROUND), "400", "BadPriority"),
        (request(notification_id="no-uuid"), "400", "BadMessageId"),
        (request(time_to_live=-(10**10)), "400", "BadExpirationDate"),
    ],
)
def test_what_is_not_as_documented_is_refused_by_its_reason(send, apns, one, status, reason):
    [result] = send(one)
    assert (result.status, result.description) == (status, reason)
    assert apns.notifications == []


@pytest.mark.parametrize(
    ("reason", "status"), [("TooManyRequests", "429"), ("Shutdown", "503"), ("DeviceTokenNotForTopic", "400")]
)
def test_reasons_come_on_demand(send, apns, reason, status):
    apns.script = lambda token: reason
    [result] = send(request())
    assert (result.status, result.description) == (status, reason)


def test_a_provider_token_of_another_team_is_refused(send):
    [result] = send(request(), team_id="SOMEBODY00")
    assert (result.status, result.description) == ("403", "InvalidProviderToken")
