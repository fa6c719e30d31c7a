"""Webhooks on their way in, and an ASGI application that takes them.

    from crmcore import CRM
    from crmcore.webhooks import app

    application = app(CRM("shop.db"))  # uvicorn shop:application

It serves `/CHANNEL/PROVIDER` for the webhooks of carriers, `/unsubscribe/TOKEN` for the link in each message and
`/modules/MODULE/...` for the routes of modules, alone or mounted in another application, and needs no framework.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from contextlib import contextmanager
from functools import partial
from html import escape
from typing import Any, Protocol
from urllib.parse import parse_qsl

import attrs

from crmcore.answering import Answering
from crmcore.app import CRM
from crmcore.errors import InvalidToken, UnknownPlugin
from crmcore.hooks.provider import HttpResponse, RawRequest

__all__ = ["Webhooks", "app"]

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Take = Callable[[Sequence[RawRequest]], Sequence[HttpResponse]]

#: Bytes of a body, and seconds in which it has to have come in.
MOST_BYTES, MOST_SECONDS = 1_048_576, 10.0
#: Bytes of all bodies that are held at once: of none of them is it known yet whether its signature fits.
MOST_HELD = 64 * MOST_BYTES
#: How many webhooks one transaction takes, and how many of one provider may wait for theirs.
TOGETHER, MOST_WAITING = 64, 1_000
_DIGITS = 20
METHODS = ("GET", "POST")
AGAIN = HttpResponse(status=503, headers={"retry-after": "5"})
TOO_LARGE, TOO_LATE, HUNG_UP = HttpResponse(status=413), HttpResponse(status=408), HttpResponse(status=400)
NOT_FOUND = HttpResponse(status=404)
NOT_ALLOWED = HttpResponse(status=405, headers={"allow": ", ".join(METHODS)})
UNSUBSCRIBE, MODULES = "unsubscribe", "modules"
log = logging.getLogger("crmcore.webhooks")


class Awaited(Protocol):
    """An AsyncCRM: the CRM it awaits is `sync`."""

    @property
    def sync(self) -> CRM:
        """The CRM itself."""


def app(crm: CRM | Awaited) -> Webhooks:
    """Return the ASGI application of a CRM or AsyncCRM: its carriers' webhooks, links to unsubscribe by, modules' routes.

    A webhook is answered once all it holds is committed. What cannot be taken now is answered 503 or 500, so that it comes
    again, as is what comes while 64 MB of bodies are held, or once the CRM is closed; bodies over 1 MB are refused (413),
    those not in after ten seconds too (408).
    """
    return Webhooks(crm if isinstance(crm, CRM) else crm.sync)


class Refused(Exception):
    """A request that is answered before it is looked at."""

    def __init__(self, answer: HttpResponse) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Room:
    """Where the bodies of requests are held until those are answered: whoever sends without a key fills no memory."""

    def __init__(self) -> None:
        self._held = 0

    @contextmanager
    def body(self) -> Iterator[Body]:
        """Hold one body; its bytes are let go at the end."""
        body = Body(self._take)
        try:
            yield body
        finally:
            self._held -= body.size

    def _take(self, size: int) -> None:
        if self._held + size > MOST_HELD:
            raise Refused(AGAIN)
        self._held += size


class Body:
    """One body, as it comes in."""

    def __init__(self, take: Callable[[int], None]) -> None:
        self._take = take
        self._parts: list[bytes] = []
        self.size = 0

    def add(self, part: bytes) -> None:
        """Hold a part; raise Refused where it is too large, or there is no room."""
        if self.size + len(part) > MOST_BYTES:
            raise Refused(TOO_LARGE)
        self._take(len(part))
        self.size += len(part)
        self._parts.append(part)

    def whole(self) -> bytes:
        """Return all of it."""
        return b"".join(self._parts)


class Line:
    """Webhooks of one provider: those that come while one transaction is under way go together into the next."""

    def __init__(self, take: Take) -> None:
        self._take = take
        self._waiting: list[tuple[RawRequest, asyncio.Future[HttpResponse]]] = []
        self._working: asyncio.Task[None] | None = None

    async def answer(self, request: RawRequest) -> HttpResponse:
        """Return what a webhook is answered with, once it is taken."""
        if len(self._waiting) >= MOST_WAITING:
            return AGAIN
        future: asyncio.Future[HttpResponse] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        if self._working is None:
            self._working = asyncio.create_task(self._work())
        return await future

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:TOGETHER], self._waiting[TOGETHER:]
                answers = await self._taken([request for request, _ in batch])
                for (_, future), answer in zip(batch, answers, strict=True):
                    if not future.done():  # whoever asked may have gone
                        future.set_result(answer)
        finally:
            self._working = None

    async def _taken(self, requests: Sequence[RawRequest]) -> Sequence[HttpResponse]:
        try:
            return await asyncio.to_thread(self._take, requests)
        except Exception as error:  # noqa: BLE001 - the database may be away; all of it comes again
            log.error("webhooks cannot be taken now: %s", type(error).__name__)  # noqa: TRY400 - its text may hold anything
            return [AGAIN] * len(requests)


class Webhooks:
    """The ASGI application of a CRM."""

    def __init__(self, crm: CRM) -> None:
        self._crm = crm
        self._lines: dict[tuple[str, str], Line] = {}
        self._answering = Answering(crm)
        self._room = Room()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one connection, as ASGI says."""
        match scope["type"]:
            case "http":
                await _say(send, AGAIN if self._crm.is_closed else await self._answer(scope, receive))
            case "lifespan":
                await _live(receive, send)
            case "websocket":
                await send({"type": "websocket.close"})

    async def _answer(self, scope: Scope, receive: Receive) -> HttpResponse:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        place = path.strip("/").split("/")
        try:
            if place[0] == MODULES:
                return await self._of_module(*_named(path), scope, receive)
            return await self._of_core(place, scope, receive)
        except UnknownPlugin:
            return NOT_FOUND
        except Refused as refused:
            return refused.answer

    async def _of_core(self, place: Sequence[str], scope: Scope, receive: Receive) -> HttpResponse:
        if len(place) != 2:  # noqa: PLR2004 - a channel and a provider
            return NOT_FOUND
        if scope["method"] not in METHODS:
            return NOT_ALLOWED
        if place[0] == UNSUBSCRIBE:
            return await asyncio.to_thread(self._left, scope["method"], place[1])
        line = self._line(place[0], place[1])
        with self._room.body() as body:
            return await line.answer(await _request(scope, receive, body))

    async def _of_module(self, module: str, path: str, scope: Scope, receive: Receive) -> HttpResponse:
        if not (routes := self._answering.routes(module, path)):
            return NOT_FOUND
        if scope["method"] not in routes:
            return attrs.evolve(NOT_ALLOWED, headers={"allow": ", ".join(sorted(routes))})
        with self._room.body() as body:
            request = await _request(scope, receive, body)
            return await self._answering.answer(module, routes[scope["method"]], request)

    def _line(self, channel: str, provider: str) -> Line:
        if (channel, provider) not in self._lines:
            self._crm.registry.listening(channel, provider)
            self._lines[channel, provider] = Line(partial(self._crm.receive_many, channel, provider))
        return self._lines[channel, provider]

    def _left(self, method: str, token: str) -> HttpResponse:
        """GET asks, and changes nothing: programs that look at mail follow every link. POST does it, at once."""
        try:
            if method == "POST":
                self._crm.unsubscribe(token)
                return _page("Done. You will get no more of these.")
            topic = self._crm.check_unsubscribe(token).topic
            return _page(f"No more about {topic}?" if topic else "No more of these messages?", "Unsubscribe")
        except InvalidToken:
            return attrs.evolve(_page("This link is not valid."), status=404)


