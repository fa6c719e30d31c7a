"""The customer falls into a share of all: the same one for the same salt, on both stores and in Python."""

from __future__ import annotations

import hashlib

from sqlalchemy import and_

from crmcore.hooks.rule import Touches
from crmcore.model.condition import BUCKETS, Bucket
from crmcore.model.history import History
from crmcore.rules.leaf import LeafRule, Truth, never
from crmcore.store import schema
from crmcore.store.scope import Scope

#: A prime: factors below it multiply to less than 2^62.
PRIME = 2147483647


def drawn(salt: str) -> tuple[int, int]:
    """Return the a (1 to PRIME - 1) and b (0 to PRIME - 1) of a salt: halves of its BLAKE2b of 16 bytes, big-endian."""
    digest = hashlib.blake2b(salt.encode(), digest_size=16, person=b"crm_bucket").digest()
    return 1 + int.from_bytes(digest[:8]) % (PRIME - 1), int.from_bytes(digest[8:]) % PRIME


def bucket_of(customer_id: int, salt: str) -> int:
    """Return the bucket of a customer, 0 to BUCKETS - 1."""
    a, b = drawn(salt)
    return (a * (customer_id % PRIME) + b) % PRIME % BUCKETS


def _sql(_scope: Scope, leaf: Bucket) -> Truth:
    a, b = drawn(leaf.salt)
    bucket = ((schema.customer.c.id % PRIME) * a + b) % PRIME % BUCKETS
    return and_(bucket >= leaf.since, bucket < leaf.until)


def _holds(history: History, leaf: Bucket, _now: int) -> bool:
    return leaf.since <= bucket_of(history.customer_id, leaf.salt) < leaf.until


BUCKET = LeafRule[Bucket](sql=_sql, holds=_holds, touches=lambda _: Touches(), next_change=never)
