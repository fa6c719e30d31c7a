"""What carriers answer, read without ever raising: JSON that may be none, and times that may be absurd."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any

from crmcore.hooks.provider import HttpResponse
from crmcore.model.time import SECOND, microseconds

WEEK = 7 * 24 * 3600.0
OK = range(200, 300)
#: An answer with another one says nothing (RFC 9110, 15).
STATUSES = range(100, 600)


def parsed(body: bytes) -> Mapping[str, Any]:
    """Return a JSON object; an empty one where there is none."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def table(value: Any) -> Mapping[str, Any]:
    """Return a value where it is an object; an empty one where it is not."""
    return value if isinstance(value, dict) else {}


def tables(value: Any) -> list[Mapping[str, Any]]:
    """Return the objects of a list; none where it is no list."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def word(value: Any) -> str:
    """Return text of at most 100 characters; empty where it is none."""
    return value[:100] if isinstance(value, str) else ""


def retry_after(response: HttpResponse, now: int) -> float:
    """Return the seconds that Retry-After asks for (RFC 9110, 10.2.3), a week at most; 0 where it says nothing."""
    said = response.headers.get("retry-after", "").strip()
    if said.isascii() and said.isdecimal():
        return min(float(said[:12]), WEEK)
    try:
        at = parsedate_to_datetime(said)
        until = microseconds(at if at.tzinfo else at.replace(tzinfo=UTC), "retry-after")
    except (ValueError, TypeError, OverflowError):
        return 0.0
    return min(max(0.0, (until - now) / SECOND), WEEK)


def time_left(ttl: int, deadline: int | None, now: int) -> int:
    """Return for how many seconds a message may be kept: `ttl`, and never beyond its deadline (microseconds UTC)."""
    return ttl if deadline is None else max(0, min(ttl, (deadline - now) // SECOND))
