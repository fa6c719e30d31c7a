"""The carrier `gateway`: requests to its HTTP interface, and what is read from answers and webhooks. It does no I/O."""

import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, NamedTuple

from crmcore.hooks import provider as wire
from crmcore.model.time import SECOND
from crmcore.settings import secret

Batch = Sequence[wire.Outgoing]
PLACE = "channels.sms.gateway"
SIGNATURE = "x-acme-signature"
#: What the carrier calls the states of a message, and what they are called here.
STATES: Mapping[str, Literal["delivered", "bounced"]] = {"delivered": "delivered", "absent": "bounced"}
#: How fast it takes messages: so many a second.
RATE = wire.LimitHint(scope="sender", count=25, per=1.0, burst=5)
#: Not taken, for now; and refusals that are not about one message.
BUSY, OURS = frozenset({408, 429, 503}), frozenset({401, 402, 403, 404})


class Account(NamedTuple):
    """Our account there; `token` and `webhook_secret` are references, env:NAME or file:PATH."""

    url: str = "https://sms.acme.example/v1/messages"
    token: str = ""
    webhook_secret: str = ""

    def secret(self, name: str) -> str:
        """Return what a reference leads to; raise SettingsError."""
        return secret(getattr(self, name), f"{PLACE}.{name}").reveal()


class Gateway:
    """One request a message."""

    name = "gateway"
    channel = "sms"
    contract = 1
    carriage = wire.Carriage(receipts=frozenset({"accepted", *STATES.values()}), idempotency="key", limits=(RATE,))

    def __init__(self, account: Account) -> None:
        self._account = account

    def token_request(self, now: int) -> None:
        """Ask for no token; raise SettingsError where the settings lead to none: then messages wait."""
        self._account.secret("token")

    def take_token(self, response: wire.HttpResponse, now: int) -> str:
        """Take none."""
        return ""

    def build_request(self, batch: Batch, now: int) -> wire.HttpRequest:
        """Return the request that carries a message."""
        [message] = batch
        token, key = self._account.secret("token"), message.message_key
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json", "idempotency-key": key}
        said = {"to": message.address.value, "text": message.body.decode()}
        return wire.HttpRequest(method="POST", url=self._account.url, headers=headers, body=json.dumps(said).encode())

    def read_response(self, batch: Batch, response: wire.HttpResponse, now: int) -> Sequence[wire.Result]:
        """Return what became of the message."""
        return [result(one.delivery_id, response) for one in batch]

    def parse_webhook(self, request: wire.RawRequest, now: int) -> wire.Ingested:
        """Return what a webhook says, once it is certain who says it."""
        right = hmac.digest(self._account.secret("webhook_secret").encode(), request.body, "sha256").hex()
        given = request.headers.get(SIGNATURE, "").encode("utf-8", "replace")
        if not hmac.compare_digest(right.encode(), given):
            return wire.Ingested(answer=wire.HttpResponse(status=401))
        return wire.Ingested(answer=wire.HttpResponse(status=200), feedback=tuple(reports(request.body, now)))


def result(delivery_id: int, response: wire.HttpResponse) -> wire.Result:
    """Return what follows from an answer."""
    status = response.status
    if status in BUSY:
        after = response.headers.get("retry-after", "")[:5]
        return wire.Retry(delivery_id=delivery_id, after=int(after) if after.isdecimal() else 0, scope="sender")
    if words(response.body).get("error") == "stopped":
        return wire.Suppress(delivery_id=delivery_id, reason="opted_out")
    if 400 <= status < 500:
        return wire.Permanent(
            delivery_id=delivery_id, fault="sender" if status in OURS else "content", code=str(status)
        )
    provider_id = words(response.body).get("id")
    if 200 <= status < 300 and provider_id:
        return wire.Accepted(delivery_id=delivery_id, provider_id=provider_id)
    return wire.InDoubt(delivery_id=delivery_id, evidence=f"the answer was {status}, without the id of a message")


def reports(body: bytes, now: int) -> Iterator[wire.Feedback]:
    """Yield what a webhook says of messages; what nobody knows is passed over."""
    said = words(body)
    message, state, at = said.get("id"), STATES.get(said.get("status", "")), said.get("at", "")
    if message and state:
        when = min(int(at) * SECOND, now) if at.isdecimal() else now
        yield wire.Feedback(key=f"{message}:{state}", type=state, at=when, provider_id=message)


def words(body: bytes) -> Mapping[str, str]:
    """Return the short texts and numbers of an object of JSON, by name; nothing where it is none."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    named = said.items() if isinstance(said, dict) else ()
    found = {name: str(value) for name, value in named if isinstance(value, str | int)}
    return {name: text for name, text in found.items() if text.isprintable() and len(text) <= 200}
