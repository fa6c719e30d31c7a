"""Web Push: the request, what answers mean, and what browsers report."""

from __future__ import annotations

import json
import logging

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_push.settings import web_push_settings
from crm_push.webpush import WebPush
from crmcore.errors import SettingsError
from crmcore.hooks.provider import Accepted, Authorised, Feedback, Gone, HttpResponse, Permanent, RawRequest, Retry
from crmcore.model.time import DAY, SECOND
from crmcore.testing.answers import flaw

REPORTS = "https://shop.example/webhooks/push/webpush"
PRIVATE = "yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"


@pytest.fixture
def carrier(vapid_key):
    def made(**given):
        table = {"private_key": vapid_key, "subject": "mailto:push@shop.example", **given}
        return WebPush(web_push_settings({"webpush": table}))

    return made


@pytest.fixture
def request_of(carrier, outgoing, now):
    def made(parts=None, deadline=None, key="0" * 32, at=now, **given):
        return carrier(**given).build_request([outgoing("webpush", parts, deadline=deadline, key=key)], at)

    return made


def test_the_request_goes_to_the_endpoint_guarded_since_it_comes_from_a_browser(request_of):
    made = request_of()
    assert (made.method, made.url, made.is_guarded) == ("POST", "https://push.example.net/p/1", True)


def test_the_headers_are_those_of_the_standards(request_of):
    headers = dict(request_of({"urgency": "high", "ttl": "1h"}).headers)
    assert headers.pop("authorization").startswith("vapid t=ey")
    assert len(headers.pop("topic")) == 32
    assert headers == {
        "ttl": "3600",
        "urgency": "high",
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
    }


def test_the_browser_reads_what_is_to_be_shown(request_of, browser):
    made = request_of({"url": "/sale", "actions": "see: See -> /sale/1", "data": "a: 1", "icon": "/i.png"})
    shown = json.loads(browser(made.body))
    assert shown.pop("tag") == made.headers["topic"]
    assert shown == {
        "title": "Hello",
        "body": "There",
        "icon": "/i.png",
        "url": "/sale",
        "actions": [{"action": "see", "title": "See", "url": "/sale/1"}],
        "data": {"a": "1"},
    }


@pytest.mark.parametrize(
    ("ttl", "left", "kept"),
    [("1h", None, "3600"), ("1h", 7200, "3600"), ("1h", 60, "60"), ("1h", 0, "0"), ("1h", -5, "0"), ("0", None, "0")],
)
def test_nothing_is_kept_beyond_its_deadline(request_of, now, ttl, left, kept):
    deadline = None if left is None else now + left * SECOND
    assert request_of({"ttl": ttl}, deadline).headers["ttl"] == kept


def test_the_same_message_is_the_same_body_in_another_process_a_day_later(request_of, now):
    assert request_of().body == request_of(at=now + DAY).body
    assert request_of().body != request_of(key="1" * 32).body


@pytest.mark.parametrize(
    ("status", "headers", "body", "result"),
    [
        (201, {"location": "https://push.example.net/m/1"}, b"", Accepted(delivery_id=7, provider_id="https://push.example.net/m/1")),
        (202, {}, b"", Accepted(delivery_id=7)),
        (200, {}, b"", Accepted(delivery_id=7)),
        (404, {}, b"", Gone(delivery_id=7, code="404")),
        (410, {}, b'{"errno": 106}', Gone(delivery_id=7, code="410")),
        (413, {}, b"", Permanent(delivery_id=7, fault="content", code="413")),
        (429, {"retry-after": "120"}, b"", Retry(delivery_id=7, after=120, scope="destination", code="429")),
        (503, {"retry-after": "Thu, 26 Nov 2026 12:05:00 GMT"}, b"", Retry(delivery_id=7, after=300, scope="destination", code="503")),
        (503, {}, b"", Retry(delivery_id=7, after=0, scope="destination", code="503")),
        (500, {}, b"", Retry(delivery_id=7, after=0, scope="destination", code="500")),
        (401, {}, b'{"errno": 109}', Permanent(delivery_id=7, fault="sender", code="401")),
        (403, {}, b"", Permanent(delivery_id=7, fault="sender", code="403")),
        (400, {}, b'{"reason": "BadJwtToken"}', Permanent(delivery_id=7, fault="sender", code="400")),
        (400, {}, b'{"errno": 111}', Permanent(delivery_id=7, fault="content", code="400")),
        (301, {}, b"", Permanent(delivery_id=7, fault="content", code="301")),
    ],
)  # fmt: skip
def test_what_an_answer_means(carrier, outgoing, now, status, headers, body, result):
    response = HttpResponse(status=status, headers=headers, body=body)
    assert carrier().read_response([outgoing("webpush")], response, now) == [result]


