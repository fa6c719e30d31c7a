"""Firebase Cloud Messaging, HTTP v1: one message a request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any

import attrs

from crmcore.hooks.provider import HttpResponse
from crmcore.model.time import SECOND, Clock, SystemClock
from crmcore.testing.standins.buckets import Bucket
from crmcore.testing.standins.exchange import Refusal, Request, bearer, read_json, said
from crmcore.testing.standins.fcm_content import TARGETS, check_message, snake
from crmcore.testing.standins.fcm_errors import ERRORS, Refused, error_answer, unauthenticated
from crmcore.testing.standins.oauth import TokenEndpoint

_PATH = re.compile(r"/v1/projects/([^/]+)/messages:send")
_MAGIC = re.compile(r"error-([A-Z_]+)-.*")
QUOTA, MINUTE = 600_000, 60 * SECOND
_PATIENCE = 60


def by_token(token: str) -> str | None:
    """Return the errorCode that a magic token stands for: `error-UNAVAILABLE-1` and the like."""
    found = _MAGIC.fullmatch(token)
    return found[1] if found and found[1] in ERRORS else None


@attrs.frozen(kw_only=True)
class Message:
    """A message that was taken; `target` is its token, topic or condition."""

    name: str
    target: str
    value: Mapping[str, Any] = attrs.field(repr=False)
    wire: bytes = attrs.field(repr=False)
    at: int


@attrs.define(kw_only=True, eq=False)
class Fcm:
    """A project; `messages` are those taken, in order, `validated` counts those that were only to be validated.

    `unregistered` and `foreign` hold tokens of apps that are gone, or of another sender. `quota` is of a minute. With an
    `endpoint` its tokens are asked for, without one any bearer token does.
    """

    project: str = "shop"
    clock: Clock = attrs.field(factory=SystemClock)
    endpoint: TokenEndpoint | None = None
    quota: int = QUOTA
    script: Callable[[str], str | None] = by_token
    unregistered: set[str] = attrs.field(factory=set)
    foreign: set[str] = attrs.field(factory=set)
    messages: list[Message] = attrs.field(factory=list)
    validated: int = 0
    refusals: dict[str, int] = attrs.field(factory=dict)
    _numbers: Iterator[int] = attrs.field(factory=lambda: count(1))
    _bucket: Bucket = attrs.field(init=False)

    @_bucket.default
    def _full(self) -> Bucket:
        return Bucket(count=self.quota, per=MINUTE)

    def refusing(self) -> Mapping[Refusal, HttpResponse]:
        """Return how it refuses a message for now, and for ever."""
        return {
            "temporary": error_answer(scripted("UNAVAILABLE")),
            "permanent": error_answer(Refused("INVALID_ARGUMENT")),
        }

    def forget(self) -> None:
        """Forget what was taken."""
        self.messages.clear()

    def handles(self, path: str) -> bool:
        """Tell whether a path is one of FCM's."""
        return path.startswith("/v1/projects/")

    def address(self, request: Request) -> str:
        """Return whom a message is for."""
        message = read_json(request.body).get("message")
        return _target(message) if isinstance(message, dict) else ""

    def answer(self, request: Request) -> HttpResponse:
        """Take a message, or say what is wrong with it."""
        token = bearer(request)
        if not token or (self.endpoint is not None and not self.endpoint.holds(token)):
            return unauthenticated()
        path = _PATH.fullmatch(request.path)
        if path is None or request.method != "POST":
            return HttpResponse(status=404, headers={"content-type": "text/html"}, body=b"<!DOCTYPE html>")
        try:
            return self._answer(path[1], request.body)
        except Refused as refused:
            self.refusals[refused.code] = self.refusals.get(refused.code, 0) + 1
            return error_answer(refused)

    def _answer(self, project: str, body: bytes) -> HttpResponse:
        if project != self.project:
            raise Refused("SENDER_ID_MISMATCH", f"Permission denied on resource project {project}.")
        value = snake(read_json(body))
        message = value.get("message")
        if not isinstance(message, dict):
            raise Refused("INVALID_ARGUMENT", "Message is not set", "message")
        message = snake(message)
        check_message(message)
        target = _target(message)
        self._check(target)
        if value.get("validate_only"):
            self.validated += 1
            return said(200, {"name": f"projects/{project}/messages/fake_message_id"})
        name = f"projects/{project}/messages/0:{next(self._numbers):016d}%stand-in"
        self.messages.append(Message(name=name, target=target, value=message, wire=body, at=self.clock.now()))
        return said(200, {"name": name})

    def _check(self, target: str) -> None:
        now = self.clock.now()
        if not self._bucket.take(now):
            raise Refused("QUOTA_EXCEEDED", after=max(1, -(-self._bucket.wait(now) // SECOND)))
        code = self.script(target)
        if code is not None:
            raise scripted(code)
        if target in self.unregistered:
            raise Refused("UNREGISTERED")
        if target in self.foreign:
            raise Refused("SENDER_ID_MISMATCH")


def scripted(code: str) -> Refused:
    """Return the refusal of a code: with a Retry-After where FCM is documented to send one, or the violation."""
    if code == "INVALID_ARGUMENT":
        return Refused(code, "The registration token is not a valid FCM registration token", "message.token")
    return Refused(code, after=_PATIENCE if code in ("QUOTA_EXCEEDED", "UNAVAILABLE") else 0)


def _target(message: Mapping[str, Any]) -> str:
    return str(next((message[one] for one in TARGETS if message.get(one)), ""))
