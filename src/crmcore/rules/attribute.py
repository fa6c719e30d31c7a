"""What is known of a customer, or of an account the customer belongs to, compares so."""

from __future__ import annotations

from sqlalchemy import false, or_, select

from crmcore.hooks.rule import Touches
from crmcore.model.condition import Attribute, OfAccount
from crmcore.model.history import History
from crmcore.rules.comparing import MISSING, by_kind, compare, fitting, stored
from crmcore.rules.leaf import LeafRule, Look, Truth, among, never
from crmcore.store import schema
from crmcore.store.scope import Scope


def _sql(scope: Scope, leaf: Attribute) -> Truth:
    row = schema.attribute.c
    named = select(row.customer_id).where(row.workspace_id == scope.workspace_id, row.name == leaf.name)
    return or_(false(), *(among(named.where(stored(one, row))) for one in by_kind(leaf)))


def _holds(history: History, leaf: Attribute, _now: int) -> bool:
    return compare(history.attributes.get(leaf.name, MISSING), leaf.op, leaf.value)


def _lasting(leaf: Attribute) -> Look:
    name, fits = leaf.name, fitting(leaf.op, leaf.value)
    return lambda history, _now: (fits(history.attributes.get(name, MISSING)), None, False)


def _of_account_sql(scope: Scope, leaf: OfAccount) -> Truth:
    row, member = schema.account_attribute.c, schema.member.c
    named = select(row.account_id).where(row.workspace_id == scope.workspace_id, row.name == leaf.name)
    accounts = [member.account_id.in_(named.where(stored(one, row))) for one in by_kind(leaf)]
    belonging = select(member.customer_id).where(member.workspace_id == scope.workspace_id, member.until.is_(None))
    return or_(false(), *(among(belonging.where(one)) for one in accounts))


def _of_account_holds(history: History, leaf: OfAccount, _now: int) -> bool:
    return any(compare(account.get(leaf.name, MISSING), leaf.op, leaf.value) for account in history.accounts)


ATTRIBUTE = LeafRule[Attribute](
    sql=_sql,
    holds=_holds,
    touches=lambda leaf: Touches(attributes=frozenset({leaf.name})),
    next_change=never,
    lasting=_lasting,
)
OF_ACCOUNT = LeafRule[OfAccount](
    sql=_of_account_sql,
    holds=_of_account_holds,
    touches=lambda _: Touches(accounts=True),
    next_change=never,
)
