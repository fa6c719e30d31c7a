"""Who there is: customers, what is known of them, how they are reached, accounts, merges.

`origin_id` is the id of the identity a row came in under. Links join origins to customers: `customer_id` follows them,
`origin_id` never changes, so that a merge can be taken back.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Table

from crmcore.store.schema.columns import (
    blob,
    keyed,
    maybe_number,
    maybe_words,
    number,
    partial,
    rows,
    words,
    yes_no,
)

#: `key` is the host's id, absent while a customer is anonymous; `merged_into` is set on the one that was merged away.
customer = rows(
    "customer",
    maybe_words("key"),
    number("created_at"),
    maybe_number("merged_into"),
    maybe_number("erased_at"),
    indexes=[("key",)],
)

#: Identities, and addresses among them: `id` names an address in a delivery. `hash` is salted, for suppressions.
identity = rows(
    "identity",
    words("kind"),
    words("value"),
    number("customer_id"),
    number("origin_id"),
    blob("hash"),
    words("detail"),
    number("created_at"),
    maybe_number("removed_at"),
    maybe_number("source_id"),
    maybe_number("import_id"),
    partial("ix_identity_import", ("import_id",), "import_id IS NOT NULL"),
    unique=[("kind", "value")],
    indexes=[("customer_id", "kind"), ("origin_id",)],
)

#: What was said of two origins (`low` < `high`): named together, merged (into `into_id`) or unmerged. `refused` where it
#: would join two customers with keys. `import_id` is 0 where no import said so.
link = rows(
    "link",
    number("low"),
    number("high"),
    words("kind"),
    number("into_id"),
    number("at"),
    yes_no("forced"),
    yes_no("refused"),
    words("reason"),
    number("received_at"),
    number("import_id"),
    partial("ix_link_refused", ("at",), "refused"),
    partial("ix_link_import", ("import_id",), "import_id <> 0"),
    unique=[("low", "high", "kind", "at", "into_id", "import_id")],
    indexes=[("high",)],
)


def _value_columns() -> list[Column[Any]]:
    """A value as model.values stores it, and its casefold for comparisons without case."""
    return [words("kind"), maybe_number("number"), maybe_words("text"), maybe_words("folded")]


def _attribute_table(name: str, owner: str) -> Table:
    return keyed(
        name,
        (owner, "name"),
        number(owner),
        words("name"),
        *_value_columns(),
        number("at"),
        maybe_number("source_id"),
        maybe_number("import_id"),
        indexes=[("name", "kind", "number", owner), ("name", "kind", "text", owner)],
    )


def _log_table(name: str, owner: str) -> Table:
    return rows(
        name,
        number(owner),
        number("origin_id"),
        words("name"),
        maybe_words("old"),
        maybe_words("new"),
        number("at"),
        number("received_at"),
        maybe_number("source_id"),
        maybe_number("import_id"),
        indexes=[(owner, "name", "at"), ("import_id",)],
    )


#: Current values; `at` is the time of the statement that won.
attribute = _attribute_table("attribute", "customer_id")
#: Every write, append-only; `old` and `new` as JSON of model.values, absent where there was or is no value. Tags are
#: logged under "tag:<name>", wishes under "wish:<topic>:<channel>", memberships under "member:<account>:<role>".
attribute_log = _log_table("attribute_log", "customer_id")
account_attribute = _attribute_table("account_attribute", "account_id")
account_attribute_log = _log_table("account_attribute_log", "account_id")

tag = keyed(
    "tag",
    ("customer_id", "name"),
    number("customer_id"),
    words("name"),
    number("at"),
    indexes=[("name", "customer_id")],
)

account = rows(
    "account",
    words("key"),
    words("name"),
    maybe_number("parent_id"),
    number("created_at"),
    maybe_number("import_id"),
    partial("ix_account_import", ("import_id",), "import_id IS NOT NULL"),
    unique=[("key",)],
    indexes=[("parent_id",)],
)

#: A membership of a customer in an account, with its history: `until` is absent while it lasts.
member = rows(
    "member",
    number("account_id"),
    number("customer_id"),
    number("origin_id"),
    words("role"),
    number("since"),
    maybe_number("until"),
    unique=[("account_id", "customer_id", "role", "since")],
    indexes=[("customer_id",)],
)

merge = rows(
    "merge",
    number("from_id"),
    number("into_id"),
    number("at"),
    words("reason"),
    yes_no("forced"),
    words("detail"),
    maybe_number("undone_at"),
    indexes=[("from_id",), ("into_id",)],
)
