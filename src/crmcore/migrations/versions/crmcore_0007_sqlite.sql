DROP INDEX ix_enrolment_due;

ALTER TABLE crm_enrolment ADD COLUMN next TEXT;

ALTER TABLE crm_enrolment ADD COLUMN path TEXT;

CREATE INDEX ix_enrolment_due ON crm_enrolment (workspace_id, run_id, due_at, id) WHERE due_at IS NOT NULL;

ALTER TABLE crm_delivery ADD COLUMN version BIGINT;

ALTER TABLE crm_receipt ADD COLUMN again_after BIGINT;

ALTER TABLE crm_offer ADD COLUMN purpose TEXT;

ALTER TABLE crm_offer_log ADD COLUMN purpose TEXT;

CREATE TABLE crm_listener (
workspace_id BIGINT NOT NULL, 
name TEXT NOT NULL, 
run_id BIGINT NOT NULL, 
PRIMARY KEY (workspace_id, name, run_id)
)
 WITHOUT ROWID;

CREATE TABLE crm_job (
workspace_id BIGINT NOT NULL, 
module TEXT NOT NULL, 
name TEXT NOT NULL, 
ran_at BIGINT, 
due_at BIGINT NOT NULL, 
claimed_by TEXT, 
lease_until BIGINT, 
failures BIGINT NOT NULL, 
problem TEXT, 
PRIMARY KEY (workspace_id, module, name)
)
 WITHOUT ROWID;

CREATE INDEX ix_job_due_at ON crm_job (workspace_id, due_at);

CREATE TABLE crm_refusal (
workspace_id BIGINT NOT NULL, 
run_id BIGINT NOT NULL, 
customer_id BIGINT NOT NULL, 
reason TEXT NOT NULL, 
count BIGINT NOT NULL, 
first_at BIGINT NOT NULL, 
last_at BIGINT NOT NULL, 
PRIMARY KEY (workspace_id, run_id, customer_id, reason)
)
 WITHOUT ROWID;

CREATE INDEX ix_refusal_customer_id ON crm_refusal (workspace_id, customer_id);

CREATE TABLE crm_coupon (
id INTEGER PRIMARY KEY NOT NULL, 
workspace_id BIGINT NOT NULL, 
source TEXT NOT NULL, 
code TEXT NOT NULL, 
created_at BIGINT NOT NULL, 
delivery_id BIGINT, 
reserved_at BIGINT, 
redeemed_at BIGINT, 
CONSTRAINT uq_coupon_code UNIQUE (workspace_id, code, source)
);

CREATE INDEX ix_coupon_free ON crm_coupon (workspace_id, source, id) WHERE delivery_id IS NULL AND redeemed_at IS NULL;

CREATE INDEX ix_coupon_reserved ON crm_coupon (workspace_id, delivery_id) WHERE delivery_id IS NOT NULL AND redeemed_at IS NULL;

CREATE TABLE crm_webhook (
id INTEGER PRIMARY KEY NOT NULL, 
workspace_id BIGINT NOT NULL, 
run_id BIGINT NOT NULL, 
step TEXT NOT NULL, 
customer_id BIGINT NOT NULL, 
origin_id BIGINT NOT NULL, 
enrolment_id BIGINT NOT NULL, 
url TEXT NOT NULL, 
body TEXT NOT NULL, 
state TEXT NOT NULL, 
reason TEXT NOT NULL, 
attempt BIGINT NOT NULL, 
planned_at BIGINT NOT NULL, 
due_at BIGINT NOT NULL, 
claimed_by TEXT, 
lease_until BIGINT, 
settled_at BIGINT
);

CREATE INDEX ix_webhook_customer_id ON crm_webhook (workspace_id, customer_id);

CREATE INDEX ix_webhook_due ON crm_webhook (workspace_id, due_at, id) WHERE settled_at IS NULL;

CREATE INDEX ix_webhook_run_id ON crm_webhook (workspace_id, run_id);

DROP INDEX ix_timer_kind_due_at;

CREATE INDEX ix_timer_due_at_kind ON crm_timer (workspace_id, due_at, kind);

ALTER TABLE crm_notice ADD COLUMN position BIGINT;

UPDATE crm_notice SET position = id;

CREATE INDEX ix_notice_position_id ON crm_notice (workspace_id, position, id);

CREATE TABLE crm_notice_line (
workspace_id BIGINT NOT NULL, 
last BIGINT NOT NULL, 
PRIMARY KEY (workspace_id)
)
 WITHOUT ROWID;

ALTER TABLE crm_notice_cursor RENAME COLUMN notice_id TO position;

ALTER TABLE crm_notice_cursor ADD COLUMN claimed_by TEXT;

ALTER TABLE crm_notice_cursor ADD COLUMN lease_until BIGINT;

ALTER TABLE crm_notice_cursor ADD COLUMN tried_at BIGINT;

ALTER TABLE crm_notice_cursor ADD COLUMN problem TEXT;

ALTER TABLE crm_notice_cursor ADD COLUMN lost BIGINT;

ALTER TABLE crm_audit ADD COLUMN seal_id BIGINT;

CREATE INDEX ix_audit_seal_id_id ON crm_audit (workspace_id, seal_id, id);

CREATE INDEX ix_audit_unsealed ON crm_audit (workspace_id, id) WHERE seal_id IS NULL;

CREATE TABLE crm_retention (
workspace_id BIGINT NOT NULL, 
kind TEXT NOT NULL, 
reached BIGINT NOT NULL, 
PRIMARY KEY (workspace_id, kind)
)
 WITHOUT ROWID;
