CREATE TABLE crm_account (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    "key" TEXT NOT NULL,
    name TEXT NOT NULL,
    parent_id BIGINT,
    created_at BIGINT NOT NULL,
    CONSTRAINT uq_account_key UNIQUE (workspace_id, "key")
);

CREATE TABLE crm_account_attribute (
    workspace_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    number BIGINT,
    text TEXT,
    folded TEXT,
    at BIGINT NOT NULL,
    source_id BIGINT,
    import_id BIGINT,
    PRIMARY KEY (workspace_id, account_id, name)
)
 WITHOUT ROWID;

CREATE TABLE crm_account_attribute_log (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    old TEXT,
    new TEXT,
    at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    source_id BIGINT,
    import_id BIGINT
);

CREATE TABLE crm_agent (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    "key" TEXT NOT NULL,
    name TEXT NOT NULL,
    email TEXT,
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT uq_agent_key UNIQUE (workspace_id, "key")
);

CREATE TABLE crm_attribute (
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    number BIGINT,
    text TEXT,
    folded TEXT,
    at BIGINT NOT NULL,
    source_id BIGINT,
    import_id BIGINT,
    PRIMARY KEY (workspace_id, customer_id, name)
)
 WITHOUT ROWID;

CREATE TABLE crm_attribute_log (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    old TEXT,
    new TEXT,
    at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    source_id BIGINT,
    import_id BIGINT
);

CREATE TABLE crm_audit (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    detail TEXT NOT NULL,
    mac BLOB NOT NULL
);

CREATE TABLE crm_audit_seal (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    first_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    chain BLOB NOT NULL
);

CREATE TABLE crm_campaign (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    purpose TEXT NOT NULL,
    state TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT uq_campaign_name UNIQUE (workspace_id, name)
);

CREATE TABLE crm_campaign_version (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    campaign_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    definition TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT uq_campaign_version_campaign_id UNIQUE (workspace_id, campaign_id, version)
);

CREATE TABLE crm_consent (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    channel TEXT NOT NULL,
    granted BOOLEAN NOT NULL,
    basis TEXT NOT NULL,
    text_version TEXT NOT NULL,
    proof TEXT NOT NULL,
    at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    source_id BIGINT
);

CREATE TABLE crm_consent_state (
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    channel TEXT NOT NULL,
    granted BOOLEAN NOT NULL,
    at BIGINT NOT NULL,
    consent_id BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, customer_id, purpose, channel)
)
 WITHOUT ROWID;

CREATE TABLE crm_contact_state (
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, customer_id)
)
 WITHOUT ROWID;

CREATE TABLE crm_conversion (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    enrolment_id BIGINT NOT NULL,
    delivery_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    goal TEXT NOT NULL,
    at BIGINT NOT NULL,
    amount BIGINT,
    currency TEXT,
    credit BIGINT NOT NULL,
    CONSTRAINT uq_conversion_run_id UNIQUE (workspace_id, run_id, goal, event_id, delivery_id)
);

CREATE TABLE crm_customer (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    "key" TEXT,
    created_at BIGINT NOT NULL,
    merged_into BIGINT,
    erased_at BIGINT
);

CREATE TABLE crm_delivery (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    step TEXT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    channel TEXT NOT NULL,
    address_id BIGINT NOT NULL,
    occurrence BIGINT NOT NULL,
    enrolment_id BIGINT NOT NULL,
    purpose TEXT NOT NULL,
    message_class TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT NOT NULL,
    held_out BOOLEAN NOT NULL,
    arm TEXT NOT NULL,
    template_id BIGINT NOT NULL,
    context TEXT,
    attempt BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    planned_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    expires_at BIGINT,
    claimed_by TEXT,
    lease_until BIGINT,
    handed_at BIGINT,
    settled_at BIGINT,
    provider TEXT,
    provider_id TEXT,
    trace TEXT,
    CONSTRAINT uq_delivery_run_id UNIQUE (workspace_id, run_id, step, customer_id, channel, address_id, occurrence)
);

