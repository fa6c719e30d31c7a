"""Google's token endpoint: a service account's signed assertion for a bearer token of one hour (RFC 7523)."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import parse_qs

import attrs

from crmcore.hooks.provider import HttpResponse
from crmcore.model.time import HOUR, SECOND, Clock, SystemClock
from crmcore.testing.standins.exchange import Refusal, Request, said
from crmcore.testing.standins.jws import PublicKey, read_token

PATH = "/token"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SCOPES = frozenset(
    {
        "https://www.googleapis.com/auth/cloud-platform",
        "https://www.googleapis.com/auth/firebase.messaging",
    }
)
AUDIENCE = "https://oauth2.googleapis.com/token"
LIFETIME, SKEW = HOUR, 5 * 60 * SECOND


@attrs.define(kw_only=True, eq=False)
class TokenEndpoint:
    """The endpoint; `accounts` are public keys by the account's address, `audiences` what an assertion may be meant for.

    `tokens` says until when (microseconds) each token that was given holds.
    """

    clock: Clock = attrs.field(factory=SystemClock)
    accounts: Mapping[str, PublicKey] = attrs.field(factory=dict)
    audiences: set[str] = attrs.field(factory=lambda: {AUDIENCE})
    tokens: dict[str, int] = attrs.field(factory=dict, repr=False)

    def refusing(self) -> Mapping[Refusal, HttpResponse]:
        """Return how it refuses a token for now, and for ever."""
        return {"temporary": said(503, {"error": "internal_failure"}), "permanent": _refused("account not found")}

    def forget(self) -> None:
        """Forget nothing: tokens that were given hold."""

    def handles(self, path: str) -> bool:
        """Tell whether a path is the endpoint's."""
        return path == PATH

    def address(self, request: Request) -> str:  # noqa: ARG002 - a token is for nobody
        """Return nobody."""
        return ""

    def answer(self, request: Request) -> HttpResponse:
        """Give a token, or say why not."""
        form = {name: values[0] for name, values in parse_qs(request.body.decode("latin-1")).items()}
        if request.method != "POST" or form.get("grant_type") != GRANT:
            return said(400, {"error": "unsupported_grant_type", "error_description": f"Invalid grant_type: {GRANT}"})
        wrong = self._wrong(form.get("assertion", ""))
        if wrong:
            return _refused(wrong)
        token = f"ya29.stand-in-{len(self.tokens):06d}"
        self.tokens[token] = self.clock.now() + LIFETIME
        return said(200, {"access_token": token, "expires_in": LIFETIME // SECOND, "token_type": "Bearer"})

    def holds(self, token: str) -> bool:
        """Tell whether a token was given, and still holds."""
        return self.tokens.get(token, 0) > self.clock.now()

    def revoke(self) -> None:
        """Let no token hold any more that was given by now."""
        self.tokens = dict.fromkeys(self.tokens, 0)

    def _wrong(self, assertion: str) -> str:
        token = read_token(assertion)
        key = self.accounts.get(str(token.claims.get("iss")))
        if key is None:
            return "Invalid grant: account not found"
        if not token.is_signed_by(key):
            return "Invalid JWT Signature."
        if token.claims.get("aud") not in self.audiences:
            return "Invalid JWT: Failed audience check."
        if not SCOPES & set(str(token.claims.get("scope", "")).split()):
            return "Invalid OAuth scope or ID token audience provided."
        return self._wrong_times(token.claims.get("iat"), token.claims.get("exp"))

    def _wrong_times(self, issued: object, expires: object) -> str:
        now = self.clock.now()
        words = "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe."
        if not (isinstance(issued, int) and isinstance(expires, int)):
            return words
        fits = issued * SECOND <= now + SKEW and now - SKEW < expires * SECOND <= now + LIFETIME + SKEW
        return "" if fits and (expires - issued) * SECOND <= LIFETIME else words


def _refused(words: str) -> HttpResponse:
    return said(400, {"error": "invalid_grant", "error_description": words})
