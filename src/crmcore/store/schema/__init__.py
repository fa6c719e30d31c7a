"""The tables, by noun. Their keys and meanings are final; later revisions add."""

from crmcore.store.schema.campaigns import (
    campaign,
    campaign_version,
    conversion,
    enrolment,
    membership,
    run,
    segment,
    template,
)
from crmcore.store.schema.columns import metadata
from crmcore.store.schema.contact import consent, consent_state, contact_state, subscription, suppression, topic
from crmcore.store.schema.events import (
    event,
    event_stat,
    fingerprint,
    import_run,
    message_id,
    pending,
    quarantine,
    source,
)
from crmcore.store.schema.ledger import delivery, impression, offer, receipt
from crmcore.store.schema.people import (
    account,
    account_attribute,
    account_attribute_log,
    attribute,
    attribute_log,
    customer,
    identity,
    member,
    merge,
    tag,
)
from crmcore.store.schema.workspaces import (
    agent,
    audit,
    audit_seal,
    limit,
    node,
    notice,
    notice_cursor,
    team,
    team_member,
    timer,
    workspace,
)

__all__ = sorted(name for name in dir() if not name.startswith("_") and hasattr(globals()[name], "columns")) + [
    "metadata"
]
