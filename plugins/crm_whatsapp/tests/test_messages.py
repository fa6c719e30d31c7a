"""Messages are what Meta takes: approved templates filled in, and free ones within its limits."""

from __future__ import annotations

import json

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_whatsapp.channel import WhatsApp
from crmcore.errors import InvalidIdentity, InvalidTemplate
from crmcore.hooks.channel import Draft, Rendered, Unrendered
from crmcore.hooks.sandbox import Fields
from crmcore.model.identity import Identity
from crmcore.model.money import Money
from crmcore.model.template import Template
from crmcore.testing.watching import no_sockets

CHANNEL = WhatsApp()
ADA = Identity("phone", "+447700900123")
URL = "https://shop.example/a.png"
APPROVED = {"approved": "order_shipped", "language": "en_US"}


def template(parts, locale=""):
    return Template(name="t", channel="whatsapp", parts=parts, locale=locale)


def draft(address=ADA, **context):
    return Draft(delivery_id=42, address=address, context=context, message_key="k1", at=0)


def rendered(parts, *, locale="", address=ADA, **context):
    [answer] = CHANNEL.render(CHANNEL.compile(template(parts, locale)), [draft(address, **context)])
    return answer


def message(parts, **context):
    answer = rendered(parts, **context)
    assert isinstance(answer, Rendered), answer
    return json.loads(answer.body)


def components(parts, **context):
    return message(APPROVED | parts, **context)["template"]["components"]


def problems(parts, locale=""):
    return [f"{one.part}: {one.problem}" for one in CHANNEL.validate_template(template(parts, locale))]


def test_a_message_names_its_delivery_so_that_a_status_settles_it():
    assert message({"text": "Hi"}) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+447700900123",
        "biz_opaque_callback_data": "42",
        "type": "text",
        "text": {"body": "Hi"},
    }


def test_who_has_no_number_is_written_to_by_their_id():
    made = message({"text": "Hi"}, address=Identity("bsuid", "us.13491208655302741918"))
    assert (made.get("to"), made["recipient"]) == (None, "US.13491208655302741918")


def test_a_trial_before_a_launch_goes_to_nobody():
    assert "to" not in message({"text": "Hi"}, address=Identity("email", "nobody@example.invalid"))


def test_to_what_is_no_address_no_message_is_made_and_the_address_not_told():
    answer = rendered({"text": "Hi"}, address=Identity("phone", "0770090"))
    assert isinstance(answer, Unrendered)
    assert "0770090" not in answer.problem


@pytest.mark.parametrize(
    ("part", "text", "component"),
    [
        ("body.1", "Ada", {"type": "body", "parameters": [{"type": "text", "text": "Ada"}]}),
        (
            "body.name",
            "Ada",
            {"type": "body", "parameters": [{"type": "text", "text": "Ada", "parameter_name": "name"}]},
        ),
        (
            "body.1.currency",
            "1,234.50 EUR",
            {
                "type": "body",
                "parameters": [
                    {
                        "type": "currency",
                        "currency": {"fallback_value": "1,234.50 EUR", "code": "EUR", "amount_1000": 1_234_500},
                    }
                ],
            },
        ),
        (
            "body.1.date_time",
            "24 May 2026",
            {"type": "body", "parameters": [{"type": "date_time", "date_time": {"fallback_value": "24 May 2026"}}]},
        ),
        ("header.1", "Ada", {"type": "header", "parameters": [{"type": "text", "text": "Ada"}]}),
        ("header.image", URL, {"type": "header", "parameters": [{"type": "image", "image": {"link": URL}}]}),
        ("header.video", URL, {"type": "header", "parameters": [{"type": "video", "video": {"link": URL}}]}),
        ("header.document", URL, {"type": "header", "parameters": [{"type": "document", "document": {"link": URL}}]}),
        (
            "button.0.url",
            "a?b=1",
            {"type": "button", "sub_type": "url", "index": "0", "parameters": [{"type": "text", "text": "a?b=1"}]},
        ),
        (
            "button.1.payload",
            "stop",
            {
                "type": "button",
                "sub_type": "quick_reply",
                "index": "1",
                "parameters": [{"type": "payload", "payload": "stop"}],
            },
        ),
        (
            "button.2.code",
            "SPRING26",
            {
                "type": "button",
                "sub_type": "copy_code",
                "index": "2",
                "parameters": [{"type": "coupon_code", "coupon_code": "SPRING26"}],
            },
        ),
    ],
)
def test_a_place_of_an_approved_template_is_filled_as_meta_takes_it(part, text, component):
    assert components({part: text}) == [component]


