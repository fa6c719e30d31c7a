"""The ASGI application: each request goes to the stand-in whose path it has, unless the script says otherwise."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any

import attrs

from crmcore.hooks.provider import HttpResponse
from crmcore.testing.standins.exchange import Request, StandIn
from crmcore.testing.standins.faults import Drop, Fault, Garbage, Script, Silence, Slow, Stage, Wire, usual

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

#: Where the servers of `serving` leave the Wire of an exchange.
WIRE = "crmcore.wire"
_REFUSAL, _NOT_FOUND = 400, 404
_NEVER_ENDING = b"1000000"


class _Over(Exception):
    """The exchange has ended already."""


class StandIns:
    """The application; `script` may be exchanged at any time, and does not reach the stand-ins that are `sound`.

    `requests` and `statuses` count what was asked and answered; `offered` holds the address of each message begun.
    """

    def __init__(self, *stand_ins: StandIn, script: Script = usual, sound: Sequence[StandIn] = ()) -> None:
        self._stand_ins, self._sound = stand_ins, sound
        self.script = script
        self.requests = 0
        self.offered: list[str] = []
        self.statuses: Counter[int] = Counter()

    def recover(self) -> None:
        """Do everything as usual from now on."""
        self.script = usual

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        exchange = _Exchange(scope, receive, send)
        try:
            await self._answer(exchange)
        except _Over:
            return

    async def _answer(self, exchange: _Exchange) -> None:
        self.requests += 1
        path = exchange.scope["path"]
        one = next((one for one in self._stand_ins if one.handles(path)), None)
        if one is None:
            answer = HttpResponse(status=_NOT_FOUND)
        elif one in self._sound:
            answer = one.answer(await exchange.read())
        else:
            answer = await self._in_stages(exchange, one)
        self.statuses[answer.status] += 1
        await exchange.say(answer)

    async def _in_stages(self, exchange: _Exchange, one: StandIn) -> HttpResponse:
        await self._stage(exchange, "request", "")
        request = await exchange.read()
        address = one.address(request)
        self.offered.append(address)
        await self._stage(exchange, "body", address)
        answer = one.answer(request)
        if answer.status < _REFUSAL:
            await self._stage(exchange, "taken", address)
        return answer

    async def _stage(self, exchange: _Exchange, stage: Stage, address: str) -> None:
        fault = self.script(stage, address)
        if fault is not None:
            await exchange.suffer(fault)


@attrs.define
class _Exchange:
    scope: Scope
    receive: Receive
    send: Send

    async def read(self) -> Request:
        body = b""
        while True:
            event = await self.receive()
            if event["type"] == "http.disconnect":
                raise _Over
            body += event.get("body", b"")
            if not event.get("more_body"):
                break
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in self.scope["headers"]}
        query = self.scope["query_string"].decode("latin-1")
        return Request(method=self.scope["method"], path=self.scope["path"], query=query, headers=headers, body=body)

    async def say(self, answer: HttpResponse) -> None:
        headers = {"content-length": str(len(answer.body)), **answer.headers}
        pairs = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": answer.status, "headers": pairs})
        await self.send({"type": "http.response.body", "body": answer.body})

    async def suffer(self, fault: Fault) -> None:
        """Do what the script says; return only where the exchange goes on."""
        if isinstance(fault, Slow):
            await asyncio.sleep(fault.seconds)
            return
        if isinstance(fault, HttpResponse):
            await self.say(fault)
        elif isinstance(fault, Silence):
            await self._stall(fault)
        else:
            self._break(fault)
            await self._disconnected()
        raise _Over

    def _break(self, fault: Drop | Garbage) -> None:
        wire: Wire = self.scope["extensions"][WIRE]["wire"]
        if isinstance(fault, Garbage):
            wire.garbage()
        else:
            wire.drop()

    async def _stall(self, silence: Silence) -> None:
        gone = asyncio.ensure_future(self._disconnected())
        if silence.drip is not None:
            head = [(b"content-length", _NEVER_ENDING)]
            await self.send({"type": "http.response.start", "status": 200, "headers": head})
            while not (await asyncio.wait([gone], timeout=silence.drip))[0]:
                await self.send({"type": "http.response.body", "body": b" ", "more_body": True})
        await gone

    async def _disconnected(self) -> None:
        while (await self.receive())["type"] != "http.disconnect":
            pass
