"""Webhooks on their way: taken by lease, posted outside any transaction, tried again for a while. At least once.

Whoever takes one knows it again by its id, in the body and as the header Idempotency-Key.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.client import HTTPException

from crmcore.errors import SettingsError
from crmcore.flow import calling, retrying
from crmcore.flow.calling import Answer
from crmcore.flow.outbox import Outbox, outbox
from crmcore.http.addresses import Refused, is_anywhere, is_public
from crmcore.model.time import SECOND
from crmcore.settings import Settings
from crmcore.store import webhooks
from crmcore.store.scope import Read, Scope, Write
from crmcore.store.webhooks import DONE, FAILED, PLANNED, Settled, Webhook

#: How many are taken at once, and how many are under way at the same time: work that is asked to stop ends in time.
BATCH, AT_ONCE = 16, 8
#: Seconds that one call may take, all in all.
SECONDS = 10.0
LEASE = 60 * SECOND
#: How often one is tried: for most of a day.
MOST = 16
_AGAIN = frozenset({408, 429})
_OK, _REDIRECTED, _BROKEN = 200, 300, 500
log = logging.getLogger("crmcore.webhooks")

#: What came of a call: an answer, or why there is none.
Came = Answer | Exception


def post_due(write: Write, reading: Read, settings: Settings, owner: str, stop: Callable[[], bool]) -> int:
    """Post what is due, until `stop` says so or a whole batch gets no answer; return how many calls were made."""
    known = outbox(settings)
    if known.hold or not _something_waits(reading):
        return 0
    write(webhooks.cancel)
    count = 0
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="crmcore-webhook") as pool:
        while not stop() and (taken := write(partial(_taken, owner=owner))):
            came = list(pool.map(partial(_posted, known), taken))
            write(partial(_settle, owner=owner, taken=taken, came=came))
            count += len(taken)
            if not any(isinstance(one, Answer) for one in came):
                # Nobody answers: the rest waits for the next time, and messages do not wait for it.
                break
    return count


def _something_waits(reading: Read) -> bool:
    with reading() as scope:
        return webhooks.any_due(scope)


def _taken(scope: Scope, owner: str) -> list[Webhook]:
    return webhooks.claim(scope, owner, BATCH, scope.now + LEASE)


def _settle(scope: Scope, owner: str, taken: Sequence[Webhook], came: Sequence[Came]) -> None:
    settled = [_settled(one, what, scope.now) for one, what in zip(taken, came, strict=True)]
    webhooks.settle(scope, owner, settled)
    for one in settled:
        if one.state == FAILED:
            log.warning("webhook %s has failed: %s", one.id, one.reason)


def _posted(known: Outbox, one: Webhook) -> Came:
    headers = {"Content-Type": "application/json", "Idempotency-Key": str(one.id), "User-Agent": "crmcore"}
    allowed = is_anywhere if known.allow_private else is_public
    try:
        return calling.post(known.address(one.url), one.body.encode(), headers, allowed, SECONDS)
    except (Refused, SettingsError, OSError, HTTPException, ValueError) as error:
        return error


def _settled(one: Webhook, came: Came, now: int) -> Settled:  # noqa: PLR0911 - one line an outcome
    """What an exception says may tell where the call went: of most only the kind is kept."""
    match came:
        case Answer(status=status) if _OK <= status < _REDIRECTED:
            return Settled(id=one.id, state=DONE)
        case Answer(status=status, after=after) if status in _AGAIN or status >= _BROKEN:
            return _again(one, f"HTTP {status}", now, after)
        case Answer(status=status):
            return Settled(id=one.id, state=FAILED, reason=f"HTTP {status}")
        case Refused():
            return Settled(id=one.id, state=FAILED, reason=str(came))
        case SettingsError():
            return _again(one, str(came), now)
        case TimeoutError():
            return _again(one, "no answer in time", now)
        case _:
            return _again(one, f"no answer: {type(came).__name__}", now)


def _again(one: Webhook, reason: str, now: int, after: float = 0) -> Settled:
    if one.attempt >= MOST:
        return Settled(id=one.id, state=FAILED, reason=reason)
    wait = retrying.asked(after) or retrying.backoff(one.id, one.attempt)
    return Settled(id=one.id, state=PLANNED, reason=reason, due_at=now + wait)
