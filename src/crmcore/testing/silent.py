"""Channels that are there for tests alone: they render any parts, and send to the addresses a channel of their name has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import attrs

from crmcore.errors import InvalidTemplate
from crmcore.hooks.channel import Channel, Compiled, Draft, Rendered, Unrendered
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.sandbox import Part, Problem, render, text_part
from crmcore.hooks.setup import Setup
from crmcore.model.identity import Identity
from crmcore.model.template import Issue, Template
from crmcore.testing.fakes import NOTES

#: What channels send to; of any other name, to e-mail addresses.
ADDRESSES = {
    "email": frozenset({"email"}),
    "push": frozenset({"apns", "device", "fcm", "webpush"}),
    "sms": frozenset({"phone"}),
    "whatsapp": frozenset({"bsuid", "phone"}),
}
_SILENT = attrs.evolve(NOTES, content_kinds=frozenset({"text", "html"}))


@attrs.frozen(kw_only=True)
class CompiledParts:
    """A template's parts, compiled."""

    template: Template
    parts: tuple[Part, ...]


class SilentChannel:
    """A channel for tests: a template may have any parts, each of which is a text; `capabilities` may be said otherwise."""

    contract = 1

    def __init__(self, name: str, **capabilities: Any) -> None:
        self.name = name
        kinds = ADDRESSES.get(name, ADDRESSES["email"])
        self.capabilities = attrs.evolve(_SILENT, **{"address_kinds": kinds, **capabilities})

    def validate_address(self, address: Identity) -> Identity:
        """Return it as it is."""
        return address

    def validate_template(self, template: Template) -> tuple[Issue, ...]:
        """Return what is wrong with its parts."""
        made = {name: text_part(name, source) for name, source in template.parts.items()}
        return tuple(Issue(part=name, problem=one.text) for name, one in made.items() if isinstance(one, Problem))

    def compile(self, template: Template) -> CompiledParts:
        """Return it compiled."""
        for issue in self.validate_template(template):
            raise InvalidTemplate(name=template.name, place=issue.part, problem=issue.problem)
        made = [text_part(name, source) for name, source in template.parts.items()]
        return CompiledParts(template=template, parts=tuple(one for one in made if isinstance(one, Part)))

    def render(self, compiled: Compiled, drafts: Sequence[Draft]) -> Sequence[Rendered | Unrendered]:
        """Return the texts."""
        assert isinstance(compiled, CompiledParts)
        return [_rendered(compiled.parts, draft) for draft in drafts]


def _rendered(parts: Sequence[Part], draft: Draft) -> Rendered | Unrendered:
    said: dict[str, str] = {}
    for part in parts:
        text = render(part, draft.context)
        if isinstance(text, Problem):
            return Unrendered(delivery_id=draft.delivery_id, problem=text.text, field=text.field)
        said[part.name] = text
    return Rendered(delivery_id=draft.delivery_id, body="\n".join(said.values()).encode(), preview=said)


class Silent:
    """A plugin with channels for tests; they have no carrier, and need none where nothing leaves."""

    def __init__(self, channels: Sequence[Channel]) -> None:
        self._channels = list(channels)

    @hookimpl
    def crm_register_channels(self, setup: Setup) -> Sequence[Channel]:  # noqa: ARG002 - the hook's argument
        """Return the channels."""
        return self._channels
