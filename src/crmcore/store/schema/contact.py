"""Who may be contacted: consents, topics, subscriptions, suppressions, and the row that guards them."""

from __future__ import annotations

from crmcore.store.schema.columns import blob, keyed, maybe_number, number, partial, rows, words, yes_no

#: Every statement about consent, append-only, with its proof.
consent = rows(
    "consent",
    number("customer_id"),
    number("origin_id"),
    words("purpose"),
    words("channel"),
    yes_no("granted"),
    words("basis"),
    words("text_version"),
    words("proof"),
    number("at"),
    number("received_at"),
    maybe_number("source_id"),
    maybe_number("import_id"),
    partial("ix_consent_import", ("import_id",), "import_id IS NOT NULL"),
    indexes=[("customer_id", "at")],
)

#: The latest statement per purpose and channel ("*" is every channel); what holds for a channel is the later of its own
#: row and the "*" row, and a withdrawal wins a tie.
consent_state = keyed(
    "consent_state",
    ("customer_id", "purpose", "channel"),
    number("customer_id"),
    words("purpose"),
    words("channel"),
    yes_no("granted"),
    number("at"),
    number("consent_id"),
    indexes=[("purpose", "channel", "granted", "customer_id")],
)

topic = rows("topic", words("name"), words("title"), number("created_at"), unique=[("name",)])

#: The latest wish per topic and channel; every wish is in the attribute log.
subscription = keyed(
    "subscription",
    ("customer_id", "topic_id", "channel"),
    number("customer_id"),
    number("topic_id"),
    words("channel"),
    yes_no("wanted"),
    number("at"),
    maybe_number("source_id"),
    indexes=[("topic_id", "wanted", "customer_id")],
)

#: Every statement that somebody must never be contacted, append-only: `hash` is the salted hash of "kind:value" of an
#: address, or of "origin:<id>" where all of a customer was meant. It outlives erasure, `origin_id` does not.
suppression_log = rows(
    "suppression_log",
    number("origin_id"),
    words("channel"),
    blob("hash"),
    words("reason"),
    number("at"),
    maybe_number("until"),
    number("received_at"),
    maybe_number("source_id"),
    maybe_number("import_id"),
    partial("ix_suppression_log_import", ("import_id",), "import_id IS NOT NULL"),
    indexes=[("hash",)],
)

#: What follows for addresses, and for customers ("customer:<id>") from what was said of their origins: the longest.
suppression = rows(
    "suppression",
    words("channel"),
    blob("hash"),
    words("reason"),
    number("at"),
    maybe_number("until"),
    maybe_number("source_id"),
    unique=[("hash", "channel")],
)

#: One row a customer, made with the customer: whoever withdraws consent, suppresses or exits writes it, whoever hands a
#: message over locks it.
contact_state = keyed("contact_state", ("customer_id",), number("customer_id"), number("changed_at"), number("version"))
