"""Steps at which ways part: by a condition, or by chance."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from crmcore.flow.journeys.judging import holding
from crmcore.flow.journeys.walking import Onward, Stage
from crmcore.model.campaign import Campaign
from crmcore.model.steps import Branch, Split
from crmcore.store.enrolments import Enrolment


def branch(stage: Stage, step: Branch, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Part customers by a condition, as it is now."""
    yes, no = stage.onward(step, "yes"), stage.onward(step, "no")
    fitting = holding(stage.scope, step.condition, {one.customer_id for one in arrived}, stage.entering.plugins)
    return [yes if one.customer_id in fitting else no for one in arrived]


def split(stage: Stage, step: Split, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Part customers by chance."""
    ways = {arm.name: stage.onward(step, arm.name) for arm in step.arms}
    return [ways[arm_of(stage.run.salt, step, one.seed)] for one in arrived]


def arm_of(salt: str, step: Split, seed: str) -> str:
    """Return the arm of a seed: by a salted hash, the same whenever it is asked."""
    drawn = hashlib.blake2b(f"{salt}:{step.name}:{seed}".encode(), digest_size=8, person=b"split").digest()
    left = int.from_bytes(drawn, "big") * sum(arm.weight for arm in step.arms) // 2**64
    for arm in step.arms:
        if left < arm.weight:
            return arm.name
        left -= arm.weight
    raise AssertionError(left)


def arms_passed(campaign: Campaign, path: str) -> str:
    """Return the arms on a way, as "subject=long,hour=late"; "" where it came by no split."""
    passed = [one.name for one in campaign.course if isinstance(one, Split)]
    if not passed:
        return ""
    been = dict(said.split(":", 1) for said in (one.partition("@")[0] for one in path.split()) if ":" in said)
    return ",".join(f"{name}={been[name]}" for name in passed if name in been)
