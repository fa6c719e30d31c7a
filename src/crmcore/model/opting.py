"""Double opt-in: a consent is asked for, and counts once whoever has the address has confirmed it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmcore.errors import InvalidValue
from crmcore.model.identity import Identity, Who, identities
from crmcore.model.purpose import Purpose
from crmcore.model.statement import ANY_CHANNEL, Consent
from crmcore.model.time import duration
from crmcore.model.verbs import consent

#: The basis of a consent that was confirmed.
DOUBLE_OPT_IN = "double_opt_in"
#: The events of the two steps.
REQUESTED, CONFIRMED = "consent_requested", "consent_confirmed"


@attrs.frozen(kw_only=True)
class ConsentRequest:
    """A consent that waits for its confirmation until `expires_at` (microseconds UTC), and the address it is sent to."""

    consent: Consent
    address: Identity | None
    expires_at: int

    @property
    def properties(self) -> dict[str, Any]:
        """What is logged of it; `asked` gives it back."""
        return {
            "purpose": self.consent.purpose.value,
            "channel": self.consent.channel,
            "address": None if self.address is None else [self.address.kind, self.address.value],
            "text_version": self.consent.text_version,
            "proof": self.consent.proof,
            "expires_at": self.expires_at,
        }


def request(
    now: int,
    /,
    who: Who,
    purpose: Purpose | str,
    *,
    channel: str = ANY_CHANNEL,
    address: Identity | Mapping[str, str] | None = None,
    text_version: str = "",
    proof: Mapping[str, Any] | None = None,
    expires: str = "7d",
) -> ConsentRequest:
    """Return a checked request; raise the errors of `InputError`, naming the field."""
    named = () if address is None else identities(address, "request_consent.address")
    if len(named) > 1:
        problem = f"{len(named)} addresses are given, one is confirmed"
        raise InvalidValue(place="request_consent.address", problem=problem)
    lifetime = duration(expires, "request_consent.expires")
    if lifetime < 1:
        problem = f"what expires after {expires!r} cannot be confirmed"
        raise InvalidValue(place="request_consent.expires", problem=problem)
    asked_for = consent(now, who, purpose, channel=channel, basis=DOUBLE_OPT_IN, text_version=text_version, proof=proof)
    return ConsentRequest(consent=asked_for, address=next(iter(named), None), expires_at=now + lifetime)


def asked(at: int, properties: Mapping[str, Any]) -> ConsentRequest:
    """Return the request that was logged at a time with these properties."""
    address = properties["address"]
    return ConsentRequest(
        consent=Consent(
            customer=(),
            purpose=Purpose(properties["purpose"]),
            at=at,
            channel=properties["channel"],
            basis=DOUBLE_OPT_IN,
            text_version=properties["text_version"],
            proof=properties["proof"],
        ),
        address=None if address is None else Identity(*address),
        expires_at=properties["expires_at"],
    )


def confirmed(request: ConsentRequest, event_id: int, at: int, proof: Mapping[str, Any]) -> Consent:
    """Return the consent that a confirmation makes of a request, with the proof of both steps."""
    first = request.properties | {"event": str(event_id), "at": request.consent.at}
    del first["purpose"], first["channel"], first["text_version"], first["expires_at"]
    return attrs.evolve(request.consent, at=at, proof={"request": first, "confirmation": {"at": at, "proof": proof}})
