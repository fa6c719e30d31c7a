"""The channel: what a template may say, what is made of it, and what is refused before anything is sent."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm_push.channel import Push
from crm_push.notification import LIMITS, Notification, apns_payload, compact, fcm_message, size, web_payload
from crm_push.settings import PushSettings
from crmcore.errors import InvalidTemplate, SettingsError
from crmcore.hooks.channel import Draft, Rendered, Unrendered
from crmcore.model.identity import Identity
from crmcore.model.template import Template

KINDS = ("webpush", "fcm", "apns")
WHOLE = {
    "title": "{{ customer.name }}, it is back",
    "body": "The blue one",
    "icon": "https://shop.example/icon.png",
    "image": "https://shop.example/blue.jpg",
    "badge": "https://shop.example/badge.png",
    "url": "https://shop.example/p/{{ item }}",
    "actions": "see: See it -> https://shop.example/p/{{ item }}\nlater: Not now",
    "data": "item: {{ item }}\nlist: wishes",
    "sound": "default",
    "count": "3",
    "ttl": "2d",
    "urgency": "high",
    "topic": "stock-{{ item }}",
}
CONTEXT = {"customer": {"name": "Ada"}, "item": "b 1"}


def parsed(message):
    assert isinstance(message, Rendered), message
    return json.loads(message.body)


def test_a_whole_message(rendered):
    made = parsed(rendered(WHOLE, **CONTEXT))
    assert made.pop("tag") != parsed(rendered({**WHOLE, "topic": "another"}, **CONTEXT))["tag"]
    assert made == {
        "title": "Ada, it is back",
        "body": "The blue one",
        "icon": "https://shop.example/icon.png",
        "image": "https://shop.example/blue.jpg",
        "badge": "https://shop.example/badge.png",
        "url": "https://shop.example/p/b 1",
        "sound": "default",
        "count": 3,
        "actions": [
            {"name": "see", "title": "See it", "url": "https://shop.example/p/b 1"},
            {"name": "later", "title": "Not now"},
        ],
        "data": {"item": "b 1", "list": "wishes"},
        "at": 1_795_694_400,
        "ttl": 172800,
        "urgency": "high",
    }


def test_what_a_template_leaves_out_is_not_there(rendered):
    made = parsed(rendered({}))
    assert sorted(made) == ["at", "body", "tag", "title", "ttl", "urgency"]
    assert (made["ttl"], made["urgency"]) == (4 * 7 * 24 * 3600, "normal")


def test_a_body_is_read_back_as_it_was_written(rendered):
    message = rendered(WHOLE, **CONTEXT)
    assert Notification.from_bytes(message.body).to_bytes() == message.body


def test_a_count_of_nothing_takes_the_number_from_the_icon(rendered):
    said = Notification.from_bytes(rendered({"count": "0"}, "apns").body)
    assert json.loads(apns_payload(said))["aps"]["badge"] == 0


def test_a_message_sent_again_takes_its_own_place_and_no_other(rendered):
    one, again, other = (parsed(rendered({}, key=key))["tag"] for key in ("k1", "k1", "k2"))
    assert one == again != other
    assert len(one) == 32


def test_messages_of_one_topic_take_the_place_of_one_another(rendered):
    one, two = (parsed(rendered({"topic": "cart"}, key=key))["tag"] for key in ("k1", "k2"))
    assert one == two


def test_no_value_makes_a_line_of_data_or_a_button(rendered):
    made = parsed(rendered(WHOLE, **{**CONTEXT, "item": "x\nlist: stolen\nbuy: Now -> https://evil.example"}))
    assert list(made["data"]) == ["item", "list"]
    assert made["data"]["list"] == "wishes"
    assert [one["name"] for one in made["actions"]] == ["see", "later"]


@pytest.mark.parametrize(
    ("parts", "part", "problem"),
    [
        ({"subject": "x"}, "subject", "no such part; it has title, body"),
        ({"title": " "}, "title", "missing"),
        ({"body": "{{"}, "body", "line 1"),
        ({"data": "no line"}, "data", "'no line' is no line of the form NAME: VALUE"),
        ({"data": "a: 1\na: 2"}, "data", "it has 'a' twice"),
        ({"data": "from: x"}, "data", "carriers keep for themselves"),
        ({"data": "google_x: x"}, "data", "carriers keep for themselves"),
        ({"data": "a: {{"}, "data", "line 1"),
        ({"actions": "1: x"}, "actions", "no line of the form"),
        ({"actions": "a: x -> {{"}, "actions", "line 1"),
    ],
)
def test_what_is_wrong_with_a_template_is_named(channel, parts, part, problem):
    template = Template(name="t", channel="push", parts={"title": "a", "body": "b", **parts})
    [issue] = channel.validate_template(template)
    assert issue.part == part
    assert problem in issue.problem
    with pytest.raises(InvalidTemplate):
        channel.compile(template)


def test_a_template_without_title_and_body_lacks_both(channel):
    issues = channel.validate_template(Template(name="t", channel="push", parts={}))
    assert [one.part for one in issues] == ["title", "body"]


@pytest.mark.parametrize(
    ("parts", "problem"),
    [
        ({"title": "{{ '' }}"}, "title: it is empty"),
        ({"body": "{{ ' ' }}"}, "body: it is empty"),
        ({"count": "many"}, "count: 'many' is no number from 0 to 99,999"),
        ({"count": "100000"}, "count"),
        ({"count": "²"}, "count"),
        ({"ttl": "soon"}, "ttl: 'soon' is no time from 0s to 4w"),
        ({"ttl": "5w"}, "ttl"),
        ({"ttl": "²"}, "ttl"),
        ({"urgency": "now"}, "urgency: 'now' is none of very-low, low, normal, high"),
        ({"actions": "a: {{ '' }}x{{ '' }} -> {{ y }}"}, "y is undefined"),
        ({"actions": "a: {{ '' }}"}, "actions.a: it is empty"),
        ({"title": r"{{ '\ud800' }}"}, "title: it holds half a character"),
    ],
)
def test_what_is_wrong_with_one_message_is_named(rendered, parts, problem):
    answer = rendered(parts)
    assert isinstance(answer, Unrendered)
    assert problem in answer.problem


def test_an_undefined_field_is_named(rendered):
    answer = rendered({"body": "{{ price }}"})
    assert (answer.field, answer.problem) == ("price", "body: price is undefined")


@pytest.mark.parametrize(("text", "seconds"), [("0", 0), ("90", 90), ("90s", 90), (" 3d ", 259200), ("4w", 2419200)])
def test_how_long_a_message_is_kept(rendered, text, seconds):
    assert Notification.from_bytes(rendered({"ttl": text}).body).ttl == seconds


def test_the_settings_say_how_long_where_the_template_does_not(draft):
    channel = Push(PushSettings(kinds=frozenset({"fcm"}), ttl=60))
    template = channel.compile(Template(name="t", channel="push", parts={"title": "a", "body": "b"}))
    [answer] = channel.render(template, [draft("fcm")])
    assert parsed(answer)["ttl"] == 60


@pytest.mark.parametrize("kind", KINDS)
def test_the_largest_message_fits_and_one_byte_more_does_not(channel, draft, kind):
    template = channel.compile(Template(name="t", channel="push", parts={"title": "a", "body": "{{ text }}"}))
    [short] = channel.render(template, [draft(kind, text="x")])
    room = LIMITS[kind] - size(Notification.from_bytes(short.body), kind, "")
    fits, over = channel.render(template, [draft(kind, text="x" * (1 + room + more)) for more in (0, 1)])
    assert size(Notification.from_bytes(fits.body), kind, "") == LIMITS[kind]
    assert isinstance(over, Unrendered)
    assert f"{kind}: the message has {LIMITS[kind] + 1:,} bytes, at most {LIMITS[kind]:,} fit" == over.problem


def test_letters_are_counted_as_bytes(rendered):
    assert isinstance(rendered({"body": "ü" * 1950}), Rendered)
    assert isinstance(rendered({"body": "ü" * 2000}), Unrendered)


def test_a_report_takes_room_of_a_message(draft):
    url = "https://shop.example/webhooks/push/webpush"
    channel = Push(PushSettings(kinds=frozenset({"webpush"}), report_url=url))
    template = channel.compile(Template(name="t", channel="push", parts={"title": "a", "body": "{{ 'x' * 3900 }}"}))
    [answer] = channel.render(template, [draft()])
    assert isinstance(answer, Unrendered)


def test_an_address_that_is_broken_is_told_without_it(channel):
    template = channel.compile(Template(name="t", channel="push", parts={"title": "a", "body": "b"}))
    broken = Draft(delivery_id=1, address=Identity("apns", "a1-4711"), context={}, message_key="k", at=0)
    [answer] = channel.render(template, [broken])
    assert answer.fault == "address"
    assert answer.problem == "it is no device token of Apple, in hexadecimal"


def test_an_address_of_another_kind_is_no_place_for_a_push_message(channel):
    template = channel.compile(Template(name="t", channel="push", parts={"title": "a", "body": "b"}))
    ada = Draft(delivery_id=1, address=Identity("email", "ada@example.com"), context={}, message_key="k", at=0)
    [answer] = channel.render(template, [ada])
    assert answer.problem == "push goes to apns, fcm, webpush"


def test_without_a_carrier_no_message_is_made():
    with pytest.raises(SettingsError, match=r"\[channels\.push\.webpush\]"):
        Push(PushSettings()).compile(Template(name="t", channel="push", parts={"title": "a", "body": "b"}))


@pytest.mark.parametrize(
    ("kinds", "reached", "needs_app", "most"),
    [
        ((), KINDS, False, 4096),
        (("webpush",), ("webpush",), False, 3993),
        (("fcm", "apns"), ("fcm", "apns"), True, 4096),
        (KINDS, KINDS, False, 4096),
    ],
)
def test_the_channel_says_whom_it_reaches(kinds, reached, needs_app, most):
    found = Push(PushSettings(kinds=frozenset(kinds))).capabilities
    assert (found.address_kinds, found.needs_app, found.max_bytes) == (frozenset(reached), needs_app, most)
    assert (found.each_address, found.consent_needed, found.real_time) == (True, True, True)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(KINDS), st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_whatever_is_said_arrives_as_it_was_said_in_each_form(rendered, kind, text):
    message = rendered({"body": "-{{ text }}-", "data": "said: -{{ text }}-"}, kind, text=text)
    said = Notification.from_bytes(message.body)
    forms = {
        "webpush": lambda: [json.loads(web_payload(said, None))[one] for one in ("body", "data")],
        "fcm": lambda: [
            fcm_message(said, 60)["notification"]["body"],
            json.loads(compact(fcm_message(said, 60)))["data"],
        ],
        "apns": lambda: [
            json.loads(apns_payload(said))["aps"]["alert"]["body"],
            json.loads(apns_payload(said))["data"],
        ],
    }
    assert forms[kind]() == [f"-{text}-", {"said": f"-{text}-"}]
    assert rendered({"body": "-{{ text }}-", "data": "said: -{{ text }}-"}, kind, text=text) == message
