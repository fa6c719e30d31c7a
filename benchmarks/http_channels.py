"""Messages over HTTP: the driver, and `crm.work()` with all that is around it, beside clients that do nothing else.

`http_channels.driver`: requests a second of the driver alone, to a raw asyncio client of HTTP/1.1 that sends the very
same bytes over as many connections (32). `http_channels.ledger`: messages a second of `crm.work()` - rendered, gated, limited,
handed over, settled, told, on SQLite - to the same client. `http_channels.apns`: requests a second of the driver over HTTP/2 to a
bare loop on h2, 32 streams on one connection.

The server is a process of its own, the stand-in for Meta's Graph API. On two cores it has more to do for a message than the raw
client has: that one waits for it, and so does the driver. `http_channels.driver_bare` is to a server that looks at nothing
(httptools, one write): there nothing hides what the parser, the thread and the results cost. No ratio is wanted of it. The server
of HTTP/2 looks at nothing either.
`--profile` prints where the time of the driver goes.

The rates of WhatsApp (`http_channels.whatsapp_rate_error`, `http_channels.rate_refusals`) are measured after the rest, as
whatsapp_rates.py says; that takes three minutes.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from argparse import Namespace
from collections.abc import Sequence

import profiling
import whatsapp_rates
from answering import TOKEN, answering
from bare_clients import Header, one, two
from measuring import arguments, report, rounds, stopwatch

from crmcore import CRM
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.provider import (
    Accepted,
    Carriage,
    HttpProvider,
    HttpRequest,
    HttpResponse,
    Outgoing,
    Permanent,
    Provider,
    Result,
)
from crmcore.hooks.setup import Setup
from crmcore.http.driver import Driver
from crmcore.loader import installed
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.http import Http
from crmcore.model.identity import Identity
from crmcore.model.purpose import MessageClass
from crmcore.testing.fakes import Notes

IN_FLIGHT = 32
PATH = "/v25.0/106540352242922/messages"
HEADERS = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json", "User-Agent": "crmcore"}
TEXT = json.dumps(
    {
        "messaging_product": "whatsapp",
        "to": "+491701234567",
        "type": "template",
        "template": {
            "name": "sale",
            "language": {"code": "en_US"},
            "components": [{"type": "body", "parameters": [{"type": "text", "text": "{{ customer.name }}"}]}],
        },
    }
)
MESSAGE = TEXT.replace("{{ customer.name }}", "Name 4711").encode()
OK = 200


class Graph:
    """The channel `note` over HTTP: each message is the body of a request, and its answer names it."""

    name, channel, contract = "graph", "note", 1

    def __init__(self, port: int, protocol: str = "http/1.1", batch: int = 1000) -> None:
        self._url = f"http://127.0.0.1:{port}{PATH}"
        self.carriage = Carriage(batch=batch, protocol=protocol, in_flight=IN_FLIGHT)  # type: ignore[arg-type]  # one of two

    @hookimpl
    def crm_register_channels(self, setup: Setup) -> Sequence[Notes]:  # noqa: ARG002 - the hook's argument
        """Return the channel."""
        return [Notes()]

    @hookimpl
    def crm_register_providers(self, setup: Setup) -> Sequence[Provider | HttpProvider]:  # noqa: ARG002 - the same
        """Return the carrier: this."""
        return [self]

    def build_request(self, batch: Sequence[Outgoing], now: int) -> HttpRequest:  # noqa: ARG002 - the contract's argument
        """Return the request of a message."""
        return HttpRequest(method="POST", url=self._url, headers=HEADERS, body=batch[0].body)

    def read_response(self, batch: Sequence[Outgoing], response: HttpResponse, now: int) -> Sequence[Result]:  # noqa: ARG002
        """Return what the answer says."""
        delivery_id = batch[0].delivery_id
        if response.status != OK:
            return [Permanent(delivery_id=delivery_id, fault="content", text=response.body.decode())]
        named = json.loads(response.body)["messages"][0]["id"] if response.body else response.headers["apns-id"]
        return [Accepted(delivery_id=delivery_id, provider_id=named)]


def outgoing(count: int) -> list[Outgoing]:
    """Return messages, made beforehand."""
    return [
        Outgoing(
            delivery_id=number,
            address=Identity("email", "a@example.com"),
            body=MESSAGE,
            message_key=f"{number:032x}",
            message_class=MessageClass.MARKETING,
        )
        for number in range(count)
    ]


def driven(port: int, messages: Sequence[Outgoing], protocol: str = "http/1.1") -> float:
    """Return the seconds the driver takes, in batches as dispatch hands them over."""
    provider = Graph(port, protocol)
    with Driver(Http(), lambda: 0) as driver, driver.open(provider) as session, stopwatch() as seconds:
        for start in range(0, len(messages), provider.carriage.batch):
            results = list(session.send(messages[start : start + provider.carriage.batch]))
            if not all(isinstance(one, Accepted) for one in results):
                raise SystemExit(f"{results[:3]}")
        return seconds()


def raw(port: int, body: bytes, count: int) -> float:
    """Return the seconds the raw client takes."""
    named = HEADERS | {"Host": f"127.0.0.1:{port}", "Content-Length": str(len(body))}
    head = f"POST {PATH} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in named.items()) + "\r\n"
    with stopwatch() as seconds:
        asyncio.run(one(port, head.encode() + body, count, IN_FLIGHT))
        return seconds()


def raw_two(port: int, count: int) -> float:
    """Return the seconds the bare loop on h2 takes."""
    pseudo: list[Header] = [(b":method", b"POST"), (b":scheme", b"http"), (b":authority", f"127.0.0.1:{port}".encode())]
    named = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
    headers = [*pseudo, (b":path", PATH.encode()), *named, (b"content-length", str(len(MESSAGE)).encode())]
    with stopwatch() as seconds:
        asyncio.run(two(port, headers, MESSAGE, count, IN_FLIGHT))
        return seconds()


def worked(port: int, count: int, window: int) -> float:
    """Return the seconds `crm.work()` takes for a campaign to `count` customers."""
    with tempfile.TemporaryDirectory() as folder, _opened(folder, port, window) as crm:
        people = (
            {"customer": str(n), "attributes": {"email": f"c{n}@example.com", "name": f"Name {n}"}}
            for n in range(count)
        )
        crm.identify_many(people)
        crm.consent_many({"customer": str(n), "purpose": "retention", "channel": "note"} for n in range(count))
        crm.save_template("hello", "note", {"text": TEXT})
        crm.launch(Campaign(name="hello", purpose="retention", audience=everyone(), channel="note", template="hello"))
        with stopwatch() as seconds:
            crm.work()
            took = seconds()
        if crm.report("hello").sent != count:
            raise SystemExit(f"{crm.report('hello')}")
    return took


def _opened(folder: str, port: int, window: int) -> CRM:
    # A limit that is looked at with every message, and lets all of them go.
    limits = {"sender": {"note/graph": {"count": 1_000_000, "per": 1}}}
    carrier = {"graph": Graph(port, batch=window)}
    return CRM(f"{folder}/crm.db", plugins=carrier, blocked=installed(), sending={"window": window}, limits=limits)


def measure(given: Namespace) -> None:
    """Measure, and print the figures."""
    count, messages = given.messages, outgoing(given.messages)
    with answering("meta") as port:
        ours, ledger, limit = rounds(
            given.rounds,
            lambda: driven(port, messages),
            lambda: worked(port, count, given.window),
            lambda: raw(port, MESSAGE, count),
        )
    with answering("bare") as port:
        bare, bare_limit = rounds(given.rounds, lambda: driven(port, messages), lambda: raw(port, MESSAGE, count))
    with answering("h2") as port:
        apns, apns_limit = rounds(given.rounds, lambda: driven(port, messages, "h2"), lambda: raw_two(port, count))
    for name, took, against, peer in (
        ("driver", ours, limit, "raw asyncio"),
        ("ledger", ledger, limit, "raw asyncio"),
        ("driver_bare", bare, bare_limit, "raw asyncio, a server that does nothing"),
        ("apns", apns, apns_limit, "a bare loop on h2"),
    ):
        report(
            as_json=given.json,
            name=f"http_channels.{name}",
            value=count / took,
            unit="messages/s",
            against=f"{peer} ({count / against:.0f} messages/s)",
            ratio=against / took,
        )


def main() -> None:
    parser = arguments(__doc__ or "")
    parser.set_defaults(rounds=5)
    parser.add_argument("--messages", type=int, default=10_000, help="messages of each (default 10,000)")
    parser.add_argument("--window", type=int, default=500, help="messages under way at most (default 500)")
    parser.add_argument(
        "--profile", action="store_true", help="print where the time of `work` goes, and measure nothing"
    )
    given = parser.parse_args()
    if not given.profile:
        measure(given)
        whatsapp_rates.measure(as_json=given.json)
        return
    with answering("meta") as port:
        profiling.show("ledger", profiling.profiled(lambda: worked(port, given.messages, given.window)), given.messages)


if __name__ == "__main__":
    main()
