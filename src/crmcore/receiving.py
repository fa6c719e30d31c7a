"""The part of a CRM that takes what providers say of their own accord: their webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from crmcore.facet import Facet

if TYPE_CHECKING:
    from crmcore.hooks.provider import HttpResponse, RawRequest
    from crmcore.registry import Registry


class Receiving(Facet):
    """Webhooks on their way in."""

    registry: Registry

    @property
    def is_closed(self) -> bool:
        """Whether it has been closed: what serves it takes nothing more."""
        return self._opened.closed.is_set()

    def receive(self, channel: str, provider: str, request: RawRequest) -> HttpResponse:
        """Take a webhook, and return what to answer it with: not before all it holds is committed.

        A webhook that cannot be read, or taken, is answered 500: its carrier sends it again. Raise UnknownPlugin where there
        is no such provider, or it takes none.
        """
        return self.receive_many(channel, provider, [request])[0]

    def receive_many(self, channel: str, provider: str, requests: Sequence[RawRequest]) -> list[HttpResponse]:
        """Take webhooks of one provider in one transaction; return what to answer each with, in order. As `receive`."""
        from crmcore.flow import receiving

        listening = self.registry.listening(channel, provider)
        origin = receiving.Origin(channel=channel, provider=provider, channels=self.registry.channels)
        now = self._opened.clock.now()
        read = [receiving.read(listening, one, now, origin) for one in requests]
        answers = receiving.attempt(self._opened.write, read, origin)
        receiving.alert(read, origin)
        return answers
