"""Stand-ins for channels and carriers: they record what they are given and answer as they are told."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Any, Self

import attrs

from crmcore.errors import InvalidIdentity, InvalidTemplate, InvalidValue
from crmcore.hooks.channel import Capabilities, Channel, Compiled, Draft, Rendered, Unrendered
from crmcore.hooks.coupon import CouponSource
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.provider import Accepted, Carriage, HttpProvider, Outgoing, Provider, Result
from crmcore.hooks.sandbox import Part, Problem, render, text_part
from crmcore.hooks.setup import Setup
from crmcore.model.identity import Identity, identity
from crmcore.model.template import Issue, Template

Answer = Callable[[Outgoing], Result]


def accept(message: Outgoing) -> Result:
    """Take every message over."""
    return Accepted(delivery_id=message.delivery_id, provider_id=f"p-{message.delivery_id}")


#: What the channel `note` can do.
NOTES = Capabilities(
    address_kinds=frozenset({"email"}),
    content_kinds=frozenset({"text"}),
    real_time=True,
    intrusiveness="low",
    consent_needed=True,
    needs_app=False,
    creative_work="low",
    development_work="low",
    design_freedom="low",
    reach_only_while_active=False,
)


@attrs.frozen(kw_only=True)
class CompiledNote:
    """A note's text, compiled."""

    template: Template
    text: Part


class Notes:
    """The channel `note`: one part, `text`, to e-mail identities; or another of the kind, with other `capabilities`."""

    name = "note"
    contract = 1

    def __init__(self, name: str = "", **capabilities: Any) -> None:
        self.name = name or self.name
        self.capabilities = attrs.evolve(NOTES, **capabilities)

    def validate_address(self, address: Identity) -> Identity:
        """Return it in the core's normal form; raise InvalidIdentity for a kind it does not send to."""
        if address.kind not in self.capabilities.address_kinds:
            raise InvalidIdentity(place="address", problem=f"{self.name} does not send to the kind {address.kind!r}")
        try:
            return identity(address.kind, address.value, "address")
        except InvalidValue as error:
            raise InvalidIdentity(place="address", problem=error.fields["problem"]) from error

    def validate_template(self, template: Template) -> tuple[Issue, ...]:
        """Return what is wrong with its text, and which parts it does not have."""
        made = text_part("text", template.parts.get("text", "{{"))
        issues = [Issue(part="text", problem=made.text)] if isinstance(made, Problem) else []
        known = {"text", *self.capabilities.opens_session}
        issues += [Issue(part=one, problem="a note has no such part") for one in template.parts if one not in known]
        return tuple(issues)

    def compile(self, template: Template) -> CompiledNote:
        """Return it compiled."""
        for issue in self.validate_template(template):
            raise InvalidTemplate(name=template.name, place=issue.part, problem=issue.problem)
        made = text_part("text", template.parts["text"])
        assert isinstance(made, Part)
        return CompiledNote(template=template, text=made)

    def render(self, compiled: Compiled, drafts: Sequence[Draft]) -> Sequence[Rendered | Unrendered]:
        """Return the texts."""
        assert isinstance(compiled, CompiledNote)
        return [_rendered(compiled.text, draft) for draft in drafts]


def _rendered(part: Part, draft: Draft) -> Rendered | Unrendered:
    said = render(part, draft.context)
    if isinstance(said, Problem):
        return Unrendered(delivery_id=draft.delivery_id, problem=said.text, field=said.field)
    try:
        body = said.encode()
    except UnicodeEncodeError:
        return Unrendered(delivery_id=draft.delivery_id, problem="text: it holds half a character")
    return Rendered(delivery_id=draft.delivery_id, body=body, preview={"text": said})


class Recorder:
    """A plugin with a channel, `note`, and its carrier `recorder`; `answer` says what becomes of each message."""

    name = "recorder"
    channel = "note"
    contract = 1
    carriage = Carriage(batch=50)

    def __init__(self, answer: Answer = accept, notes: Notes | None = None) -> None:
        self.answer = answer
        self.notes = notes or Notes(self.channel)
        self.channel = self.notes.name
        self.sent: list[Outgoing] = []

    @hookimpl
    def crm_register_channels(self, setup: Setup) -> Sequence[Channel]:  # noqa: ARG002 - the hook's argument
        """Return the channel."""
        return [self.notes]

    @hookimpl
    def crm_register_providers(self, setup: Setup) -> Sequence[Provider | HttpProvider]:  # noqa: ARG002 - the same
        """Return the carrier: this."""
        return [self]

    def open(self) -> Self:
        """Return a session: this."""
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    def send(self, batch: Sequence[Outgoing]) -> Iterator[Result]:
        """Record each message and answer as told."""
        for message in batch:
            result = self.answer(message)
            self.sent.append(message)
            yield result


class TokenCodes:
    """A plugin with a source of coupon codes: so many letters and digits each, drawn by the seed from `alphabet`."""

    contract = 1

    def __init__(
        self, name: str = "tokens", length: int = 10, alphabet: str = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
    ) -> None:
        self.name, self.length, self.alphabet = name, length, alphabet

    @hookimpl
    def crm_register_coupon_sources(self, setup: Setup) -> Sequence[CouponSource]:  # noqa: ARG002 - the hook's argument
        """Return the source: this."""
        return [self]

    def codes(self, count: int, seed: int) -> list[str]:
        """Return codes, drawn by chance."""
        chance = random.Random(seed)  # noqa: S311 - the seed is one that nobody can guess
        return ["".join(chance.choices(self.alphabet, k=self.length)) for _ in range(count)]
