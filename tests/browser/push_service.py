"""Mozilla's push protocol to a browser, in front of the stand-in that takes pushes (RFC 8030 and 8292).

The protocol's reference is autopush-rs (tests/integration), and Firefox's own PushServiceWebSocket.sys.mjs.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from crmcore.testing.standins.exchange import Request
from crmcore.testing.standins.jws import encoded
from crmcore.testing.standins.webpush import PATH, Push, PushService


class BrowsersPushService:
    """The push service of one browser: what it has acknowledged, and what was answered to who pushes."""

    def __init__(self) -> None:
        self.pushes = PushService()
        self.acknowledged: list[int] = []
        self.answers: list[int] = []
        self._browser: web.WebSocketResponse | None = None
        self._is_reachable = True
        self._changed = asyncio.Condition()

    def for_browsers(self) -> web.Application:
        """Return the application that browsers connect to."""
        app = web.Application()
        app.add_routes([web.get("/", self._converse)])
        return app

    def for_senders(self) -> web.Application:
        """Return the application that endpoints lead to."""
        app = web.Application()
        app.add_routes([web.post(f"{PATH}{{channel}}", self._take)])
        return app

    async def until(self, holds: Callable[[BrowsersPushService], object]) -> None:
        """Wait until something holds of this service."""
        async with self._changed:
            await self._changed.wait_for(lambda: holds(self))

    @asynccontextmanager
    async def unreachable(self) -> AsyncIterator[None]:
        """Hang up on the browser, do not answer it in the block, and wait for it after that."""
        self._is_reachable = False
        if self._browser is not None:
            await self._browser.close()
        await self.until(lambda service: service._browser is None)
        yield
        self._is_reachable = True
        await self.until(lambda service: service._browser is not None)

    async def _converse(self, request: web.Request) -> web.StreamResponse:
        if not self._is_reachable:
            return web.Response(status=503)
        socket = web.WebSocketResponse(protocols=("push-notification",))
        await socket.prepare(request)
        async for message in socket:
            await self._hear(socket, json.loads(message.data))
        if self._browser is socket:
            self._browser = None
        await self._tell()
        return socket

    async def _hear(self, socket: web.WebSocketResponse, said: Mapping[str, Any]) -> None:
        kind = said.get("messageType", "ping")
        answer = _ANSWERS[kind](self, said)
        if answer is not None:
            await socket.send_json(answer)
        if kind == "hello":
            self._browser = socket
            for push in self._waiting():
                await socket.send_json(notification(push))
        await self._tell()

    def _hello(self, said: Mapping[str, Any]) -> Mapping[str, object]:
        """A browser that has subscriptions says who it is; called something else, it would drop them."""
        uaid = said.get("uaid") or uuid.uuid4().hex
        return {"messageType": "hello", "status": 200, "uaid": uaid, "use_webpush": True, "broadcasts": {}}

    def _register(self, said: Mapping[str, Any]) -> Mapping[str, object]:
        channel = said["channelID"]
        endpoint = self.pushes.subscribe(channel, key=said.get("key", "").rstrip("=")).endpoint
        return {"messageType": "register", "status": 200, "channelID": channel, "pushEndpoint": endpoint}

    def _unregister(self, said: Mapping[str, Any]) -> Mapping[str, object]:
        self.pushes.unsubscribe(said["channelID"])
        return {"messageType": "unregister", "status": 200, "channelID": said["channelID"]}

    def _ack(self, said: Mapping[str, Any]) -> None:
        for update in said["updates"]:
            self.pushes.waiting.pop(int(update["version"]), None)
            self.acknowledged.append(update["code"])

    def _ping(self, _: Mapping[str, Any]) -> Mapping[str, object]:
        return {}

    def _ignore(self, _: Mapping[str, Any]) -> None:
        """Broadcasts are the browser's own business, and there are none here."""

    def _waiting(self) -> list[Push]:
        now = self.pushes.clock.now()
        return [one for one in self.pushes.waiting.values() if one.expires > now]

    async def _take(self, asked: web.Request) -> web.Response:
        headers = {name.lower(): value for name, value in asked.headers.items()}
        request = Request(method=asked.method, path=asked.path, headers=headers, body=await asked.read())
        taken = len(self.pushes.pushes)
        answer = self.pushes.answer(request)
        self.answers.append(answer.status)
        for push in self.pushes.pushes[taken:]:
            if self._browser is not None:
                await self._browser.send_json(notification(push))
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    async def _tell(self) -> None:
        async with self._changed:
            self._changed.notify_all()


_ANSWERS: Mapping[str, Callable[[BrowsersPushService, Mapping[str, Any]], Mapping[str, object] | None]] = {
    "hello": BrowsersPushService._hello,
    "register": BrowsersPushService._register,
    "unregister": BrowsersPushService._unregister,
    "ack": BrowsersPushService._ack,
    "nack": BrowsersPushService._ignore,
    "broadcast_subscribe": BrowsersPushService._ignore,
    "ping": BrowsersPushService._ping,
}


def notification(push: Push) -> Mapping[str, object]:
    """Return a push as a browser gets it."""
    return {
        "messageType": "notification",
        "channelID": push.subscription,
        "version": str(push.number),
        "data": encoded(push.body),
        "headers": {"encoding": push.headers["content-encoding"]},
    }
