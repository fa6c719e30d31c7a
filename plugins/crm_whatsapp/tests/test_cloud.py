"""The carrier: what it asks of Meta, what it reads of the answers, and how fast it says it may go."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_whatsapp.cloud import Cloud
from crm_whatsapp.settings import checked_section, cloud_settings
from crmcore.errors import InvalidIdentity, SettingsError
from crmcore.hooks.provider import (
    Accepted,
    Authorised,
    HttpProvider,
    HttpResponse,
    InDoubt,
    LimitHint,
    Listening,
    NeedsOther,
    Outgoing,
    Permanent,
    Retry,
    Suppress,
)
from crmcore.model.identity import Identity
from crmcore.model.limiting import Limit, full, passing, taken
from crmcore.model.purpose import MessageClass
from crmcore.model.time import SECOND

TOKEN = "EAAG-hush-4711"
ONE = Outgoing(
    delivery_id=42,
    address=Identity("phone", "+447700900123"),
    body=b'{"to":"+447700900123"}',
    message_key="k",
    message_class=MessageClass.MARKETING,
)


@pytest.fixture(autouse=True)
def token(monkeypatch):
    monkeypatch.setenv("WHATSAPP_TOKEN", TOKEN)


def cloud(**given_):
    return Cloud(cloud_settings({"cloud": {"phone_number_id": "1055", "token": "env:WHATSAPP_TOKEN", **given_}}))


def read(status, body, **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    [result] = cloud().read_response([ONE], HttpResponse(status=status, headers=headers, body=body), 0)
    assert result.delivery_id == 42
    return result


def refused(code, status=400, **more):
    return read(status, {"error": {"message": f"(#{code}) no", "code": code, **more}})


def test_it_is_what_it_says():
    assert isinstance(cloud(), HttpProvider)
    assert isinstance(cloud(), Authorised)
    assert isinstance(cloud(), Listening)


def test_a_message_goes_as_it_was_rendered_with_the_token_beside_it():
    request = cloud(base_url="http://127.0.0.1:1/", version="v30.0").build_request([ONE], 0)
    assert (request.method, request.url) == ("POST", "http://127.0.0.1:1/v30.0/1055/messages")
    assert request.headers == {"authorization": f"Bearer {TOKEN}", "content-type": "application/json"}
    assert request.body == ONE.body
    assert not request.is_guarded


def test_the_token_is_the_one_there_is_now(monkeypatch):
    carrier = cloud()
    monkeypatch.setenv("WHATSAPP_TOKEN", "renewed")
    assert carrier.build_request([ONE], 0).headers["authorization"] == "Bearer renewed"


def test_the_token_stands_in_no_repr():
    assert TOKEN not in repr(cloud().build_request([ONE], 0))


def test_without_a_number_or_a_token_no_batch_begins_and_the_fix_is_named(monkeypatch):
    assert cloud().token_request(0) is None
    with pytest.raises(SettingsError, match="phone_number_id"):
        cloud(phone_number_id="").token_request(0)
    monkeypatch.delenv("WHATSAPP_TOKEN")
    with pytest.raises(SettingsError, match="WHATSAPP_TOKEN"):
        cloud().token_request(0)


def test_what_is_no_address_is_refused_before_it_goes():
    poison = Outgoing(**{**_plain(ONE), "address": Identity("phone", "12")})
    with pytest.raises(InvalidIdentity):
        cloud().build_request([poison], 0)


def _plain(one):
    return {name: getattr(one, name) for name in ("delivery_id", "body", "message_key", "message_class")}


def test_an_accepted_message_has_the_id_that_statuses_name():
    assert read(200, {"messages": [{"id": "wamid.x", "message_status": "accepted"}]}) == Accepted(
        delivery_id=42, provider_id="wamid.x"
    )


RETRIED = {
    1: (10, "sender"),
    2: (10, "sender"),
    4: (60, "sender"),
    80007: (60, "sender"),
    130429: (1, "sender"),
    131000: (10, "sender"),
    131016: (10, "sender"),
    131057: (300, "sender"),
    131056: (6, "recipient"),
}
FAULTS = {
    "sender": [0, 10, 190, *range(200, 300), 368, 131031, 131042, 131045, 131048, 131064, 133016],
    "content": [132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132068, 132069],
    "address": [131026, 131021, 131030, 131062],
    "policy": [131049, 130472],
}


@pytest.mark.parametrize(("code", "expected"), RETRIED.items())
def test_what_is_only_for_now_is_tried_again_and_says_who_waits(code, expected):
    after, scope = expected
    assert refused(code) == Retry(delivery_id=42, after=after, scope=scope, code=str(code))


@pytest.mark.parametrize(("fault", "code"), [(fault, code) for fault, codes in FAULTS.items() for code in codes])
def test_what_is_for_ever_says_whose_fault_it_is(fault, code):
    result = refused(code)
    assert isinstance(result, Permanent)
    assert (result.fault, result.code) == (fault, str(code))


def test_outside_a_window_a_template_is_needed():
    assert refused(131047) == NeedsOther(delivery_id=42, what="template")


def test_who_wants_no_marketing_is_not_written_to_again():
    assert refused(131050) == Suppress(delivery_id=42, reason="opted_out", code="131050")


def test_a_code_counts_whatever_the_status_is():
    assert refused(131026, status=500) == refused(131026, status=200) == refused(131026)


@pytest.mark.parametrize(
    ("status", "more", "expected"),
    [
        (400, {}, Permanent(delivery_id=42, fault="content", code="999999", text="(#999999) no")),
        (500, {}, Retry(delivery_id=42, after=10, code="999999")),
        (400, {"is_transient": True}, Retry(delivery_id=42, after=10, code="999999")),
    ],
)
def test_a_code_that_nobody_knows_yet_is_temporary_where_meta_says_so(status, more, expected):
    assert refused(999_999, status, **more) == expected


def test_meta_s_details_are_told():
    details = {"details": "body: 1 parameter, 2 expected"}
    assert refused(132000, error_data=details).text == "(#132000) no: body: 1 parameter, 2 expected"


def test_words_that_repeat_the_token_are_not_told():
    body = {"error": {"message": f"Malformed access token {TOKEN}", "code": 190}}
    assert read(401, body) == Permanent(delivery_id=42, fault="sender", code="190")


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (200, b"", InDoubt),
        (200, b"<html>", InDoubt),
        (200, {}, InDoubt),
        (200, {"messages": []}, InDoubt),
        (200, {"messages": ["wamid.x"]}, InDoubt),
        (200, {"messages": [{"id": [7]}]}, InDoubt),
        (200, b"[" * 100_000, InDoubt),
        (100, b"", InDoubt),
        (500, b"oops", InDoubt),
        (502, b"<html>", InDoubt),
        (504, {"error": "timeout"}, InDoubt),
        (503, b"", Retry),
        (429, b"", Retry),
        (302, b"", Permanent),
        (401, b"", Permanent),
        (404, {"error": {"code": None}}, Permanent),
        (413, b"", Permanent),
        (400, {"error": {"code": True}}, Permanent),
    ],
)
def test_an_answer_that_is_not_meta_s_means_what_is_known_of_it(status, body, kind):
    assert isinstance(read(status, body), kind)


@pytest.mark.parametrize(("status", "fault"), [(302, "sender"), (401, "sender"), (404, "sender"), (413, "content")])
def test_at_a_wrong_address_the_sender_is_at_fault(status, fault):
    assert read(status, b"").fault == fault


@pytest.mark.parametrize(("said", "after"), [("30", 30), ("soon", 10), ("-1", 10), ("", 10)])
def test_a_gateway_s_hint_is_heeded(said, after):
    assert read(429, b"", **{"retry-after": said}).after == after


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["error", "code", "messages", "id"]), inner)
    ),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.integers(100, 599), JSON.map(lambda one: json.dumps(one).encode()) | st.binary(max_size=40))
def test_whatever_comes_back_there_is_one_result(status, body):
    # no fixture: what the token is makes no difference
    carrier = Cloud(cloud_settings({"cloud": {"phone_number_id": "1"}}))
    [result] = carrier.read_response([ONE], HttpResponse(status=status, body=body), 0)
    assert result.delivery_id == 42


@pytest.mark.parametrize("throughput", [20, 80, 1000])
def test_a_bucket_of_meta_s_never_runs_dry(throughput):
    [second, _] = cloud(throughput=throughput).carriage.limits
    assert second.scope == "sender"
    theirs = full(Limit(count=throughput, per=SECOND, burst=throughput), 0)
    for now, count in _all_that_goes(second, 3 * SECOND):
        assert passing(theirs, now, count) == count
        theirs = taken(theirs, now, count)


@pytest.mark.parametrize("throughput", [20, 80, 1000])
def test_with_a_burst_of_one_no_second_has_more_than_the_number_may_send(throughput):
    [second, _] = cloud(throughput=throughput, burst=1).carriage.limits
    assert sum(count for _, count in _all_that_goes(second, SECOND)) <= throughput


@pytest.mark.parametrize(("throughput", "burst"), [(20, 5), (80, 20), (1000, 250)])
def test_as_many_go_at_once_as_go_within_the_time_of_an_answer(throughput, burst):
    assert cloud(throughput=throughput).carriage.limits[0].burst == burst


@pytest.mark.parametrize("throughput", [80, 1000])
def test_the_rate_that_meta_allows_is_held_within_two_in_a_hundred(throughput):
    [second, _] = cloud(throughput=throughput).carriage.limits
    assert second.count / second.per >= 0.98 * throughput


def test_one_user_gets_one_message_in_six_seconds():
    assert cloud().carriage.limits[1] == LimitHint(scope="recipient", count=1, per=6.0, burst=1)


@pytest.mark.parametrize("portfolio", [250, 2000, 10_000, 100_000])
def test_in_no_day_more_goes_than_the_portfolio_may_send(portfolio):
    hint = cloud(portfolio=portfolio).carriage.limits[2]
    assert (hint.scope, hint.per) == ("channel", 86_400)
    assert hint.count + hint.burst == portfolio


def test_a_portfolio_without_a_limit_has_none():
    assert [one.scope for one in cloud().carriage.limits] == ["sender", "recipient"]


def _all_that_goes(hint, span):
    """Yield all that a full bucket gives, as soon as it gives it, for a span."""
    limit = Limit(count=hint.count, per=round(hint.per * SECOND), burst=hint.burst)
    bucket = full(limit, 0)
    for now in range(0, span, 500):
        if count := passing(bucket, now, 10_000):
            bucket = taken(bucket, now, count)
            yield now, count


@pytest.mark.parametrize(("throughput", "in_flight"), [(20, 32), (80, 32), (1000, 250)])
def test_as_many_are_under_way_as_the_rate_needs(throughput, in_flight):
    assert cloud(throughput=throughput).carriage.in_flight == in_flight


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ({"phone": "1"}, "phone"),
        ({"throughput": "fast"}, "whole number"),
        ({"throughput": 0}, "throughput"),
        ({"throughput": True}, "whole number"),
        ({"burst": -1}, "burst"),
        ({"portfolio": -1}, "portfolio"),
        ({"base_url": "graph"}, "no URL"),
        ({"token": ["x"]}, "no text"),
    ],
)
def test_a_wrong_setting_is_an_error_naming_it(section, said):
    with pytest.raises(SettingsError, match=said):
        cloud_settings({"cloud": section})


def test_an_id_may_be_written_as_a_number_and_a_number_as_text():
    made = cloud_settings({"cloud": {"phone_number_id": 1055, "throughput": "1000"}})
    assert (made.phone_number_id, made.throughput) == ("1055", 1000)


def test_a_key_beside_the_tables_is_named():
    with pytest.raises(SettingsError, match="sender"):
        checked_section({"sender": "x"})
