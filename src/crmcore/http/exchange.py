"""One batch on its way: as many requests as may be under way, and what becomes of each message."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

import attrs

from crmcore.hooks.provider import (
    Authorised,
    HttpProvider,
    HttpRequest,
    HttpResponse,
    InDoubt,
    NotStarted,
    Outgoing,
    Permanent,
    Result,
)
from crmcore.http import spans
from crmcore.http.addresses import Refused
from crmcore.http.failing import Down, Unanswered, Unsent, Unsound
from crmcore.http.wire import Wire, check

log = logging.getLogger("crmcore.http")
#: After so many requests in a row that reached nobody, or got no answer in time, the rest of a batch is not begun.
ENOUGH = 2
_THROTTLED, _BROKEN = 429, 500


@attrs.define
class Exchange:
    """What is under way of a batch, a share of it in each request; `tell` is given results as they become final.

    `now` is microseconds UTC.
    """

    provider: HttpProvider
    wire: Wire
    now: Callable[[], int]
    tell: Callable[[list[Result]], None]
    shares: Sequence[Sequence[Outgoing]]
    failures: int = 0
    left: Iterator[Sequence[Outgoing]] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.left = iter(self.shares)

    async def run(self, authority: Wire) -> None:
        """Carry the batch; `authority` is asked for a token where one is needed."""
        refusal = await self._refusal(authority)
        if refusal is not None:
            for some in self.shares:
                self.tell([refusal(one.delivery_id) for one in some])
            return
        at_once = min(self.provider.carriage.in_flight, len(self.shares))
        await asyncio.gather(*(self._work() for _ in range(at_once)))

    async def _work(self) -> None:
        for some in self.left:
            if self.failures >= ENOUGH:
                self.tell(_not_started(some))
            else:
                self.tell(await self._carried(some))

    async def _carried(self, some: Sequence[Outgoing]) -> list[Result]:
        try:
            request = self.provider.build_request(some, self.now())
            check(request)
        except (Unsound, Refused) as error:
            return [_failed(one.delivery_id, error) for one in some]
        except Exception as error:  # noqa: BLE001 - whatever a provider raises is the fault of these messages
            self._blame("could not make a request", error)
            return [_unsound(one.delivery_id, type(error).__name__) for one in some]
        try:
            response = await fetched(self.wire, request)
        except (Unsound, Unsent, Unanswered, Refused) as error:
            self.failures += isinstance(error, Down)
            return [_failed(one.delivery_id, error) for one in some]
        except Exception as error:  # noqa: BLE001 - what nobody has thought of stops no other message
            self._blame("sent a request that did not get through", error)
            return [InDoubt(delivery_id=one.delivery_id, evidence=type(error).__name__) for one in some]
        self.failures = 0
        return self._read(some, response)

    def _read(self, some: Sequence[Outgoing], response: HttpResponse) -> list[Result]:
        """An answer that its provider cannot read may have said yes."""
        try:
            results = list(self.provider.read_response(some, response, self.now()))
            if _is_one_each(some, results):
                return results
            said = "not one result for each message"
        except Exception as error:  # noqa: BLE001 - whatever a provider raises is its own fault
            said = type(error).__name__
        log.error("provider %s could not read an answer: %s", self.provider.name, said)
        return [InDoubt(delivery_id=one.delivery_id, evidence=f"the answer was not read: {said}") for one in some]

    def _blame(self, what: str, error: Exception) -> None:
        """What an error says may hold what a message says, or a token: only its kind is logged."""
        log.error("provider %s %s: %s", self.provider.name, what, type(error).__name__)

    async def _refusal(self, authority: Wire) -> Callable[[int], Result] | None:
        """Return what becomes of messages where there is no token; None where there is one, or none is needed."""
        if not isinstance(self.provider, Authorised):
            return None
        try:
            request = self.provider.token_request(self.now())
            if request is None:
                return None
            check(request)
            response = await fetched(authority, request)
            reason = self.provider.take_token(response, self.now())
        except (Unsent, Unanswered):
            return _unstarted
        except Exception as error:  # noqa: BLE001 - whatever a provider raises is its own fault
            self._blame("could not ask for a token", error)
            return _unauthorised(type(error).__name__, "")
        if not reason:
            return None
        is_for_now = response.status == _THROTTLED or response.status >= _BROKEN
        return _unstarted if is_for_now else _unauthorised(str(response.status), reason)


async def fetched(wire: Wire, request: HttpRequest) -> HttpResponse:
    """Return the answer to a request; paths, queries, headers and bodies may hold tokens: none is logged or traced."""
    if not spans.is_on():
        return await _logged(wire, request)
    said = {"http.request.method": request.method, "server.address": _host(request.url)}
    with spans.span(request.method, "CLIENT", said) as tell:
        response = await _logged(wire, request)
        tell("http.response.status_code", response.status)
        return response


async def _logged(wire: Wire, request: HttpRequest) -> HttpResponse:
    if not log.isEnabledFor(logging.DEBUG):
        return await wire.fetch(request)
    began, said = time.perf_counter(), "cancelled"
    try:
        response = await wire.fetch(request)
        said = str(response.status)
    except Exception as error:
        said = type(error).__name__
        raise
    else:
        return response
    finally:
        log.debug("%s %s %s %.0f ms", request.method, _host(request.url), said, (time.perf_counter() - began) * 1000)


def _is_one_each(some: Sequence[Outgoing], results: Sequence[Result]) -> bool:
    if len(some) == len(results) == 1:
        return some[0].delivery_id == results[0].delivery_id
    return sorted(one.delivery_id for one in some) == sorted(one.delivery_id for one in results)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "?"
    except ValueError:
        return "?"


def _failed(delivery_id: int, error: Exception) -> Result:
    match error:
        case Unsent():
            return _unstarted(delivery_id)
        case Unanswered():
            return InDoubt(delivery_id=delivery_id, evidence=str(error))
        case Refused():
            return Permanent(delivery_id=delivery_id, fault="address", text=str(error))
        case _:
            return _unsound(delivery_id, str(error))


def _unstarted(delivery_id: int) -> Result:
    return NotStarted(delivery_id=delivery_id)


def _not_started(some: Sequence[Outgoing]) -> list[Result]:
    return [_unstarted(one.delivery_id) for one in some]


def _unsound(delivery_id: int, text: str) -> Result:
    return Permanent(delivery_id=delivery_id, fault="content", code="request", text=text)


def _unauthorised(code: str, text: str) -> Callable[[int], Result]:
    return lambda delivery_id: Permanent(delivery_id=delivery_id, fault="sender", code=code, text=text)
