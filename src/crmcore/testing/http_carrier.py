"""A carrier over HTTP for tests: one POST a message, on http.client, to an HttpSink or anything that answers like one."""

from __future__ import annotations

import http.client
import json
import select
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Self

from crmcore.hooks.channel import Channel
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.provider import (
    Accepted,
    Carriage,
    HttpProvider,
    InDoubt,
    NotStarted,
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
Lost = (http.client.HTTPException, OSError)


class HttpCarrier:
    """A plugin with the channel `note` and its carrier `http`; `timeout` in seconds, for every step on the wire."""

    name = "http"
    channel = "note"
    contract = 1
    carriage = Carriage(idempotency="key", batch=50)

    def __init__(self, host: str, port: int, timeout: float = 1.0) -> None:
        self._host, self._port, self._timeout = host, port, timeout

    @hookimpl
    def crm_register_channels(self, setup: Setup) -> Sequence[Channel]:  # noqa: ARG002 - the hook's argument
        """Return the channel."""
        return [Notes()]

    @hookimpl
    def crm_register_providers(self, setup: Setup) -> Sequence[Provider | HttpProvider]:  # noqa: ARG002 - the same
        """Return the carrier: this."""
        return [self]

    def open(self) -> HttpSession:
        """Return a session; the connection is made when the first message goes."""
        return HttpSession(self._host, self._port, self._timeout)


class HttpSession:
    """One connection, kept from message to message and dropped when in doubt."""

    def __init__(self, host: str, port: int, timeout: float) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=timeout)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def send(self, batch: Sequence[Outgoing]) -> Iterator[Result]:
        """Yield one Result per message, as each is known."""
        for index, message in enumerate(batch):
            if not self._is_connected():
                yield from (NotStarted(delivery_id=left.delivery_id) for left in batch[index:])
                return
            yield self._carry(message)

    def _is_connected(self) -> bool:
        if _is_closed_by_the_server(self._connection):
            self._connection.close()
        try:
            if self._connection.sock is None:
                self._connection.connect()
        except OSError:
            self._connection.close()
            return False
        return True

    def _carry(self, message: Outgoing) -> Result:
        headers = {"Idempotency-Key": message.message_key, "To": message.address.value}
        try:
            self._connection.request("POST", PATH, message.body, headers)
        except Lost:
            # A request that did not leave whole cannot have been taken.
            self._connection.close()
            return Retry(delivery_id=message.delivery_id, after=AGAIN, scope="channel", code="connection lost")
        except ValueError:
            self._connection.close()
            return Permanent(delivery_id=message.delivery_id, fault="address", text="it cannot stand in a header")
        try:
            with self._connection.getresponse() as answer:
                return meaning(message.delivery_id, answer.status, answer.getheader("Retry-After"), answer.read())
        except Lost:
            self._connection.close()
            return InDoubt(delivery_id=message.delivery_id, evidence="the connection was lost before the answer")


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
    """http.client takes an answer that ends within its headers for a whole one."""
    try:
        return Accepted(delivery_id=delivery_id, provider_id=json.loads(body)["id"])
    except (ValueError, KeyError):
        return InDoubt(delivery_id=delivery_id, evidence="the answer was cut short")


def _is_closed_by_the_server(connection: http.client.HTTPConnection) -> bool:
    """Between two exchanges a server says nothing: what can be read then is its goodbye."""
    return connection.sock is not None and bool(select.select([connection.sock], [], [], 0)[0])
