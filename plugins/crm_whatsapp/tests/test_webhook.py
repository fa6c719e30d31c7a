"""Webhooks: who may say something, what each body says, and that no body does any harm."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_whatsapp.cloud import Cloud
from crm_whatsapp.settings import cloud_settings
from crmcore.errors import SettingsError
from crmcore.hooks.provider import (
    AddressChange,
    Choice,
    Feedback,
    HttpResponse,
    Inbound,
    Ingested,
    RawRequest,
    TemplateChange,
)
from crmcore.model.identity import Identity, identity
from crmcore.model.values import normalise

NOW = 1_780_000_000_000_000
SECRET, VERIFY = "app-hush", "verify-hush"
PHONE, BSUID = Identity("phone", "+447700900123"), Identity("bsuid", "GB.134912")
REFERENCES = {"app_secret": "env:WA_SUITE_SECRET", "verify_token": "env:WA_SUITE_VERIFY"}
os.environ |= {"WA_SUITE_SECRET": SECRET, "WA_SUITE_VERIFY": VERIFY}
CLOUD = Cloud(cloud_settings({"cloud": REFERENCES}))


def signature(body, secret=SECRET):
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def posted(body, **headers):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    signed = {"x-hub-signature-256": signature(body)} | headers
    return CLOUD.parse_webhook(RawRequest(method="POST", headers=signed, body=body), NOW)


def body(value, field="messages", time=None):
    entry = {"id": "1", "changes": [{"field": field, "value": value}]} | ({} if time is None else {"time": time})
    return {"object": "whatsapp_business_account", "entry": [entry]}


def told(status, **more):
    return posted(body({"statuses": [{"id": "wamid.1", "status": status, "timestamp": "1770000000", **more}]}))


def written(kind="text", own=None, **more):
    content = {kind: {"body": "Hello"} if own is None else own}
    message = {"from": "447700900123", "id": "wamid.2", "timestamp": "1770000001", "type": kind, **content, **more}
    contact = {"profile": {"name": "Ada"}, "wa_id": "447700900123", "user_id": "GB.134912"}
    return {"metadata": {"phone_number_id": "1055"}, "contacts": [contact], "messages": [message]}


def said(kind="text", own=None, **more):
    [one] = posted(body(written(kind, own, **more))).inbound
    return one


# -- who may say something ---------------------------------------------------------------------------------------------


def verified(**query):
    named = {f"hub.{name}": value for name, value in query.items()}
    return CLOUD.parse_webhook(RawRequest(method="GET", query=named), NOW)


def test_meta_s_verification_is_answered_with_its_challenge():
    answer = verified(mode="subscribe", verify_token=VERIFY, challenge="1158201444").answer
    assert (answer.status, answer.body) == (200, b"1158201444")
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    "query",
    [
        {"mode": "subscribe", "verify_token": "other", "challenge": "1"},
        {"mode": "subscribe", "verify_token": "", "challenge": "1"},
        {"mode": "unsubscribe", "verify_token": VERIFY, "challenge": "1"},
        {"verify_token": VERIFY, "challenge": "1"},
        {"mode": "subscribe", "verify_token": "\u00e9\ud800", "challenge": "1"},
        {},
    ],
)
def test_who_does_not_know_the_token_is_refused(query):
    assert verified(**query) == Ingested(answer=HttpResponse(status=403))


def test_a_token_that_is_empty_is_nobody_s(monkeypatch):
    monkeypatch.setenv("WA_SUITE_VERIFY", "")
    with pytest.raises(SettingsError, match="WA_SUITE_VERIFY is empty"):
        verified(mode="subscribe", verify_token="", challenge="1")


def test_with_an_empty_secret_of_the_app_nobody_signs(monkeypatch):
    monkeypatch.setenv("WA_SUITE_SECRET", "")
    request = RawRequest(method="POST", headers={"x-hub-signature-256": signature(b"{}", "")}, body=b"{}")
    with pytest.raises(SettingsError, match="WA_SUITE_SECRET is empty"):
        CLOUD.parse_webhook(request, NOW)


@pytest.mark.parametrize(
    "headers",
    [
        {"x-hub-signature-256": signature(b"other")},
        {"x-hub-signature-256": signature(b"{}", "other")},
        {"x-hub-signature-256": ""},
        {"x-hub-signature-256": "sha256="},
        {"x-hub-signature-256": "sha256=é\ud800"},
        {"x-hub-signature-256": f"sha1={hmac.new(SECRET.encode(), b'{}', hashlib.sha1).hexdigest()}"},
    ],
)
def test_without_the_right_signature_nothing_is_taken(headers):
    whole = json.dumps(body(written())).encode()
    request = RawRequest(method="POST", headers=headers, body=whole)
    assert CLOUD.parse_webhook(request, NOW) == Ingested(answer=HttpResponse(status=401))


def test_without_any_signature_nothing_is_taken():
    request = RawRequest(method="POST", body=b"{}")
    assert CLOUD.parse_webhook(request, NOW).answer.status == 401


def test_the_signature_is_that_of_the_raw_bytes():
    spaced = json.dumps(body(written()), indent=2).encode()
    assert len(posted(spaced).inbound) == 1
    other = json.dumps(body(written())).encode()
    assert posted(spaced, **{"x-hub-signature-256": signature(other)}).answer.status == 401


@pytest.mark.parametrize("method", ["PUT", "HEAD", "DELETE"])
def test_other_methods_are_not_allowed(method):
    assert CLOUD.parse_webhook(RawRequest(method=method), NOW).answer.status == 405


def test_without_the_app_s_secret_nothing_can_be_told_apart_and_the_setting_is_named():
    with pytest.raises(SettingsError, match="app_secret"):
        Cloud(cloud_settings({})).parse_webhook(RawRequest(method="POST"), NOW)


# -- statuses ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "type_"),
    [("sent", "accepted"), ("delivered", "delivered"), ("read", "read"), ("played", "read"), ("accepted", "accepted")],
)
def test_a_status_is_feedback_on_the_delivery_we_named(status, type_):
    more = {"recipient_id": "447700900123", "biz_opaque_callback_data": "42", "pricing": {"billable": True}}
    assert told(status, **more) == Ingested(
        answer=HttpResponse(status=200),
        feedback=(
            Feedback(
                key=f"wamid.1:{status}",
                type=type_,
                at=1_770_000_000_000_000,
                delivery_id=42,
                provider_id="wamid.1",
                address=PHONE,
            ),
        ),
    )


@pytest.mark.parametrize("data", ["", "some data", "-1", "0", str(2**63), "9" * 40, "\u0664", 42, None, ["42"]])
def test_what_others_gave_along_is_no_delivery_of_ours(data):
    [one] = told("sent", biz_opaque_callback_data=data).feedback
    assert one.delivery_id is None


@pytest.mark.parametrize(
    ("code", "reason", "after"),
    [
        (131056, "131056 no", 6),
        (130429, "130429 no", 1),
        (131000, "131000 no", 10),
        (131026, "address: 131026 no", None),
        (132015, "content: 132015 no", None),
        (130472, "policy: 130472 no", None),
        (131047, "131047 no", None),
        (999_999, "999999 no", None),
    ],
)
def test_a_failure_says_why_and_whether_it_may_go_again(code, reason, after):
    [one] = told("failed", errors=[{"code": code, "title": "no"}]).feedback
    assert (one.type, one.key, one.reason, one.after) == ("failed", f"wamid.1:failed:{code}", reason, after)


def test_who_stopped_marketing_is_told_of_twice_as_a_failure_and_as_a_choice():
    ingested = told("failed", recipient_id="447700900123", errors=[{"code": 131050, "title": "stopped"}])
    assert [one.type for one in ingested.feedback] == ["failed", "unsubscribed"]
    [choice] = ingested.choices
    assert (choice.addresses, choice.wanted) == ((PHONE,), False)
    assert len({one.key for one in (*ingested.feedback, choice)}) == 3


def test_a_failure_that_is_the_sender_s_fault_is_told_the_operator_once_a_request():
    failed = {"status": "failed", "errors": [{"code": 131042, "title": "pay\x07\n ment"}]}
    ingested = posted(body({"statuses": [failed | {"id": f"wamid.{number}"} for number in range(3)]}))
    assert len(ingested.feedback) == 3
    [alert] = ingested.alerts
    assert "131042 pay ment" in alert


def test_statuses_of_calls_and_unknown_ones_are_passed_over():
    status = {"id": "wacid.1", "status": "RINGING", "type": "call"}
    assert posted(body({"statuses": [status]}, "calls")) == Ingested(answer=HttpResponse(status=200))
    assert told("teleported") == Ingested(answer=HttpResponse(status=200))


@pytest.mark.parametrize(
    ("timestamp", "at"),
    [
        ("1770000000", 1_770_000_000_000_000),
        (1_770_000_000, 1_770_000_000_000_000),
        ("1790000000", NOW),
        ("17700000000000000000", NOW),
        (1.5e300, NOW),
        (-1, NOW),
        ("soon", NOW),
        (None, NOW),
        (True, NOW),
    ],
)
def test_a_time_that_makes_no_sense_is_now(timestamp, at):
    [one] = told("sent", timestamp=timestamp).feedback
    assert one.at == at


@pytest.mark.parametrize("wamid", [None, "", "a\nb", "x" * 600, ["w"]])
def test_a_status_of_no_message_is_passed_over(wamid):
    assert told("sent", id=wamid).feedback == ()


@pytest.mark.parametrize("code", ["many", [1], True, None, 1.5, "9" * 40])
def test_a_code_of_another_type_is_none(code):
    [one] = told("failed", errors=[{"code": code, "title": "no"}]).feedback
    assert (one.key, one.reason, one.after) == ("wamid.1:failed:", "no", None)


# -- messages ----------------------------------------------------------------------------------------------------------


def test_a_message_leads_to_its_writer_by_number_and_by_id():
    assert said(context={"id": "wamid.0"}) == Inbound(
        key="wamid.2",
        at=1_770_000_001_000_000,
        identities=(PHONE, BSUID),
        text="Hello",
        kind="text",
        reply_to="wamid.0",
        properties={"profile_name": "Ada", "phone_number_id": "1055"},
    )


def test_who_shows_no_number_is_known_by_their_id():
    value = written()
    value["messages"][0]["from_user_id"] = value["messages"][0].pop("from") and "GB.134912"
    del value["contacts"][0]["wa_id"]
    [one] = posted(body(value)).inbound
    assert one.identities == (BSUID,)


def test_each_message_has_the_contact_who_wrote_it():
    value = written()
    value["contacts"].append({"wa_id": "447700900999", "user_id": "GB.9", "profile": {"name": "Bob"}})
    value["messages"].append(value["messages"][0] | {"from": "447700900999", "id": "wamid.3"})
    ada, bob = posted(body(value)).inbound
    assert [ada.identities[1].value, bob.identities[1].value] == ["GB.134912", "GB.9"]


def test_a_message_of_nobody_is_passed_over():
    value = written() | {"contacts": []}
    del value["messages"][0]["from"]
    assert posted(body(value)).inbound == ()


@pytest.mark.parametrize(
    ("kind", "own", "ours", "text", "properties"),
    [
        ("button", {"payload": "p", "text": "Yes"}, "button", "Yes", {"payload": "p"}),
        (
            "interactive",
            {"type": "button_reply", "button_reply": {"id": "p", "title": "Yes"}},
            "button",
            "Yes",
            {"payload": "p"},
        ),
        (
            "interactive",
            {"type": "list_reply", "list_reply": {"id": "p", "title": "Red", "description": "rose"}},
            "list",
            "Red",
            {"payload": "p", "description": "rose"},
        ),
        (
            "interactive",
            {"type": "nfm_reply", "nfm_reply": {"response_json": "{}", "body": "Sent"}},
            "flow",
            "Sent",
            {"response": "{}"},
        ),
        (
            "interactive",
            {"type": "call_permission_reply", "call_permission_reply": {"response": "accept"}},
            "call_permission_reply",
            "",
            {"response": "accept"},
        ),
        ("interactive", {}, "interactive", "", {}),
        ("image", {"id": "9", "mime_type": "image/png"}, "image", "", {"media_id": "9", "mime_type": "image/png"}),
        ("video", {"id": "9", "caption": "Look"}, "video", "Look", {"media_id": "9"}),
        ("document", {"id": "9", "filename": "a.pdf"}, "document", "", {"media_id": "9", "filename": "a.pdf"}),
        ("audio", {"id": "9", "voice": True}, "voice", "", {"media_id": "9"}),
        ("audio", {"id": "9", "voice": False}, "audio", "", {"media_id": "9"}),
        ("sticker", {"id": "9"}, "sticker", "", {"media_id": "9"}),
        (
            "location",
            {"latitude": 37.5, "longitude": -122, "name": "HQ", "address": "1 Way"},
            "location",
            "HQ",
            {"latitude": normalise(37.5, "x"), "longitude": normalise(-122.0, "x"), "address": "1 Way"},
        ),
        ("contacts", [{"name": {"formatted_name": "Bob"}}, {}], "contacts", "Bob", {"count": 2}),
        (
            "order",
            {"catalog_id": "c", "product_items": [
                {"product_retailer_id": "tea", "quantity": 2, "item_price": 3.5, "currency": "EUR"},
                {"product_retailer_id": "jam", "quantity": 1, "item_price": 2, "currency": "EUR"},
            ]},
            "order",
            "",
            {"catalog_id": "c", "count": 2, "items": "tea, jam", "total": normalise(9.0, "x"), "currency": "EUR"},
        ),
        ("unsupported", {"type": "poll"}, "unsupported", "", {"type": "poll"}),
        ("hologram", {"body": "Boo"}, "hologram", "Boo", {}),
        ("Odd kind!", {}, "unsupported", "", {}),
    ],
)  # fmt: skip
def test_a_message_of_any_kind_has_a_text_and_what_can_be_said_of_it(kind, own, ours, text, properties):
    one = said(kind, own)
    assert (one.kind, one.text) == (ours, text)
    assert {**one.properties} == {"profile_name": "Ada", "phone_number_id": "1055", **properties}


@pytest.mark.parametrize(
    ("own", "text", "removed"),
    [({"emoji": "x"}, "x", None), ({"emoji": ""}, "", True), ({}, "", True)],
)
def test_a_reaction_answers_the_message_it_is_about(own, text, removed):
    one = said("reaction", own | {"message_id": "wamid.0"})
    assert (one.text, one.reply_to, one.properties.get("removed")) == (text, "wamid.0", removed)


def test_what_brought_a_customer_and_what_was_passed_on_is_kept():
    referral = {"source_url": "https://ad", "source_id": "7", "ctwa_clid": "click"}
    one = said(referral=referral, context={"frequently_forwarded": True})
    assert one.properties["referral_source"] == "https://ad"
    assert one.properties["referral_click"] == "click"
    assert one.properties["forwarded"] is True


@pytest.mark.parametrize("more", [{"group_id": "g"}, {"type": "revoke"}, {"type": "system"}])
def test_what_is_no_message_to_us_is_passed_over(more):
    assert posted(body(written(**more))).inbound == ()


def test_a_text_holds_nothing_that_cannot_be_kept():
    assert said(own={"body": "a\0b\ud800c"}).text == "ab?c"


@pytest.mark.parametrize("latitude", [1e300, float("inf"), 10**30, True, "12", None])
def test_a_number_that_is_no_place_is_left_out(latitude):
    assert "latitude" not in said("location", {"latitude": latitude, "longitude": 1}).properties


def test_the_same_message_has_the_same_key_also_without_an_id():
    value = written()
    del value["messages"][0]["id"]
    [one], [again] = posted(body(value)).inbound, posted(body(value)).inbound
    assert one.key == again.key
    assert one.key != said().key


def test_errors_without_a_message_are_told_the_operator():
    assert posted(body({"errors": [{"code": 131000, "title": "Something"}]})).alerts == ("WhatsApp: 131000 Something",)


# -- what has changed --------------------------------------------------------------------------------------------------


def moved(**system):
    message = {"from": "447700900123", "id": "wamid.4", "timestamp": "1770000000", "type": "system", "system": system}
    return posted(body({"messages": [message]}))


NEW_PHONE, NEW_BSUID = Identity("phone", "+447700900777"), Identity("bsuid", "GB.777")


@pytest.mark.parametrize(
    ("system", "changes"),
    [
        ({"type": "user_changed_number", "wa_id": "447700900777"}, [(PHONE, (NEW_PHONE,))]),
        (
            {
                "type": "user_changed_number",
                "wa_id": "447700900777",
                "user_id": "GB.777",
                "previous_user_id": "GB.134912",
            },
            [(PHONE, (NEW_PHONE, NEW_BSUID)), (BSUID, (NEW_PHONE, NEW_BSUID))],
        ),
        (
            {"type": "user_changed_user_id", "user_id": "GB.777", "previous_user_id": "GB.134912"},
            [(BSUID, (NEW_BSUID,))],
        ),
        ({"type": "user_changed_number", "wa_id": "447700900123"}, []),
        ({"type": "customer_identity_changed", "wa_id": "447700900777"}, []),
        ({}, []),
    ],
)
def test_an_address_that_became_another_is_told(system, changes):
    ingested = moved(**system)
    assert [(one.old, one.new) for one in ingested.addresses] == changes
    assert ingested.inbound == ()


@pytest.mark.parametrize(("value", "wanted"), [("stop", False), ("resume", True), ("signup", True)])
def test_a_choice_about_marketing_is_told(value, wanted):
    one = {"wa_id": "447700900123", "value": value, "category": "marketing_messages", "timestamp": 1_770_000_000}
    [choice] = posted(body({"user_preferences": [one]}, "user_preferences")).choices
    assert (choice.addresses, choice.wanted, choice.at) == ((PHONE,), wanted, 1_770_000_000_000_000)


@pytest.mark.parametrize("more", [{"value": "maybe"}, {"category": "calls"}, {"wa_id": "x"}])
def test_what_is_no_choice_about_marketing_is_passed_over(more):
    one = {"wa_id": "447700900123", "value": "stop", "category": "marketing_messages", **more}
    assert posted(body({"user_preferences": [one]}, "user_preferences")).choices == ()


def template_told(event, **more):
    value = {"event": event, "message_template_name": "hello", "message_template_language": "en_US", **more}
    return posted(body(value, "message_template_status_update", time=1_770_000_000))


@pytest.mark.parametrize(
    ("event", "may_be_sent"),
    [
        *((one, True) for one in ("APPROVED", "REINSTATED", "UNARCHIVED")),
        *((one, False) for one in ("PAUSED", "DISABLED", "REJECTED", "PENDING", "IN_APPEAL", "ARCHIVED", "DELETED")),
    ],
)
def test_a_template_says_whether_it_may_be_sent(event, may_be_sent):
    [one] = template_told(event, reason="NONE").templates
    assert (one.name, one.locale, one.may_be_sent, one.reason) == ("hello", "en_US", may_be_sent, event)
    assert one.at == 1_770_000_000_000_000


def test_a_template_without_a_name_is_none():
    assert template_told("PAUSED", message_template_name="").templates == ()


def test_the_reason_is_told():
    [one] = template_told("REJECTED", reason="SCAM").templates
    assert one.reason == "REJECTED: SCAM"


@pytest.mark.parametrize("event", ["FLAGGED", "LOCKED", "LIMIT_EXCEEDED", "SOMETHING_NEW"])
def test_what_does_not_say_whether_it_may_be_sent_is_for_the_operator(event):
    ingested = template_told(event)
    assert (ingested.templates, len(ingested.alerts)) == ((), 1)


@pytest.mark.parametrize("field", ["message_template_quality_update", "template_category_update"])
def test_a_score_never_lets_a_paused_template_go_again(field):
    value = {"message_template_name": "hello", "new_quality_score": "GREEN", "new_category": "MARKETING"}
    ingested = posted(body(value, field))
    assert (ingested.templates, len(ingested.alerts)) == ((), 1)


@pytest.mark.parametrize(
    ("field", "value", "alert"),
    [
        (
            "account_update",
            {"event": "ACCOUNT_RESTRICTION", "restriction_info": [{"restriction_type": "X", "expiration": 1}]},
            "WhatsApp: account_update: event ACCOUNT_RESTRICTION, restriction_info expiration 1 restriction_type X",
        ),
        (
            "phone_number_quality_update",
            {"event": "THROUGHPUT_UPGRADE"},
            "WhatsApp: phone_number_quality_update: event THROUGHPUT_UPGRADE",
        ),
        ("account_alerts", {}, "WhatsApp: account_alerts"),
    ],
)
def test_what_happens_to_the_account_is_told_the_operator(field, value, alert):
    assert posted(body(value, field)) == Ingested(answer=HttpResponse(status=200), alerts=(alert,))


@pytest.mark.parametrize("field", ["smb_message_echoes", "calls", "history", "flows", "", None, 7])
def test_fields_that_nobody_knows_are_passed_over(field):
    assert posted(body(written() | {"message_echoes": [{}]}, field)) == Ingested(answer=HttpResponse(status=200))


# -- no body does any harm ---------------------------------------------------------------------------------------------

MADE = [
    body(
        {"statuses": [{"id": "wamid.1", "status": "sent", "timestamp": "1770000000", "recipient_id": "447700900123"}]}
    ),
    body({"statuses": [{"id": "w", "status": "failed", "errors": [{"code": 131050, "title": "x"}]}]}),
    body(written()),
    *(body(written(kind)) for kind in ("image", "interactive", "location", "order", "contacts", "reaction", "edit")),
    body(written("interactive", {"type": "list_reply", "list_reply": {"id": "p", "title": "t"}})),
    body({"messages": [{"type": "system", "from": "447700900123", "system": {"type": "user_changed_number"}}]}),
    body({"user_preferences": [{"wa_id": "447700900123", "value": "stop", "category": "marketing_messages"}]}),
    body({"event": "PAUSED", "message_template_name": "hello"}, "message_template_status_update", 1),
    body({"event": "X", "ban_info": {"a": "b"}}, "account_update", 1),
]
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec=None), max_size=6)
    | st.sampled_from(["failed", "order", "447700900123", "wamid.1", "messages", "\ud800", "x" * 600, 2**70, 1e308])
)
ANYTHING = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2)
)


@st.composite
def mutated(draw, value):
    """A body in which some fields are missing, or are something else."""
    if draw(st.integers(0, 11)) == 0:
        return draw(ANYTHING)
    if isinstance(value, dict):
        kept = [name for name in value if draw(st.integers(0, 9))]
        return {name: draw(mutated(value[name])) for name in kept}
    if isinstance(value, list):
        return [draw(mutated(one)) for one in value for _ in range(draw(st.sampled_from([1, 1, 1, 0, 2])))]
    return value


def check(ingested):
    """Fail where a value is none that the core could keep."""
    assert ingested.answer == HttpResponse(status=200)
    for one in (*ingested.feedback, *ingested.inbound, *ingested.templates, *ingested.choices, *ingested.addresses):
        assert 1 <= len(one.key) <= 700
        assert one.key.isprintable()
        assert 0 < one.at <= NOW
        for each in _identities(one):
            assert identity(each.kind, each.value) == each
    for one in ingested.feedback:
        assert one.delivery_id is None or 0 < one.delivery_id < 2**63
        assert one.after is None or one.after > 0
        one.reason.encode()
    for one in ingested.inbound:
        assert one.identities
        assert normalise(one.text, "text") == one.text
        assert all(normalise(value, name) == value for name, value in one.properties.items())
        assert one.kind.isidentifier()
    for one in ingested.alerts:
        assert one.isprintable()


def _identities(one):
    match one:
        case Feedback(address=address):
            return [] if address is None else [address]
        case Inbound(identities=found):
            return found
        case Choice(addresses=found):
            assert found
            return found
        case AddressChange(old=old, new=new):
            assert new
            return [old, *new]
        case TemplateChange():
            assert one.name
            return []


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(MADE).flatmap(mutated))
def test_whatever_a_body_has_become_it_is_taken_and_gives_only_what_can_be_kept(made):
    check(posted(made))


@pytest.mark.parametrize("raw", [b"", b"null", b"7", b"[]", b"{", b"\xff", b"[" * 100_000, b'{"entry": 1e999}', b"NaN"])
def test_what_is_no_json_of_meta_s_is_taken_and_says_nothing(raw):
    assert posted(raw) == Ingested(answer=HttpResponse(status=200))


@pytest.mark.skipif("CRM_WHATSAPP_BODIES" not in os.environ, reason="CRM_WHATSAPP_BODIES names no folder of bodies")
def test_the_bodies_of_a_folder_are_taken():
    found = [one for path in sorted(Path(os.environ["CRM_WHATSAPP_BODIES"]).glob("*.json")) for one in bodies(path)]
    assert found
    for one in found:
        check(posted(one))


def bodies(path):
    """Several bodies stand in one file, by name, some of them deeper."""
    left = [json.loads(path.read_text())]
    while left:
        one = left.pop()
        if isinstance(one, dict):
            if "entry" in one:
                yield {name: value for name, value in one.items() if name in ("entry", "object")}
            left += [value for name, value in one.items() if name != "entry"]
