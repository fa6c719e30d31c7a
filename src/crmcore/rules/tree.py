"""Whole trees: who they hold for in SQL, whether they hold for one history, what changes them, and when time does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from itertools import count
from typing import Any

import attrs
from sqlalchemy import CTE, Select, and_, column, false, not_, or_, select, table, true
from sqlalchemy.exc import DataError, OperationalError

from crmcore.errors import InvalidCondition, Overflow
from crmcore.hooks.rule import Touches
from crmcore.model.condition import (
    All,
    Anniversary,
    AnyOf,
    Attribute,
    Bucket,
    Condition,
    Consented,
    Count,
    Distinct,
    Everyone,
    Extreme,
    Followed,
    InSegment,
    Moment,
    Not,
    OfAccount,
    PluginRule,
    Subscribed,
    Sum,
    Tag,
    leaves,
)
from crmcore.model.history import History
from crmcore.rules import naming, plugin
from crmcore.rules.anniversary import ANNIVERSARY
from crmcore.rules.attribute import ATTRIBUTE, OF_ACCOUNT
from crmcore.rules.bucket import BUCKET
from crmcore.rules.comparing import joined
from crmcore.rules.counting import COUNT, SUM
from crmcore.rules.extremes import DISTINCT, EXTREME
from crmcore.rules.followed import FOLLOWED
from crmcore.rules.leaf import Ids, LeafRule, Truth, among
from crmcore.rules.membership import EVERYONE, IN_SEGMENT, TAG
from crmcore.rules.moment import MOMENT
from crmcore.rules.plugin import Plugins
from crmcore.rules.said import CONSENTED, SUBSCRIBED
from crmcore.store import schema
from crmcore.store.scope import Scope

#: What every kind of leaf is; those of plugins are theirs (`rules.plugin`).
RULES: dict[type[Any], LeafRule[Any]] = {
    Anniversary: ANNIVERSARY,
    Attribute: ATTRIBUTE,
    Bucket: BUCKET,
    Consented: CONSENTED,
    Count: COUNT,
    Distinct: DISTINCT,
    Everyone: EVERYONE,
    Extreme: EXTREME,
    Followed: FOLLOWED,
    InSegment: IN_SEGMENT,
    Moment: MOMENT,
    OfAccount: OF_ACCOUNT,
    Subscribed: SUBSCRIBED,
    Sum: SUM,
    Tag: TAG,
}
NONE: Plugins = {}
#: SQLite's parser takes a hundred nested words, and each level of a tree is up to nine of them (see `comparing.WIDTH`).
DEEP = 7
_numbers = count(1)


def rule_of(leaf: Any, plugins: Plugins = NONE) -> LeafRule[Any]:
    """Return the readings of a leaf."""
    return plugin.of(plugins) if isinstance(leaf, PluginRule) else RULES[type(leaf)]


def customer_ids(condition: Condition, scope: Scope, plugins: Plugins = NONE) -> Ids:
    """Return the select of the ids of the customers for whom a condition holds at `scope.now`; run it by `fetched`.

    Segments it names are looked up. Raise InvalidCondition for a tree too large or a segment there is not,
    MixedCurrencies for a sum over several currencies, UnknownPlugin for a rule that no plugin brings.
    """
    selecting = _Selecting(scope=scope, plugins=plugins)
    return selecting.ids(naming.resolved(scope, condition)).add_cte(*selecting.parts)


@attrs.frozen(kw_only=True)
class _Selecting:
    """A tree on its way to SQL; `parts` are those said beside it, in a WITH: inner ones first."""

    scope: Scope
    plugins: Plugins
    parts: list[CTE] = attrs.field(factory=list)

    def ids(self, condition: Condition) -> Ids:
        """Return the select of all for whom it holds."""
        customer = schema.customer.c
        living = select(customer.id).where(
            customer.workspace_id == self.scope.workspace_id,
            customer.merged_into.is_(None),
            customer.erased_at.is_(None),
        )
        return living.where(self.truth(condition, 1))

    def truth(self, condition: Condition, depth: int) -> Truth:
        """Return the truth about one; as shallow as DEEP, however deep the tree."""
        match condition:
            case All() | AnyOf() | Not() if depth > DEEP:
                return self._beside(condition)
            case All():
                return joined(and_, [self.truth(inner, depth + 1) for inner in condition.of], true())
            case AnyOf():
                return joined(or_, [self.truth(inner, depth + 1) for inner in condition.of], false())
            case Not():
                return not_(self.truth(condition.of, depth + 1))
        return rule_of(condition, self.plugins).sql(self.scope, condition)

    def _beside(self, condition: Condition) -> Truth:
        """Name a part rather than nest it: SQLAlchemy, too, would go as deep as the parts do."""
        part = self.ids(condition).cte(f"part_{next(_numbers)}")
        self.parts.append(part)
        return among(select(column("id")).select_from(table(part.name)))


def fetched(scope: Scope, query: Select[Any]) -> Sequence[Any]:
    """Run a select made of conditions.

    Raise Overflow where a sum in it leaves 64 bits, InvalidCondition where it names more values than the database takes.
    """
    try:
        return scope.connection.execute(query).all()
    except (OperationalError, DataError) as error:
        if "integer overflow" in str(error.orig) or "out of range" in str(error.orig):
            raise Overflow(place="a sum of the condition", value="beyond 64 bits") from error
        if "too many SQL variables" in str(error.orig) or "number of parameters" in str(error.orig):
            problem = "it names more values than the database takes; give them to customers as a tag, or upload them"
            raise InvalidCondition(place="the tree", problem=problem) from error
        raise


def holds(condition: Condition, history: History, now: int, plugins: Plugins = NONE) -> bool:
    """Tell whether a condition holds at `now`, its segments replaced by their trees: the meaning SQL agrees with.

    Raise MixedCurrencies or Overflow where a sum has no meaning, UnknownPlugin for a rule that no plugin brings.
    """
    match condition:
        case All():
            return all([holds(inner, history, now, plugins) for inner in condition.of])  # noqa: C419 - each is looked at, as in SQL
        case AnyOf():
            return any([holds(inner, history, now, plugins) for inner in condition.of])  # noqa: C419 - the same
        case Not():
            return not holds(condition.of, history, now, plugins)
    return rule_of(condition, plugins).holds(history, condition, now)


def touches(condition: Condition, plugins: Plugins = NONE) -> Touches:
    """Return what can change a condition's answer, its segments replaced by their trees."""
    return reduce(_together, (rule_of(leaf, plugins).touches(leaf) for leaf in leaves(condition)), Touches())


