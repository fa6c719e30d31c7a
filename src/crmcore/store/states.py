"""How customers and accounts stand now, field by field: what an import would change, and what taking it back restores.

Fields are named as people read them: "city", "tag vip", "consent newsletter on email", "account acme as buyer", ...
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from crmcore.model.identity import Identity
from crmcore.model.statement import ANY_CHANNEL
from crmcore.model.values import to_json
from crmcore.store import attributes, bulk, schema, suppressions
from crmcore.store.accounts import NAME, PARENT
from crmcore.store.attributes import OF_ACCOUNTS, OF_CUSTOMERS, Kept
from crmcore.store.scope import Scope

#: What stands there (as JSON), and the time of the statement that said so.
Standing = tuple[str, int]
Fields = dict[str, Standing]
YES, NO = "true", "false"
ACCOUNT_NAME, ACCOUNT_PARENT = "name of the account", "parent of the account"


def of_customers(scope: Scope, customers: Collection[int]) -> dict[int, Fields]:
    """Return how customers stand: attributes, identities, tags, consents, wishes, memberships, suppressions."""
    found: dict[int, Fields] = {one: {} for one in customers}
    for read in (_identities, _tags, _consents, _wishes, _memberships, _suppressions):
        for customer_id, field, standing in read(scope, sorted(customers)):
            found[customer_id][field] = standing
    for customer_id, fields in _attributes(scope, customers, OF_CUSTOMERS).items():
        found[customer_id] |= fields
    return found


def of_accounts(scope: Scope, accounts: Collection[int]) -> dict[int, Fields]:
    """Return how accounts stand: name, parent and attributes."""
    return {one: {} for one in accounts} | _attributes(scope, accounts, OF_ACCOUNTS)


def rank(field: str, standing: Standing) -> tuple[int, str]:
    """Return what decides between two statements about a field: the later holds, of a permission the no wins a tie."""
    value, at = standing
    is_permission = field.startswith(("consent ", "topic "))
    return (at, "" if value == YES else NO) if is_permission else (at, value)


def attribute_field(name: str) -> str:
    """Return how the field of an attribute is called."""
    return {NAME: ACCOUNT_NAME, PARENT: ACCOUNT_PARENT}.get(name, name)


def tag_field(name: str) -> str:
    """Return how the field of a tag is called."""
    return f"tag {name}"


def identity_field(one: Identity) -> str:
    """Return how the field of an identity is called."""
    return f"{one.kind} {one.value}"


def consent_field(purpose: str, channel: str) -> str:
    """Return how the field of a consent is called."""
    return f"consent {purpose}{_on(channel)}"


def wish_field(topic: str, channel: str) -> str:
    """Return how the field of a wish is called."""
    return f"topic {topic}{_on(channel)}"


def member_field(account: str, role: str) -> str:
    """Return how the field of a membership is called."""
    return f"account {account}" + (f" as {role}" if role else "")


def suppression_field(channel: str, address: Identity | None) -> str:
    """Return how the field of a suppression is called."""
    return f"never contact{_on(channel)}" + (f" at {address.value}" if address is not None else "")


def _on(channel: str) -> str:
    return "" if channel == ANY_CHANNEL else f" on {channel}"


def _attributes(scope: Scope, owners: Collection[int], kept: Kept) -> dict[int, Fields]:
    found: dict[int, Fields] = {}
    for (owner, name), (value, at) in attributes.values_at(scope, owners, kept).items():
        found.setdefault(owner, {})[attribute_field(name)] = (to_json(value, name), at)
    return found


Rows = list[tuple[int, str, Standing]]


def _identities(scope: Scope, customers: list[int]) -> Rows:
    columns = ("customer_id", "kind", "value")
    rows = bulk.select_in(scope, schema.identity, columns, {}, "customer_id", customers)
    return [(one, identity_field(Identity(kind, value)), (YES, 0)) for one, kind, value in rows]


def _tags(scope: Scope, customers: list[int]) -> Rows:
    rows = bulk.select_in(scope, schema.tag, ("customer_id", "name", "at"), {}, "customer_id", customers)
    return [(one, tag_field(name), (YES, at)) for one, name, at in rows]


def _consents(scope: Scope, customers: list[int]) -> Rows:
    columns = ("customer_id", "purpose", "channel", "granted", "at")
    rows = bulk.select_in(scope, schema.consent_state, columns, {}, "customer_id", customers)
    return [(one, consent_field(purpose, channel), (_truth(yes), at)) for one, purpose, channel, yes, at in rows]


def _wishes(scope: Scope, customers: list[int]) -> Rows:
    columns = ("customer_id", "topic_id", "channel", "wanted", "at")
    rows = bulk.select_in(scope, schema.subscription, columns, {}, "customer_id", customers)
    topics = _names(scope, schema.topic, "name", {row.topic_id for row in rows})
    return [(one, wish_field(topics[topic], channel), (_truth(yes), at)) for one, topic, channel, yes, at in rows]


def _memberships(scope: Scope, customers: list[int]) -> Rows:
    columns = ("customer_id", "account_id", "role", "since", "until")
    rows = bulk.select_in(scope, schema.member, columns, {}, "customer_id", customers)
    accounts = _names(scope, schema.account, "key", {row.account_id for row in rows})
    return [
        (one, member_field(accounts[account], role), (YES, since))
        for one, account, role, since, until in rows
        if until is None
    ]


def _suppressions(scope: Scope, customers: list[int]) -> Rows:
    columns = ("customer_id", "kind", "value")
    rows = bulk.select_in(scope, schema.identity, columns, {}, "customer_id", customers)
    meant: dict[bytes, tuple[int, Identity | None]] = {
        scope.hash(Identity(kind, value)): (one, Identity(kind, value)) for one, kind, value in rows
    }
    meant |= {scope.hash(suppressions.whole_customer(one)): (one, None) for one in customers}
    return [
        (meant[digest][0], suppression_field(channel, meant[digest][1]), (YES, 0))
        for digest, channel, _, _ in suppressions.in_force(scope, sorted(meant))
    ]


def _names(scope: Scope, table: Any, column: str, ids: Collection[int]) -> Mapping[int, str]:
    found = bulk.select_in(scope, table, ("id", column), {}, "id", sorted(ids))
    return {one: name for one, name in found}


def _truth(yes: object) -> str:
    return YES if yes else NO
