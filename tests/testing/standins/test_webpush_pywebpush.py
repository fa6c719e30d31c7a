"""pywebpush, a sender that is not ours, is understood by the stand-in: what it encrypts can be read, and what it signs fits."""

from __future__ import annotations

import pytest
from py_vapid import Vapid02
from pywebpush import WebPushException, webpush

from crmcore.testing.standins.app import StandIns
from crmcore.testing.standins.jws import decoded
from crmcore.testing.standins.serving import served
from crmcore.testing.standins.webpush import PushService, Subscription


@pytest.fixture
def service():
    one = PushService()
    with served(StandIns(one)) as server:
        one.origin = server.url
        yield one


@pytest.fixture(scope="module")
def vapid():
    made = Vapid02()
    made.generate_keys()
    return made


def push(vapid, subscription, text="Hello Anna", claims=None, **options):
    claims = {"sub": "mailto:shop@example.com"} if claims is None else claims
    given = {"ttl": 60, "timeout": 5} | options
    return webpush(subscription.as_json(), text, vapid_private_key=vapid, vapid_claims=claims, **given)


def test_what_was_encrypted_is_what_the_browser_reads(service, vapid):
    anna = service.subscribe("anna")
    answer = push(vapid, anna)
    [message] = service.collect("anna")
    assert (answer.status_code, answer.headers["Location"]) == (201, f"{service.origin}/message/1")
    assert anna.opened(message.body) == b"Hello Anna"


def test_it_is_for_nobody_else(service, vapid):
    anna, ben = service.subscribe("anna"), service.subscribe("ben")
    push(vapid, anna)
    with pytest.raises(ValueError, match="somebody else"):
        ben.opened(service.pushes[0].body)


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"headers": {"Topic": "t" * 33}}, 400),
        ({"headers": {"Urgency": "at once"}}, 400),
        ({"text": "x" * 4096}, 413),
        ({"claims": {"sub": "mailto:shop@example.com", "aud": "https://elsewhere.example"}}, 403),
        ({"claims": {"sub": "mailto:shop@example.com", "exp": 9_999_999_999}}, 403),
        ({"claims": {}}, 401),
    ],
)
def test_what_is_not_as_the_rfcs_have_it_is_refused(service, vapid, options, status):
    with pytest.raises(WebPushException) as refused:
        push(vapid, service.subscribe("anna"), **options)
    assert (refused.value.status_code, service.pushes) == (status, [])


def test_a_subscription_tied_to_a_key_takes_no_other(service, vapid):
    other = Vapid02()
    other.generate_keys()
    anna = service.subscribe("anna", key=webpush_key(vapid))
    push(vapid, anna)
    with pytest.raises(WebPushException) as refused:
        push(other, anna)
    assert refused.value.status_code == 403


def webpush_key(vapid):
    header = vapid.sign({"sub": "mailto:shop@example.com", "aud": "https://x.example"})["Authorization"]
    key = header.partition("k=")[2]
    assert len(decoded(key)) == 65
    return key


@pytest.mark.parametrize("status", [404, 410])
def test_a_subscription_that_has_ended_is_gone(service, vapid, status):
    anna = service.subscribe("anna")
    service.unsubscribe("anna", status)
    with pytest.raises(WebPushException) as refused:
        push(vapid, anna)
    assert refused.value.status_code == status


def test_too_many_come_with_the_time_to_wait(service, vapid):
    with pytest.raises(WebPushException) as refused:
        push(vapid, service.subscribe("error-429-anna"))
    assert (refused.value.status_code, refused.value.response.headers["Retry-After"]) == (429, "60")


def test_a_topic_replaces_what_waits_and_no_lifetime_waits_for_nobody(service, vapid):
    anna = service.subscribe("anna")
    push(vapid, anna, "first", headers={"Topic": "news"})
    push(vapid, anna, "second", headers={"Topic": "news"})
    push(vapid, anna, "never", ttl=0)
    assert [anna.opened(one.body) for one in service.collect("anna")] == [b"second"]
    assert len(service.pushes) == 3


def test_a_subscription_is_the_same_in_every_process(service):
    one, other = service.subscribe("anna"), service.subscribe("anna")
    assert isinstance(one, Subscription)
    assert one.address == other.address
