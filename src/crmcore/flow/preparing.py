"""From claimed to ready: messages composed, rendered, and judged by plugins' gates. One that cannot be made stops no other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby

import attrs
from sqlalchemy.exc import DBAPIError

from crmcore.errors import InvalidTemplate, RecommenderError, SettingsError, UnknownPlugin, UnknownTemplate
from crmcore.flow.compose import Composed, compose
from crmcore.flow.gating import judged
from crmcore.flow.plan import Plan
from crmcore.hooks.channel import Compiled, Rendered, Unrendered
from crmcore.hooks.gate import Gate, Verdict
from crmcore.store.claims import Claimed
from crmcore.store.scope import Scope

log = logging.getLogger("crmcore.dispatch")
Templates = Callable[[Scope, Plan, int], Compiled]


@attrs.frozen(kw_only=True)
class Made:
    """A composed delivery with its message."""

    composed: Composed
    message: Rendered


@attrs.frozen(kw_only=True)
class Ready:
    """Messages of one plan that may be handed over, those that could not be made, and what plugins object to."""

    plan: Plan
    run_id: int
    made: Sequence[Made]
    failures: Sequence[Unrendered] = ()
    objections: Mapping[int, Verdict] = attrs.field(factory=dict)

    @property
    def ids(self) -> list[int]:
        """The deliveries, made or not."""
        return [one.composed.claimed.id for one in self.made] + [one.delivery_id for one in self.failures]


def prepare(scope: Scope, plan: Plan, batch: Sequence[Claimed], templates: Templates, judges: Sequence[Gate]) -> Ready:
    """Return the messages of a batch, ready to be handed over; raise SettingsError where a setting keeps all from being made."""
    try:
        made, failures = _made(scope, plan, batch, templates)
    except (DBAPIError, SettingsError):
        raise
    except Exception:
        log.exception("a batch of campaign %s could not be made; its messages are made one by one", plan.campaign.name)
        made, failures = _one_by_one(scope, plan, batch, templates)
    objections = judged(plan, [one.composed for one in made], judges, scope.now)
    return Ready(plan=plan, run_id=batch[0].run_id, made=made, failures=failures, objections=objections)


def _made(
    scope: Scope, plan: Plan, batch: Sequence[Claimed], templates: Templates
) -> tuple[list[Made], list[Unrendered]]:
    made: list[Made] = []
    failures: list[Unrendered] = []
    for template_id, some in groupby(compose(scope, plan, batch), key=lambda one: one.claimed.template_id):
        composed = list(some)
        answers = plan.channel.render(templates(scope, plan, template_id), [one.draft for one in composed])
        for one, answer in zip(composed, answers, strict=True):
            if isinstance(answer, Rendered):
                made.append(Made(composed=one, message=answer))
            else:
                failures.append(answer)
    return made, failures


def _one_by_one(
    scope: Scope, plan: Plan, batch: Sequence[Claimed], templates: Templates
) -> tuple[list[Made], list[Unrendered]]:
    made: list[Made] = []
    failures: list[Unrendered] = []
    for one in batch:
        try:
            alone, refused = _made(scope, plan, [one], templates)
        except (DBAPIError, SettingsError):
            raise
        except Exception as error:
            log.exception("the message of delivery %s could not be made", one.id)
            alone, refused = [], [Unrendered(delivery_id=one.id, problem=_why(error))]
        made += alone
        failures += refused
    return made, failures


def _why(error: Exception) -> str:
    """Errors about templates and plugins hold nobody's address; of any other only the kind is kept in the ledger."""
    told = isinstance(error, InvalidTemplate | UnknownTemplate | UnknownPlugin | RecommenderError)
    return str(error) if told else type(error).__name__
