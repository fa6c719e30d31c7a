"""Who gets nothing, so that there is somebody to compare with: a share of a campaign, and one of all marketing."""

from __future__ import annotations

import hashlib

from crmcore.model.campaign import Campaign
from crmcore.model.purpose import MessageClass, message_class
from crmcore.store.runs import Run
from crmcore.store.scope import Scope


def is_held_out(scope: Scope, share: float, run: Run, customer_id: int) -> bool:
    """Tell whether a customer gets no message of a run, or of any (in the global share); transactional ones are for all."""
    if _is_for_all(run.campaign):
        return False
    return is_in_share(run, customer_id) or is_globally_held_out(scope, share, customer_id)


def is_in_share(run: Run, customer_id: int) -> bool:
    """Tell whether a customer is in the share a run leaves out: by a salted hash, the same whenever it is asked."""
    digest = hashlib.blake2b(f"{run.salt}:{customer_id}".encode(), digest_size=8).digest()
    return _is_below(digest, run.campaign.holdout)


def is_in_step_share(salt: str, step: str, share: float, seed: str) -> bool:
    """Tell whether whoever has a seed is in the share that a step leaves out."""
    digest = hashlib.blake2b(f"{salt}:{step}:{seed}".encode(), digest_size=8, person=b"step").digest()
    return _is_below(digest, share)


def is_globally_held_out(scope: Scope, share: float, customer_id: int) -> bool:
    """Tell whether a customer is in the share that no marketing is sent to, which is the same for every campaign."""
    if not share:
        return False
    digest = hashlib.blake2b(str(customer_id).encode(), digest_size=8, key=scope.secret, person=b"holdout").digest()
    return _is_below(digest, share)


def planned_share(campaign: Campaign) -> float:
    """Return the share of those who pass the gates that a campaign leaves out."""
    return 0.0 if _is_for_all(campaign) else campaign.holdout


def _is_for_all(campaign: Campaign) -> bool:
    return message_class(campaign.purpose) is MessageClass.TRANSACTIONAL


def _is_below(digest: bytes, share: float) -> bool:
    return int.from_bytes(digest, "big") < share * 2**64
