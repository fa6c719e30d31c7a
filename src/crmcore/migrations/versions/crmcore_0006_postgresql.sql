CREATE TABLE crm_standing (
    workspace_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    truths TEXT COLLATE "C" NOT NULL,
    due_at BIGINT,
    PRIMARY KEY (workspace_id, customer_id)
);

CREATE TABLE crm_segment_plan (
    workspace_id BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    filled BIGINT NOT NULL,
    reached BIGINT NOT NULL,
    numbered BIGINT NOT NULL,
    PRIMARY KEY (workspace_id)
);

CREATE TABLE crm_segment_atom (
    workspace_id BIGINT NOT NULL,
    atom TEXT COLLATE "C" NOT NULL,
    number BIGINT NOT NULL,
    under TEXT COLLATE "C" NOT NULL,
    since BIGINT NOT NULL,
    failed_at BIGINT,
    PRIMARY KEY (workspace_id, atom)
);

CREATE INDEX ix_standing_due ON crm_standing (workspace_id, due_at) WHERE due_at IS NOT NULL;

CREATE TABLE crm_segment_member (
    workspace_id BIGINT NOT NULL,
    segment_id BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    origin_id BIGINT NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, segment_id, origin_id)
);

CREATE INDEX ix_segment_member_customer_id_segment_id_origin_id_since ON crm_segment_member (workspace_id, customer_id, segment_id, origin_id, since);

CREATE TABLE crm_event_day (
    workspace_id BIGINT NOT NULL,
    day BIGINT NOT NULL,
    customer_id BIGINT NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    currency TEXT COLLATE "C" NOT NULL,
    count BIGINT NOT NULL,
    first_at BIGINT NOT NULL,
    last_at BIGINT NOT NULL,
    quantity BIGINT NOT NULL,
    amount BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, day, customer_id, name, currency)
);

INSERT INTO crm_event_day (workspace_id, customer_id, name, currency, day, count, first_at, last_at, quantity, amount)
SELECT workspace_id, customer_id, name, coalesce(currency, ''),
  CASE WHEN occurred_at < 0 THEN (occurred_at + 1) / 86400000000 - 1 ELSE occurred_at / 86400000000 END,
  count(*), min(occurred_at), max(occurred_at), sum(coalesce(quantity, 0)), sum(coalesce(amount, 0))
FROM crm_event GROUP BY 1, 2, 3, 4, 5;

DROP TABLE crm_event_stat;
