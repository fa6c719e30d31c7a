"""What runs of a campaign did themselves: played again it does it again, so it is no part of what comes in."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from sqlalchemy import Select, select

from crmcore.model.campaign import Campaign
from crmcore.model.steps import AddToSegment, Emit, Update
from crmcore.store import flags, schema
from crmcore.store.logs import Item
from crmcore.store.scope import Scope

#: What was done, when, to which origin.
Deed = tuple[str, int, int]


def told_apart(scope: Scope, campaign: Campaign) -> Callable[[Item], bool]:
    """Return what tells whether a run of the campaign, by its name, sent, emitted or wrote something itself."""
    runs = set(scope.connection.execute(runs_of(scope.workspace_id, campaign.name)).scalars())
    refs = {str(run_id) for run_id in runs}
    emitted = {one.event for one in campaign.steps if isinstance(one, Emit)}
    deeds = set(_deeds(scope, campaign, runs)) if _written(campaign) else set()

    def is_own(item: Item) -> bool:
        row = item.row
        match item.kind:
            case "delivery":
                return row.run_id in runs
            case "event":
                return row.name in emitted and row.ref in refs
            case "attribute_log":
                return (row.name, row.received_at, row.origin_id) in deeds
            case "segment_member":
                return ("", row.since, row.origin_id) in deeds
        return False

    return is_own


def _written(campaign: Campaign) -> dict[str, list[str]]:
    """Return what steps write, as the logs call it: attributes and tags by name, "" for a list."""
    names: dict[str, list[str]] = {}
    for one in campaign.steps:
        if isinstance(one, Update):
            names[one.name] = [*one.attributes, *(flags.named(flags.TAG, name) for name in (*one.tags, *one.untags))]
        if isinstance(one, AddToSegment):
            names[one.name] = [""]
    return names


def _deeds(scope: Scope, campaign: Campaign, runs: set[int]) -> Iterator[Deed]:
    row, written = schema.enrolment.c, _written(campaign)
    query = select(row.origin_id, row.path).where(row.workspace_id == scope.workspace_id, row.run_id.in_(sorted(runs)))
    for origin, path in scope.connection.execute(query):
        for place in (path or "").split():
            step, _, at = place.rpartition("@")
            for name in written.get(step, ()):
                yield name, int(at), origin


def runs_of(workspace_id: int, campaign: str) -> Select[int]:
    """Return the select of the runs of a campaign."""
    run, row = schema.run.c, schema.campaign.c
    return (
        select(run.id)
        .join_from(schema.run, schema.campaign, row.id == run.campaign_id)
        .where(run.workspace_id == workspace_id, row.workspace_id == workspace_id, row.name == campaign)
    )
