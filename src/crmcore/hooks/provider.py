"""The Provider contract: a carrier. It reports what happened; the core decides what follows.

A provider never touches the store, never sleeps for a limit, never retries beyond opening a connection, and never
decides suppression. `crmcore.testing.provider_suite` proves what is said here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Literal, Protocol, Self, runtime_checkable

import attrs

from crmcore.model.identity import Identity
from crmcore.model.purpose import MessageClass
from crmcore.model.values import Value


@attrs.frozen(kw_only=True)
class LimitHint:
    """At most `count` messages per `per` seconds, inside a scope such as sender or destination.

    `burst` is how many may go at once after a pause (0: `count`). So up to `burst + count` may go within the first `per`
    seconds; where a carrier counts strictly, declare a small burst.
    """

    scope: Literal["channel", "sender", "destination", "recipient"]
    count: int
    per: float
    burst: int = 0


@attrs.frozen(kw_only=True)
class Carriage:
    """What a provider can do, and nothing else: which receipts come back (as in Feedback), how many go in one batch.

    `idempotency` says how a repeated message is recognised: by its message_key as a key or collapse key of the carrier's,
    by looking it up, or not at all. `address_kinds` are the kinds of addresses it carries to (empty: all of its channel):
    a channel may have a carrier for each. Of a carrier over HTTP: `protocol` is what it speaks, `per_request` how many
    messages one request carries, `in_flight` how many requests may be under way at once.
    """

    receipts: frozenset[str] = frozenset({"accepted"})
    idempotency: Literal["none", "key", "collapse", "lookup"] = "none"
    batch: int = 100
    limits: tuple[LimitHint, ...] = ()
    protocol: Literal["http/1.1", "h2"] = "http/1.1"
    per_request: int = 1
    in_flight: int = 32
    address_kinds: frozenset[str] = frozenset()


@attrs.frozen(kw_only=True)
class Outgoing:
    """One message to carry; `deadline` is microseconds UTC, None for no limit.

    The same message is the same on the wire, whenever it is sent and however often: nothing of it depends on `attempt`.
    """

    delivery_id: int
    address: Identity
    body: bytes = attrs.field(repr=False)
    message_key: str
    message_class: MessageClass
    attempt: int = 1
    deadline: int | None = None


@attrs.frozen(kw_only=True)
class Accepted:
    """The carrier has taken the message over, whole and once."""

    delivery_id: int
    provider_id: str = ""


@attrs.frozen(kw_only=True)
class Retry:
    """Not now: try again after `after` seconds (0: when the core sees fit); the scope says what is throttled.

    A channel, a sender or a destination is paused that long and goes at half its rate then.
    """

    delivery_id: int
    after: float
    scope: Literal["recipient", "destination", "sender", "channel"] = "recipient"
    code: str = ""


@attrs.frozen(kw_only=True)
class Permanent:
    """Never: the fault lies with the address, the content, the sender or a policy.

    Where the sender is at fault (its password, its account), the delivery waits, and several in a row pause the sender.
    """

    delivery_id: int
    fault: Literal["address", "content", "sender", "policy"]
    code: str = ""
    text: str = ""


@attrs.frozen(kw_only=True)
class Suppress:
    """The recipient must not be contacted again here; `until` is microseconds UTC, None for ever.

    Whoever has `opted_out` gets no more marketing; what is transactional still goes.
    """

    delivery_id: int
    reason: Literal["bounce", "complaint", "opted_out"]
    until: int | None = None
    code: str = ""


@attrs.frozen(kw_only=True)
class Gone:
    """The address is no more: it is removed, and `event` happens to the customer.

    `at` (microseconds UTC) is since when the carrier knows: an address that came in later than that stays.
    """

    delivery_id: int
    event: Literal["app_uninstalled", "address_removed"] = "address_removed"
    at: int | None = None
    code: str = ""


@attrs.frozen(kw_only=True)
class InDoubt:
    """It may or may not have been taken over."""

    delivery_id: int
    evidence: str = ""


@attrs.frozen(kw_only=True)
class NeedsOther:
    """It cannot go like this: it needs an approved template, or an open session."""

    delivery_id: int
    what: Literal["template", "session"]


@attrs.frozen(kw_only=True)
class NotStarted:
    """Nothing of it has left the process."""

    delivery_id: int


Result = Accepted | Retry | Permanent | Suppress | Gone | InDoubt | NeedsOther | NotStarted


class Session(Protocol):
    """An open connection, or a pool of them.

    Whatever happened to a batch, the session carries the next one. It keeps nothing of the messages it has carried, and
    once it is left it holds no connection open.
    """

    def send(self, batch: Sequence[Outgoing]) -> Iterator[Result]:
        """Yield exactly one Result per message, as each becomes final, in any order.

        One message never holds up another: what cannot go has a Result of its own. Before anything irreversible has left, a
        fault is NotStarted or Retry; after it, a missing answer is InDoubt. Every step on the wire has a time limit, and a
        carrier gone silent costs a batch a few of them, not one a message. A send that ends early leaves what it has
        yielded as it is.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@runtime_checkable