def _named(path: str) -> tuple[str, str]:
    """Return the module that a path names, and the path it has there."""
    module, slash, rest = path.removeprefix(f"/{MODULES}/").partition("/")
    return module, slash + rest


def _page(said: str, button: str = "") -> HttpResponse:
    form = f'<form method="post"><button>{escape(button)}</button></form>' if button else ""
    head = '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
    body = f"{head}<title>Unsubscribe</title><p>{escape(said)}</p>{form}</html>"
    return HttpResponse(status=200, headers=_PAGE, body=body.encode())


#: Nothing of a page with a token in its address is to be kept, found, or told to others.
_PAGE = {
    "content-type": "text/html; charset=utf-8",
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
    "content-security-policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
}


async def _request(scope: Scope, receive: Receive, body: Body) -> RawRequest:
    """Return a request with its whole body; raise Refused."""
    headers = _headers(scope["headers"])
    # Python reads no number of thousands of digits; the first of them say enough.
    if int(said[:_DIGITS] if (said := headers.get("content-length", "0")).isdecimal() else 0) > MOST_BYTES:
        raise Refused(TOO_LARGE)
    try:
        async with asyncio.timeout(MOST_SECONDS):
            await _fill(body, receive)
    except TimeoutError:
        raise Refused(TOO_LATE) from None
    query = dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True))
    return RawRequest(method=scope["method"], query=query, headers=headers, body=body.whole())


def _headers(raw: Iterable[tuple[bytes, bytes]]) -> Mapping[str, str]:
    return {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in raw}


async def _fill(body: Body, receive: Receive) -> None:
    is_more = True
    while is_more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(HUNG_UP)
        body.add(message.get("body", b""))
        is_more = message.get("more_body", False)


async def _say(send: Send, answer: HttpResponse) -> None:
    headers = {**answer.headers, "content-length": str(len(answer.body))}
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": answer.body})


async def _live(receive: Receive, send: Send) -> None:
    """Nothing is to be opened or closed: the CRM is whose it is."""
    while (message := await receive())["type"] != "lifespan.shutdown":
        await send({"type": f"{message['type']}.complete"})
    await send({"type": "lifespan.shutdown.complete"})
