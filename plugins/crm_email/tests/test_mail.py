"""Every mail is valid MIME that says what was meant: the standard library's parser is the judge."""

from __future__ import annotations

import email
from datetime import UTC, date, datetime
from email import policy

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm_email.channel import Email
from crm_email.settings import email_settings
from crmcore.errors import InvalidIdentity, InvalidTemplate, SettingsError
from crmcore.hooks.channel import Draft, Rendered, Unrendered
from crmcore.hooks.sandbox import Fields
from crmcore.model.identity import Identity
from crmcore.model.template import Template
from crmcore.testing.strategies import texts
from crmcore.testing.watching import no_sockets

SENDER = {"sender": "Kedai Ünïcode <shop@example.com>", "reply_to": "Help <help@example.com>"}
LINES = st.text(st.characters(exclude_characters="\0\r", exclude_categories=["Cs"]), max_size=300)
ODD = st.sampled_from([".", "..", "From here", "x" * 1200, "trailing  ", "ü" * 400, "=20", "a\tb", "--=_k", ""])
BODIES = st.lists(LINES | ODD, max_size=6).map("\n".join)
SUBJECTS = texts(120).filter(lambda text: all(letter.isprintable() for letter in text))


def compiled(**parts):
    channel = Email(email_settings(SENDER))
    return channel, channel.compile(Template(name="t", channel="email", parts=parts))


def draft(**context):
    return Draft(
        delivery_id=1,
        address=Identity("email", "ada@example.com"),
        context=context,
        message_key="k1",
        at=1_772_366_400_000_000,
        unsubscribe="https://shop.example/crm/unsubscribe/abc",
    )


def rendered(channel, made, one):
    [answer] = channel.render(made, [one])
    assert isinstance(answer, Rendered)
    return answer.body


def parsed(body):
    return email.message_from_bytes(body, policy=policy.default)


def content(message, kind):
    return message.get_body((kind,)).get_payload(decode=True).decode().replace("\r\n", "\n")


@settings(max_examples=300, deadline=None)
@given(SUBJECTS, BODIES, BODIES)
def test_the_parser_reads_back_what_was_said(subject, text, html):
    channel, made = compiled(subject="{{ s }}", text="{{ t }}", html="{{ h | safe }}")
    body = rendered(channel, made, draft(s=subject, t=text, h=html))
    message = parsed(body)
    assert message["Subject"] == subject
    assert (content(message, "plain"), content(message, "html")) == (flat(text), flat(html))
    assert not message.defects


def flat(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


@settings(max_examples=100, deadline=None)
@given(SUBJECTS, BODIES)
def test_a_mail_is_seven_bit_with_lines_of_modest_length(subject, text):
    channel, made = compiled(subject="{{ s }}", text="{{ t }}")
    body = rendered(channel, made, draft(s=subject, t=text))
    assert body.isascii()
    assert max(map(len, body.split(b"\r\n"))) <= 998
    assert b"\n" not in body.replace(b"\r\n", b"")


def test_the_headers_are_those_of_rfc_8058_and_5322():
    channel, made = compiled(subject="Hi", text="x", html="<p>x</p>")
    message = parsed(rendered(channel, made, draft()))
    assert message["From"] == "Kedai Ünïcode <shop@example.com>"
    assert message["Reply-To"] == "Help <help@example.com>"
    assert message["To"] == "ada@example.com"
    assert message["Message-ID"] == "<k1@example.com>"
    assert message["Date"].datetime.isoformat() == "2026-03-01T12:00:00+00:00"
    assert message["List-Unsubscribe"] == "<https://shop.example/crm/unsubscribe/abc>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message.get_content_type() == "multipart/alternative"


def test_the_same_draft_gives_the_same_bytes():
    channel, made = compiled(subject="Hi {{ n }}", text="x", html="<p>{{ n }}</p>")
    assert rendered(channel, made, draft(n="ä")) == rendered(channel, made, draft(n="ä"))


def test_an_address_outside_ascii_is_written_as_it_goes_over_the_wire():
    channel, made = compiled(subject="Hi", text="x")
    one = attrs.evolve(draft(), address=Identity("email", "ada@müller.example"))
    assert parsed(rendered(channel, made, one))["To"] == "ada@xn--mller-kva.example"


@pytest.mark.parametrize("value", ["ü@example.com", "a@b.co\r\nBcc: all@example.com", "a@b..co"])
def test_to_what_is_no_address_no_mail_is_made_and_the_address_not_told(value):
    channel, made = compiled(subject="Hi", text="x")
    [answer] = channel.render(made, [attrs.evolve(draft(), address=Identity("email", value))])
    assert isinstance(answer, Unrendered)
    assert value not in answer.problem


def test_rendering_opens_no_socket():
    channel, made = compiled(subject="Hi {{ n }}", text="x", html="<p>{{ n }}</p>")
    with no_sockets():
        assert rendered(channel, made, draft(n="Ada"))


@pytest.mark.parametrize("evil", ["a\r\nBcc: all@example.com", "a\nb", "a\rb", "a\x85b", "a\u2028b", "a\0b", "a\x0bb"])
def test_no_value_begins_a_header_of_its_own(evil):
    channel, made = compiled(subject="Hi {{ n }}", text="x")
    [answer] = channel.render(made, [draft(n=evil)])
    assert isinstance(answer, Unrendered)


def test_html_is_escaped_and_text_is_not():
    channel, made = compiled(subject="{{ n }}", text="{{ n }}", html="{{ n }}")
    message = parsed(rendered(channel, made, draft(n="<b>&")))
    assert (message["Subject"], content(message, "plain"), content(message, "html")) == (
        "<b>&",
        "<b>&",
        "&lt;b&gt;&amp;",
    )


def test_an_undefined_field_is_named_whole():
    channel, made = compiled(subject="Hi", text="{{ customer.name }}")
    [answer] = channel.render(made, [draft(customer=Fields("customer", {}))])
    assert answer.field == "customer.name"


def test_an_attribute_may_be_called_like_a_method():
    channel, made = compiled(subject="Hi", text="{{ customer.items }}")
    assert b"seven" in rendered(channel, made, draft(customer=Fields("customer", {"items": "seven"})))


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ customer.__class__ }}",
        "{% for _ in range(10**9) %}x{% endfor %}",
        "{{ customer.update({}) }}",
    ],
)
def test_a_template_stays_in_its_sandbox(source):
    channel, made = compiled(subject="Hi", text=source)
    [answer] = channel.render(made, [draft(customer=Fields("customer", {}))])
    assert isinstance(answer, Unrendered)


