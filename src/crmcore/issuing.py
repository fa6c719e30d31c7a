"""The part of a CRM that knows what campaigns give out beside messages: coupon codes, and what is posted to the host."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from crmcore.facet import Facet
from crmcore.model.names import checked_name

if TYPE_CHECKING:
    from crmcore.registry import Registry
    from crmcore.store.coupons import Pool
    from crmcore.store.webhooks import WebhookView

#: How many codes are added in one transaction.
BATCH = 10_000


class Issuing(Facet):
    """Codes of coupons, and webhooks."""

    registry: Registry

    def add_coupons(self, source: str, codes: Iterable[str]) -> int:
        """Add codes to the pool of a source, ten thousand a transaction; return how many it has not had before.

        A code may be of 1 to 200 characters; space around it is taken off. Raise InvalidName, InvalidValue.
        """
        from crmcore.flow.coupons import checked
        from crmcore.store import coupons

        checked_name(source, "coupon source", "add_coupons.source")
        left, new = (checked(code) for code in codes), 0
        while batch := list(islice(left, BATCH)):
            new += self._opened.write(partial(coupons.add, source=source, codes=batch))
        return new

    def coupons(self) -> list[Pool]:
        """Return, by source, how many codes are free, how many are given out, and how many are redeemed."""
        from crmcore.flow import coupons

        self._fold()
        with self._opened.reading() as scope:
            return coupons.pools(scope, self.registry.coupon_sources)

    def webhooks(self, state: str | None = None, limit: int = 1000) -> list[WebhookView]:
        """Return what campaigns have posted, or have yet to, the latest planned first: all, or those in a state.

        The states are planned, claimed, done, failed and cancelled.
        """
        from crmcore.store import webhooks

        with self._opened.reading() as scope:
            return webhooks.listed(scope, state, limit)
