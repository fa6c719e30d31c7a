"""How many requests a second each stand-in takes, beside the same server with a stand-in that says yes to everything.

The stand-in is a process of its own; requests go over loopback, 32 at once: 32 connections of HTTP/1.1, or one of HTTP/2.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
import sys
from argparse import SUPPRESS
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from h2.connection import H2Connection
from h2.events import StreamEnded
from measuring import arguments, report, rounds, stopwatch

from crmcore.hooks.provider import HttpResponse
from crmcore.model.time import SystemClock
from crmcore.testing.standins.apns import Apns, SigningKey
from crmcore.testing.standins.app import StandIns
from crmcore.testing.standins.certificates import authority
from crmcore.testing.standins.exchange import Request
from crmcore.testing.standins.fcm import Fcm
from crmcore.testing.standins.jws import encoded
from crmcore.testing.standins.meta import Meta, Sender
from crmcore.testing.standins.meta_content import Approved
from crmcore.testing.standins.oauth import TokenEndpoint
from crmcore.testing.standins.serving import served
from crmcore.testing.standins.webpush import PushService

AT_ONCE, MANY = 32, 10**6
KEY = ec.derive_private_key(4711, ec.SECP256R1())
PATHS = {
    "meta": "/v25.0/106540352242922/messages",
    "fcm": "/v1/projects/shop/messages:send",
    "webpush": "/push/anna",
    "apns": f"/3/device/{'a1' * 32}",
}


class Yes:
    """A stand-in for anything."""

    def handles(self, _path: str) -> bool:
        """Say yes."""
        return True

    def address(self, _request: Request) -> str:
        """Return nobody."""
        return ""

    def answer(self, _request: Request) -> HttpResponse:
        """Say yes."""
        return HttpResponse(status=200)


def stand_in(name: str) -> Any:
    """Return a stand-in without limits."""
    if name == "meta":
        meta = Meta(senders=[Sender(rate=MANY)], pair_burst=None)
        meta.approve(Approved(name="sale", body=1))
        return meta
    if name == "fcm":
        endpoint = TokenEndpoint(accounts={"a": rsa.generate_private_key(65537, 2048).public_key()})
        endpoint.tokens["t"] = 2**62
        return Fcm(endpoint=endpoint, quota=10**7)
    if name == "apns":
        return Apns(keys={"K1": SigningKey(team="T1", public=KEY.public_key())})
    return PushService(origin="https://push.example.net", needs_subscription=False) if name == "webpush" else Yes()


def serve(name: str, protocol: str) -> None:
    """Serve until the input ends."""
    with ExitStack() as stack:
        trusted = stack.enter_context(authority()) if protocol == "h2" else None
        server = stack.enter_context(served(StandIns(stand_in(name)), protocol=protocol, authority=trusted))
        print(json.dumps([server.port, trusted.ca_file if trusted else ""]), flush=True)
        sys.stdin.read()


@contextmanager
def running(name: str, protocol: str) -> Iterator[tuple[int, str]]:
    """Serve in a process of its own; yield the port, and the file of the authority."""
    command = [sys.executable, __file__, "--serve", name, protocol]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        port, ca_file = json.loads(process.stdout.readline())
        yield port, ca_file
        process.stdin.close()


def token(**claims: object) -> str:
    """Return a token signed by ES256."""
    text = ".".join(encoded(json.dumps(one).encode()) for one in ({"alg": "ES256", "kid": "K1"}, claims))
    first, second = decode_dss_signature(KEY.sign(text.encode(), ec.ECDSA(SHA256())))
    return f"{text}.{encoded(first.to_bytes(32) + second.to_bytes(32))}"


def message(name: str) -> tuple[dict[str, str], bytes]:
    """Return headers and body of a request for a stand-in."""
    now = SystemClock().now() // MANY
    if name == "meta":
        parameters = [{"type": "body", "parameters": [{"type": "text", "text": "20 %"}]}]
        template = {"name": "sale", "language": {"code": "en_US"}, "components": parameters}
        value = {"messaging_product": "whatsapp", "to": "+491701234567", "type": "template", "template": template}
        return {"authorization": f"Bearer {Meta().token}"}, json.dumps(value).encode()
    if name == "webpush":
        public = KEY.public_key().public_numbers()
        key = encoded(b"\4" + public.x.to_bytes(32) + public.y.to_bytes(32))
        signed = token(aud="https://push.example.net", exp=now + 3600, sub="mailto:a@example.com")
        named = {"authorization": f"vapid t={signed}, k={key}", "ttl": "60", "content-encoding": "aes128gcm"}
        return named, b"x" * 300
    if name == "apns":
        named = {"authorization": f"bearer {token(iss='T1', iat=now)}", "apns-topic": "com.example.shop"}
        return named, b'{"aps":{"alert":"hello"}}'
    value = {"message": {"token": "t", "notification": {"title": "Hello", "body": "Anna"}, "data": {"d": "1"}}}
    return {"authorization": "Bearer t"}, json.dumps(value).encode()


async def over_http11(port: int, path: str, sent: tuple[dict[str, str], bytes], count: int) -> None:
    """Send requests over many connections."""
    headers, body = sent
    named = {"host": "localhost", "content-length": str(len(body)), **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items())
    request = f"POST {path} HTTP/1.1\r\n{head}\r\n".encode() + body

    async def some() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(count // AT_ONCE):
            writer.write(request)
            answer = await reader.readuntil(b"\r\n\r\n")
            assert answer[9:12] in (b"200", b"201"), answer
            await reader.readexactly(int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0]))
        writer.close()

    await asyncio.gather(*(some() for _ in range(AT_ONCE)))


async def over_h2(port: int, ca_file: str, path: str, sent: tuple[dict[str, str], bytes], count: int) -> None:
    """Send requests over the streams of one connection."""
    tls = ssl.create_default_context(cafile=ca_file)
    tls.set_alpn_protocols(["h2"])
    reader, writer = await asyncio.open_connection("localhost", port, ssl=tls)
    connection = H2Connection()
    connection.initiate_connection()
    head = [(":method", "POST"), (":scheme", "https"), (":authority", "localhost"), (":path", path), *sent[0].items()]
    begun = ended = 0
    while ended < count:
        while begun < count and begun - ended < AT_ONCE:
            number = connection.get_next_available_stream_id()
            connection.send_headers(number, head)
            connection.send_data(number, sent[1], end_stream=True)
            begun += 1
        writer.write(connection.data_to_send())
        ended += sum(isinstance(event, StreamEnded) for event in connection.receive_data(await reader.read(65536)))
    writer.close()


def rate(name: str, protocol: str, path: str, place: tuple[int, str], count: int) -> float:
    """Return requests a second."""
    port, ca_file = place
    sent = message(name)
    run = partial(over_h2, port, ca_file) if protocol == "h2" else partial(over_http11, port)
    with stopwatch() as seconds:
        asyncio.run(run(path, sent, count))
        return count / seconds()


def main() -> None:
    """Measure each stand-in beside the bare server."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--requests", type=int, default=3200, help="requests a round (default 3,200)")
    parser.add_argument("--serve", nargs=2, help=SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        serve(*options.serve)
        return
    for name, path in PATHS.items():
        protocol = "h2" if name == "apns" else "http/1.1"
        with ExitStack() as stack:
            ours, bare = (stack.enter_context(running(one, protocol)) for one in (name, "yes"))
            runs = [partial(rate, name, protocol, path, place, options.requests) for place in (ours, bare)]
            value, limit = rounds(options.rounds, *runs)
        words = f"the server alone ({limit:,.0f}/s)"
        report(as_json=options.json, name=name, value=value, unit="requests/s", against=words, ratio=value / limit)


if __name__ == "__main__":
    main()