@pytest.mark.parametrize(
    ("said", "after"),
    [("-1", 0), ("1e9", 0), ("9" * 50, 7 * 24 * 3600), ("Thu, 26 Nov 2026 11:00:00 GMT", 0), ("soon", 0), ("²", 0)],
)
def test_an_absurd_pause_is_none_or_a_week(carrier, outgoing, now, said, after):
    response = HttpResponse(status=429, headers={"retry-after": said})
    [result] = carrier().read_response([outgoing("webpush")], response, now)
    assert result.after == after


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(100, 999), st.binary(max_size=80), st.text(max_size=20))
def test_whatever_a_push_service_answers_there_is_one_result(carrier, outgoing, now, status, body, pause):
    response = HttpResponse(status=status, headers={"retry-after": pause, "location": pause}, body=body)
    [result] = carrier().read_response([outgoing("webpush")], response, now)
    assert flaw(result) is None


def test_what_it_can_do_is_said_of_what_is_set_up(carrier):
    assert carrier().carriage.receipts == {"accepted"}
    assert carrier(report_url=REPORTS).carriage.receipts == {"accepted", "delivered", "clicked"}
    assert carrier().carriage.address_kinds == {"webpush"}


def test_a_key_that_is_missing_is_told_before_a_batch_so_that_it_waits(carrier, now):
    with pytest.raises(SettingsError, match="the environment has no NO_SUCH_KEY"):
        carrier(private_key="env:NO_SUCH_KEY").token_request(now)


def test_nobody_is_asked_for_a_token(carrier, now):
    assert isinstance(carrier(), Authorised)
    assert carrier().token_request(now) is None


def test_the_secret_is_nowhere_to_be_read(carrier, outgoing, now, caplog):
    caplog.set_level(logging.DEBUG)
    one = carrier(report_url=REPORTS)
    made = one.build_request([outgoing("webpush")], now)
    seen = [repr(one), repr(vars(one)), repr(made), str(made.headers), str(made.body), caplog.text]
    assert not [text for text in seen if PRIVATE in text]


# -- what browsers report ----------------------------------------------------------------------------------------------


@pytest.fixture
def reported(carrier, outgoing, browser, now):
    """Post what a browser posts, but for what is given otherwise."""
    one = carrier(report_url=REPORTS)
    pushed = json.loads(browser(one.build_request([outgoing("webpush")], now).body))["report"]

    def made(method="POST", body=None, **given):
        report = {"id": pushed["id"], "mac": pushed["mac"], "type": "shown", "at": now // 1000 - 1000, **given}
        raw = json.dumps(report).encode() if body is None else body
        return one.parse_webhook(RawRequest(method=method, body=raw), now)

    made.pushed = pushed
    return made


def test_a_message_says_where_to_report_with_a_code_of_its_own(reported):
    assert reported.pushed["url"] == REPORTS
    assert reported.pushed["id"] == "7"
    assert len(reported.pushed["mac"]) == 22


@pytest.mark.parametrize(("said", "means"), [("shown", "delivered"), ("clicked", "clicked")])
def test_what_a_browser_has_done_is_feedback(reported, now, said, means):
    ingested = reported(type=said)
    assert ingested.answer.status == 204
    assert ingested.feedback == (Feedback(key=f"7:{means}", type=means, at=now - SECOND, delivery_id=7),)


@pytest.mark.parametrize(
    "given",
    [
        {"mac": "A" * 22},
        {"mac": ""},
        {"mac": None},
        {"mac": "\ud800"},
        {"id": "8"},
        {"id": 7},
        {"id": None},
        {"id": "7 "},
        {"body": b""},
        {"body": b"[]"},
        {"body": b"\xff"},
        {"body": b"[" * 100_000},
    ],
)
def test_a_code_that_does_not_fit_is_refused_and_nothing_is_taken_from_it(reported, given):
    ingested = reported(**given)
    assert ingested.answer.status == 401
    assert not ingested.feedback


def test_what_nobody_knows_yet_is_passed_over(reported):
    assert reported(type="swiped").answer.status == 204
    assert not reported(type="swiped").feedback
    assert reported(more={"a": 1}).feedback


@pytest.mark.parametrize("at", ["then", None, True, -1, 0, 10**30, 1_795_694_400_000 + 60_000])
def test_a_clock_that_cannot_be_right_is_not_believed(reported, now, at):
    [feedback] = reported(at=at).feedback
    assert feedback.at == now


def test_a_browser_that_asks_first_is_told_that_it_may(reported):
    ingested = reported("OPTIONS")
    assert (ingested.answer.status, ingested.feedback) == (204, ())
    assert ingested.answer.headers["access-control-allow-headers"] == "content-type"


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_no_other_method_reports_anything(reported, method):
    ingested = reported(method)
    assert (ingested.answer.status, ingested.feedback) == (405, ())


def test_a_report_to_another_key_is_refused(reported, carrier, tmp_path, now):
    (tmp_path / "other.key").write_text("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")
    other = carrier(private_key=f"file:{tmp_path / 'other.key'}", report_url=REPORTS)
    body = json.dumps({"id": "7", "mac": reported.pushed["mac"], "type": "shown"}).encode()
    assert other.parse_webhook(RawRequest(method="POST", body=body), now).answer.status == 401


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.recursive(st.none() | st.integers() | st.text(), lambda of: st.lists(of) | st.dictionaries(st.text(), of)))
def test_whatever_is_posted_under_a_code_that_fits_nothing_raises(reported, value):
    ingested = reported(type=value, at=value, more=value)
    assert ingested.answer.status == 204