def test_the_places_come_in_their_order_header_first_and_ten_after_nine():
    parts = {f"body.{number}": str(number) for number in range(1, 12)}
    parts |= {"button.1.payload": "p", "button.0.url": "u", "header.document": URL, "header.filename": "a.pdf"}
    made = components(parts)
    assert [one["type"] for one in made] == ["header", "body", "button", "button"]
    assert [one["text"] for one in made[1]["parameters"]] == [str(number) for number in range(1, 12)]
    assert [one.get("index") for one in made[2:]] == ["0", "1"]
    assert made[0]["parameters"] == [{"type": "document", "document": {"link": URL, "filename": "a.pdf"}}]


def test_a_template_without_places_has_no_components():
    assert message(APPROVED)["template"] == {"name": "order_shipped", "language": {"code": "en_US"}}


@pytest.mark.parametrize(
    ("parts", "locale", "code"),
    [({}, "de_AT", "de_AT"), ({}, "pt-BR", "pt_BR"), ({"language": "en"}, "de_AT", "en"), ({}, "fil", "fil")],
)
def test_the_language_is_the_one_given_else_that_of_the_locale(parts, locale, code):
    made = message({"approved": "hello"} | parts, locale=locale)
    assert made["template"]["language"] == {"code": code}


def test_money_is_written_as_it_stands():
    made = components({"body.1.currency": "{{ price | money }}"}, price=Money(1999, "GBP"))
    assert made[0]["parameters"][0]["currency"]["amount_1000"] == 19_990


BUTTONS = {"text": "Which?", "button.0": "Red", "button.1": "Blue", "button.1.id": "blue"}
LIST = {"text": "Which?", "list": "See all", "row.0": "Red", "row.0.description": "Like a rose", "row.1": "Blue"}


def test_buttons_are_replies_each_with_its_id():
    made = message(BUTTONS | {"header": "Colours", "footer": "Reply STOP to end"})
    assert made["interactive"] == {
        "type": "button",
        "header": {"type": "text", "text": "Colours"},
        "body": {"text": "Which?"},
        "footer": {"text": "Reply STOP to end"},
        "action": {
            "buttons": [
                {"type": "reply", "reply": {"id": "Red", "title": "Red"}},
                {"type": "reply", "reply": {"id": "blue", "title": "Blue"}},
            ]
        },
    }


def test_a_list_opens_by_a_button():
    assert message(LIST)["interactive"]["action"] == {
        "button": "See all",
        "sections": [
            {
                "rows": [
                    {"id": "Red", "title": "Red", "description": "Like a rose"},
                    {"id": "Blue", "title": "Blue"},
                ]
            }
        ],
    }


def test_a_row_without_a_title_is_left_out():
    parts = {"text": "Which?", "list": "See all"}
    parts |= {
        f"row.{number}": f"{{% if offers|length > {number} %}}{{{{ offers[{number}] }}}}{{% endif %}}"
        for number in range(3)
    }
    made = message(parts, offers=["a", "b"])
    assert [one["title"] for one in made["interactive"]["action"]["sections"][0]["rows"]] == ["a", "b"]


def test_a_file_carries_the_text_as_its_caption():
    made = message({"document": URL, "filename": "a.pdf", "text": "Your bill"})
    assert made["document"] == {"link": URL, "filename": "a.pdf", "caption": "Your bill"}
    assert message({"sticker": URL})["sticker"] == {"link": URL}