CREATE TABLE crm_enrolment (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    "key" TEXT NOT NULL,
    occurrence BIGINT NOT NULL,
    version BIGINT NOT NULL,
    step TEXT NOT NULL,
    state TEXT NOT NULL,
    arm TEXT NOT NULL,
    held_out BOOLEAN NOT NULL,
    entered_at BIGINT NOT NULL,
    due_at BIGINT,
    left_at BIGINT,
    reason TEXT,
    CONSTRAINT uq_enrolment_run_id UNIQUE (workspace_id, run_id, customer_id, "key", occurrence)
);

CREATE TABLE crm_event (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    item TEXT,
    quantity BIGINT,
    amount BIGINT,
    currency TEXT,
    ref TEXT,
    properties TEXT NOT NULL,
    source_id BIGINT,
    import_id BIGINT,
    trace TEXT
);

CREATE TABLE crm_event_stat (
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    count BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    quantity BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, customer_id, name, currency),
    CONSTRAINT ck_count CHECK (typeof(count) = 'integer'),
    CONSTRAINT ck_quantity CHECK (typeof(quantity) = 'integer'),
    CONSTRAINT ck_amount CHECK (typeof(amount) = 'integer')
)
 WITHOUT ROWID;

CREATE TABLE crm_fingerprint (
    workspace_id BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    fingerprint BLOB NOT NULL,
    import_id BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, source_id, fingerprint)
)
 WITHOUT ROWID;

CREATE TABLE crm_identity (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    hash BLOB NOT NULL,
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    source_id BIGINT,
    CONSTRAINT uq_identity_kind UNIQUE (workspace_id, kind, value)
);

CREATE TABLE crm_import (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    file TEXT NOT NULL,
    kind TEXT NOT NULL,
    mapping TEXT NOT NULL,
    state TEXT NOT NULL,
    counts TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    undone_at BIGINT
);

CREATE TABLE crm_impression (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    offer_id BIGINT NOT NULL,
    delivery_id BIGINT NOT NULL,
    slot TEXT NOT NULL,
    position BIGINT NOT NULL,
    propensity BIGINT NOT NULL,
    engine TEXT NOT NULL,
    model TEXT NOT NULL,
    shown_at BIGINT NOT NULL
);

CREATE TABLE crm_limit (
    workspace_id BIGINT NOT NULL,
    scope TEXT NOT NULL,
    "key" TEXT NOT NULL,
    tokens BIGINT NOT NULL,
    rate BIGINT NOT NULL,
    burst BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    blocked_until BIGINT,
    PRIMARY KEY (workspace_id, scope, "key")
)
 WITHOUT ROWID;

CREATE TABLE crm_member (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    role TEXT NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT,
    CONSTRAINT uq_member_account_id UNIQUE (workspace_id, account_id, customer_id, role, since)
);

CREATE TABLE crm_membership (
    workspace_id BIGINT NOT NULL,
    segment_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    entered_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, segment_id, customer_id)
)
 WITHOUT ROWID;

CREATE TABLE crm_merge (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    from_id BIGINT NOT NULL,
    into_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    reason TEXT NOT NULL,
    forced BOOLEAN NOT NULL,
    detail TEXT NOT NULL,
    undone_at BIGINT
);

CREATE TABLE crm_message_id (
    workspace_id BIGINT NOT NULL,
    message_id BLOB NOT NULL,
    event_id BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, message_id)
)
 WITHOUT ROWID;

CREATE TABLE crm_node (
    node BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (node)
);

