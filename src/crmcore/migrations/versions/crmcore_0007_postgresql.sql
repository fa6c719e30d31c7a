DROP INDEX ix_enrolment_due;

ALTER TABLE crm_enrolment ADD COLUMN next TEXT COLLATE "C";

ALTER TABLE crm_enrolment ADD COLUMN path TEXT COLLATE "C";

CREATE INDEX ix_enrolment_due ON crm_enrolment (workspace_id, run_id, due_at, id) WHERE due_at IS NOT NULL;

ALTER TABLE crm_delivery ADD COLUMN version BIGINT;

ALTER TABLE crm_receipt ADD COLUMN again_after BIGINT;

ALTER TABLE crm_offer ADD COLUMN purpose TEXT COLLATE "C";

ALTER TABLE crm_offer_log ADD COLUMN purpose TEXT COLLATE "C";

CREATE TABLE crm_listener (
workspace_id BIGINT NOT NULL, 
name TEXT COLLATE "C" NOT NULL, 
run_id BIGINT NOT NULL, 
PRIMARY KEY (workspace_id, name, run_id)
);

CREATE TABLE crm_job (
workspace_id BIGINT NOT NULL, 
module TEXT COLLATE "C" NOT NULL, 
name TEXT COLLATE "C" NOT NULL, 
ran_at BIGINT, 
due_at BIGINT NOT NULL, 
claimed_by TEXT COLLATE "C", 
lease_until BIGINT, 
failures BIGINT NOT NULL, 
problem TEXT COLLATE "C", 
PRIMARY KEY (workspace_id, module, name)
);

CREATE INDEX ix_job_due_at ON crm_job (workspace_id, due_at);

CREATE TABLE crm_refusal (
workspace_id BIGINT NOT NULL, 
run_id BIGINT NOT NULL, 
customer_id BIGINT NOT NULL, 
reason TEXT COLLATE "C" NOT NULL, 
count BIGINT NOT NULL, 
first_at BIGINT NOT NULL, 
last_at BIGINT NOT NULL, 
PRIMARY KEY (workspace_id, run_id, customer_id, reason)
);

CREATE INDEX ix_refusal_customer_id ON crm_refusal (workspace_id, customer_id);

CREATE TABLE crm_coupon (
id BIGINT NOT NULL, 
workspace_id BIGINT NOT NULL, 
source TEXT COLLATE "C" NOT NULL, 
code TEXT COLLATE "C" NOT NULL, 
created_at BIGINT NOT NULL, 
delivery_id BIGINT, 
reserved_at BIGINT, 
redeemed_at BIGINT, 
PRIMARY KEY (workspace_id, id), 
CONSTRAINT uq_coupon_code UNIQUE (workspace_id, code, source)
);

CREATE INDEX ix_coupon_free ON crm_coupon (workspace_id, source, id) WHERE delivery_id IS NULL AND redeemed_at IS NULL;

CREATE INDEX ix_coupon_reserved ON crm_coupon (workspace_id, delivery_id) WHERE delivery_id IS NOT NULL AND redeemed_at IS NULL;

CREATE TABLE crm_webhook (
id BIGINT NOT NULL, 
workspace_id BIGINT NOT NULL, 
run_id BIGINT NOT NULL, 
step TEXT COLLATE "C" NOT NULL, 
customer_id BIGINT NOT NULL, 
origin_id BIGINT NOT NULL, 
enrolment_id BIGINT NOT NULL, 
url TEXT COLLATE "C" NOT NULL, 
body TEXT COLLATE "C" NOT NULL, 
state TEXT COLLATE "C" NOT NULL, 
reason TEXT COLLATE "C" NOT NULL, 
attempt BIGINT NOT NULL, 
planned_at BIGINT NOT NULL, 
due_at BIGINT NOT NULL, 
claimed_by TEXT COLLATE "C", 
lease_until BIGINT, 
settled_at BIGINT, 
PRIMARY KEY (workspace_id, id)
);

CREATE INDEX ix_webhook_customer_id ON crm_webhook (workspace_id, customer_id);

CREATE INDEX ix_webhook_due ON crm_webhook (workspace_id, due_at, id) WHERE settled_at IS NULL;

CREATE INDEX ix_webhook_run_id ON crm_webhook (workspace_id, run_id);

DROP INDEX ix_event_customer_id_name_occurred_at;

CREATE INDEX ix_event_customer_id_name_occurred_at ON crm_event (workspace_id, customer_id, name, occurred_at);

DROP INDEX ix_timer_kind_due_at;

CREATE INDEX ix_timer_due_at_kind ON crm_timer (workspace_id, due_at, kind);
