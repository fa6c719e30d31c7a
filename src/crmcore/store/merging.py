"""Two customers become one: every row moves to the one that stays, and keeps the origin it came in under.

Values are settled by the time of their statement; of two consents the stricter holds, from the merge on.
"""

from __future__ import annotations

from crmcore.hooks.notices import CustomerMerge
from crmcore.store import bulk, notices, schema
from crmcore.store.consents import touch, whole_customer
from crmcore.store.scope import Scope

#: Rows that simply belong to the other customer now.
_MOVED = ("identity", "event", "attribute_log", "consent", "conversion", "impression")
#: Rows of which the one that stays may have an equal already; those stay behind. Each with the rest of its unique key.
_MOVED_UNLESS_THERE = {
    "member": ("account_id", "role", "since"),
    "enrolment": ("run_id", "key", "occurrence"),
    "delivery": ("run_id", "step", "channel", "address_id", "occurrence"),
}

_ATTRIBUTES = """INSERT INTO crm_attribute
(workspace_id, customer_id, name, kind, number, text, folded, at, source_id, import_id)
SELECT workspace_id, :into, name, kind, number, text, folded, at, source_id, import_id
FROM crm_attribute WHERE workspace_id = :workspace AND customer_id = :away
ON CONFLICT (workspace_id, customer_id, name) DO UPDATE SET kind = excluded.kind, number = excluded.number,
text = excluded.text, folded = excluded.folded, at = excluded.at, source_id = excluded.source_id,
import_id = excluded.import_id
WHERE excluded.at > crm_attribute.at"""

_TAGS = """INSERT INTO crm_tag (workspace_id, customer_id, name, at)
SELECT workspace_id, :into, name, at FROM crm_tag WHERE workspace_id = :workspace AND customer_id = :away
ON CONFLICT (workspace_id, customer_id, name) DO NOTHING"""

_CONSENTS = """INSERT INTO crm_consent_state (workspace_id, customer_id, purpose, channel, granted, at, consent_id)
SELECT workspace_id, :into, purpose, channel, granted, CASE WHEN granted THEN at ELSE :now END, consent_id
FROM crm_consent_state WHERE workspace_id = :workspace AND customer_id = :away
ON CONFLICT (workspace_id, customer_id, purpose, channel) DO UPDATE SET granted = excluded.granted, at = excluded.at,
consent_id = excluded.consent_id
WHERE crm_consent_state.granted AND (excluded.at > crm_consent_state.at OR NOT excluded.granted)"""

#: What the one that stays had withdrawn before outweighs what the other had granted later.
_WITHDRAWN = """UPDATE crm_consent_state SET at = :now
WHERE workspace_id = :workspace AND customer_id = :into AND NOT granted"""

_WISHES = """INSERT INTO crm_subscription (workspace_id, customer_id, topic_id, channel, wanted, at, source_id)
SELECT workspace_id, :into, topic_id, channel, wanted, CASE WHEN wanted THEN at ELSE :now END, source_id
FROM crm_subscription WHERE workspace_id = :workspace AND customer_id = :away
ON CONFLICT (workspace_id, customer_id, topic_id, channel) DO UPDATE SET wanted = excluded.wanted, at = excluded.at,
source_id = excluded.source_id
WHERE crm_subscription.wanted AND (excluded.at > crm_subscription.at OR NOT excluded.wanted)"""

_UNWANTED = """UPDATE crm_subscription SET at = :now
WHERE workspace_id = :workspace AND customer_id = :into AND NOT wanted"""

_SUPPRESSIONS = """INSERT INTO crm_suppression (id, workspace_id, channel, hash, reason, at, until, source_id)
SELECT :id, workspace_id, channel, :into_hash, reason, at, until, source_id
FROM crm_suppression WHERE workspace_id = :workspace AND hash = :away_hash AND channel = :channel
ON CONFLICT (workspace_id, hash, channel) DO UPDATE SET reason = excluded.reason, until = excluded.until
WHERE crm_suppression.until IS NOT NULL AND (excluded.until IS NULL OR excluded.until > crm_suppression.until)"""

