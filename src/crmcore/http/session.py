"""A carrier over HTTP as dispatch knows carriers: a session that is given batches and yields results."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from crmcore.hooks.provider import HttpProvider, NotStarted, Outgoing, Result
from crmcore.http.chute import Chute
from crmcore.http.exchange import Exchange
from crmcore.http.loop import LoopThread
from crmcore.http.wire import Wire


class HttpSession:
    """Connections of one provider; `authority` are those to where its tokens come from."""

    def __init__(
        self, provider: HttpProvider, loop: LoopThread, wire: Wire, authority: Wire, now: Callable[[], int]
    ) -> None:
        self._provider, self._loop, self._now = provider, loop, now
        self._wire, self._authority = wire, authority

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._loop.is_ours:
            self._loop.call(self._close())

    def send(self, batch: Sequence[Outgoing]) -> Iterator[Result]:
        """Yield one Result per message, as each becomes final; end early and what is under way is called off.

        Whoever is interrupted while waiting here is told first what has become final until then.
        """
        if not self._loop.is_ours:
            # The loop and the connections belong to the process that this one was forked from.
            yield from (NotStarted(delivery_id=one.delivery_id) for one in batch)
            return
        chute = Chute(self._loop.loop)
        shares = _shares(batch, max(1, self._provider.carriage.per_request))
        exchange = Exchange(self._provider, self._wire, self._now, chute.put, shares)
        call_off = self._loop.begin(exchange.run(self._authority), chute.end)
        try:
            yield from chute
        except GeneratorExit:
            call_off()
            # What is called off has ended before the next batch begins.
            deque(chute, maxlen=0)
            raise
        except BaseException:
            call_off()
            yield from chute
            raise

    async def _close(self) -> None:
        await self._wire.close()
        if self._authority is not self._wire:
            await self._authority.close()


def _shares(batch: Sequence[Outgoing], size: int) -> list[Sequence[Outgoing]]:
    return [batch[start : start + size] for start in range(0, len(batch), size)]
