"""Requests that modules answer: each on a thread of its own, within a time; one that fails says nobody outside why."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from threading import BoundedSemaphore, Thread

import attrs

from crmcore.app import CRM
from crmcore.flow.blaming import why
from crmcore.hooks.module import Route
from crmcore.hooks.provider import HttpResponse, RawRequest

#: Seconds a module has for an answer, and how many of its answers may be under way: those that hang take no others' place,
#: nor all connections of SQLAlchemy's pool.
SECONDS, AT_ONCE = 10.0, 4
FAILED = HttpResponse(status=500)
LATE = HttpResponse(status=504)
BUSY = HttpResponse(status=503, headers={"retry-after": "5"})
_STATUSES = range(200, 600)
log = logging.getLogger("crmcore.modules")


class RouteFailed(Exception):
    """What a route raised: nothing of it is taken for what the loop itself raises, such as a time that is over."""

    def __init__(self, error: BaseException) -> None:
        super().__init__(type(error).__name__)
        self.error = error


class Answering:
    """The routes of a CRM's modules."""

    def __init__(self, crm: CRM) -> None:
        self._crm = crm
        self._places = {name: BoundedSemaphore(AT_ONCE) for name in crm.registry.modules}

    def routes(self, module: str, path: str) -> Mapping[str, Route]:
        """Return the routes of a module by this path, by their methods; none where there is no such module or path."""
        found = self._crm.registry.modules.get(module)
        return {} if found is None else {one.method: one for one in found.routes if one.path == path}

    async def answer(self, module: str, route: Route, request: RawRequest) -> HttpResponse:
        """Return what a module answers: 500 where it fails, 504 where it takes too long, 503 while too many are under way."""
        places = self._places[module]
        if not places.acquire(blocking=False):
            return BUSY
        try:
            async with asyncio.timeout(SECONDS):
                return _checked(await _on_thread(lambda: route.answer(request, self._crm.in_tables), places.release))
        except TimeoutError as error:
            return _failed(module, route, error, LATE)
        except RouteFailed as failed:
            return _failed(module, route, failed.error, FAILED)
        except Exception as error:  # noqa: BLE001 - an answer may be anything
            return _failed(module, route, error, FAILED)


def _failed(module: str, route: Route, error: BaseException, answer: HttpResponse) -> HttpResponse:
    log.error("module %s failed on %s %s: %s", module, route.method, route.path, why(error))
    return answer


async def _on_thread(call: Callable[[], HttpResponse], ended: Callable[[], None]) -> HttpResponse:
    """Return what a call returns; it goes on where nobody waits for it any more, and keeps no process from ending."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[HttpResponse] = loop.create_future()

    def run() -> None:
        try:
            tell = _telling(future, call)
        finally:
            ended()
        with suppress(RuntimeError):  # the loop may have been closed meanwhile
            loop.call_soon_threadsafe(tell)

    Thread(target=run, name="crmcore-module", daemon=True).start()
    return await future


def _telling(future: asyncio.Future[HttpResponse], call: Callable[[], HttpResponse]) -> Callable[[], None]:
    """Make a call; return what tells whoever waits how it ended."""
    try:
        answer = call()
    except BaseException as error:  # noqa: BLE001 - it is told where it is waited for
        failed = RouteFailed(error)
        return lambda: None if future.done() else future.set_exception(failed)
    return lambda: None if future.done() else future.set_result(answer)


def _checked(answer: HttpResponse) -> HttpResponse:
    """Return an answer that can be sent as it is; raise TypeError, or ValueError for what a header cannot hold."""
    if not isinstance(answer, HttpResponse) or answer.status not in _STATUSES or not isinstance(answer.body, bytes):
        raise TypeError("a route answers an HttpResponse with a status of 200 to 599 and a body of bytes")
    for one in (part for header in answer.headers.items() for part in header):
        one.encode("latin-1")
        if any(sign in one for sign in "\r\n\0"):
            raise ValueError("a header has more than one line")
    return attrs.evolve(answer, headers={name.lower(): value for name, value in answer.headers.items()})
