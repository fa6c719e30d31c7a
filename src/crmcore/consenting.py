"""The part of a CRM that asks for consents and has them confirmed: double opt-in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from crmcore.facet import Facet
from crmcore.model.statement import ANY_CHANNEL

if TYPE_CHECKING:
    from crmcore.flow.opting import Confirmation
    from crmcore.model.identity import Identity, Who
    from crmcore.model.purpose import Purpose


class Consenting(Facet):
    """Consents that are confirmed by whoever has the address."""

    def request_consent(
        self,
        who: Who,
        purpose: Purpose | str,
        *,
        channel: str = ANY_CHANNEL,
        address: Identity | Mapping[str, str] | None = None,
        text_version: str = "",
        proof: Mapping[str, Any] | None = None,
        expires: str = "7d",
    ) -> str:
        """Log that a consent was asked for, and return the token that confirms it, for a link in a message of yours.

        The token is signed, holds no address, and can be used until it expires. `proof` holds what shows the request (form,
        wording); `address` is the one the link is sent to. No consent is given by it: `confirm_consent` does that.
        """
        from crmcore.flow import opting
        from crmcore.model.opting import request

        now = self._opened.clock.now()
        made = request(
            now,
            who,
            purpose,
            channel=channel,
            address=address,
            text_version=text_version,
            proof=proof,
            expires=expires,
        )
        return self._opened.write(lambda scope: opting.request(scope, made))

    def confirm_consent(self, token: str, *, proof: Mapping[str, Any] | None = None) -> Confirmation:
        """Give the consent that a token confirms, with the proof of both steps and the basis `double_opt_in`.

        A second time it changes nothing, even where the consent was withdrawn meanwhile. Call it for a POST: programs that
        look at mail follow links too. Raise InvalidToken, with the reason, where the token is forged, has expired or
        belongs to another workspace.
        """
        from crmcore.flow import opting

        return self._opened.write(lambda scope: opting.confirm(scope, token, proof or {}))