CREATE TABLE crm_notice (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    hook TEXT NOT NULL,
    payload TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE crm_notice_cursor (
    workspace_id BIGINT NOT NULL,
    plugin TEXT NOT NULL,
    notice_id BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    closed_until BIGINT,
    PRIMARY KEY (workspace_id, plugin)
)
 WITHOUT ROWID;

CREATE TABLE crm_offer (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    item TEXT NOT NULL,
    title TEXT NOT NULL,
    category TEXT NOT NULL,
    price BIGINT,
    currency TEXT,
    margin BIGINT,
    stock BIGINT,
    available_from BIGINT,
    available_until BIGINT,
    attributes TEXT NOT NULL,
    at BIGINT NOT NULL,
    CONSTRAINT uq_offer_item UNIQUE (workspace_id, item)
);

CREATE TABLE crm_pending (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    verb TEXT NOT NULL,
    payload TEXT NOT NULL,
    received_at BIGINT NOT NULL
);

CREATE TABLE crm_quarantine (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    source_id BIGINT,
    import_id BIGINT,
    place TEXT NOT NULL,
    reason TEXT NOT NULL,
    payload TEXT NOT NULL,
    received_at BIGINT NOT NULL,
    settled_at BIGINT
);

CREATE TABLE crm_receipt (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    delivery_id BIGINT NOT NULL,
    provider TEXT NOT NULL,
    "key" TEXT NOT NULL,
    type TEXT NOT NULL,
    at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    machine BOOLEAN NOT NULL,
    reason TEXT NOT NULL,
    raw TEXT NOT NULL,
    CONSTRAINT uq_receipt_provider UNIQUE (workspace_id, provider, "key")
);

CREATE TABLE crm_run (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    campaign_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT NOT NULL,
    salt TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT
);

CREATE TABLE crm_segment (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    definition TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    CONSTRAINT uq_segment_name UNIQUE (workspace_id, name)
);

CREATE TABLE crm_source (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    kind TEXT NOT NULL,
    declared TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT uq_source_name UNIQUE (workspace_id, name)
);

CREATE TABLE crm_subscription (
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    topic_id BIGINT NOT NULL,
    channel TEXT NOT NULL,
    wanted BOOLEAN NOT NULL,
    at BIGINT NOT NULL,
    source_id BIGINT,
    PRIMARY KEY (workspace_id, customer_id, topic_id, channel)
)
 WITHOUT ROWID;

CREATE TABLE crm_suppression (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    channel TEXT NOT NULL,
    hash BLOB NOT NULL,
    reason TEXT NOT NULL,
    at BIGINT NOT NULL,
    until BIGINT,
    source_id BIGINT,
    CONSTRAINT uq_suppression_hash UNIQUE (workspace_id, hash, channel)
);

CREATE TABLE crm_tag (
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, customer_id, name)
)
 WITHOUT ROWID;

CREATE TABLE crm_team (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT uq_team_name UNIQUE (workspace_id, name)
);

CREATE TABLE crm_team_member (
    workspace_id BIGINT NOT NULL,
    team_id BIGINT NOT NULL,
    agent_id BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, team_id, agent_id)
)
 WITHOUT ROWID;

CREATE TABLE crm_template (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    channel TEXT NOT NULL,
    locale TEXT NOT NULL,
    version BIGINT NOT NULL,
    parts TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT uq_template_name UNIQUE (workspace_id, name, channel, locale, version)
);

CREATE TABLE crm_timer (
    workspace_id BIGINT NOT NULL,
    kind TEXT NOT NULL,
    subject_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, kind, subject_id, customer_id)
)
 WITHOUT ROWID;

CREATE TABLE crm_topic (
    id INTEGER PRIMARY KEY NOT NULL,
    workspace_id BIGINT NOT NULL,
    name TEXT NOT NULL,
    title TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    CONSTRAINT uq_topic_name UNIQUE (workspace_id, name)
);

CREATE TABLE crm_workspace (
    id INTEGER PRIMARY KEY NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    pinned_now BIGINT,
    secret BLOB NOT NULL,
    CONSTRAINT uq_workspace_name UNIQUE (name)
);

CREATE INDEX ix_account_attribute_name_kind_number_account_id ON crm_account_attribute (workspace_id, name, kind, number, account_id);

CREATE INDEX ix_account_attribute_name_kind_text_account_id ON crm_account_attribute (workspace_id, name, kind, text, account_id);

CREATE INDEX ix_account_attribute_log_account_id_name_at ON crm_account_attribute_log (workspace_id, account_id, name, at);