_SUMS = """INSERT INTO crm_event_stat
(workspace_id, customer_id, name, currency, count, first_at, last_at, quantity, amount)
SELECT workspace_id, :into, name, currency, count, first_at, last_at, quantity, amount
FROM crm_event_stat WHERE workspace_id = :workspace AND customer_id = :away
ON CONFLICT (workspace_id, customer_id, name, currency) DO UPDATE SET
count = crm_event_stat.count + excluded.count,
first_at = CASE WHEN excluded.first_at < crm_event_stat.first_at THEN excluded.first_at ELSE crm_event_stat.first_at END,
last_at = CASE WHEN excluded.last_at > crm_event_stat.last_at THEN excluded.last_at ELSE crm_event_stat.last_at END,
quantity = crm_event_stat.quantity + excluded.quantity,
amount = crm_event_stat.amount + excluded.amount"""

_SETTLED = (_WITHDRAWN, _UNWANTED, _ATTRIBUTES, _TAGS, _CONSENTS, _WISHES, _SUMS)
_EMPTIED = ("attribute", "tag", "consent_state", "subscription", "event_stat")


def merge(scope: Scope, away: int, into: int, *, at: int, reason: str) -> None:
    """Move everything of `away` to `into` and log it; nothing happens where they are one already."""
    if away == into:
        return
    names = {"workspace": scope.workspace_id, "away": away, "into": into, "now": scope.now}
    for statement in _SETTLED:
        bulk.run(scope, statement, names)
    for table in _EMPTIED:
        bulk.run(scope, f"DELETE FROM crm_{table} WHERE workspace_id = :workspace AND customer_id = :away", names)
    for table in _MOVED:
        bulk.run(scope, f"UPDATE crm_{table} SET customer_id = :into WHERE {_OF_AWAY.format('')}", names)
    for table, key in _MOVED_UNLESS_THERE.items():
        bulk.run(scope, _move_unless_there(table, key), names)
    _suppressions(scope, away, into)
    _log(scope, away, into, at=at, reason=reason)
    touch(scope, (away, into))
    notices.post(scope, [CustomerMerge(from_id=away, into_id=into, at=at)])


_OF_AWAY = "{0}workspace_id = :workspace AND {0}customer_id = :away"


def _move_unless_there(table: str, key: tuple[str, ...]) -> str:
    same = " AND ".join(f"there.{column} = crm_{table}.{column}" for column in key)
    taken = f"SELECT 1 FROM crm_{table} AS there WHERE there.workspace_id = :workspace AND there.customer_id = :into AND {same}"
    return f"UPDATE crm_{table} SET customer_id = :into WHERE {_OF_AWAY.format('')} AND NOT EXISTS ({taken})"


def _suppressions(scope: Scope, away: int, into: int) -> None:
    hashes = {"away_hash": scope.hash(whole_customer(away)), "into_hash": scope.hash(whole_customer(into))}
    found = "SELECT channel FROM crm_suppression WHERE workspace_id = :workspace AND hash = :away_hash"
    here = {"workspace": scope.workspace_id, **hashes}
    channels = [row[0] for row in bulk.run(scope, found, here)]
    for channel, new_id in zip(channels, scope.new_ids(len(channels)), strict=True):
        bulk.run(scope, _SUPPRESSIONS, {**here, "id": new_id, "channel": channel})


def _log(scope: Scope, away: int, into: int, *, at: int, reason: str) -> None:
    columns = ("id", "from_id", "into_id", "at", "reason", "forced", "detail")
    bulk.insert(scope, schema.merge, columns, [(scope.new_id(), away, into, at, reason, False, "{}")])
    bulk.update(scope, schema.customer, ("merged_into",), ("id",), [(into, away)])
    key = "UPDATE crm_customer SET key = (SELECT away.key FROM crm_customer AS away WHERE away.workspace_id = :workspace AND away.id = :away) WHERE workspace_id = :workspace AND id = :into AND key IS NULL"
    bulk.run(scope, key, {"workspace": scope.workspace_id, "away": away, "into": into})
