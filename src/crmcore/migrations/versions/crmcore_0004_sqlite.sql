CREATE INDEX ix_delivery_waiting ON crm_delivery (workspace_id, customer_id, due_at) WHERE state IN ('planned', 'claimed', 'deferred');
