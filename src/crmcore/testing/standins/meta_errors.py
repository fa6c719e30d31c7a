"""The errors of the WhatsApp Cloud API: code, HTTP status, title, details, as its reference of error codes has them."""

from __future__ import annotations

import attrs

from crmcore.hooks.provider import HttpResponse
from crmcore.testing.standins.exchange import said

#: Codes that arrive in a webhook of status `failed` more often than in the answer (Meta does not say which do always).
USUALLY_LATER = frozenset({130472, 131026, 131047, 131049, 131050, 131053})
HREF = "https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes/"

_ERRORS: dict[int, tuple[int, str, str]] = {
    0: (401, "AuthException", "We were unable to authenticate the app user."),
    1: (400, "API Unknown", "Invalid request or possible server error."),
    2: (503, "API Service", "Temporary due to downtime or due to being overloaded."),
    4: (400, "Application request limit reached", "The app has reached its API call rate limit."),
    10: (403, "Application does not have permission for this action", "Permission is not granted or has been removed."),
    33: (400, "Parameter value is not valid", "The business phone number has been deleted."),
    100: (400, "Invalid parameter", "The request included one or more unsupported or misspelled parameters."),
    190: (401, "Error validating access token", "Your access token has expired."),
    200: (403, "API Permission", "Permission is not granted or has been removed."),
    368: (403, "Temporarily blocked for policies violations", "The account has been restricted or disabled."),
    80007: (400, "Rate limit issues", "The WhatsApp Business Account has reached its rate limit."),
    130429: (429, "Rate limit hit", "Cloud API message throughput has been reached."),
    130472: (400, "User's number is part of an experiment", "The user's phone number is part of an experiment."),
    130497: (403, "Business account is restricted from messaging users in this country", "Not allowed there."),
    131000: (500, "Something went wrong", "Message failed to send due to an unknown error."),
    131005: (403, "Access denied", "Permission is either not granted or has been removed."),
    131008: (400, "Required parameter is missing", "The request is missing a required parameter."),
    131009: (400, "Parameter value is not valid", "One or more parameter values are invalid."),
    131016: (500, "Service unavailable", "A service is temporarily unavailable."),
    131021: (400, "Recipient cannot be sender", "Sender and recipient phone number is the same."),
    131026: (400, "Message undeliverable", "Unable to deliver the message: the recipient may not be on WhatsApp."),
    131030: (400, "Recipient phone number not in allowed list", "Add the number to the list of recipients."),
    131031: (403, "Business Account locked", "The account was restricted or disabled for violating a policy."),
    131042: (400, "Business eligibility payment issue", "There was an error related to your payment method."),
    131045: (500, "Incorrect certificate", "Message failed to send due to a phone number registration error."),
    131047: (400, "Re-engagement message", "More than 24 hours have passed since the recipient last replied."),
    131048: (400, "Spam rate limit hit", "There are restrictions on how many messages this phone number can send."),
    131049: (400, "Meta chose not to deliver", "Not delivered to maintain healthy ecosystem engagement."),
    131050: (400, "User has stopped marketing messages", "The recipient chose to stop marketing messages."),
    131051: (400, "Unsupported message type", "Unsupported message type."),
    131053: (400, "Media upload error", "Unable to upload the media used in the message."),
    131056: (400, "(Business Account, Consumer Account) pair rate limit hit", "Too many messages to the same number."),
    131057: (500, "Account in maintenance mode", "A throughput upgrade may be under way."),
    131062: (400, "Business-scoped user ID not supported", "Messages of this type need a phone number."),
    131064: (400, "Messaging limit reached", "The account has reached its messaging limit."),
    132000: (400, "Number of parameters does not match the expected number of params", "See the template."),
    132001: (404, "Template name does not exist in the translation", "The template does not exist in that language."),
    132005: (400, "Translated text too long", "The translated text is too long."),
    132007: (400, "Template format character policy violated", "The content violates a policy."),
    132008: (400, "Parameter value is not valid", "A template parameter's value is not valid."),
    132012: (400, "Parameter format does not match format in the created template", "See the template."),
    132015: (400, "Template is paused", "The template is paused due to low quality."),
    132016: (400, "Template is disabled", "The template was paused too many times and is disabled for ever."),
    132068: (400, "Flow is in blocked state", "The flow is blocked."),
    132069: (400, "Flow is in throttled state", "The flow has sent 10 messages within the last hour."),
    133016: (400, "Account register deregister rate limit exceeded", "Too many attempts."),
}
_OTHER = (400, "Something else went wrong", "An error that the stand-in has no words for.")
_TRANSIENT = frozenset({1, 2, 4, 80007, 130429, 131000, 131016, 131057})


@attrs.frozen
class Refused(Exception):
    """A message that Meta does not take; `details` empty: those of the code."""

    code: int
    details: str = ""


def title(code: int) -> str:
    """Return what Meta calls an error."""
    return _ERRORS.get(code, _OTHER)[1]


def error_answer(refused: Refused, trace: str) -> HttpResponse:
    """Return the answer to a request that is refused."""
    status, words, details = _ERRORS.get(refused.code, _OTHER)
    error = {
        "message": f"(#{refused.code}) {words}",
        "type": "OAuthException",
        "code": refused.code,
        "is_transient": refused.code in _TRANSIENT,
        "error_data": {"messaging_product": "whatsapp", "details": refused.details or details},
        "fbtrace_id": trace,
    }
    return said(status, {"error": error}, www_authenticate='OAuth "Facebook Platform"')


def status_error(code: int) -> dict[str, object]:
    """Return an error as a webhook of status `failed` holds it."""
    _, words, details = _ERRORS.get(code, _OTHER)
    return {"code": code, "title": words, "message": words, "error_data": {"details": details}, "href": HREF}
