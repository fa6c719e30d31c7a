DROP INDEX ix_delivery_due;

CREATE INDEX ix_delivery_due ON crm_delivery (workspace_id, run_id, due_at) WHERE state IN ('planned', 'deferred');

ALTER TABLE crm_delivery ADD COLUMN fields TEXT COLLATE "C";

CREATE INDEX ix_delivery_handed ON crm_delivery (workspace_id, customer_id, handed_at) WHERE handed_at IS NOT NULL;

CREATE INDEX ix_delivery_in_doubt ON crm_delivery (workspace_id, id) WHERE state = 'in_doubt';

ALTER TABLE crm_limit ADD COLUMN nominal BIGINT;

ALTER TABLE crm_limit ADD COLUMN failures BIGINT;

ALTER TABLE crm_limit ADD COLUMN reason TEXT COLLATE "C";
