CREATE INDEX ix_delivery_waiting ON crm_delivery (workspace_id, customer_id, due_at) WHERE settled_at IS NULL;
