"""What statements say of whom, field by field: the side of a dry run that knows nothing of the store."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import attrs

from crmcore.model.identity import Identity
from crmcore.model.statement import Consent, Group, Identify, Subscribe, Suppress
from crmcore.model.values import to_json
from crmcore.model.wire import Statement
from crmcore.store import states
from crmcore.store.states import NO, YES

#: Whom a fact is about: ("customer", an identity's kind, its value) or ("account", "", its key).
Subject = tuple[str, str, str]
#: Statements that say how a customer or an account is.
Telling = Identify | Group | Consent | Subscribe | Suppress


@attrs.frozen
class Fact:
    """One field of one subject: what a statement says it is (as JSON), and the statement's time."""

    subject: Subject
    field: str
    value: str
    at: int


def facts(statement: Statement) -> Iterator[Fact]:
    """Yield what a statement says of customers and accounts; events and offers say nothing of them."""
    match statement:
        case Identify():
            yield from _identified(statement)
        case Group():
            yield from _grouped(statement)
        case Consent():
            field = states.consent_field(statement.purpose, statement.channel)
            yield Fact(subject(statement), field, YES if statement.granted else NO, statement.at)
        case Subscribe():
            field = states.wish_field(statement.topic, statement.channel)
            yield Fact(subject(statement), field, YES if statement.wanted else NO, statement.at)
        case Suppress():
            field = states.suppression_field(statement.channel, statement.address)
            yield Fact(subject(statement), field, YES, 0)


def subject(statement: Telling) -> Subject:
    """Return the account that a statement is about, else the customer."""
    return ("account", "", statement.account) if isinstance(statement, Group) else _customer(statement.customer)


def _customer(named: Sequence[Identity]) -> Subject:
    """The first identity stands for all of them."""
    return ("customer", named[0].kind, named[0].value)


def _identified(one: Identify) -> Iterator[Fact]:
    who = subject(one)
    for known in one.customer:
        yield Fact(who, states.identity_field(known), YES, 0)
    for name, value in one.attributes.items():
        yield Fact(who, name, to_json(value, name), one.at)
    for tag in one.tags:
        yield Fact(who, states.tag_field(tag), YES, one.at)


def _grouped(one: Group) -> Iterator[Fact]:
    account = subject(one)
    told = dict(one.attributes)
    for name, value in told.items():
        yield Fact(account, name, to_json(value, name), one.at)
    for field, text in ((states.ACCOUNT_NAME, one.name), (states.ACCOUNT_PARENT, one.parent)):
        if text is not None:
            yield Fact(account, field, to_json(text, field), one.at)
    if one.customer:
        yield Fact(_customer(one.customer), states.member_field(one.account, one.role), YES, one.at)
