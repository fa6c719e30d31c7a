"""A campaign is changed while customers are on their way: they stay on their version, or go over to the new one by a map."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import attrs

from crmcore.errors import InvalidCampaign, RunState
from crmcore.flow.journeys import lookout
from crmcore.flow.journeys.entering import OPEN
from crmcore.model import graph
from crmcore.model.campaign import Campaign
from crmcore.model.steps import END, WAITS, Step
from crmcore.store import enrolments, runs
from crmcore.store.enrolments import Place, Shift
from crmcore.store.runs import Run
from crmcore.store.scope import Scope


@attrs.frozen(kw_only=True)
class Revised:
    """A run on a new version of its campaign: how many went over to it, and how many stay on an earlier one."""

    run_id: int
    campaign: str
    version: int
    moved: int
    staying: int


def revise(scope: Scope, campaign: Campaign, moves: Mapping[str, str] | None) -> Revised:
    """Let the latest run of a campaign be of another version from now on. Raise UnknownCampaign, RunState, InvalidCampaign."""
    run = runs.latest(scope, campaign.name)
    state = runs.hold(scope, run.id)
    if state not in OPEN or run.campaign.is_broadcast:
        what = "revised; a broadcast has planned all its messages" if run.campaign.is_broadcast else "revised"
        raise RunState(campaign=campaign.name, state=state, what=what)
    version = runs.revise(scope, run, campaign)
    standing = enrolments.places(scope, run.id)
    if moves is not None:
        _check(campaign, moves, _known(scope, run, standing))
    shifts = [] if moves is None else list(_shifts(campaign, version, standing, moves))
    moved = sum(enrolments.shift(scope, run.id, one) for one in shifts)
    left = enrolments.versions(scope, run.id) - {version}
    staying = [runs.of_version(scope, run, one).campaign for one in left]
    lookout.change(scope, attrs.evolve(run, campaign=campaign, version=version), run.campaign, staying)
    return Revised(
        run_id=run.id,
        campaign=campaign.name,
        version=version,
        moved=moved,
        staying=sum(count for place, count in standing.items() if place.version != version) - moved,
    )


def _known(scope: Scope, run: Run, standing: Mapping[Place, int]) -> set[str]:
    """Return the steps of the version that was the latest, and of those that somebody is on."""
    versions = {run.version, *(place.version for place in standing)}
    return {step.name for one in versions for step in runs.of_version(scope, run, one).campaign.course}


def _check(campaign: Campaign, moves: Mapping[str, str], known: Collection[str]) -> None:
    new = {one.name for one in campaign.course}
    for unknown in sorted(set(moves) - set(known)):
        problem = f"moves lead away from {unknown!r}, which is no step of a version that somebody is on"
        raise InvalidCampaign(name=campaign.name, problem=problem)
    for unknown in sorted(set(moves.values()) - new - {END}):
        problem = f"moves lead to {unknown!r}, which is no step of the new version"
        raise InvalidCampaign(name=campaign.name, problem=problem)


def _shifts(
    campaign: Campaign, version: int, standing: Mapping[Place, int], moves: Mapping[str, str]
) -> Iterator[Shift]:
    steps = {one.name: one for one in campaign.course}
    after = graph.following(campaign.course)
    for place, count in standing.items():
        if place.version == version:
            continue
        step = moves.get(place.step, place.step) if place.step else campaign.course[0].name
        if step not in steps and step != END:
            problem = (
                f"{count} customers stand at {place.step!r}, which is no step any more; say in moves where they go"
            )
            raise InvalidCampaign(name=campaign.name, problem=problem)
        yield _shift(place, version, steps.get(step), after)


def _shift(place: Place, version: int, step: Step | None, after: Mapping[str, str]) -> Shift:
    if step is None:
        return Shift(place=place, version=version, step=place.step, next=END, is_at_once=True)
    if place.step and isinstance(step, WAITS):
        onward = graph.ways(step, after)
        return Shift(place=place, version=version, step=step.name, next=onward.get("timeout", onward.get("", END)))
    return Shift(place=place, version=version, step=place.step, next=step.name, is_at_once=True)
