"""What was said: deliveries and their receipts, offers and their impressions."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column

from crmcore.store.schema.columns import keyed, maybe_number, maybe_words, number, partial, rows, words, yes_no

#: The ledger: one row per message to one address. `address_id` is 0 for a skip before an address was chosen; `due_at` is
#: when it may be claimed next; `fields` (JSON) are those of this one message, `context` is frozen when it is handed over,
#: `version` is the campaign's (its run's where it says none).
delivery = rows(
    "delivery",
    number("run_id"),
    words("step"),
    number("customer_id"),
    number("origin_id"),
    words("channel"),
    number("address_id"),
    number("occurrence"),
    number("enrolment_id"),
    words("purpose"),
    words("message_class"),
    words("state"),
    words("reason"),
    yes_no("held_out"),
    words("arm"),
    number("template_id"),
    maybe_words("context"),
    number("attempt"),
    number("priority"),
    number("planned_at"),
    number("due_at"),
    maybe_number("expires_at"),
    maybe_words("claimed_by"),
    maybe_number("lease_until"),
    maybe_number("handed_at"),
    maybe_number("settled_at"),
    maybe_words("provider"),
    maybe_words("provider_id"),
    maybe_words("trace"),
    maybe_words("fields"),
    maybe_number("version"),
    partial("ix_delivery_due", ("run_id", "due_at", "id"), "state IN ('planned', 'deferred')"),
    partial("ix_delivery_lease", ("lease_until",), "state IN ('claimed', 'handed')"),
    partial("ix_delivery_waiting", ("customer_id", "due_at"), "settled_at IS NULL"),
    partial("ix_delivery_handed", ("customer_id", "handed_at"), "handed_at IS NOT NULL"),
    partial("ix_delivery_failed", ("run_id", "id"), "state = 'failed'"),
    partial("ix_delivery_in_doubt", ("id",), "state = 'in_doubt'"),
    partial("ix_delivery_carried", ("provider_id", "provider"), "provider_id IS NOT NULL"),
    unique=[("run_id", "step", "customer_id", "channel", "address_id", "occurrence")],
    indexes=[("customer_id", "planned_at")],
)

#: What a provider, a link or a person said of a delivery; `key` dedupes it. What failed may be sent again `again_after`
#: microseconds from `at`, where its carrier says so.
receipt = rows(
    "receipt",
    number("delivery_id"),
    words("provider"),
    words("key"),
    words("type"),
    number("at"),
    number("received_at"),
    yes_no("machine"),
    words("reason"),
    words("raw"),
    maybe_number("again_after"),
    unique=[("provider", "key")],
    indexes=[("delivery_id",)],
)


def _offer_columns() -> list[Column[Any]]:
    """What is known of an offer; `price` and `margin` in minor units of `currency`, `at` the time of the statement.

    `purpose` is the only one of messages it may be in, any where it has none.
    """
    return [
        words("title"),
        words("category"),
        maybe_number("price"),
        maybe_words("currency"),
        maybe_number("margin"),
        maybe_number("stock"),
        maybe_number("available_from"),
        maybe_number("available_until"),
        words("attributes"),
        number("at"),
        maybe_words("purpose"),
    ]


#: Something that can be recommended, as the latest statement about it says.
offer = rows("offer", words("item"), *_offer_columns(), unique=[("item",)])

#: The latest statement of each import about each item (`import_id` 0: of all that came in otherwise), so that an import
#: can be taken back.
offer_log = keyed(
    "offer_log",
    ("item", "import_id"),
    words("item"),
    number("import_id"),
    *_offer_columns(),
    indexes=[("import_id",)],
)

#: An offer shown; `propensity` times 10^6 is the chance it had of being shown there.
impression = rows(
    "impression",
    number("customer_id"),
    number("origin_id"),
    number("offer_id"),
    number("delivery_id"),
    words("slot"),
    number("position"),
    number("propensity"),
    words("engine"),
    words("model"),
    number("shown_at"),
    indexes=[("customer_id", "shown_at"), ("delivery_id",)],
)
