"""The errors of FCM's HTTP v1 API: `error.status`, and the details that say more than it does."""

from __future__ import annotations

from typing import Any

import attrs

from crmcore.hooks.provider import HttpResponse
from crmcore.testing.standins.exchange import said

FCM_ERROR = "type.googleapis.com/google.firebase.fcm.v1.FcmError"
BAD_REQUEST = "type.googleapis.com/google.rpc.BadRequest"

#: errorCode: HTTP status, error.status, words.
ERRORS: dict[str, tuple[int, str, str]] = {
    "INVALID_ARGUMENT": (400, "INVALID_ARGUMENT", "Request contains an invalid argument."),
    "THIRD_PARTY_AUTH_ERROR": (401, "UNAUTHENTICATED", "Request is missing required authentication credential."),
    "SENDER_ID_MISMATCH": (403, "PERMISSION_DENIED", "SenderId mismatch"),
    "UNREGISTERED": (404, "NOT_FOUND", "Requested entity was not found."),
    "QUOTA_EXCEEDED": (429, "RESOURCE_EXHAUSTED", "Quota exceeded for quota metric 'Messages sent' of the service."),
    "INTERNAL": (500, "INTERNAL", "Internal error encountered."),
    "UNAVAILABLE": (503, "UNAVAILABLE", "The service is currently unavailable."),
}
_UNAUTHENTICATED = "Request had invalid authentication credentials. Expected OAuth 2 access token."


@attrs.frozen
class Refused(Exception):
    """A message that FCM does not take; `field` and `words` are of the violation, `after` is in seconds."""

    code: str
    words: str = ""
    field: str = ""
    after: int = 0


def error_answer(refused: Refused) -> HttpResponse:
    """Return the answer to a request that is refused."""
    status, name, words = ERRORS.get(refused.code, (500, "UNKNOWN", "Unknown error."))
    details: list[dict[str, Any]] = [{"@type": FCM_ERROR, "errorCode": refused.code}]
    if refused.field:
        violation = {"field": refused.field, "description": refused.words}
        details.append({"@type": BAD_REQUEST, "fieldViolations": [violation]})
    error = {"code": status, "message": refused.words or words, "status": name, "details": details}
    return said(status, {"error": error}, **({"retry_after": str(refused.after)} if refused.after else {}))


def unauthenticated() -> HttpResponse:
    """Return the answer to a request without a token that holds."""
    return said(401, {"error": {"code": 401, "message": _UNAUTHENTICATED, "status": "UNAUTHENTICATED"}})
