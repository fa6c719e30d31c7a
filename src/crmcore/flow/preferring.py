"""The order in which a step's channels are tried: as given, by price, or as each customer likes best."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import attrs

from crmcore.model.reaching import PREFERRED, Order, favoured, priced
from crmcore.model.steps import Send
from crmcore.store import contexts
from crmcore.store.scope import Scope


def with_prices(step: Send, prices: Mapping[str, Decimal]) -> Send:
    """Return a step with its channels in the order that is the same for every customer."""
    return attrs.evolve(step, channels=priced(step.channels, prices)) if step.order == "price" else step


def orders(scope: Scope, order: Order, channels: Sequence[str], customers: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the channels in the order of each customer."""
    preferred = contexts.texts(scope, customers, PREFERRED) if order == "preference" and customers else {}
    return {one: favoured(channels, preferred.get(one)) for one in customers}