def next_change(condition: Condition, history: History, now: int, plugins: Plugins = NONE) -> int | None:
    """Return a time after `now` up to which the answer stays unless something is written; None for ever.

    One part that decides is enough: a false one of All, a true one of AnyOf, whichever stays longest.
    """
    return _lasting(condition, history, now, plugins)[1]


def combined(condition: Condition, answers: Iterator[bool]) -> bool:
    """Tell whether a condition holds by the answers of its `leaves`, in their order."""
    match condition:
        case All():
            return all([combined(inner, answers) for inner in condition.of])  # noqa: C419 - each takes its answers
        case AnyOf():
            return any([combined(inner, answers) for inner in condition.of])  # noqa: C419 - the same
        case Not():
            return not combined(condition.of, answers)
    return next(answers)


def _together(one: Touches, other: Touches) -> Touches:
    return Touches(
        events=one.events | other.events,
        attributes=one.attributes | other.attributes,
        tags=one.tags | other.tags,
        segments=one.segments | other.segments,
        said=one.said or other.said,
        accounts=one.accounts or other.accounts,
        time=one.time or other.time,
    )


def _lasting(condition: Condition, history: History, now: int, plugins: Plugins) -> tuple[bool, int | None]:
    match condition:
        case All():
            return _joined([_lasting(inner, history, now, plugins) for inner in condition.of], deciding=False)
        case AnyOf():
            return _joined([_lasting(inner, history, now, plugins) for inner in condition.of], deciding=True)
        case Not():
            answer, until = _lasting(condition.of, history, now, plugins)
            return not answer, until
    rule = rule_of(condition, plugins)
    return rule.holds(history, condition, now), rule.next_change(history, condition, now)


def _joined(parts: Sequence[tuple[bool, int | None]], *, deciding: bool) -> tuple[bool, int | None]:
    decided = [until for answer, until in parts if answer is deciding]
    if decided:
        return deciding, None if None in decided else max(until for until in decided if until is not None)
    return not deciding, min((until for _, until in parts if until is not None), default=None)
