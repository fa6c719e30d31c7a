"""The driver: it opens providers, and carries for those that speak HTTP and do no I/O of their own.

One asyncio loop in one thread, begun when the first of them is opened, ended with the driver. docs/explanation/http.md says
how requests go and what their limits are.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from types import TracebackType
from typing import TYPE_CHECKING, Self

from crmcore.errors import MissingExtra
from crmcore.hooks.provider import Authorised, HttpProvider, Provider, Session
from crmcore.model.http import Http

if TYPE_CHECKING:
    from crmcore.http.loop import LoopThread
    from crmcore.http.ways import Ways
    from crmcore.http.wire import Wire


class Driver:
    """Opens providers of either kind; use it as a context manager. `now` is the time in microseconds UTC."""

    def __init__(self, settings: Http, now: Callable[[], int]) -> None:
        self._settings, self._now = settings, now
        self._stack = ExitStack()
        self._loop: LoopThread | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def open(self, provider: Provider | HttpProvider) -> Session:
        """Return a session; connections are made when first needed.

        Raise MissingExtra where the packages that speak HTTP are not installed, SettingsError where `[http]` or the provider's
        settings name a secret or a file that is not there.
        """
        if isinstance(provider, Provider):
            return provider.open()
        if isinstance(provider, Authorised):
            # Nothing is asked yet: what it lacks to ask for a token is told before anything is made for nothing.
            provider.token_request(self._now())
        from crmcore.http.session import HttpSession
        from crmcore.http.ways import ways

        made = ways(self._settings)
        wire, authority = _wires(provider, made)
        return HttpSession(provider, self._running(), wire, authority, self._now)

    def _running(self) -> LoopThread:
        from crmcore.http.loop import LoopThread

        if self._loop is None or not self._loop.is_ours:
            self._loop = LoopThread()
            self._stack.callback(self._loop.close)
        return self._loop


def _wires(provider: HttpProvider, made: Ways) -> tuple[Wire, Wire]:
    """Return what carries messages, and what asks for tokens: those that give them speak HTTP/1.1."""
    try:
        from crmcore.http.one import One

        one = One(made)
        if provider.carriage.protocol == "http/1.1":
            return one, one
        from crmcore.http.two import Two

        return Two(made), one
    except ImportError as error:
        raise MissingExtra(what=f"the provider {provider.name}, which speaks HTTP,", extra="http") from error
