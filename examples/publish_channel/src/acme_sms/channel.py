"""The channel `sms`: short texts to phone numbers."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from crmcore.errors import InvalidIdentity, InvalidTemplate
from crmcore.hooks.channel import Capabilities, Compiled, Draft, Rendered, Unrendered
from crmcore.hooks.sandbox import Part, Problem, render, text_part
from crmcore.model.identity import Identity
from crmcore.model.template import Issue, Template

PHONE = re.compile(r"\+[1-9][0-9]{5,14}")
FILLERS = str.maketrans("", "", " -().")
#: Three parts of a text message, as they are joined on the phone.
LENGTH = 459


class CompiledText(NamedTuple):
    """A template's text, compiled."""

    template: Template
    text: Part


class Sms:
    """One part, `text`, to phone numbers."""

    name = "sms"
    contract = 1
    capabilities = Capabilities(
        address_kinds=frozenset({"phone"}),
        content_kinds=frozenset({"text"}),
        content_length=LENGTH,
        real_time=True,
        intrusiveness="high",
        consent_needed=True,
        needs_app=False,
        creative_work="low",
        development_work="low",
        design_freedom="low",
        reach_only_while_active=False,
    )

    def validate_address(self, address: Identity) -> Identity:
        """Return a phone number as + and digits; raise InvalidIdentity."""
        value = address.value.translate(FILLERS)
        if address.kind != "phone" or not PHONE.fullmatch(value):
            raise InvalidIdentity(place=address.value, problem="it is no phone number such as +447700900123")
        return Identity("phone", value)

    def validate_template(self, template: Template) -> tuple[Issue, ...]:
        """Return what is wrong with a template."""
        made = _text(template)
        wrong = [Issue(part="text", problem=made.text)] if isinstance(made, Problem) else []
        return (*wrong, *(Issue(part=one, problem="no message shows it") for one in template.parts if one != "text"))

    def compile(self, template: Template) -> CompiledText:
        """Return the template made ready; raise InvalidTemplate."""
        for issue in self.validate_template(template):
            raise InvalidTemplate(name=template.name, place=issue.part, problem=issue.problem)
        made = _text(template)
        assert isinstance(made, Part)
        return CompiledText(template=template, text=made)

    def render(self, compiled: Compiled, drafts: Sequence[Draft]) -> Sequence[Rendered | Unrendered]:
        """Return one message a draft, in order."""
        assert isinstance(compiled, CompiledText)
        return [_rendered(compiled.text, draft) for draft in drafts]


def _text(template: Template) -> Part | Problem:
    text = template.parts.get("text", "")
    return text_part("text", text) if text else Problem(text="there is none")


def _rendered(part: Part, draft: Draft) -> Rendered | Unrendered:
    said = render(part, draft.context)
    if isinstance(said, Problem):
        return Unrendered(delivery_id=draft.delivery_id, problem=said.text, field=said.field)
    if not 1 <= len(said) <= LENGTH:
        return Unrendered(delivery_id=draft.delivery_id, problem=f"text: 1 to {LENGTH:,} characters fit")
    body = said.encode(errors="replace")
    return Rendered(delivery_id=draft.delivery_id, body=body, preview={"text": body.decode()})
