"""The provider `fcm`: Firebase Cloud Messaging, HTTP v1."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final
from urllib.parse import urlencode

import attrs

from crm_push.address import FCM, normal
from crm_push.notification import Notification, compact, fcm_message
from crm_push.replies import OK, STATUSES, parsed, retry_after, table, tables, time_left, word
from crm_push.settings import FcmSettings
from crmcore.errors import SettingsError
from crmcore.hooks.provider import (
    Accepted,
    Carriage,
    Gone,
    HttpRequest,
    HttpResponse,
    InDoubt,
    Outgoing,
    Permanent,
    Result,
    Retry,
)
from crmcore.model.time import SECOND
from crmcore.settings import secret

PLACE: Final = "[channels.push.fcm]"
SCOPE: Final = "https://www.googleapis.com/auth/firebase.messaging"
GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
HOUR: Final = 3600
#: A token is asked for anew so many seconds before it ends.
EARLY: Final = 300
#: Firebase asks for a pause of at least a minute where it names none.
BUSY: Final = 60.0
_UNAUTHORISED, _TOO_MANY, _UNAVAILABLE = 401, 429, 503
_FAILURES = range(500, 600)
_SENDER = frozenset({401, 403, 404})
_BEARER = re.compile(r"[A-Za-z0-9._~+/=-]+")
_TOKEN = "message.token"  # noqa: S105 - the name of a field


@attrs.frozen(kw_only=True)
class _Account:
    """A service account of Firebase; `signer` is google-auth's."""

    email: str
    project: str
    token_uri: str
    signer: Any = attrs.field(repr=False)


class Fcm:
    """Firebase Cloud Messaging, for Android. A message sent again has the same collapse key and tag."""

    name = "fcm"
    channel = "push"
    contract = 1
    carriage = Carriage(idempotency="collapse", batch=500, address_kinds=frozenset({FCM}))

    def __init__(self, settings: FcmSettings) -> None:
        self._settings = settings
        self._token = ""
        self._renewed_at = 0

    def token_request(self, now: int) -> HttpRequest | None:
        """Return the request for a token, a signed assertion; raise SettingsError where there is no service account."""
        if now < self._renewed_at:
            return None
        from google.auth import jwt

        account, at = self._account, now // SECOND
        claims = {"iss": account.email, "scope": SCOPE, "aud": account.token_uri, "iat": at, "exp": at + HOUR}
        assertion = jwt.encode(account.signer, claims).decode()  # type: ignore[no-untyped-call] # half of it is typed
        return HttpRequest(
            method="POST",
            url=account.token_uri,
            headers={"content-type": "application/x-www-form-urlencoded"},
            body=urlencode({"grant_type": GRANT, "assertion": assertion}).encode(),
        )

    def take_token(self, response: HttpResponse, now: int) -> str:
        """Keep the token; return why there is none: the answer itself is never shown."""
        said = parsed(response.body)
        token, lasts = said.get("access_token"), said.get("expires_in")
        if response.status in OK and isinstance(token, str) and _BEARER.fullmatch(token):
            seconds = lasts if type(lasts) is int and 0 < lasts <= HOUR else HOUR
            self._token, self._renewed_at = token, now + max(1, seconds - EARLY) * SECOND
            return ""
        return f"the token endpoint answered {response.status} {word(said.get('error'))}".strip()

    def build_request(self, batch: Sequence[Outgoing], now: int) -> HttpRequest:
        """Return the request that carries a message; raise InvalidIdentity, or SettingsError where there is no account.

        It is the same body each time, but that nothing is kept beyond its deadline: near to that the time to live shrinks.
        """
        [message] = batch
        said, to = Notification.from_bytes(message.body), normal(message.address)
        whole = {**fcm_message(said, time_left(said.ttl, message.deadline, now)), "token": to.value}
        dry = {"validate_only": True} if self._settings.dry_run else {}
        return HttpRequest(
            method="POST",
            url=self._url,
            headers={"content-type": "application/json", "authorization": f"Bearer {self._token}"},
            body=compact({"message": whole, **dry}),
        )

    def read_response(self, batch: Sequence[Outgoing], response: HttpResponse, now: int) -> Sequence[Result]:
        """Return what Firebase's answer means; a token that it refuses is used no more."""
        said = parsed(response.body)
        if response.status == _UNAUTHORISED and _code(said) != "THIRD_PARTY_AUTH_ERROR":
            self._renewed_at = 0
        return [_result(message.delivery_id, response, said, now) for message in batch]

    @property
    def _url(self) -> str:
        project = self._settings.project or self._account.project
        return f"{self._settings.url.rstrip('/')}/v1/projects/{project}/messages:send"

    @cached_property
    def _account(self) -> _Account:
        given = secret(self._settings.service_account, "channels.push.fcm.service_account").reveal()
        return _account(given)


