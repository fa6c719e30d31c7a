"""The suite lets good channels pass, and catches each of many bad ones by the check that is about its fault."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from itertools import count
from types import MappingProxyType

import attrs
import pytest
from jinja2 import Environment, StrictUndefined

from crmcore.errors import InvalidIdentity, InvalidTemplate
from crmcore.hooks.channel import Rendered, Unrendered
from crmcore.model.identity import Identity
from crmcore.testing import laws
from crmcore.testing.channel_suite import ChannelSuite
from crmcore.testing.fakes import Notes
from crmcore.testing.hostile import ESCAPES
from crmcore.testing.laws import LawBroken

MOST, MOST_BYTES = 100, 160


class TestNotes(ChannelSuite):
    parts = MappingProxyType({"text": "Dear {{ customer.name }}"})

    def channel(self):
        return Notes()

    def addresses(self):
        return [Identity("email", " Ada@Example.com")]

    def outline(self, body):
        return type(body.decode())


class Letters(Notes):
    """A note in JSON, of a limited length, with an address in front."""

    def __init__(self):
        super().__init__("letter", content_length=MOST, max_bytes=MOST_BYTES)

    def render(self, compiled, drafts):
        return [self.letter(one, draft) for one, draft in zip(super().render(compiled, drafts), drafts, strict=True)]

    def letter(self, one, draft):
        if isinstance(one, Unrendered):
            return one
        text = one.preview["text"]
        if len(text) > MOST or len(text.encode()) > MOST_BYTES:
            return Unrendered(delivery_id=one.delivery_id, problem="it is too long")
        return attrs.evolve(one, body=self.body(text, draft))

    def body(self, text, draft):
        return json.dumps({"to": draft.address.value, "text": text}).encode()


class OfLetters(ChannelSuite):
    parts = MappingProxyType({"text": "Dear {{ customer.name }}"})
    package = __name__
    made = Letters

    def channel(self):
        return self.made()

    def addresses(self):
        return [Identity("email", "ada@example.com")]

    def outline(self, body):
        return sorted(json.loads(body))


class TestLetters(OfLetters):
    pass


class Nameless(Letters):
    """Has a name that is none."""

    def __init__(self):
        super().__init__()
        self.name = "A letter"


class Boundless(Letters):
    """Says that nothing fits."""

    def __init__(self):
        super().__init__()
        self.capabilities = attrs.evolve(self.capabilities, max_bytes=0)


class Sessions(Letters):
    """Names a part that opens a session, and no session."""

    def __init__(self):
        super().__init__()
        self.capabilities = attrs.evolve(self.capabilities, opens_session=frozenset({"approved"}))


class Welcoming(Letters):
    """Takes addresses of any kind."""

    def validate_address(self, address):
        return address


class Boastful(Letters):
    """Names a kind of address that nobody has seen."""

    def __init__(self):
        super().__init__()
        self.capabilities = attrs.evolve(self.capabilities, address_kinds=frozenset({"email", "pager"}))


class Longer(Letters):
    """Its normal form has a normal form of its own."""

    def validate_address(self, address):
        normal = super().validate_address(address)
        return attrs.evolve(normal, value=f"x{normal.value}"[:60])


class Brittle(Letters):
    """Falls over an address it has not thought of."""

    def validate_address(self, address):
        return super().validate_address(attrs.evolve(address, value=address.value.encode().decode()))


class Careless(Letters):
    """Takes what no customer can have."""

    def validate_address(self, address):
        if address.kind not in self.capabilities.address_kinds:
            raise InvalidIdentity(place="address", problem="no")
        return attrs.evolve(address, value=address.value.strip())


class Blind(Letters):
    """Falls over a template that lacks its text."""

    def validate_template(self, template):
        template.parts["text"]
        return super().validate_template(template)


class Listing(Letters):
    """Returns a list of texts for issues."""

    def validate_template(self, template):
        return [one.problem for one in super().validate_template(template)]


class Lenient(Letters):
    """Compiles what has an issue."""

    def compile(self, template):
        with suppress(InvalidTemplate):
            return super().compile(template)


class Strict(Letters):
    """Does not compile what has none."""

    def compile(self, template):
        if "customer" not in template.parts.get("text", ""):
            raise InvalidTemplate(name=template.name, place="text", problem="whose?")
        return super().compile(template)


class Deaf(Letters):
    """Says nothing of parts that it does not have."""

    def validate_template(self, template):
        return tuple(one for one in super().validate_template(template) if one.part == "text")


class Believing(Letters):
    """Finds nothing wrong with any syntax."""

    def validate_template(self, template):
        return tuple(one for one in super().validate_template(template) if "line" not in one.problem)

    def compile(self, template):
        with suppress(AssertionError):
            return super().compile(template)


class Open(Letters):
    """Has no sandbox around its templates."""

    def compile(self, template):
        made = super().compile(template)
        text = Environment(undefined=StrictUndefined).from_string(template.parts["text"])
        return attrs.evolve(made, text=attrs.evolve(made.text, compiled=text))


class Forgetful(Letters):
    """Leaves out the last."""

    def render(self, compiled, drafts):
        return super().render(compiled, drafts)[: max(1, len(drafts) - 1)]


class Reversed(Letters):
    """Answers the other way round."""

    def render(self, compiled, drafts):
        return super().render(compiled, drafts)[::-1]


class Raising(Letters):
    """Raises for a text it cannot write."""

    def letter(self, one, draft):
        if "\0" in getattr(one, "preview", {}).get("text", ""):
            raise ValueError("a NUL")
        return super().letter(one, draft)


class Dated(Letters):
    """Writes down when it was rendered."""

    def body(self, text, draft):
        return json.dumps({"to": draft.address.value, "text": text, "at": time.time() // 3600}).encode()


class Numbering(Letters):
    """Counts what it has rendered."""

    numbers = count()

    def body(self, text, draft):
        return json.dumps({"to": draft.address.value, "text": text, "number": next(self.numbers)}).encode()


class Neighbourly(Letters):
    """Tells each how many others there are."""

    def render(self, compiled, drafts):
        others = len(drafts)
        return [
            attrs.evolve(one, body=one.body + b" " * others) if isinstance(one, Rendered) else one
            for one in super().render(compiled, drafts)
        ]


class Pasting(Letters):
    """Writes its JSON by hand."""

    def body(self, text, draft):
        return f'{{"to": "{draft.address.value}", "text": "{text}"}}'.encode()


class Twice(Letters):
    """Reads what a template comes to as a template."""

    def letter(self, one, draft):
        if isinstance(one, Rendered) and "{{" in one.preview["text"]:
            text = one.preview["text"].replace("{{ 700077 * 3 }}", str(700077 * 3))
            one = attrs.evolve(one, preview={"text": text})
        return super().letter(one, draft)


class Blank(Letters):
    """Leaves a blank for what is missing."""

    def render(self, compiled, drafts):
        return [
            Rendered(delivery_id=one.delivery_id, body=b'{"to": "", "text": ""}')
            if isinstance(one, Unrendered) and one.field
            else one
            for one in super().render(compiled, drafts)
        ]


class Vague(Letters):
    """Does not say what is missing."""

    def letter(self, one, draft):
        return super().letter(attrs.evolve(one, field=None) if isinstance(one, Unrendered) else one, draft)


class Wordy(Letters):
    """Says that less fits than it takes."""

    def __init__(self):
        super().__init__()
        self.capabilities = attrs.evolve(self.capabilities, content_length=MOST - 50)


class Heavy(Letters):
    """Counts characters where it says bytes."""

    def letter(self, one, draft):
        if isinstance(one, Unrendered) or len(one.preview["text"]) > MOST:
            return super().letter(one, draft)
        return attrs.evolve(one, body=self.body(one.preview["text"], draft))


class Curious(Letters):
    """Looks up whom it writes to."""

    def render(self, compiled, drafts):
        with suppress(OSError):
            socket.getaddrinfo("localhost", 25)
        return super().render(compiled, drafts)


class Sleepy(Letters):
    """Waits a moment."""

    def render(self, compiled, drafts):
        time.sleep(0.01)
        return super().render(compiled, drafts)


FORM, KINDS = "test_it_is_what_it_says", "test_it_sends_to_the_kinds_of_addresses_it_names"
ADDRESS, SPOILT = "test_an_address_has_one_normal_form", "test_whatever_an_address_holds_it_is_normal_or_refused"
TEMPLATES, WELL = "test_whatever_a_template_holds_its_issues_are_named", "test_a_template_that_is_well_is_compiled"
PART = "test_a_part_that_nobody_reads_is_an_issue"
EACH, SAME = "test_every_draft_has_one_answer_in_order", "test_the_same_draft_gives_the_same_bytes"
CALLED, ANY_NAME = (
    "test_what_a_customer_is_called_stays_where_it_is_put",
    "test_whatever_a_customer_is_called_the_message_keeps_its_form",
)
LACKING, LONG, BYTES = (
    "test_what_is_missing_is_named",
    "test_what_is_too_long_is_refused",
    "test_what_has_too_many_bytes_is_refused",
)
QUIET = "test_it_opens_no_socket_and_does_not_sleep"

FAULTS = [
    (Nameless, FORM, laws.NAMED),
    (Boundless, FORM, laws.CAPABLE),
    (Sessions, FORM, laws.CAPABLE),
    (Welcoming, KINDS, laws.CAPABLE),
    (Boastful, KINDS, laws.CAPABLE),
    (Longer, ADDRESS, laws.ADDRESSED),
    (Longer, SPOILT, laws.ADDRESSED),
    (Brittle, SPOILT, laws.ADDRESSED),
    (Careless, SPOILT, laws.ADDRESSED),
    (Blind, TEMPLATES, laws.ISSUED),
    (Listing, TEMPLATES, laws.ISSUED),
    (Lenient, TEMPLATES, laws.COMPILED),
    (Strict, TEMPLATES, laws.COMPILED),
    (Listing, WELL, laws.ISSUED),
    (Deaf, PART, laws.CAPABLE),
    (Forgetful, EACH, laws.ONE_ANSWER),
    (Reversed, EACH, laws.ONE_ANSWER),
    (Dated, SAME, laws.RENDER_PURE),
    (Numbering, SAME, laws.RENDER_PURE),
    (Neighbourly, SAME, laws.RENDER_PURE),
    (Pasting, CALLED, laws.CONTAINED),
    (Pasting, ANY_NAME, laws.CONTAINED),
    (Twice, CALLED, laws.CONTAINED),
    (Raising, CALLED, laws.ONE_ANSWER),
    (Blank, LACKING, laws.MISSING),
    (Vague, LACKING, laws.MISSING),
    (Wordy, LONG, laws.WITHIN),
    (Heavy, BYTES, laws.WITHIN),
    (Curious, QUIET, laws.DRY),
    (Sleepy, QUIET, laws.DRY),
]


@pytest.mark.parametrize(("fault", "check", "law"), FAULTS, ids=lambda one: getattr(one, "__name__", None))
def test_a_faulty_channel_is_caught_by_the_check_that_is_about_it(fault, check, law):
    suite = OfLetters()
    suite.made = fault
    with pytest.raises(LawBroken) as caught:
        getattr(suite, check)()
    assert caught.value.law is law


@pytest.mark.parametrize("name", ["syntax", "block"])
def test_a_channel_that_believes_any_syntax_is_caught(name):
    suite = OfLetters()
    suite.made = Believing
    with pytest.raises(LawBroken) as caught:
        suite.test_a_template_that_cannot_be_read_is_an_issue(name)
    assert caught.value.law is laws.ISSUED


@pytest.mark.parametrize("source", ESCAPES)
def test_a_channel_without_a_sandbox_is_caught_by_what_gets_out(source):
    suite = OfLetters()
    suite.made = Open
    with pytest.raises(LawBroken) as caught:
        suite.test_a_template_does_not_leave_its_sandbox(source)
    assert caught.value.law is laws.SANDBOXED


def test_every_check_has_a_fault_that_only_it_is_about():
    checks = {one for one in dir(ChannelSuite) if one.startswith("test_")}
    assert checks - {check for _, check, _ in FAULTS} == {
        "test_a_template_that_cannot_be_read_is_an_issue",
        "test_a_template_does_not_leave_its_sandbox",
    }
