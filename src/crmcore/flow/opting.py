"""Double opt-in: a request is logged and answered with a token; whoever brings the token back confirms the consent, once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmcore.errors import InvalidToken
from crmcore.flow import links
from crmcore.flow.links import Link
from crmcore.model.event import Event
from crmcore.model.identity import Identity
from crmcore.model.opting import CONFIRMED, REQUESTED, ConsentRequest, asked, confirmed
from crmcore.model.purpose import Purpose
from crmcore.model.time import iso
from crmcore.model.values import from_json, to_json, to_plain
from crmcore.store import consents, events
from crmcore.store.identities import Owner
from crmcore.store.resolving import Naming, resolve
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Confirmation:
    """What was confirmed; `is_new` is false where it had been before. `address` is the one that the request named."""

    customer_id: int
    purpose: Purpose
    channel: str
    address: Identity | None
    is_new: bool


def request(scope: Scope, made: ConsentRequest) -> str:
    """Log a request, and return the token that confirms it."""
    [owner] = resolve(scope, [Naming(names=made.consent.customer, at=made.consent.at)]).owners
    event_id = scope.new_id()
    said = to_json(made.properties, "request_consent.proof")
    logged = Event(name=REQUESTED, customer=(), at=made.consent.at, properties=said)
    events.append(scope, [logged], [event_id], [owner])
    return links.token(Link(kind="confirm", workspace_id=scope.workspace_id, row_id=event_id), scope.secret)


def confirm(scope: Scope, token: str, proof: Mapping[str, Any]) -> Confirmation:
    """Write the consent that a token confirms; again changes nothing. Raise InvalidToken."""
    to_plain(proof, "confirm_consent.proof")
    event_id = links.read(token, "confirm", scope.workspace_id, scope.secret).row_id
    made, owner = _found(scope, event_id)
    consents.touch(scope, [owner[0]])  # of two who confirm at once one waits for the other
    is_new = not events.exists(scope, owner[0], CONFIRMED, str(event_id))
    if is_new:
        _write(scope, made, event_id, owner, proof)
    return Confirmation(
        customer_id=owner[0],
        purpose=made.consent.purpose,
        channel=made.consent.channel,
        address=made.address,
        is_new=is_new,
    )


def _found(scope: Scope, event_id: int) -> tuple[ConsentRequest, Owner]:
    found = events.by_id(scope, event_id, REQUESTED)
    if found is None:
        raise InvalidToken(problem="its request is not known any more", place="token")
    owner, at, properties = found
    return asked(at, from_json(properties)), owner


def _write(scope: Scope, made: ConsentRequest, event_id: int, owner: Owner, proof: Mapping[str, Any]) -> None:
    if scope.now >= made.expires_at:
        problem = f"it could be used until {iso(made.expires_at)}; ask for the consent again"
        raise InvalidToken(problem=problem, place="token")
    consents.consent(scope, [confirmed(made, event_id, scope.now, proof)], [owner])
    said = to_json({"purpose": made.consent.purpose.value, "channel": made.consent.channel}, CONFIRMED)
    logged = Event(name=CONFIRMED, customer=(), at=scope.now, ref=str(event_id), properties=said)
    events.append(scope, [logged], scope.new_ids(1), [owner])
