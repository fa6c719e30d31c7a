"""What the columns of exported files are called, and how a column of customers says whose it is."""

from __future__ import annotations

import hashlib
from typing import Final, get_args

from crmcore.flow.exporting.cells import Column, Kind
from crmcore.model.values import Value, to_json

#: One row a customer. Beside these stand a column for each kind of identity, "identity.email", and one for each
#: attribute, "city", or "age:int" where it is no text.
KEY, IDENTITIES, TAGS, CONSENTS, TOPICS = "key", "identities", "tags", "consents", "topics"
SUPPRESSIONS, ACCOUNTS, WRITTEN = "suppressions", "accounts", "written"
OF_CUSTOMERS: Final = (KEY, IDENTITIES, TAGS, CONSENTS, TOPICS, SUPPRESSIONS, ACCOUNTS, WRITTEN)
IDENTITY = "identity."
#: What tags are written under beside attributes: a name no attribute can have.
TAG = "tag:"

CUSTOMER, CUSTOMER_BY = "customer", "customer_by"
OF_EVENTS: Final = (
    Column("at", "time"),
    Column("event", "text"),
    Column(CUSTOMER, "text"),
    Column(CUSTOMER_BY, "text"),
    Column("item", "text"),
    Column("quantity", "decimal"),
    Column("amount", "decimal"),
    Column("currency", "text"),
    Column("ref", "text"),
    Column("properties", "json"),
    Column("source", "text"),
    Column("message_id", "text"),
    Column("trace", "text"),
)
OF_DELIVERIES: Final = (
    Column("delivery", "int"),
    Column("campaign", "text"),
    Column("campaign_version", "int"),
    Column("run", "int"),
    Column("step", "text"),
    Column(CUSTOMER, "text"),
    Column(CUSTOMER_BY, "text"),
    Column("channel", "text"),
    Column("address", "text"),
    Column("occurrence", "int"),
    Column("purpose", "text"),
    Column("message_class", "text"),
    Column("state", "text"),
    Column("reason", "text"),
    Column("held_out", "bool"),
    Column("arm", "text"),
    Column("template", "text"),
    Column("template_version", "int"),
    Column("attempt", "int"),
    Column("planned_at", "time"),
    Column("due_at", "time"),
    Column("expires_at", "time"),
    Column("handed_at", "time"),
    Column("settled_at", "time"),
    Column("provider", "text"),
    Column("provider_id", "text"),
)


def heading(attribute: str, kind: Kind) -> str:
    """Return what the column of an attribute is called; a text whose name another column has says that it is one."""
    return attribute if kind == "text" and attribute not in OF_CUSTOMERS else f"{attribute}:{kind}"


def attribute_of(column: str) -> tuple[str, Kind] | None:
    """Return name and kind of the attribute a column holds, None where it holds none."""
    name, colon, kind = column.partition(":")
    if column in OF_CUSTOMERS or column.startswith(IDENTITY):
        return None
    if not colon:
        return name, "text"
    return (name, kind) if kind in get_args(Kind) else None  # type: ignore[return-value]  # one of the kinds


def mark(value: Value) -> str:
    """Return what a value is known by: a cell whose value has another mark was changed since it was written."""
    return hashlib.blake2b(to_json(value, WRITTEN).encode(), digest_size=4).hexdigest()
