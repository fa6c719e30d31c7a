"""A carrier over HTTP for tests: one POST a message, to an HttpSink or anything that answers like one."""

from __future__ import annotations

import json
from collections.abc import Sequence

from crmcore.hooks.channel import Channel
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.provider import (
    Accepted,
    Carriage,
    HttpProvider,
    HttpRequest,
    HttpResponse,
    InDoubt,
    Outgoing,
    Permanent,
    Provider,
    Result,
    Retry,
    Suppress,
)
from crmcore.hooks.setup import Setup
from crmcore.testing.fakes import Notes

PATH = "/messages"
AGAIN = 60.0
_REFUSAL, _FAILURE = 400, 500
#: Not taken, for now; any other failure of a server says nothing of whether it had taken the message.
_BUSY = frozenset({408, 429, 503})
_GONE = frozenset({404, 410})


class HttpCarrier:
    """A plugin with the channel `note` and its carrier `http`."""

    name = "http"
    channel = "note"
    contract = 1
    carriage = Carriage(idempotency="key", batch=50)

    def __init__(self, host: str, port: int) -> None:
        self._url = f"http://{host}:{port}{PATH}"

    @hookimpl
    def crm_register_channels(self, setup: Setup) -> Sequence[Channel]:  # noqa: ARG002 - the hook's argument
        """Return the channel."""
        return [Notes()]

    @hookimpl
    def crm_register_providers(self, setup: Setup) -> Sequence[Provider | HttpProvider]:  # noqa: ARG002 - the same
        """Return the carrier: this."""
        return [self]

    def build_request(self, batch: Sequence[Outgoing], now: int) -> HttpRequest:  # noqa: ARG002 - the contract's argument
        """Return the request that carries a message."""
        [message] = batch
        headers = {"Idempotency-Key": message.message_key, "To": message.address.value}
        return HttpRequest(method="POST", url=self._url, headers=headers, body=message.body)

    def read_response(self, batch: Sequence[Outgoing], response: HttpResponse, now: int) -> Sequence[Result]:  # noqa: ARG002
        """Return what the answer means."""
        [message] = batch
        return [meaning(message.delivery_id, response.status, response.headers.get("retry-after"), response.body)]


def meaning(delivery_id: int, status: int, retry_after: str | None, body: bytes) -> Result:
    """Return what follows from an answer."""
    if status < _REFUSAL:
        return _accepted(delivery_id, body)
    if status in _BUSY:
        after = float(retry_after) if retry_after and retry_after.isdecimal() else AGAIN
        return Retry(delivery_id=delivery_id, after=after, scope="sender", code=str(status))
    if status >= _FAILURE:
        return InDoubt(delivery_id=delivery_id, evidence=f"the server answered {status}")
    if status in _GONE:
        return Suppress(delivery_id=delivery_id, reason="bounce", code=str(status))
    return Permanent(delivery_id=delivery_id, fault="content", code=str(status))


def _accepted(delivery_id: int, body: bytes) -> Result:
    try:
        return Accepted(delivery_id=delivery_id, provider_id=json.loads(body)["id"])
    except (ValueError, KeyError):
        return InDoubt(delivery_id=delivery_id, evidence="the answer was cut short")
