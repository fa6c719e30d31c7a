CREATE TABLE crm_link (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    low BIGINT NOT NULL,
    high BIGINT NOT NULL,
    kind TEXT COLLATE "C" NOT NULL,
    into_id BIGINT NOT NULL,
    at BIGINT NOT NULL,
    forced BOOLEAN NOT NULL,
    refused BOOLEAN NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    received_at BIGINT NOT NULL,
    import_id BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, id),
    CONSTRAINT uq_link_low UNIQUE (workspace_id, low, high, kind, at, into_id, import_id)
);

CREATE TABLE crm_suppression_log (
    id BIGINT NOT NULL,
    workspace_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    channel TEXT COLLATE "C" NOT NULL,
    hash BYTEA NOT NULL,
    reason TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    until BIGINT,
    received_at BIGINT NOT NULL,
    source_id BIGINT,
    import_id BIGINT,
    PRIMARY KEY (workspace_id, id)
);

CREATE TABLE crm_offer_log (
    workspace_id BIGINT NOT NULL,
    item TEXT COLLATE "C" NOT NULL,
    import_id BIGINT NOT NULL,
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
    PRIMARY KEY (workspace_id, item, import_id)
);

ALTER TABLE crm_account ADD COLUMN import_id BIGINT;

ALTER TABLE crm_identity ADD COLUMN import_id BIGINT;

ALTER TABLE crm_consent ADD COLUMN import_id BIGINT;

ALTER TABLE crm_quarantine ADD COLUMN fingerprint BYTEA;

CREATE INDEX ix_account_import ON crm_account (workspace_id, import_id) WHERE import_id IS NOT NULL;

CREATE INDEX ix_account_parent_id ON crm_account (workspace_id, parent_id);

CREATE INDEX ix_consent_import ON crm_consent (workspace_id, import_id) WHERE import_id IS NOT NULL;

CREATE INDEX ix_conversion_customer_id ON crm_conversion (workspace_id, customer_id);

CREATE INDEX ix_identity_import ON crm_identity (workspace_id, import_id) WHERE import_id IS NOT NULL;

CREATE INDEX ix_identity_origin_id ON crm_identity (workspace_id, origin_id);

CREATE INDEX ix_link_high ON crm_link (workspace_id, high);

CREATE INDEX ix_link_import ON crm_link (workspace_id, import_id) WHERE import_id <> 0;

CREATE INDEX ix_link_refused ON crm_link (workspace_id, at) WHERE refused;

CREATE INDEX ix_offer_log_import_id ON crm_offer_log (workspace_id, import_id);

CREATE UNIQUE INDEX ix_quarantine_fingerprint ON crm_quarantine (workspace_id, fingerprint) WHERE fingerprint IS NOT NULL;

CREATE INDEX ix_quarantine_waiting ON crm_quarantine (workspace_id, id) WHERE settled_at IS NULL;

CREATE INDEX ix_suppression_log_hash ON crm_suppression_log (workspace_id, hash);

CREATE INDEX ix_suppression_log_import ON crm_suppression_log (workspace_id, import_id) WHERE import_id IS NOT NULL;

INSERT INTO crm_link (id, workspace_id, low, high, kind, into_id, at, forced, refused, reason, received_at, import_id)
SELECT id, workspace_id, CASE WHEN origin_id < customer_id THEN origin_id ELSE customer_id END,
CASE WHEN origin_id < customer_id THEN customer_id ELSE origin_id END,
'merged', customer_id, created_at, TRUE, FALSE, 'joined before links were kept', created_at, 0
FROM crm_identity WHERE customer_id <> origin_id
ON CONFLICT DO NOTHING;

INSERT INTO crm_suppression_log (id, workspace_id, origin_id, channel, hash, reason, at, until, received_at, source_id)
SELECT id, workspace_id, 0, channel, hash, reason, at, until, at, source_id FROM crm_suppression;

INSERT INTO crm_offer_log (workspace_id, item, import_id, title, category, price, currency, margin, stock, available_from, available_until, attributes, at)
SELECT workspace_id, item, 0, title, category, price, currency, margin, stock, available_from, available_until, attributes, at FROM crm_offer;
