"""For which of some customers a condition holds now: only their own histories are read."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence

from crmcore.errors import CRMError
from crmcore.flow.upkeep.planning import can_live
from crmcore.model.condition import Condition, Everyone, InSegment, leaves
from crmcore.model.history import History
from crmcore.rules import tree
from crmcore.rules.naming import resolved
from crmcore.rules.plugin import Plugins
from crmcore.store import bulk, recent, schema
from crmcore.store.scope import Scope

log = logging.getLogger("crmcore.campaigns")
#: A rule of a plugin that can only be looked up is asked about so many at once.
BATCH = 5000


def holding(scope: Scope, asked: Condition | str, customers: Collection[int], plugins: Plugins) -> set[int]:
    """Return those for whom a condition, or the segment of a name, holds; for whom it has no answer it does not."""
    condition = InSegment(segment=asked) if isinstance(asked, str) else asked
    if isinstance(condition, Everyone) or not customers:
        return set(customers)
    whole = resolved(scope, condition)
    if not can_live(whole, plugins):
        return _looked_up(scope, whole, sorted(customers), plugins)
    parts = list(leaves(whole))
    wanted = {
        number: recent.wanted(leaf, tree.rule_of(leaf, plugins).touches(leaf), scope.now)
        for number, leaf in enumerate(parts)
    }
    histories = recent.of_customers(scope, dict.fromkeys(customers, frozenset(wanted)), wanted)
    return {one for one, history in histories.items() if _holds(whole, history, scope.now, plugins)}


def _holds(condition: Condition, history: History, now: int, plugins: Plugins) -> bool:
    try:
        return tree.holds(condition, history, now, plugins)
    except CRMError as error:
        log.warning("a condition has no answer for customer %s: %s", history.customer_id, error)
        return False


def _looked_up(scope: Scope, condition: Condition, customers: Sequence[int], plugins: Plugins) -> set[int]:
    found: set[int] = set()
    for start in range(0, len(customers), BATCH):
        some = customers[start : start + BATCH]
        query = tree.customer_ids(condition, scope, plugins).where(bulk.among(scope, schema.customer.c.id, some))
        found |= {one for (one,) in tree.fetched(scope, query)}
    return found
