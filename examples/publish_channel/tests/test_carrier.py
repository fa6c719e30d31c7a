"""The carrier passes the suites of its contract, against a stand-in of it on loopback."""

import hmac
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from crmcore.hooks.provider import HttpProvider, Listening, RawRequest
from crmcore.model.identity import Identity
from crmcore.testing.http_sink import Answer, Drop, HttpSink, Silence, Stage
from crmcore.testing.provider_suite import Kind, ProviderSuite, Step, Taken, Trouble
from crmcore.testing.webhook_suite import WebhookSuite

from acme_sms.carrier import SIGNATURE, Account, Gateway

TOKEN, SECRET = "token-of-the-suite-4711", "secret-of-the-suite"
os.environ |= {"SUITE_TOKEN": TOKEN, "SUITE_SECRET": SECRET}
#: What the stand-in does when it is told to.
TROUBLES = {
    "drop": Drop(),
    "silence": Silence(),
    "drip": Silence(drip=0.05),
    "garbage": Answer(status=200, body=b"\0\0"),
    "temporary": Answer(status=503),
    "permanent": Answer(status=422),
}
UNANSWERED: frozenset[Kind] = frozenset({"drop", "silence", "drip", "garbage"})


def carrier(url: str = "https://api.example.com/messages") -> Gateway:
    return Gateway(Account(url=url, token="env:SUITE_TOKEN", webhook_secret="env:SUITE_SECRET"))


def customer(number: int) -> Identity:
    return Identity("phone", f"+447700{number:06}")


class StandIn(HttpSink):
    """The carrier as it answers, in the trouble that the suite asks for; a message's key ends with its number."""

    def __init__(self, trouble: Trouble | None) -> None:
        super().__init__(self._act)
        self._trouble = trouble
        self._offered: list[str] = []

    @property
    def place(self) -> str:
        return f"http://{self.host}:{self.port}/messages"

    def taken(self) -> Sequence[Taken]:
        posts = [(one, json.loads(one.body)) for one in list(self.posts)]
        return [
            Taken(body=said["text"].encode(), address=said["to"], key=one.key, wire=one.body) for one, said in posts
        ]

    def offered(self) -> Sequence[str]:
        return self._offered

    def recover(self) -> None:
        self._trouble = None

    def forget(self) -> None:
        self.posts.clear()
        self._offered.clear()

    def _act(self, stage: Stage, key: str) -> Any:
        address = customer(int(key, 16)).value if key else None
        if stage == "request" and address:
            self._offered.append(address)
        one = self._trouble
        return None if one is None or one.step != stage or one.address not in (None, address) else TROUBLES[one.kind]


class TestGateway(ProviderSuite):
    secrets = (TOKEN, SECRET)
    steps = (
        Step(name="connect", kinds=frozenset({"refused"})),
        Step(name="request", kinds=frozenset({"drop"}), addressed=True, final=True),
        Step(name="body", kinds=frozenset({*UNANSWERED, "temporary", "permanent"}), addressed=True, final=True),
        Step(name="taken", kinds=UNANSWERED, addressed=True, final=True),
    )

    @contextmanager
    def counterpart(self, trouble: Trouble | None = None) -> Iterator[StandIn]:
        with StandIn(trouble) as stand_in:
            if trouble is not None and trouble.kind == "refused":
                stand_in.close()
            yield stand_in

    def provider(self, place: str, *, timeout: float) -> HttpProvider:
        return carrier(place)

    def address(self, number: int) -> Identity:
        return customer(number)


class TestWebhooks(WebhookSuite):
    def provider(self) -> Listening:
        return carrier()

    def signed(self, body: bytes) -> RawRequest:
        signature = hmac.digest(SECRET.encode(), body, "sha256").hex()
        return RawRequest(method="POST", headers={SIGNATURE: signature}, body=body)

    def told(self, delivery_id: int, provider_id: str, address: Identity) -> Sequence[bytes]:
        at = self.now // 1_000_000 - 1_000
        said = [("delivered", at), ("absent", at + 1)]
        return [json.dumps({"id": provider_id, "status": one, "at": when}).encode() for one, when in said]

    def address(self, number: int) -> Identity:
        return customer(number)
