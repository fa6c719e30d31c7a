"""A campaign in words: what lets customers in, what each step does, where it leads, and how many stand there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from crmcore.model import graph
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.condition import Count, Occurrences, Op
from crmcore.model.happens import Happens
from crmcore.model.steps import (
    END,
    KIND_OF,
    AddToSegment,
    Branch,
    Call,
    Emit,
    Enter,
    Exit,
    Send,
    Split,
    Step,
    Update,
    Wait,
    WaitDate,
    WaitFor,
    WaitUntil,
    Webhook,
)
from crmcore.model.triggers import OnCall, OnDate, OnSchedule, Trigger
from crmcore.model.wording import to_text


@attrs.frozen(kw_only=True)
class Lead:
    """Where a step leads: to which step (`end` for none), by which way ("" where there is but one), and that in words."""

    to: str
    way: str = ""
    says: str = ""


@attrs.frozen(kw_only=True)
class OutlinedStep:
    """A step: what `kind` it is, what it does in words, where it leads, and how many stand at it (None where none is counted)."""

    name: str
    kind: str
    says: str
    leads: tuple[Lead, ...]
    standing: int | None = None


@attrs.frozen(kw_only=True)
class Outline:
    """A campaign, and how many stand where in its latest run.

    Attributes: `trigger`, `audience`, `exits` and `goals` in words; `state`, `version` and `run_id` of the run (None for a
    campaign that is in a file); `setting_out` (who has entered, and is at no step yet), `elsewhere` (how many stand at
    steps that only earlier versions have).
    """

    campaign: str
    purpose: str
    trigger: str
    audience: str
    exits: tuple[str, ...]
    goals: tuple[str, ...]
    steps: tuple[OutlinedStep, ...]
    run_id: int | None = None
    version: int | None = None
    state: str | None = None
    setting_out: int | None = None
    elsewhere: Mapping[str, int] = attrs.field(factory=dict)


def outline(campaign: Campaign, standing: Mapping[str, int] | None = None) -> Outline:
    """Return a campaign in words; `standing` says how many stand at each step, and under "" who is setting out."""
    course = campaign.course
    names = {one.name for one in course}
    counted = standing or {}
    return Outline(
        campaign=campaign.name,
        purpose=campaign.purpose.value,
        trigger=trigger_says(campaign.trigger),
        audience=campaign.audience if isinstance(campaign.audience, str) else to_text(campaign.audience),
        exits=tuple(map(event_says, campaign.exits)),
        goals=tuple(map(_goal, campaign.all_goals)),
        steps=tuple(_outlined(one, graph.following(course), standing) for one in course),
        setting_out=None if standing is None else counted.get("", 0),
        elsewhere={name: count for name, count in sorted(counted.items()) if name and name not in names},
    )


def _outlined(step: Step, after: Mapping[str, str], standing: Mapping[str, int] | None) -> OutlinedStep:
    return OutlinedStep(
        name=step.name,
        kind=KIND_OF[type(step)],
        says=says(step),
        leads=tuple(Lead(to=to, way=way, says=_way(step, way)) for way, to in graph.ways(step, after).items()),
        standing=None if standing is None else standing.get(step.name, 0),
    )


def says(step: Step) -> str:
    """Return what a step does, in words."""
    return _SAYS[type(step)](step)


def _send(step: Send) -> str:
    held = f", {_percent(step.holdout)} held out" if step.holdout else ""
    coupon = f", with a coupon of {step.coupon}" if step.coupon else ""
    return (
        f"send {step.template} by {_ORDERED[step.order]}{' or '.join(step.channels)}{_falls_back(step)}{coupon}{held}"
    )


_ORDERED = {"given": "", "price": "the cheapest of ", "preference": "what the customer prefers of "}


def _falls_back(step: Send) -> str:
    if step.fallback is None:
        return ""
    given = step.fallback
    late = f", or {given.after} after the last was not {given.unless}" if given.after else ""
    return f", the next one after a failure{late}"


def _percent(share: float) -> str:
    return f"{share:.1%}".replace(".0%", "%")


def _wait_until(step: WaitUntil) -> str:
    days = f" on {', '.join(step.weekdays)}" if step.weekdays else ""
    return f"wait until {step.at}{days}"


def _update(step: Update) -> str:
    return f"note {', '.join(_noted(step)) or 'nothing'}"


def _emit(step: Emit) -> str:
    return f"emit {step.event}{f' of {step.person}' if step.person else ''}"


def _noted(step: Update) -> list[str]:
    values = [f"no {name}" if value is None else f"{name} = {value}" for name, value in step.attributes.items()]
    return [*values, *(f"tag {one}" for one in step.tags), *(f"no tag {one}" for one in step.untags)]


def _way(step: Step, way: str) -> str:
    match step:
        case WaitFor():
            return {"happened": "once it happens", "timeout": f"after {step.timeout}"}[way]
        case Split():
            arm = next(one for one in step.arms if one.name == way)
            share = arm.weight / sum(one.weight for one in step.arms)
            return f"{way}, {_percent(share)}{f', {arm.lever}' if arm.lever else ''}"
        case _:
            return way


def event_says(event: Happens) -> str:
    """Return which events are meant, in words."""
    condition = Count(events=Occurrences(name=event.event, where=event.where), op=Op.GE, value=1)
    keyed = f", of the same {event.key}" if event.key else ""
    return to_text(condition).removeprefix("did ") + keyed


def trigger_says(trigger: Trigger | None) -> str:
    """Return what lets customers in, in words."""
    match trigger:
        case Happens():
            keyed = f", a way of its own for each {trigger.key}" if trigger.key else ""
            return event_says(attrs.evolve(trigger, key="")) + keyed
        case OnDate():
            often = "every year" if trigger.yearly else "once"
            return f"{_dated(trigger.attribute, trigger.offset, trigger.at)}, {often}"
        case OnSchedule():
            return f"at the times of {trigger.cron!r} ({trigger.zone})"
        case OnCall():
            return "whoever crm.enter names"
        case None:
            return "the launch, for the whole audience"


def _dated(attribute: str, offset: str, at: str) -> str:
    bare = offset.removeprefix("-").removeprefix("+")
    days = f"{bare} {'before' if offset.startswith('-') else 'after'} " if bare.strip("0smhdw") else ""
    return f"{days}{attribute}, at {at}"


def _goal(goal: Goal) -> str:
    return f"{goal.event} within {goal.within}, revenue of {goal.revenue}, due to {_DUE[goal.attribution]}"


_DUE = {"first": "the first message", "last": "the last message", "linear": "all messages alike"}


#: What each kind of step does, in words.
_SAYS: Mapping[type[Any], Callable[[Any], str]] = {
    Send: _send,
    Wait: lambda step: f"wait {step.lasting}",
    WaitUntil: _wait_until,
    WaitDate: lambda step: f"wait until {_dated(step.attribute, step.offset, step.at)}",
    WaitFor: lambda step: f"wait for {event_says(step.event)}, {step.timeout} at most",
    Branch: lambda step: f"if {to_text(step.condition)}",
    Split: lambda _: "part by chance",
    Update: _update,
    AddToSegment: lambda step: f"add to segment {step.segment}",
    Emit: _emit,
    Webhook: lambda step: f"post to {step.url}",
    Call: lambda step: f"call {step.step}",
    Enter: lambda step: f"let enter {step.campaign}",
    Exit: lambda _: "end here",
}


@attrs.frozen(kw_only=True)
class Stop:
    """A step as one comes to it when steps are told one after another.

    `again` is "back" for one that lies on the way already, "told" for one that another way has come to; `parts` are the
    ways that part there, each with what lies on it.
    """

    step: str
    again: str = ""
    parts: tuple[tuple[Lead, tuple[Stop, ...]], ...] = ()


def told(steps: Sequence[OutlinedStep]) -> tuple[Stop, ...]:
    """Return the steps in the order in which one comes to them, each once; where ways part, one way after the other."""
    return _trunk(steps[0].name, {one.name: one for one in steps}, set(), ())


def _trunk(name: str, steps: Mapping[str, OutlinedStep], seen: set[str], before: tuple[str, ...]) -> tuple[Stop, ...]:
    stops: list[Stop] = []
    while name in steps and name not in seen:
        seen.add(name)
        before = (*before, name)
        leads = steps[name].leads
        if len({one.to for one in leads}) > 1:
            parts = tuple((one, _trunk(one.to, steps, seen, before)) for one in leads)
            return (*stops, Stop(step=name, parts=parts))
        stops.append(Stop(step=name))
        name = leads[0].to
    again = "" if name == END else "back" if name in before else "told"
    return (*stops, Stop(step=name, again=again))
