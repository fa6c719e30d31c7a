"""The Channel contract: a medium. It knows addresses and content; a Provider carries what it renders."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol

import attrs

from crmcore.model.identity import Identity
from crmcore.model.template import Issue, Template


@attrs.frozen(kw_only=True)
class Capabilities:
    """What a channel can do and what it costs to use, as data that the core and the reports read.

    `content_length` and `max_bytes` are upper limits (None: unlimited). `session_window` is for how many seconds after a
    customer has written one may answer freely; outside of it only templates that have one of the parts in `opens_session`.
    `each_address`: a message goes to every address that a customer has, not to the oldest alone.
    """

    address_kinds: frozenset[str]
    content_kinds: frozenset[str]
    real_time: bool
    intrusiveness: Literal["low", "medium", "high"]
    consent_needed: bool
    needs_app: bool
    creative_work: Literal["low", "medium", "high"]
    development_work: Literal["low", "medium", "high"]
    design_freedom: Literal["low", "medium", "high"]
    reach_only_while_active: bool
    content_length: int | None = None
    max_bytes: int | None = None
    session_window: int | None = None
    opens_session: frozenset[str] = frozenset()
    levers: frozenset[str] = frozenset()
    metrics: frozenset[str] = frozenset()
    inbound: bool = False
    each_address: bool = False


@attrs.frozen(kw_only=True)
class Draft:
    """One message before rendering.

    `message_key` is the same on every attempt (a Message-ID or collapse key is made of it); `at` is microseconds UTC;
    `unsubscribe` is the one-click address of RFC 8058, None for messages that have none.
    """

    delivery_id: int
    address: Identity
    context: Mapping[str, Any]
    message_key: str
    at: int
    unsubscribe: str | None = None


@attrs.frozen(kw_only=True)
class Rendered:
    """One message as the provider carries it; `preview` holds its readable parts by name."""

    delivery_id: int
    body: bytes
    preview: Mapping[str, str] = attrs.field(factory=dict, repr=False)


@attrs.frozen(kw_only=True)
class Unrendered:
    """A message that could not be rendered; `field` is the undefined field where that is the reason.

    `fault` tells what is to be mended: what is said, or the address that it was to go to.
    """

    delivery_id: int
    problem: str
    field: str | None = None
    fault: Literal["content", "address"] = "content"


class Compiled(Protocol):
    """A template made ready once for many messages; what is in it is the channel's own business."""

    @property
    def template(self) -> Template:
        """The template it was made of."""


class Channel(Protocol):
    """A medium: e-mail, push, WhatsApp, in-app."""

    name: str
    contract: int
    capabilities: Capabilities

    def validate_address(self, address: Identity) -> Identity:
        """Return the address in normal form; raise InvalidIdentity. Pure, no network."""

    def validate_template(self, template: Template) -> tuple[Issue, ...]:
        """Return what is wrong with a template: missing parts, syntax, sizes, header safety."""

    def compile(self, template: Template) -> Compiled:
        """Return the template made ready; raise InvalidTemplate where `validate_template` finds an issue."""

    def render(self, compiled: Compiled, drafts: Sequence[Draft]) -> Sequence[Rendered | Unrendered]:
        """Return one answer per draft, in order. Pure and deterministic: the same draft gives the same bytes."""
