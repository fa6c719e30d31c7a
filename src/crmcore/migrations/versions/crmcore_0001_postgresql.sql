CREATE TABLE crm_account (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    parent_id BIGINT,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_account_key UNIQUE (workspace_id, key)
);

CREATE TABLE crm_account_attribute (
    workspace_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    number BIGINT,
    text TEXT COLLATE "C",
    folded TEXT COLLATE "C",
    at BIGINT NOT NULL,
    source_id BIGINT,
    import_id BIGINT,
    PRIMARY KEY (workspace_id, account_id, name)
);

CREATE TABLE crm_account_attribute_log (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    "old" TEXT COLLATE "C",
    "new" TEXT COLLATE "C",
    at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    source_id BIGINT,
    import_id BIGINT,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_agent (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    email TEXT COLLATE "C",
    active BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_agent_key UNIQUE (workspace_id, key)
);

CREATE TABLE crm_attribute (
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    number BIGINT,
    text TEXT COLLATE "C",
    folded TEXT COLLATE "C",
    at BIGINT NOT NULL,
    source_id BIGINT,
    import_id BIGINT,
    PRIMARY KEY (workspace_id, customer_id, name)
);

CREATE TABLE crm_attribute_log (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    "old" TEXT COLLATE "C",
    "new" TEXT COLLATE "C",
    at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    source_id BIGINT,
    import_id BIGINT,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_audit (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    action TEXT COLLATE "C" NOT NULL,
    subject TEXT COLLATE "C" NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    mac BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_audit_seal (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    first_id BIGINT NOT NULL,
    last_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    chain BYTEA NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_campaign (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_campaign_name UNIQUE (workspace_id, name)
);

CREATE TABLE crm_campaign_version (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    campaign_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    definition TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_campaign_version_campaign_id UNIQUE (workspace_id, campaign_id, version)
);

CREATE TABLE crm_consent (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    granted BOOLEAN NOT NULL,
    basis TEXT COLLATE "C" NOT NULL,
    text_version TEXT COLLATE "C" NOT NULL,
    proof TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    source_id BIGINT,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_consent_state (
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    granted BOOLEAN NOT NULL,
    at BIGINT NOT NULL,
    consent_id BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, customer_id, purpose, channel)
);

CREATE TABLE crm_contact_state (
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    version BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, customer_id)
);

CREATE TABLE crm_conversion (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    enrolment_id BIGINT NOT NULL,
    delivery_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    event_id BIGINT NOT NULL,
    goal TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    amount BIGINT,
    currency TEXT COLLATE "C",
    credit BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_conversion_run_id UNIQUE (workspace_id, run_id, goal, event_id, delivery_id)
);

CREATE TABLE crm_customer (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    key TEXT COLLATE "C",
    created_at BIGINT NOT NULL,
    merged_into BIGINT,
    erased_at BIGINT,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_delivery (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    step TEXT COLLATE "C" NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    address_id BIGINT NOT NULL,
    occurrence BIGINT NOT NULL,
    enrolment_id BIGINT NOT NULL,
    purpose TEXT COLLATE "C" NOT NULL,
    message_class TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    held_out BOOLEAN NOT NULL,
    arm TEXT COLLATE "C" NOT NULL,
    template_id BIGINT NOT NULL,
    context TEXT COLLATE "C",
    attempt BIGINT NOT NULL,
    priority BIGINT NOT NULL,
    planned_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    expires_at BIGINT,
    claimed_by TEXT COLLATE "C",
    lease_until BIGINT,
    handed_at BIGINT,
    settled_at BIGINT,
    provider TEXT COLLATE "C",
    provider_id TEXT COLLATE "C",
    trace TEXT COLLATE "C",
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_delivery_run_id UNIQUE (workspace_id, run_id, step, customer_id, channel, address_id, occurrence)
);

CREATE TABLE crm_enrolment (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    run_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    occurrence BIGINT NOT NULL,
    version BIGINT NOT NULL,
    step TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    arm TEXT COLLATE "C" NOT NULL,
    held_out BOOLEAN NOT NULL,
    entered_at BIGINT NOT NULL,
    due_at BIGINT,
    left_at BIGINT,
    reason TEXT COLLATE "C",
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_enrolment_run_id UNIQUE (workspace_id, run_id, customer_id, key, occurrence)
);

CREATE TABLE crm_event (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    occurred_at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    item TEXT COLLATE "C",
    quantity BIGINT,
    amount BIGINT,
    currency TEXT COLLATE "C",
    ref TEXT COLLATE "C",
    properties TEXT COLLATE "C" NOT NULL,
    source_id BIGINT,
    import_id BIGINT,
    trace TEXT COLLATE "C",
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_event_stat (
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    count BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    quantity BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, customer_id, name, currency)
);

CREATE TABLE crm_fingerprint (
    workspace_id BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    fingerprint BYTEA NOT NULL,
    import_id BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, source_id, fingerprint)
);

CREATE TABLE crm_identity (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    value TEXT COLLATE "C" NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    hash BYTEA NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    removed_at BIGINT,
    source_id BIGINT,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_identity_kind UNIQUE (workspace_id, kind, value)
);

CREATE TABLE crm_import (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    source_id BIGINT NOT NULL,
    file TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    mapping TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    counts TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    undone_at BIGINT,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_impression (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    offer_id BIGINT NOT NULL,
    delivery_id BIGINT NOT NULL,
    slot TEXT COLLATE "C" NOT NULL,
    position BIGINT NOT NULL,
    propensity BIGINT NOT NULL,
    engine TEXT COLLATE "C" NOT NULL,
    model TEXT COLLATE "C" NOT NULL,
    shown_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_limit (
    workspace_id BIGINT NOT NULL,
    scope TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    tokens BIGINT NOT NULL,
    rate BIGINT NOT NULL,
    burst BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    blocked_until BIGINT,
    PRIMARY KEY (workspace_id, scope, key)
);

CREATE TABLE crm_member (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    account_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    role TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_member_account_id UNIQUE (workspace_id, account_id, customer_id, role, since)
);

CREATE TABLE crm_membership (
    workspace_id BIGINT NOT NULL,
    segment_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    entered_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, segment_id, customer_id)
);

CREATE TABLE crm_merge (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    from_id BIGINT NOT NULL,
    into_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    forced BOOLEAN NOT NULL,
    detail TEXT COLLATE "C" NOT NULL,
    undone_at BIGINT,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_message_id (
    workspace_id BIGINT NOT NULL,
    message_id BYTEA NOT NULL,
    event_id BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, message_id)
);

CREATE TABLE crm_node (
    node BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    PRIMARY KEY (node)
);

CREATE TABLE crm_notice (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    hook TEXT COLLATE "C" NOT NULL,
    payload TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_notice_cursor (
    workspace_id BIGINT NOT NULL,
    plugin TEXT COLLATE "C" NOT NULL,
    notice_id BIGINT NOT NULL,
    failures BIGINT NOT NULL,
    closed_until BIGINT,
    PRIMARY KEY (workspace_id, plugin)
);

CREATE TABLE crm_offer (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    item TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    category TEXT COLLATE "C" NOT NULL,
    price BIGINT,
    currency TEXT COLLATE "C",
    margin BIGINT,
    stock BIGINT,
    available_from BIGINT,
    available_until BIGINT,
    attributes TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_offer_item UNIQUE (workspace_id, item)
);

CREATE TABLE crm_pending (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    verb TEXT COLLATE "C" NOT NULL,
    payload TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_quarantine (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    source_id BIGINT,
    import_id BIGINT,
    place TEXT COLLATE "C" NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    payload TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    settled_at BIGINT,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_receipt (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    delivery_id BIGINT NOT NULL,
    provider TEXT COLLATE "C" NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    type TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    machine BOOLEAN NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    raw TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_receipt_provider UNIQUE (workspace_id, provider, key)
);

CREATE TABLE crm_run (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    campaign_id BIGINT NOT NULL,
    version BIGINT NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    salt TEXT COLLATE "C" NOT NULL,
    started_at BIGINT NOT NULL,
    finished_at BIGINT,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_segment (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    definition TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_segment_name UNIQUE (workspace_id, name)
);

CREATE TABLE crm_source (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    declared TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_source_name UNIQUE (workspace_id, name)
);

CREATE TABLE crm_subscription (
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    topic_id BIGINT NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    wanted BOOLEAN NOT NULL,
    at BIGINT NOT NULL,
    source_id BIGINT,
    PRIMARY KEY (workspace_id, customer_id, topic_id, channel)
);

CREATE TABLE crm_suppression (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    until BIGINT,
    source_id BIGINT,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_suppression_hash UNIQUE (workspace_id, hash, channel)
);

CREATE TABLE crm_tag (
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, customer_id, name)
);

CREATE TABLE crm_team (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_team_name UNIQUE (workspace_id, name)
);

CREATE TABLE crm_team_member (
    workspace_id BIGINT NOT NULL,
    team_id BIGINT NOT NULL,
    agent_id BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, team_id, agent_id)
);

CREATE TABLE crm_template (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    locale TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    parts TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_template_name UNIQUE (workspace_id, name, channel, locale, version)
);

CREATE TABLE crm_timer (
    workspace_id BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    subject_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, kind, subject_id, customer_id)
);

CREATE TABLE crm_topic (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    title TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_topic_name UNIQUE (workspace_id, name)
);

CREATE TABLE crm_workspace (
    id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    created_at BIGINT NOT NULL,
    pinned_now BIGINT,
    secret BYTEA NOT NULL,
    PRIMARY KEY (id),
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

CREATE INDEX ix_customer_key ON crm_customer (workspace_id, key);

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

WITH RECURSIVE counted(node) AS (SELECT 0 UNION ALL SELECT node + 1 FROM counted WHERE node < 1023)
INSERT INTO crm_node (node, until_ms) SELECT node, 0 FROM counted;
