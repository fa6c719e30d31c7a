"""Steps that plugins bring: each says by a word where a customer goes. Whatever is wrong with the answer, nobody is moved."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from crmcore.errors import InvalidCampaign
from crmcore.flow.journeys.walking import Onward, Stage
from crmcore.hooks.step import Due, Step, Transition
from crmcore.model import graph
from crmcore.model.steps import TICK, Call, on_tick
from crmcore.store import contexts
from crmcore.store.enrolments import Enrolment

#: No time is later: 64 bits, rounded up.
_LATEST = 2**63 - 1 - TICK


def call(stage: Stage, step: Call, arrived: Sequence[Enrolment]) -> list[Onward]:
    """Ask a plugin where each goes; raise InvalidCampaign where it fails, or says not of each, once, which of the ways it goes."""
    plugin = stage.registry.step(step.step)
    answers = _answers(stage, step, plugin, _due(stage, plugin, arrived))
    ways = graph.ways(step, stage.after)
    for answer in answers.values():
        if (wrong := _flaw(answer, ways)) is not None:
            raise _fault(stage, step, wrong)
    going = [answers[one.id] for one in arrived]
    return [stage.onward(step, one.to, _later(stage.scope.now, one.due_at)) for one in going]


def _due(stage: Stage, plugin: Step, arrived: Sequence[Enrolment]) -> list[Due]:
    """Return what the plugin is shown: of the customers no more than it has declared."""
    known = contexts.of_customers(stage.scope, sorted({one.customer_id for one in arrived})) if plugin.reads else {}
    return [
        Due(
            enrolment_id=one.id,
            customer_id=one.customer_id,
            entered_at=one.entered_at,
            attributes={name: value for name, value in known.get(one.customer_id, {}).items() if name in plugin.reads},
        )
        for one in arrived
    ]


def _answers(stage: Stage, step: Call, plugin: Step, due: Sequence[Due]) -> dict[int, Transition]:
    try:
        given = list(plugin.advance(due, step.settings, now=stage.scope.now))
        answers = {one.enrolment_id: one for one in given}
    except Exception as error:
        raise _fault(stage, step, f"failed: {type(error).__name__}: {error}") from error
    if len(given) != len(due) or answers.keys() != {one.enrolment_id for one in due}:
        raise _fault(stage, step, "has to answer with one Transition for each enrolment it is given")
    return answers


def _flaw(answer: Transition, ways: Mapping[str, str]) -> str | None:
    """Return what is wrong with an answer; None where nothing is."""
    if not isinstance(answer.to, str) or answer.to not in ways:
        words = ", ".join(repr(word) for word in sorted(ways) if word) or "none"
        return f"says {answer.to!r}, a word for which the campaign names no step; words it has: {words}"
    if answer.due_at is not None and (type(answer.due_at) is not int or answer.due_at > _LATEST):
        return f"says {answer.due_at!r} for a time, which is no microseconds UTC"
    return None


def _later(now: int, due_at: int | None) -> int | None:
    return None if due_at is None or due_at <= now else on_tick(due_at)


def _fault(stage: Stage, step: Call, wrong: str) -> InvalidCampaign:
    problem = f"the step {step.step!r} of a plugin, at {step.name!r}, {wrong}"
    return InvalidCampaign(name=stage.run.campaign.name, problem=problem)