def test_the_header_of_buttons_may_be_a_file():
    assert message(BUTTONS | {"header.image": URL})["interactive"]["header"] == {
        "type": "image",
        "image": {"link": URL},
    }


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"footer": "x"}, "text: it is missing"),
        ({"text": "x", "subject": "y"}, "no such part"),
        ({"text": "x", "footer": "y"}, "footer: it goes with buttons"),
        ({"text": "x", "header": "y"}, "header: it goes with buttons"),
        (BUTTONS | {"list": "All", "row.0": "a"}, "buttons or a list"),
        ({"text": "x", "row.0": "a"}, "list: it is missing"),
        ({"text": "x", "list": "All"}, "row.0: it is missing"),
        (LIST | {"header.image": URL}, "the header of a list is a text"),
        (BUTTONS | {"header.image": URL, "header": "x"}, "one header"),
        (BUTTONS | {"button.3": "x"}, "3 buttons at most"),
        (LIST | {"row.10": "x"}, "10 rows at most"),
        ({"text": "x", "button.0": "a", "button.1.id": "b"}, "button.1: it is missing"),
        ({"image": URL, "video": URL}, "one file"),
        ({"audio": URL, "text": "x"}, "no text goes with audio"),
        ({"image": URL, "button.0": "a"}, "header.image goes with buttons"),
        ({"text": "x", "filename": "a.pdf"}, "belongs to a document"),
        ({"image": "ftp://a/b"}, "https://"),
        ({"text": "{% if %}"}, "line 1"),
        ({"approved": "hello"}, "language: give the language"),
        ({"approved": "{{ name }}", "language": "en"}, "approved: it is the template's name"),
        ({"approved": "hello", "language": "English"}, "language: give"),
        (APPROVED | {"text": "x"}, "an approved template has places"),
        (APPROVED | {"body.2": "x"}, "from 1, without a gap"),
        (APPROVED | {"body.1": "x", "body.name": "y"}, "not both"),
        (APPROVED | {"body.1": "x", "header.name": "y"}, "not both"),
        (APPROVED | {"body.1": "x", "body.1.currency": "1 EUR"}, "each once"),
        (APPROVED | {"body.a": "x", "body.a.currency": "1 EUR"}, "given twice"),
        (APPROVED | {"button.0.url": "x", "button.0.payload": "y"}, "not two of them"),
        (APPROVED | {"header.image": URL, "header.1": "y"}, "a header is one"),
        (APPROVED | {"header.filename": "y"}, "belongs to header.document"),
        (APPROVED | {"body.1.currency": "12.50"}, "12.50 EUR"),
        (APPROVED | {"button.0.code": "A B"}, "letters and digits"),
    ],
)
def test_a_template_that_cannot_work_is_refused_before_any_message(parts, said):
    assert any(said in one for one in problems(parts)), problems(parts)
    with pytest.raises(InvalidTemplate):
        CHANNEL.compile(template(parts))


@pytest.mark.parametrize("parts", [{"text": "x"}, BUTTONS, LIST, {"image": URL}, APPROVED, APPROVED | {"body.1": "x"}])
def test_a_template_that_works_has_no_issue(parts):
    assert problems(parts) == []


#: The longest that fits, of each part in its surroundings.
LIMITS = [
    ({}, "text", 4096),
    (BUTTONS, "text", 1024),
    ({"image": URL}, "text", 1024),
    (BUTTONS, "header", 60),
    (BUTTONS, "footer", 60),
    (BUTTONS, "button.0", 20),
    (BUTTONS, "button.0.id", 256),
    (LIST, "list", 20),
    (LIST, "row.0", 24),
    (LIST, "row.0.id", 200),
    (LIST, "row.0.description", 72),
    (APPROVED, "header.1", 60),
    (APPROVED, "body.1", 32_768),
    (APPROVED | {"header.image": URL}, "body.1", 1024),
    (APPROVED, "button.0.url", 2000),
    (APPROVED, "button.0.payload", 256),
    (APPROVED, "button.0.code", 20),
]


@pytest.mark.parametrize(("parts", "part", "most"), LIMITS)
def test_a_text_may_be_as_long_as_meta_takes_it_and_no_longer(parts, part, most):
    assert problems(parts | {part: "x" * most}) == []
    assert any(f"at most {most:,} fit" in one for one in problems(parts | {part: "x" * (most + 1)}))


@pytest.mark.parametrize(("parts", "part", "most"), LIMITS)
def test_what_is_filled_in_has_the_same_limits(parts, part, most):
    filled = parts | {part: "{{ field }}"}
    assert isinstance(rendered(filled, field="x" * most), Rendered)
    answer = rendered(filled, field="x" * (most + 1))
    assert isinstance(answer, Unrendered)
    assert answer.problem.startswith(f"{part}: ")


@pytest.mark.parametrize("evil", ["", "  ", "a\nb", "a\rb", "a\tb", "a    b"])
def test_a_parameter_is_neither_empty_nor_of_several_lines(evil):
    assert isinstance(rendered(APPROVED | {"body.1": "{{ field }}"}, field=evil), Unrendered)


