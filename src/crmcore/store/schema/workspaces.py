"""The house itself: workspaces, id nodes, limits, timers, notices, agents, audit."""

from __future__ import annotations

from sqlalchemy import Column, Identity, Index, PrimaryKeyConstraint, Table, UniqueConstraint

from crmcore.store.schema.columns import (
    Big,
    RowId,
    blob,
    keyed,
    maybe_number,
    maybe_words,
    metadata,
    number,
    partial,
    rows,
    words,
    yes_no,
)

#: `pinned_now`: the time stands still in this workspace (demos, copies of a past state). `secret` signs links and
#: salts hashes; it never leaves the database.
workspace = Table(
    "crm_workspace",
    metadata,
    Column("id", RowId, nullable=False),
    words("name"),
    number("created_at"),
    maybe_number("pinned_now"),
    blob("secret"),
    PrimaryKeyConstraint("id").ddl_if(dialect="postgresql"),
    UniqueConstraint("name", name="uq_workspace_name"),
)

#: All 1024 nodes stand here from the start. A node gives ids of milliseconds below `until_ms` and no others.
node = Table(
    "crm_node",
    metadata,
    Column("node", Big, nullable=False, autoincrement=False),
    number("until_ms"),
    PrimaryKeyConstraint("node"),
)

#: Token buckets: `scope` workspace, channel, sender, destination, recipient; tokens, rate (a second), burst and nominal
#: (the rate it recovers to) times 10^6. `blocked_until` is a hint of a provider, or an open circuit after `failures`.
#: Under `template` and `run` stands what a provider holds back without any bucket (store/holds.py).
limit = keyed(
    "limit",
    ("scope", "key"),
    words("scope"),
    words("key"),
    number("tokens"),
    number("rate"),
    number("burst"),
    number("updated_at"),
    maybe_number("blocked_until"),
    maybe_number("nominal"),
    maybe_number("failures"),
    maybe_words("reason"),
)

#: What changes by time alone; `kind` says whose timer it is, `subject_id` the run it is for (of the kind
#: "fallback" `customer_id` is a delivery). Those that are due are found by
#: an index that begins with their time, those of customers by their key: neither may be taken for the other.
timer = keyed(
    "timer",
    ("kind", "subject_id", "customer_id"),
    words("kind"),
    number("subject_id"),
    number("customer_id"),
    number("due_at"),
    indexes=[("due_at", "kind")],
)

#: Up to which row (by id) things of a kind have been cut short, as they had been kept long enough.
retention = keyed("retention", ("kind",), words("kind"), number("reached"))

#: The outbox that notice hooks are fed from. The database gives the ids: of two changes of a customer the later one, which
#: waits for the first to commit, has the greater. `position` is where a notice stands once it is committed for all to see.
notice = Table(
    "crm_notice",
    metadata,
    Column("id", RowId, Identity(), nullable=False),
    number("workspace_id"),
    words("hook"),
    words("payload"),
    number("created_at"),
    maybe_number("position"),
    PrimaryKeyConstraint("workspace_id", "id").ddl_if(dialect="postgresql"),
    Index("ix_notice_position_id", "workspace_id", "position", "id"),
)

#: The last position that was given; whoever gives some holds the row, so that positions are in the order of commits.
notice_line = keyed("notice_line", (), number("last"))

#: The position up to which each plugin has been told, and the process that is telling it. A plugin that keeps failing
#: (`failures` in a row, the latest for `problem`) is left alone until `closed_until`; `lost` were dropped before it was told.
notice_cursor = keyed(
    "notice_cursor",
    ("plugin",),
    words("plugin"),
    number("position"),
    number("failures"),
    maybe_number("closed_until"),
    maybe_words("claimed_by"),
    maybe_number("lease_until"),
    maybe_number("tried_at"),
    maybe_words("problem"),
    maybe_number("lost"),
)

#: When each job of a module ran last (null: never). A worker that is at it has a lease, which what it writes makes longer;
#: `failures` in a row are counted from its beginning, so that one that never ends is no success.
job = keyed(
    "job",
    ("module", "name"),
    words("module"),
    words("name"),
    maybe_number("ran_at"),
    number("due_at"),
    maybe_words("claimed_by"),
    maybe_number("lease_until"),
    number("failures"),
    maybe_words("problem"),
    indexes=[("due_at",)],
)

agent = rows(
    "agent",
    words("key"),
    words("name"),
    maybe_words("email"),
    yes_no("active"),
    number("created_at"),
    unique=[("key",)],
)
team = rows("team", words("name"), number("created_at"), unique=[("name",)])
team_member = keyed("team_member", ("team_id", "agent_id"), number("team_id"), number("agent_id"), number("since"))

#: Who did what, when, to what. `mac` is keyed over the row and over its `subject` and `detail` by themselves, so that both
#: can be erased; `seal_id` is the seal that covers it, none yet for the latest.
audit = rows(
    "audit",
    number("at"),
    words("actor"),
    words("action"),
    words("subject"),
    words("detail"),
    blob("mac"),
    maybe_number("seal_id"),
    partial("ix_audit_unsealed", ("id",), "seal_id IS NULL"),
    indexes=[("subject",), ("seal_id", "id")],
)

#: Chains batches of rows: `chain` is keyed over the one before, and over the ids and macs of its rows.
audit_seal = rows("audit_seal", number("first_id"), number("last_id"), number("at"), blob("chain"))
