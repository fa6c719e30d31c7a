"""Conditions as SQL: each leaf a set of customer ids, the tree a boolean over those sets."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, Table, and_, exists, false, func, literal_column, not_, or_, select, true
from sqlalchemy.exc import DataError, OperationalError

from crmcore.errors import MixedCurrencies, Overflow, UnknownPlugin
from crmcore.hooks.rule import Rule
from crmcore.model.condition import (
    All,
    AnyOf,
    Attribute,
    Condition,
    Consented,
    Count,
    Everyone,
    Field,
    Moment,
    Not,
    Occurrences,
    Op,
    PluginRule,
    Subscribed,
    Sum,
    Tag,
    checked,
    leaves,
)
from crmcore.model.history import limit_of
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.values import kind_of, number_of
from crmcore.store import properties, schema
from crmcore.store.functions import grouped, position
from crmcore.store.scope import Scope

Ids = Select[tuple[int]]
Rules = Mapping[str, Rule]
Truth = ColumnElement[bool]
#: SQLite nests an AND or OR of n parts n deep, at most 1,000; parts of parts stay shallow.
WIDTH = 50
_ORDER: dict[Op, Callable[[Any, Any], Truth]] = {
    Op.EQ: operator.eq,
    Op.NE: operator.ne,
    Op.LT: operator.lt,
    Op.LE: operator.le,
    Op.GT: operator.gt,
    Op.GE: operator.ge,
}
#: What a count may say that only asks whether there is one.
_SOME = {(Op.GE, 1), (Op.GT, 0), (Op.NE, 0)}
_NONE = {(Op.EQ, 0), (Op.LT, 1), (Op.LE, 0)}
_HOT = {"item": "text", "ref": "text", "currency": "text", "quantity": "decimal", "amount": "int"}


def customer_ids(condition: Condition, scope: Scope, rules: Rules | None = None) -> Ids:
    """Return the select of the ids of the customers for whom a condition holds at `scope.now`.

    Raise InvalidCondition for a tree too large, MixedCurrencies for a sum over several currencies, UnknownPlugin for a
    rule that no plugin brings.
    """
    for leaf in leaves(checked(condition)):
        if isinstance(leaf, Sum):
            _refuse_mixed(leaf, scope)
    customer = schema.customer.c
    alive = and_(
        customer.workspace_id == scope.workspace_id, customer.merged_into.is_(None), customer.erased_at.is_(None)
    )
    return select(customer.id).where(alive, _truth(condition, scope, rules or {}))


def fetched(scope: Scope, query: Select[Any]) -> Sequence[Any]:
    """Run a select made of conditions; raise Overflow where a sum in it leaves 64 bits."""
    try:
        return scope.connection.execute(query).all()
    except (OperationalError, DataError) as error:
        if "integer overflow" in str(error.orig) or "out of range" in str(error.orig):
            raise Overflow(place="a sum of the condition", value="beyond 64 bits") from error
        raise


def _truth(condition: Condition, scope: Scope, rules: Rules) -> Truth:  # noqa: PLR0911 - one line a node
    match condition:
        case All():
            return _joined(and_, [_truth(inner, scope, rules) for inner in condition.of], true())
        case AnyOf():
            return _joined(or_, [_truth(inner, scope, rules) for inner in condition.of], false())
        case Not():
            return not_(_truth(condition.of, scope, rules))
        case Everyone():
            return true()
        case Count() | Sum():
            return _folded(condition, scope)
        case PluginRule():
            return _among(_rule(condition, scope, rules))
        case _:
            return _among(_SETS[type(condition)](condition, scope))


def _joined(join: Callable[..., Truth], parts: Sequence[Truth], neutral: Truth) -> Truth:
    if len(parts) <= WIDTH:
        return join(neutral, *parts)
    shares = [parts[start : start + WIDTH] for start in range(0, len(parts), WIDTH)]
    groups: list[Any] = [grouped(_joined(join, share, neutral)) for share in shares]
    return _joined(join, groups, neutral)


def _among(ids: Select[Any]) -> Truth:
    return schema.customer.c.id.in_(ids)


def _attribute(condition: Attribute, scope: Scope) -> Ids:
    row = schema.attribute.c
    found = select(row.customer_id).where(row.workspace_id == scope.workspace_id, row.name == condition.name)
    return found.where(_stored(condition, row.kind, row.number, row.text, row.folded))


def _stored(condition: Attribute, kind: Any, number: Any, text: Any, folded: Any) -> Truth:
    match condition.op:
        case Op.NULL:
            return kind == "null"  # type: ignore[no-any-return]  # a comparison of a column
        case Op.EXISTS:
            return kind != "null"  # type: ignore[no-any-return]  # a comparison of a column
        case Op.IN:
            values: Any = condition.value
            one_of = [_stored(Attribute(name="", op=Op.EQ, value=one), kind, number, text, folded) for one in values]
            return _joined(or_, one_of, false())
        case Op.FOLDED:
            return and_(kind == "text", folded == str(condition.value).casefold())
    wanted: Any = condition.value
    if isinstance(wanted, str):
        return and_(kind == "text", _text(condition.op, text, wanted))
    return and_(kind == kind_of(wanted), _ORDER[condition.op](number, number_of(wanted)))


def _text(op: Op, column: Any, wanted: str) -> Truth:
    if op is Op.CONTAINS:
        return position(column, wanted) > 0
    if op is Op.STARTS:
        return func.substr(column, 1, len(wanted)) == wanted
    return _ORDER[op](column, wanted)


def _tag(condition: Tag, scope: Scope) -> Ids:
    row = schema.tag.c
    return select(row.customer_id).where(row.workspace_id == scope.workspace_id, row.name == condition.name)


def _folded(condition: Count | Sum, scope: Scope) -> Truth:
    """A customer without such events counts and sums to 0: where 0 fits, those for whom it fits not are asked for."""
    groups = _events(condition.events, scope)
    if isinstance(condition, Sum) and condition.currency is not None:
        groups = groups.where(schema.event.c.currency == condition.currency)
    fits_zero = bool(_ORDER[condition.op](0, condition.value))
    if not _is_presence(condition, fits_zero):
        fits = _ORDER[condition.op](_measure(condition), condition.value)
        groups = _each_customer(groups).having(not_(fits) if fits_zero else fits)
    return not_(_among(groups)) if fits_zero else _among(groups)


def _is_presence(condition: Count | Sum, fits_zero: bool) -> bool:  # noqa: FBT001 - a fact about the condition
    """Tell whether it is all the same how many there are, once there is one."""
    said = (condition.op, condition.value)
    return isinstance(condition, Count) and said in (_NONE if fits_zero else _SOME)


def _each_customer(events: Ids) -> Ids:
    """Group events by customer, written so that SQLite reads them by name and time rather than all of them by customer."""
    customer_id = schema.event.c.customer_id + literal_column("0")
    return events.with_only_columns(customer_id).group_by(customer_id)


def _measure(condition: Count | Sum) -> ColumnElement[int]:
    if isinstance(condition, Count):
        return func.count()
    return func.coalesce(func.sum(schema.event.c[condition.field]), 0)


def _moment(condition: Moment, scope: Scope) -> Ids:
    at = schema.event.c.occurred_at
    found = func.min(at) if condition.which == "first" else func.max(at)
    groups = _each_customer(_events(condition.events, scope))
    return groups.having(_ORDER[condition.op](found, limit_of(condition, scope.now)))


def _events(events: Occurrences, scope: Scope) -> Ids:
    row = schema.event.c
    start = [] if events.within is None else [row.occurred_at > scope.now - events.within]
    start += [] if events.since is None else [row.occurred_at >= events.since]
    end = [] if events.until is None else [row.occurred_at < events.until]
    dialect = scope.connection.dialect.name
    return select(row.customer_id).where(
        row.workspace_id == scope.workspace_id,
        row.name == events.name,
        row.occurred_at <= scope.now,
        *start,
        *end,
        *(_field(one, dialect) for one in events.where),
    )


def _field(condition: Field, dialect: str) -> Truth:
    if condition.name in _HOT:
        return _hot_field(condition, schema.event.c[condition.name], _HOT[condition.name])
    json = schema.event.c.properties
    match condition.op:
        case Op.EXISTS:
            return properties.exists(dialect, json, condition.name)
        case Op.NULL:
            return properties.is_null(dialect, json, condition.name)
        case Op.IN:
            return _one_of(condition, lambda one: _field(one, dialect))
    kind = kind_of(condition.value)  # type: ignore[arg-type]  # one value: `in` is dealt with
    is_kind = properties.is_kind(dialect, json, condition.name, kind)
    found = properties.value(dialect, json, condition.name, kind)
    return properties.guarded(is_kind, _compared(condition, found))


def _hot_field(condition: Field, column: Any, kind: str) -> Truth:
    match condition.op:
        case Op.EXISTS:
            return column.is_not(None)  # type: ignore[no-any-return]  # a comparison of a column
        case Op.NULL:
            return false()
        case Op.IN:
            return _one_of(condition, lambda one: _hot_field(one, column, kind))
    if kind_of(condition.value) != kind:  # type: ignore[arg-type]  # one value: `in` is dealt with
        return false()
    return and_(column.is_not(None), _compared(condition, column))


def _one_of(condition: Field, truth: Callable[[Field], Truth]) -> Truth:
    values: Any = condition.value
    return _joined(or_, [truth(Field(name=condition.name, op=Op.EQ, value=one)) for one in values], false())


def _compared(condition: Field, column: Any) -> Truth:
    wanted: Any = condition.value
    if not isinstance(wanted, str):
        return _ORDER[condition.op](column, number_of(wanted))
    return _text(condition.op, column, wanted)


def _consented(condition: Consented, scope: Scope) -> Ids:
    return _said_yes(schema.consent_state, "granted", "purpose", condition.purpose.value, condition.channel, scope)


def _subscribed(condition: Subscribed, scope: Scope) -> Ids:
    topic = schema.topic.c
    named = select(topic.id).where(topic.workspace_id == scope.workspace_id, topic.name == condition.topic)
    return _said_yes(schema.subscription, "wanted", "topic_id", named.scalar_subquery(), condition.channel, scope)


def _said_yes(table: Table, yes: str, same: str, about: Any, channel: str, scope: Scope) -> Ids:
    """The latest statement on the channel or on every one says yes; of two of the same time the no counts."""
    said, other = table.c, table.alias("other").c
    here = said.channel.in_((channel, ANY_CHANNEL))
    outweighed = exists().where(
        other.workspace_id == scope.workspace_id,
        other.customer_id == said.customer_id,
        other[same] == about,
        other.channel.in_((channel, ANY_CHANNEL)),
        ~other[yes],
        other.at >= said.at,
    )
    return select(said.customer_id).where(
        said.workspace_id == scope.workspace_id, said[same] == about, here, said[yes], ~outweighed
    )


def _rule(condition: PluginRule, scope: Scope, rules: Rules) -> Ids:
    if condition.rule not in rules:
        raise UnknownPlugin(kind="rule", name=condition.rule, known=", ".join(sorted(rules)) or "none")
    return rules[condition.rule].sql(scope, condition.params)


def _refuse_mixed(condition: Sum, scope: Scope) -> None:
    if condition.field != "amount" or condition.currency is not None:
        return
    currency = schema.event.c.currency
    query = _events(condition.events, scope).with_only_columns(currency).where(currency.is_not(None)).distinct()
    found = sorted(scope.connection.execute(query).scalars())
    if len(found) > 1:
        raise MixedCurrencies(place=f"the sum of {condition.events.name}", currencies=", ".join(found))


_SETS: dict[type[Any], Callable[[Any, Scope], Ids]] = {
    Attribute: _attribute,
    Tag: _tag,
    Moment: _moment,
    Consented: _consented,
    Subscribed: _subscribed,
}