@pytest.mark.parametrize("part", ["button.0", "header", "footer"])
def test_no_value_begins_a_line_of_its_own_where_there_is_one(part):
    assert isinstance(rendered(BUTTONS | {part: "{{ field }}"}, field="a\nb"), Unrendered)


@pytest.mark.parametrize(
    ("parts", "context", "said"),
    [
        ({"text": "{{ field }}"}, {"field": " "}, "text: it is empty"),
        (BUTTONS | {"text": "{{ field }}"}, {"field": ""}, "text: it is empty"),
        ({"text": "x", "button.0": "{{ field }}"}, {"field": ""}, "none of them has a title"),
        (BUTTONS | {"button.0": "{{ field }}"}, {"field": "Blue"}, "two are the same"),
        (BUTTONS | {"button.0.id": "{{ field }}"}, {"field": "blue"}, "two are the same"),
        (LIST | {"list": "{{ field }}"}, {"field": ""}, "list: it is empty"),
        (APPROVED | {"header.image": "{{ field }}"}, {"field": "/a.png"}, "https://"),
        ({"text": "{{ field }}"}, {"field": "\ud800"}, "half a character"),
        (
            APPROVED | {"header.1": "h", "body.1": "{{ field }}", "body.2": "{{ field }}"},
            {"field": "x" * 513},
            "body: 1,026",
        ),
    ],
)
def test_what_meta_would_refuse_is_refused_before_it_goes(parts, context, said):
    answer = rendered(parts, **context)
    assert isinstance(answer, Unrendered)
    assert said in answer.problem


def test_an_undefined_field_is_named_whole():
    answer = rendered({"text": "{{ customer.name }}"}, customer=Fields("customer", {}))
    assert answer.field == "customer.name"


def test_a_template_stays_in_its_sandbox():
    assert isinstance(rendered({"text": "{{ ''.__class__.__mro__ }}"}), Unrendered)


WORDS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60).filter(
    lambda text: text.strip() and "    " not in text and text.strip().isprintable()
)


@settings(max_examples=60, deadline=None)
@given(WORDS)
def test_what_is_said_arrives_as_it_is_and_the_same_draft_gives_the_same_bytes(said):
    for parts in ({"text": "{{ field }}"}, APPROVED | {"body.1": "{{ field }}"}):
        compiled = CHANNEL.compile(template(parts))
        one, again = (CHANNEL.render(compiled, [draft(field=said)])[0] for _ in range(2))
        assert one.body == again.body
        made = json.loads(one.body)
        found = made.get("text") or made["template"]["components"][0]["parameters"][0]
        assert (found.get("body") or found["text"]) == said.strip()


def test_rendering_opens_no_socket():
    with no_sockets():
        assert message({"text": "Hi {{ name }}"}, name="Ada")


def test_only_what_meta_has_approved_opens_a_session():
    capabilities = CHANNEL.capabilities
    assert (capabilities.opens_session, capabilities.session_window) == ({"approved"}, 86_400)
    assert attrs.asdict(capabilities)["address_kinds"] == {"phone", "bsuid"}


@pytest.mark.parametrize(
    ("kind", "value", "normal"),
    [
        ("phone", "+44 7700 900123", "+447700900123"),
        ("phone", "447700900123", "+447700900123"),
        ("bsuid", "US.13491208655302741918", "US.13491208655302741918"),
        ("bsuid", "gb.Ab9", "GB.Ab9"),
        ("bsuid", "US.ENT.11815799212886844830", "US.ENT.11815799212886844830"),
        ("bsuid", f"US.{'x' * 128}", f"US.{'x' * 128}"),
    ],
)
def test_an_address_gets_its_normal_form(kind, value, normal):
    made = CHANNEL.validate_address(Identity(kind, value))
    assert made == Identity(kind, normal) == CHANNEL.validate_address(made)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("phone", "07700900123"),
        ("phone", "+1234"),
        ("phone", "+1234567890123456"),
        ("phone", "+44770090012a"),
        ("phone", "+\u0664\u0664770090012"),
        ("bsuid", "13491208655302741918"),
        ("bsuid", "US."),
        ("bsuid", f"US.{'x' * 129}"),
        ("bsuid", "US.1-2"),
        ("bsuid", "USA.12"),
        ("email", "ada@example.com"),
    ],
)
def test_what_is_no_address_is_refused(kind, value):
    with pytest.raises(InvalidIdentity):
        CHANNEL.validate_address(Identity(kind, value))