def _account(given: str) -> _Account:
    from google.auth.crypt import RSASigner

    said = parsed(given.encode())
    try:
        signer = RSASigner.from_service_account_info(said)  # type: ignore[no-untyped-call] # half of it is typed
        email, project, uri = (str(said[name]) for name in ("client_email", "project_id", "token_uri"))
    except (KeyError, ValueError, TypeError):
        problem = "it is no service account of Firebase: JSON with client_email, project_id, token_uri, private_key"
        raise SettingsError(key="service_account", place=PLACE, problem=problem) from None
    return _Account(email=email, project=project, token_uri=uri, signer=signer)


def _result(delivery_id: int, response: HttpResponse, said: Mapping[str, Any], now: int) -> Result:
    name = said.get("name")
    if response.status in OK and isinstance(name, str):
        return Accepted(delivery_id=delivery_id, provider_id=name)
    if response.status in OK or response.status not in STATUSES:
        return InDoubt(delivery_id=delivery_id, evidence=f"an answer {response.status} that names no message")
    code = _code(said) or word(table(said.get("error")).get("status")) or str(response.status)
    if code == "UNREGISTERED":
        return Gone(delivery_id=delivery_id, event="app_uninstalled", code=code)
    if code == "INVALID_ARGUMENT" and _TOKEN in _fields(said):
        return Gone(delivery_id=delivery_id, event="address_removed", code=code)
    if response.status == _TOO_MANY or response.status in _FAILURES:
        return _later(delivery_id, response, said, code, now)
    fault: Any = "sender" if response.status in _SENDER else "content"
    return Permanent(delivery_id=delivery_id, fault=fault, code=code, text=", ".join(_fields(said)))


def _later(delivery_id: int, response: HttpResponse, said: Mapping[str, Any], code: str, now: int) -> Retry:
    """A quota is the project's or one device's; a failure inside says nothing of the next message."""
    after = retry_after(response, now)
    if response.status == _TOO_MANY:
        scope: Any = "recipient" if _is_of_a_device(said) else "sender"
        return Retry(delivery_id=delivery_id, after=after or BUSY, scope=scope, code=code)
    scope = "sender" if response.status == _UNAVAILABLE else "recipient"
    return Retry(delivery_id=delivery_id, after=after, scope=scope, code=code)


def _details(said: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return tables(table(said.get("error")).get("details"))


def _code(said: Mapping[str, Any]) -> str:
    """Return the errorCode of FcmError, which decides; empty where there is none."""
    return next((found for one in _details(said) if (found := word(one.get("errorCode")))), "")


def _fields(said: Mapping[str, Any]) -> list[str]:
    """Return the fields that are at fault."""
    return [word(one.get("field")) for detail in _details(said) for one in tables(detail.get("fieldViolations"))]


def _is_of_a_device(said: Mapping[str, Any]) -> bool:
    described = (word(one.get("description")) for detail in _details(said) for one in tables(detail.get("violations")))
    return any("device" in one.lower() for one in described)
