"""WebDriver BiDi, as much of it as the tests say: commands out, results and events in.

https://www.w3.org/TR/webdriver-bidi/
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Mapping
from typing import Any

import aiohttp


class CommandFailed(Exception):
    """The browser refused a command, or a script threw."""


class Bidi:
    """A connection to a browser, with a session."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read())

    async def command(self, method: str, **params: object) -> Any:
        """Return the result of a command; raise CommandFailed."""
        number = next(self._numbers)
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        await self._socket.send_json({"id": number, "method": method, "params": params})
        return await answer

    async def evaluate(self, context: str, script: str, *arguments: str) -> Any:
        """Call an async function in a browsing context, and return what its promise brings; raise CommandFailed."""
        answer = await self.command(
            "script.callFunction",
            functionDeclaration=script,
            arguments=[{"type": "string", "value": one} for one in arguments],
            target={"context": context},
            awaitPromise=True,
            userActivation=True,
        )
        if answer["type"] == "exception":
            raise CommandFailed(answer["exceptionDetails"]["text"])
        return plain(answer["result"])

    async def close(self) -> None:
        """Close the connection."""
        await self._socket.close()
        await self._reading

    async def _read(self) -> None:
        async for message in self._socket:
            said = message.json()
            if answer := self._waiting.pop(said.get("id"), None):
                _settle(answer, said)
        for answer in self._waiting.values():
            answer.set_exception(CommandFailed("the browser has gone"))


def _settle(answer: asyncio.Future[Any], said: Mapping[str, Any]) -> None:
    if answer.done():
        return
    if said["type"] == "success":
        answer.set_result(said["result"])
    else:
        answer.set_exception(CommandFailed(f"{said['error']}: {said['message']}"))


def plain(remote: Mapping[str, Any]) -> Any:
    """Return what a remote value stands for: text, numbers, lists, objects."""
    kind, value = remote["type"], remote.get("value")
    if kind == "array":
        return [plain(one) for one in value or ()]
    if kind == "object":
        return {key: plain(one) for key, one in value or ()}
    return value