class Provider(Protocol):
    """A carrier of one channel that keeps connections of its own (SMTP, files)."""

    name: str
    channel: str
    contract: int
    carriage: Carriage

    def open(self) -> Session:
        """Return a session; connections are opened when first needed."""


@attrs.frozen(kw_only=True)
class HttpRequest:
    """A request the core sends for a provider; `is_guarded` where the URL comes from a user: it must not lead inside."""

    method: str
    url: str = attrs.field(repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)
    is_guarded: bool = False


@attrs.frozen(kw_only=True)
class HttpResponse:
    """What came back, or what a webhook is answered with; names of headers are in lower case."""

    status: int
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes = attrs.field(default=b"", repr=False)


@runtime_checkable
class HttpProvider(Protocol):
    """A carrier over HTTP, without I/O of its own: the core drives the requests. `now` is microseconds UTC."""

    name: str
    channel: str
    contract: int
    carriage: Carriage

    def build_request(self, batch: Sequence[Outgoing], now: int) -> HttpRequest:
        """Return the request that carries the messages, `carriage.per_request` of them at most.

        What it raises is the fault of those messages: they fail, the others go. The same message gives the same body.
        """

    def read_response(self, batch: Sequence[Outgoing], response: HttpResponse, now: int) -> Sequence[Result]:
        """Return exactly one Result per message, whatever the response holds."""


@runtime_checkable
class Authorised(Protocol):
    """A carrier over HTTP that has to be given a token before it carries anything (OAuth 2.0)."""

    def token_request(self, now: int) -> HttpRequest | None:
        """Return the request for a token; None while the one there is lasts."""

    def take_token(self, response: HttpResponse, now: int) -> str:
        """Keep the token that came back; return why there is none, nothing where there is one."""


@attrs.frozen(kw_only=True)
class RawRequest:
    """A webhook as it arrived: raw bytes, so that a signature can be checked over them; header names in lower case."""

    method: str
    query: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes = attrs.field(default=b"", repr=False)


@attrs.frozen(kw_only=True)
class Feedback:
    """One thing a provider says of a delivery; `key` dedupes it; `machine` marks scanners and prefetching.

    `after`, of a failure: sent again after so many seconds it may go.
    """

    key: str
    type: Literal[
        "accepted",
        "delivered",
        "read",
        "opened",
        "clicked",
        "replied",
        "bounced",
        "complained",
        "unsubscribed",
        "failed",
    ]
    at: int
    delivery_id: int | None = None
    provider_id: str | None = None
    address: Identity | None = None
    machine: bool = False
    reason: str = ""
    raw: str = attrs.field(default="", repr=False)
    after: float | None = None


@attrs.frozen(kw_only=True)
class Inbound:
    """A message that a customer has written; all of `identities` lead to the customer, whom nobody need know yet.

    `kind` is what it is (text, button, image ...), `reply_to` the provider's id of the message it answers.
    """

    key: str
    at: int
    identities: tuple[Identity, ...]
    text: str = attrs.field(default="", repr=False)
    kind: str = "text"
    reply_to: str | None = None
    properties: Mapping[str, Value] = attrs.field(factory=dict, repr=False)


@attrs.frozen(kw_only=True)
class TemplateChange:
    """What a provider says of an approved template: while it may not be sent, campaigns that use it are paused.

    `name` is the provider's, as it stands in the part of our template that opens a session; `locale` is empty for all.
    """

    key: str
    at: int
    name: str
    locale: str = ""
    may_be_sent: bool
    reason: str = ""


@attrs.frozen(kw_only=True)
class Choice:
    """What a customer has said to the provider rather than to us: whether they want marketing messages at an address."""

    key: str
    at: int
    addresses: tuple[Identity, ...]
    wanted: bool
    reason: str = ""


@attrs.frozen(kw_only=True)
class AddressChange:
    """An address that has become another; `new` belongs to the customer of `old` from now on."""

    key: str
    at: int
    old: Identity
    new: tuple[Identity, ...]


@attrs.frozen(kw_only=True)
class Ingested:
    """What a webhook held, and what to answer it with; `alerts` are for the operator, and go to the log."""

    answer: HttpResponse
    feedback: tuple[Feedback, ...] = ()
    inbound: tuple[Inbound, ...] = ()
    templates: tuple[TemplateChange, ...] = ()
    choices: tuple[Choice, ...] = ()
    addresses: tuple[AddressChange, ...] = ()
    alerts: tuple[str, ...] = ()


@runtime_checkable
class Listening(Protocol):
    """A provider that takes webhooks, whatever it carries by."""

    def parse_webhook(self, request: RawRequest, now: int) -> Ingested:
        """Return what a webhook says; check its signature first: 401 and nothing else where that does not fit. Pure.

        What nobody knows yet, in fields and in kinds, is passed over: the carrier must not send it again for ever.
        """