CREATE INDEX ix_account_attribute_log_import_id ON crm_account_attribute_log (workspace_id, import_id);

CREATE INDEX ix_attribute_name_kind_number_customer_id ON crm_attribute (workspace_id, name, kind, number, customer_id);

CREATE INDEX ix_attribute_name_kind_text_customer_id ON crm_attribute (workspace_id, name, kind, text, customer_id);

CREATE INDEX ix_attribute_log_customer_id_name_at ON crm_attribute_log (workspace_id, customer_id, name, at);

CREATE INDEX ix_attribute_log_import_id ON crm_attribute_log (workspace_id, import_id);

CREATE INDEX ix_audit_subject ON crm_audit (workspace_id, subject);

CREATE INDEX ix_consent_customer_id_at ON crm_consent (workspace_id, customer_id, at);

CREATE INDEX ix_consent_state_purpose_channel_granted_customer_id ON crm_consent_state (workspace_id, purpose, channel, granted, customer_id);

CREATE INDEX ix_customer_key ON crm_customer (workspace_id, "key");

CREATE INDEX ix_delivery_carried ON crm_delivery (workspace_id, provider_id, provider) WHERE provider_id IS NOT NULL;

CREATE INDEX ix_delivery_customer_id_planned_at ON crm_delivery (workspace_id, customer_id, planned_at);

CREATE INDEX ix_delivery_due ON crm_delivery (workspace_id, due_at) WHERE state IN ('planned', 'deferred');

CREATE INDEX ix_delivery_lease ON crm_delivery (workspace_id, lease_until) WHERE state IN ('claimed', 'handed');

CREATE INDEX ix_delivery_run_id_state ON crm_delivery (workspace_id, run_id, state);

CREATE INDEX ix_enrolment_customer_id ON crm_enrolment (workspace_id, customer_id);

CREATE INDEX ix_enrolment_due ON crm_enrolment (workspace_id, due_at) WHERE due_at IS NOT NULL;

CREATE INDEX ix_event_customer_id_name_occurred_at ON crm_event (workspace_id, customer_id, name, occurred_at);

CREATE INDEX ix_event_import ON crm_event (workspace_id, import_id) WHERE import_id IS NOT NULL;

CREATE INDEX ix_event_name_occurred_at_customer_id ON crm_event (workspace_id, name, occurred_at, customer_id);

CREATE INDEX ix_identity_customer_id_kind ON crm_identity (workspace_id, customer_id, kind);

CREATE INDEX ix_impression_customer_id_shown_at ON crm_impression (workspace_id, customer_id, shown_at);

CREATE INDEX ix_impression_delivery_id ON crm_impression (workspace_id, delivery_id);

CREATE INDEX ix_member_customer_id ON crm_member (workspace_id, customer_id);

CREATE INDEX ix_membership_customer_id ON crm_membership (workspace_id, customer_id);

CREATE INDEX ix_merge_from_id ON crm_merge (workspace_id, from_id);

CREATE INDEX ix_merge_into_id ON crm_merge (workspace_id, into_id);

CREATE INDEX ix_quarantine_import_id ON crm_quarantine (workspace_id, import_id);

CREATE INDEX ix_receipt_delivery_id ON crm_receipt (workspace_id, delivery_id);

CREATE INDEX ix_run_campaign_id_started_at ON crm_run (workspace_id, campaign_id, started_at);

CREATE INDEX ix_subscription_topic_id_wanted_customer_id ON crm_subscription (workspace_id, topic_id, wanted, customer_id);

CREATE INDEX ix_tag_name_customer_id ON crm_tag (workspace_id, name, customer_id);

CREATE INDEX ix_timer_kind_due_at ON crm_timer (workspace_id, kind, due_at);

INSERT INTO crm_node (node, until_ms)
WITH RECURSIVE counted(node) AS (SELECT 0 UNION ALL SELECT node + 1 FROM counted WHERE node < 1023)
SELECT node, 0 FROM counted;
