"""The channel `whatsapp`: addresses, templates, and messages rendered byte for byte the same from the same draft."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Protocol

import attrs

from crm_whatsapp import address, approved, free
from crm_whatsapp.rules import FILLED_ALONE, Rule
from crmcore.errors import InvalidIdentity, InvalidTemplate
from crmcore.hooks.channel import Capabilities, Compiled, Draft, Rendered, Unrendered
from crmcore.hooks.sandbox import Part, Problem, render, text_part
from crmcore.model.identity import Identity
from crmcore.model.template import Issue, Template

DAY: Final = 86_400
#: What makes a part one that is filled in.
_FIELD: Final = "{"
_ENCODER: Final = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"))


class Form(Protocol):
    """A kind of message: one approved by Meta, or a free one. The modules of those names are the two."""

    def issues(self, template: Template) -> Iterator[Issue]:
        """Yield what is wrong with the parts, but for what is in them."""

    def rule(self, template: Template, name: str) -> Rule:
        """Return what the text of a part must be like."""

    def incomplete(self, template: Template, said: Mapping[str, str]) -> str:
        """Return what is wrong with the message as a whole; nothing where all is well."""

    def message(self, template: Template, said: Mapping[str, str]) -> dict[str, Any]:
        """Return the message as Meta takes it."""


@attrs.frozen(kw_only=True)
class CompiledMessage:
    """A template ready for many messages: its parts, each with what its text must be like."""

    template: Template
    form: Form
    parts: tuple[tuple[Part, Rule], ...]


class WhatsApp:
    """WhatsApp. It knows content; a provider carries what it renders."""

    name = "whatsapp"
    contract = 1
    capabilities = Capabilities(
        address_kinds=frozenset({address.PHONE, address.BSUID}),
        content_kinds=frozenset({"text", "template", "media", "buttons"}),
        real_time=True,
        intrusiveness="high",
        consent_needed=True,
        needs_app=True,
        creative_work="low",
        development_work="medium",
        design_freedom="low",
        reach_only_while_active=False,
        content_length=FILLED_ALONE,
        session_window=DAY,
        opens_session=frozenset({approved.NAME}),
        levers=frozenset({"timing", "call_to_action", "landing_page"}),
        metrics=frozenset({"delivery_rate", "read_rate", "reply_rate", "click_rate", "conversion_rate"}),
        inbound=True,
    )

    def validate_address(self, one: Identity) -> Identity:
        """Return the address in normal form; raise InvalidIdentity."""
        return address.normal(one)

    def validate_template(self, template: Template) -> tuple[Issue, ...]:
        """Return what is wrong: parts unknown, missing or at odds, syntax, and what is too long for Meta."""
        form = _form(template)
        return (*form.issues(template), *_in_parts(template, form))

    def compile(self, template: Template) -> CompiledMessage:
        """Return the template made ready; raise InvalidTemplate."""
        for issue in self.validate_template(template):
            raise InvalidTemplate(name=template.name, place=issue.part, problem=issue.problem)
        form = _form(template)
        made = (text_part(name, source) for name, source in sorted(template.parts.items()))
        parts = tuple((one, form.rule(template, one.name)) for one in made if isinstance(one, Part))
        return CompiledMessage(template=template, form=form, parts=parts)

    def render(self, compiled: Compiled, drafts: Sequence[Draft]) -> Sequence[Rendered | Unrendered]:
        """Return one message per draft, or why there is none."""
        assert isinstance(compiled, CompiledMessage)  # it is what `compile` returned
        return [_render(compiled, draft) for draft in drafts]


def _form(template: Template) -> Form:
    return approved if approved.NAME in template.parts else free


def _in_parts(template: Template, form: Form) -> Iterator[Issue]:
    """Yield what is wrong inside the parts; those that are filled in are looked at when they are."""
    for name, source in template.parts.items():
        made = text_part(name, source)
        if isinstance(made, Problem):
            yield Issue(part=name, problem=made.text)
        elif _FIELD not in source and (problem := form.rule(template, name)(source.strip())):
            yield Issue(part=name, problem=problem)


def _render(compiled: CompiledMessage, draft: Draft) -> Rendered | Unrendered:
    said: dict[str, str] = {}
    for part, rule in compiled.parts:
        text = _said(part, rule, draft.context)
        if isinstance(text, Problem):
            return Unrendered(delivery_id=draft.delivery_id, problem=text.text, field=text.field)
        said[part.name] = text
    if problem := compiled.form.incomplete(compiled.template, said):
        return Unrendered(delivery_id=draft.delivery_id, problem=problem)
    try:
        to = _recipient(draft.address)
    except InvalidIdentity as error:
        return Unrendered(delivery_id=draft.delivery_id, problem=str(error.fields["problem"]), fault="address")
    message = compiled.form.message(compiled.template, said)
    return Rendered(delivery_id=draft.delivery_id, body=_body(draft, to, message), preview=said)


def _said(part: Part, rule: Rule, context: Mapping[str, Any]) -> str | Problem:
    """Return the text of a part without the blanks around it, or what is wrong."""
    text = render(part, context)
    if isinstance(text, Problem):
        return text
    problem = rule(text.strip()) or ("" if _is_text(text) else "it holds half a character")
    return Problem(text=f"{part.name}: {problem}") if problem else text.strip()


def _recipient(one: Identity) -> dict[str, str]:
    """Return who it goes to; a trial before a launch goes to nobody, by an address that need not be one of ours."""
    if one.kind not in WhatsApp.capabilities.address_kinds:
        return {}
    normal = address.normal(one)
    return {"to" if normal.kind == address.PHONE else "recipient": normal.value}


def _body(draft: Draft, to: Mapping[str, str], message: Mapping[str, Any]) -> bytes:
    # The statuses of the message bring the delivery back: that settles one whose answer was lost.
    whole = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "biz_opaque_callback_data": str(draft.delivery_id),
        **to,
        **message,
    }
    return _ENCODER.encode(whole).encode()


def _is_text(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
