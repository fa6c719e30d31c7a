DROP INDEX ix_delivery_run_id_state;

DROP INDEX ix_delivery_due;

CREATE INDEX ix_delivery_due ON crm_delivery (workspace_id, run_id, due_at, id) WHERE state IN ('planned', 'deferred');

CREATE INDEX ix_delivery_failed ON crm_delivery (workspace_id, run_id, id) WHERE state = 'failed';