@pytest.mark.parametrize("source", ["{{ born.today() }}", "{{ seen.now() }}", "{{ lipsum() }}", "{{ 'x'.upper }}"])
def test_a_template_asks_no_clock_and_no_chance_so_that_it_says_the_same_again(source):
    channel, made = compiled(subject="Hi", text=source)
    [answer] = channel.render(made, [draft(born=date(1990, 1, 1), seen=datetime(2026, 1, 1, tzinfo=UTC))])
    assert isinstance(answer, Unrendered)


@pytest.mark.parametrize(
    ("parts", "said"),
    [
        ({"subject": "x"}, "a text, an html part"),
        ({"text": "x"}, "missing"),
        ({"subject": "x", "text": "{% if %}"}, "line 1"),
        ({"subject": "x", "text": "x", "footer": "y"}, "no such part"),
        ({"subject": "x\ny", "text": "x"}, "one line"),
        ({"subject": "x", "text": "{{ [1, 2] | random }}"}, "random"),
        ({"subject": "x", "text": "x" * 600_000}, "at most"),
    ],
)
def test_a_template_that_cannot_work_is_refused_before_any_mail(parts, said):
    channel = Email(email_settings(SENDER))
    template = Template(name="t", channel="email", parts=parts)
    assert any(said in issue.problem for issue in channel.validate_template(template))
    with pytest.raises(InvalidTemplate):
        channel.compile(template)


def test_without_a_sender_nothing_is_sent_and_the_fix_is_named():
    with pytest.raises(SettingsError, match="sender = "):
        Email(email_settings({})).compile(Template(name="t", channel="email", parts={"subject": "x", "text": "x"}))


@pytest.mark.parametrize(
    ("given_", "normal"), [("ada@EXAMPLE.com", "ada@example.com"), ("ada@müller.example", "ada@xn--mller-kva.example")]
)
def test_an_address_gets_its_normal_form(given_, normal):
    assert Email(email_settings(SENDER)).validate_address(Identity("email", given_)).value == normal


@pytest.mark.parametrize(
    "value",
    [
        "ü@example.com",
        "a..b@example.com",
        ".a@example.com",
        "a@",
        "a@-x.com",
        "a@x..com",
        "x" * 65 + "@example.com",
        "a b@example.com",
        "a@b\r\n.com",
    ],
)
def test_what_is_no_address_is_refused(value):
    with pytest.raises(InvalidIdentity):
        Email(email_settings(SENDER)).validate_address(Identity("email", value))


@pytest.mark.parametrize("section", [{"sender": "nobody"}, {"sendr": "a@b.co"}])
def test_a_wrong_setting_is_an_error_naming_it(section):
    with pytest.raises(SettingsError, match=r"sende?r"):
        email_settings(section)
