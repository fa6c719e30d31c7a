"""The provider `cloud`: requests to Meta's Cloud API, and what is read from its answers; it does no I/O itself."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from crm_whatsapp import address, webhook
from crm_whatsapp.codes import ACTIONS, FAILING, Action, Again, Never, code_of, meaning
from crm_whatsapp.reading import word
from crm_whatsapp.settings import CloudSettings
from crmcore.errors import SettingsError
from crmcore.hooks.provider import (
    Accepted,
    Carriage,
    HttpRequest,
    HttpResponse,
    InDoubt,
    Ingested,
    LimitHint,
    Outgoing,
    Permanent,
    RawRequest,
    Result,
    Retry,
)

DAY: Final = 86_400.0
#: Seconds between two messages to one user.
PAIR: Final = 6.0
#: How long an answer may take, for the rate to be held (seconds).
LATENCY: Final = 0.25
#: Not taken, for now. Any other failure without a word of Meta's says nothing of whether it had taken the message.
_BUSY: Final = frozenset({429, 503})
_SUCCESS: Final = range(200, 300)
_FAILED: Final = 500
#: Refusals of a proxy, or of what stands at a wrong address, that are about this one message.
_ABOUT_CONTENT: Final = frozenset({400, 413, 422})
_SHOWN: Final = 300


class Cloud:
    """One phone number at Meta's Cloud API."""

    name = "cloud"
    channel = "whatsapp"
    contract = 1

    def __init__(self, settings: CloudSettings) -> None:
        self._settings = settings
        self._url = f"{settings.base_url}/{settings.version}/{settings.phone_number_id}/messages"
        self.carriage = carriage(settings)

    def token_request(self, now: int) -> None:  # noqa: ARG002 - a token of the settings has no hour
        """Ask for no token: the settings have one.

        Raise SettingsError where there is none, or no number: before a batch, so that its messages wait.
        """
        self._settings.secret("token")
        if not self._settings.phone_number_id:
            fix = "give the number's id at Meta, a row of digits that is not the number itself"
            raise SettingsError(key="phone_number_id", place="[channels.whatsapp.cloud]", problem=fix)

    def take_token(self, response: HttpResponse, now: int) -> str:  # noqa: ARG002 - none was asked for
        """Take none."""
        return ""

    def build_request(self, batch: Sequence[Outgoing], now: int) -> HttpRequest:  # noqa: ARG002 - the same at any time
        """Return the request; raise SettingsError without a token, InvalidIdentity for what is no address."""
        [message] = batch
        address.normal(message.address)
        headers = {
            "authorization": f"Bearer {self._settings.secret('token').reveal()}",
            "content-type": "application/json",
        }
        return HttpRequest(method="POST", url=self._url, headers=headers, body=message.body)

    def read_response(
        self,
        batch: Sequence[Outgoing],
        response: HttpResponse,
        now: int,  # noqa: ARG002 - no answer speaks of a time
    ) -> Sequence[Result]:
        """Return what became of the message: by Meta's error code where there is one, else by the status."""
        answer = _json(response.body)
        return [self._read(one.delivery_id, response, answer) for one in batch]

    def parse_webhook(self, request: RawRequest, now: int) -> Ingested:
        """Return what a webhook says; raise SettingsError without the app's secret."""
        return webhook.parse(self._settings, request, now)

    def _read(self, delivery_id: int, response: HttpResponse, answer: Mapping[str, Any]) -> Result:
        error = answer.get("error")
        code = code_of(error) if isinstance(error, Mapping) else None
        if isinstance(error, Mapping) and code is not None:
            return meaning(delivery_id, code, _action(code, error, response.status), self._said(error))
        if response.status not in _SUCCESS:
            return without_code(delivery_id, response)
        if wamid := _wamid(answer):
            return Accepted(delivery_id=delivery_id, provider_id=wamid)
        return InDoubt(delivery_id=delivery_id, evidence=f"{response.status} without the id of a message")

    def _said(self, error: Mapping[str, Any]) -> str:
        """Return Meta's words, unless they repeat the token, as they do where it is malformed."""
        details = error.get("error_data")
        words = [error.get("message"), details.get("details") if isinstance(details, Mapping) else None]
        text = ": ".join(one for one in words if isinstance(one, str) and one)
        try:
            token = self._settings.secret("token").reveal()
        except SettingsError:
            return ""
        return "" if token and token in text else text[:_SHOWN]


def carriage(settings: CloudSettings) -> Carriage:
    """Return what the number can carry.

    The rate stays a hundredth below Meta's, since requests arrive less evenly than they leave. A window of messages is
    sent at once and waits for its answers, so that a rate needs a burst: what goes within the time of an answer. In no
    moving six seconds or day does more go than Meta allows; in a moving second it does after a pause, by the burst, unless
    that is 1. No key makes Meta recognise a message that is sent again.
    """
    return Carriage(
        receipts=frozenset({"accepted", "delivered", "read", "failed", "unsubscribed"}),
        idempotency="none",
        limits=_limits(settings),
        in_flight=max(32, round(settings.throughput * LATENCY)),
    )


def _limits(settings: CloudSettings) -> tuple[LimitHint, ...]:
    rate = settings.throughput - max(1, settings.throughput // 100)
    burst = settings.burst or max(1, round(settings.throughput * LATENCY))
    second = LimitHint(scope="sender", count=rate, per=1.0, burst=min(burst, rate))
    pair = LimitHint(scope="recipient", count=1, per=PAIR, burst=1)
    if not settings.portfolio:
        return second, pair
    half = settings.portfolio // 2
    return second, pair, LimitHint(scope="channel", count=settings.portfolio - half, per=DAY, burst=half)


def without_code(delivery_id: int, response: HttpResponse) -> Result:
    """Return what an answer means that is not in Meta's form: a gateway's, a proxy's, or that of a wrong address."""
    status = response.status
    if status in _BUSY:
        return Retry(delivery_id=delivery_id, after=_retry_after(response), scope="sender", code=str(status))
    if status >= _FAILED or status < _SUCCESS.start:
        return InDoubt(delivery_id=delivery_id, evidence=f"the answer was {status}, and no word of Meta's")
    fault: Any = "content" if status in _ABOUT_CONTENT else "sender"
    return Permanent(delivery_id=delivery_id, fault=fault, code=str(status), text="the answer was not Meta's")


def _action(code: int, error: Mapping[str, Any], status: int) -> Action:
    """Return what follows from a code; one that nobody knows yet is temporary where Meta, or the status, says so."""
    if (known := ACTIONS.get(code)) is not None:
        return known
    is_temporary = error.get("is_transient") is True or status in _BUSY or status >= _FAILED
    return Again(FAILING, "recipient") if is_temporary else Never("content")


def _wamid(answer: Mapping[str, Any]) -> str:
    messages = answer.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    return word(first.get("id")) if isinstance(first, dict) else ""


def _retry_after(response: HttpResponse) -> float:
    said = response.headers.get("retry-after", "")
    return float(said) if said.isascii() and said.isdigit() and len(said) <= len("99999") else FAILING


def _json(body: bytes) -> Mapping[str, Any]:
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return answer if isinstance(answer, dict) else {}
