"""What happened: events, their dedupe, their per-customer sums, and what waits to be folded."""

from __future__ import annotations

from sqlalchemy import CheckConstraint

from crmcore.store.schema.columns import (
    blob,
    keyed,
    maybe_blob,
    maybe_number,
    maybe_words,
    number,
    partial,
    partial_unique,
    rows,
    words,
)


def _whole(*columns: str) -> list[CheckConstraint]:
    """SQLite turns a sum beyond 64 bits into a float without a word; these constraints refuse it."""
    return [
        CheckConstraint(f"typeof({column}) = 'integer'", name=f"ck_{column}").ddl_if(dialect="sqlite")
        for column in columns
    ]


#: `declared` holds the tracking plan as JSON, "{}" where there is none.
source = rows("source", words("name"), words("kind"), words("declared"), number("created_at"), unique=[("name",)])

#: One row an event, never changed but for `customer_id` (merges). `quantity` times 10^6, `amount` in minor units.
event = rows(
    "event",
    number("customer_id"),
    number("origin_id"),
    words("name"),
    number("occurred_at"),
    number("received_at"),
    maybe_words("item"),
    maybe_number("quantity"),
    maybe_number("amount"),
    maybe_words("currency"),
    maybe_words("ref"),
    words("properties"),
    maybe_number("source_id"),
    maybe_number("import_id"),
    maybe_words("trace"),
    partial("ix_event_import", ("import_id",), "import_id IS NOT NULL"),
    indexes=[("customer_id", "name", "occurred_at"), ("name", "occurred_at", "customer_id")],
)

#: Dedupes events by the sender's message id; a window, not for ever.
message_id = keyed("message_id", ("message_id",), blob("message_id"), number("event_id"), number("received_at"))

#: Dedupes imported lines, for ever: source, line content and its ordinal among equal lines of the file.
fingerprint = keyed(
    "fingerprint", ("source_id", "fingerprint"), number("source_id"), blob("fingerprint"), number("import_id")
)

#: Sums per day (days since 1970, UTC), customer, event name and currency ("" where there is none); kept with the event,
#: rebuilt from the log. The day comes first: what comes in goes to a few pages, not to one for each customer.
event_day = keyed(
    "event_day",
    ("day", "customer_id", "name", "currency"),
    number("day"),
    number("customer_id"),
    words("name"),
    words("currency"),
    number("count"),
    number("first_at"),
    number("last_at"),
    number("quantity"),
    number("amount"),
    *_whole("count", "quantity", "amount"),
)

#: Statements made inside a host's transaction, not yet folded: `verb` and the statement as JSON, its customer named by
#: identities. `id` is also the id of the event it becomes.
pending = rows("pending", words("verb"), words("payload"), number("received_at"))

#: What did not fit: an event, line or statement as it came, where from, and why it was refused; `settled_at` once it has
#: been taken after all. `fingerprint` of an event with a message id, so that sent again it is kept once.
quarantine = rows(
    "quarantine",
    maybe_number("source_id"),
    maybe_number("import_id"),
    words("place"),
    words("reason"),
    words("payload"),
    number("received_at"),
    maybe_number("settled_at"),
    maybe_blob("fingerprint"),
    partial("ix_quarantine_waiting", ("id",), "settled_at IS NULL"),
    partial_unique("ix_quarantine_fingerprint", ("fingerprint",), "fingerprint IS NOT NULL"),
    indexes=[("import_id",)],
)

#: `import` is a word of Python; the table is crm_import all the same.
import_run = rows(
    "import",
    number("source_id"),
    words("file"),
    words("kind"),
    words("mapping"),
    words("state"),
    words("counts"),
    number("started_at"),
    maybe_number("finished_at"),
    maybe_number("undone_at"),
)
