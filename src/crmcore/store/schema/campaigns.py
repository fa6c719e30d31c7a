"""What is planned: segments, templates, campaigns with their versions, runs and enrolments, conversions."""

from __future__ import annotations

from crmcore.store.schema.columns import keyed, maybe_number, maybe_words, number, partial, rows, words, yes_no

segment = rows(
    "segment",
    words("name"),
    words("kind"),
    words("definition"),
    number("version"),
    number("created_at"),
    number("updated_at"),
    unique=[("name",)],
)
membership = keyed(
    "membership",
    ("segment_id", "customer_id"),
    number("segment_id"),
    number("customer_id"),
    number("entered_at"),
    indexes=[("customer_id",)],
)

#: Who was uploaded into a segment of the kind "static".
segment_member = keyed(
    "segment_member",
    ("segment_id", "origin_id"),
    number("segment_id"),
    number("customer_id"),
    number("origin_id"),
    number("since"),
    indexes=[("customer_id", "segment_id", "origin_id", "since")],
)

#: `parts` is JSON by part name; a change makes a new version, none is ever changed.
template = rows(
    "template",
    words("name"),
    words("channel"),
    words("locale"),
    number("version"),
    words("parts"),
    number("created_at"),
    unique=[("name", "channel", "locale", "version")],
)

campaign = rows("campaign", words("name"), words("purpose"), words("state"), number("created_at"), unique=[("name",)])
campaign_version = rows(
    "campaign_version",
    number("campaign_id"),
    number("version"),
    words("definition"),
    number("created_at"),
    unique=[("campaign_id", "version")],
)

#: One launch of a campaign version. `salt` fixes arms and holdouts.
run = rows(
    "run",
    number("campaign_id"),
    number("version"),
    words("state"),
    words("salt"),
    number("started_at"),
    maybe_number("finished_at"),
    indexes=[("campaign_id", "started_at")],
)

#: One customer's way through a run; `key` is "" or the cart, order or session it is about. `arm` is what its variants are
#: drawn by, fixed at entry; `step` is where it stands, `next` where it goes once it is due, and `path` where it has been.
enrolment = rows(
    "enrolment",
    number("run_id"),
    number("customer_id"),
    number("origin_id"),
    words("key"),
    number("occurrence"),
    number("version"),
    words("step"),
    words("state"),
    words("arm"),
    yes_no("held_out"),
    number("entered_at"),
    maybe_number("due_at"),
    maybe_number("left_at"),
    maybe_words("reason"),
    maybe_words("next"),
    maybe_words("path"),
    partial("ix_enrolment_due", ("run_id", "due_at", "id"), "due_at IS NOT NULL"),
    unique=[("run_id", "customer_id", "key", "occurrence")],
    indexes=[("customer_id",)],
)

#: The names of events that a run which goes on looks out for.
listener = keyed("listener", ("name", "run_id"), words("name"), number("run_id"))

#: Matches that let nobody enter a run, and why: counted by customer and reason.
refusal = keyed(
    "refusal",
    ("run_id", "customer_id", "reason"),
    number("run_id"),
    number("customer_id"),
    words("reason"),
    number("count"),
    number("first_at"),
    number("last_at"),
    indexes=[("customer_id",)],
)

#: Codes of a source: free, reserved for a delivery, redeemed. What redeems a code does not say of which source it is.
coupon = rows(
    "coupon",
    words("source"),
    words("code"),
    number("created_at"),
    maybe_number("delivery_id"),
    maybe_number("reserved_at"),
    maybe_number("redeemed_at"),
    partial("ix_coupon_free", ("source", "id"), "delivery_id IS NULL AND redeemed_at IS NULL"),
    partial("ix_coupon_reserved", ("delivery_id",), "delivery_id IS NOT NULL AND redeemed_at IS NULL"),
    unique=[("code", "source")],
)

#: What is posted to addresses of the host's, once it is due; `url` is as the step says it, `body` JSON.
webhook = rows(
    "webhook",
    number("run_id"),
    words("step"),
    number("customer_id"),
    number("origin_id"),
    number("enrolment_id"),
    words("url"),
    words("body"),
    words("state"),
    words("reason"),
    number("attempt"),
    number("planned_at"),
    number("due_at"),
    maybe_words("claimed_by"),
    maybe_number("lease_until"),
    maybe_number("settled_at"),
    partial("ix_webhook_due", ("due_at", "id"), "settled_at IS NULL"),
    indexes=[("run_id",), ("customer_id",)],
)

#: A goal reached inside its window; `credit` times 10^6 is the share of `amount` that goes to this delivery.
conversion = rows(
    "conversion",
    number("run_id"),
    number("enrolment_id"),
    number("delivery_id"),
    number("customer_id"),
    number("origin_id"),
    number("event_id"),
    words("goal"),
    number("at"),
    maybe_number("amount"),
    maybe_words("currency"),
    number("credit"),
    unique=[("run_id", "goal", "event_id", "delivery_id")],
    indexes=[("customer_id",)],
)
