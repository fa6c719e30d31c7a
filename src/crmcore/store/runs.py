"""Campaigns, their versions and runs, and who takes part."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from functools import cache, lru_cache
from typing import Any

import attrs
from sqlalchemy import BigInteger, ColumnElement, Select, bindparam, exists, func, select

from crmcore.errors import UnknownCampaign
from crmcore.hooks.notices import CampaignChange
from crmcore.model.campaign import Campaign
from crmcore.store import bulk, deliveries, enrolments, listeners, notices, schema, timers
from crmcore.store.plans import campaign_of, data_of
from crmcore.store.scope import Scope

RUNNING, PAUSED, CANCELLED, FINISHED = "running", "paused", "cancelled", "finished"
#: The one run of all single messages of a template: it never ends.
STANDING = "standing"
#: Whose deliveries go out; those that single customers wait for come first.
GOING = (STANDING, RUNNING)


@attrs.frozen(kw_only=True)
class Run:
    """One launch of one version of a campaign; `salt` fixes who is held out."""

    id: int
    campaign: Campaign
    version: int
    state: str
    salt: str
    started_at: int


def begin(scope: Scope, campaign: Campaign, salt: str) -> Run:
    """Store a campaign (a new version where it differs from its last) and a run of it."""
    campaign_id, version = _version(scope, campaign)
    run_id = _begin(scope, campaign, campaign_id, version, RUNNING, salt)
    return Run(id=run_id, campaign=campaign, version=version, state=RUNNING, salt=salt, started_at=scope.now)


def revise(scope: Scope, run: Run, campaign: Campaign) -> int:
    """Let a run be of another version of its campaign from now on; return which."""
    _, version = _version(scope, campaign)
    bulk.update(scope, schema.run, ("version",), ("id",), [(version, run.id)])
    return version


def standing(scope: Scope, campaign: Campaign) -> int:
    """Return the run that stands for single messages, made where there is none.

    The campaign's row is locked before that, and its name is unique: of two who would make one at once, one waits or is
    run again.
    """
    if (known := _standing(scope, campaign.name)) is not None:
        return known
    campaign_id, version = _version(scope, campaign)
    row = schema.campaign.c
    mine = select(row.id).where(row.workspace_id == scope.workspace_id, row.id == campaign_id)
    scope.connection.execute(mine.with_for_update())
    made = _standing(scope, campaign.name)
    return _begin(scope, campaign, campaign_id, version, STANDING, "") if made is None else made


def _standing(scope: Scope, name: str) -> int | None:
    """It never ends, but it may have been made to stand still."""
    run, campaign = schema.run.c, schema.campaign.c
    query = (
        select(run.id)
        .join_from(schema.campaign, schema.run, run.campaign_id == campaign.id)
        .where(campaign.workspace_id == scope.workspace_id, run.workspace_id == scope.workspace_id)
        .where(campaign.name == name)
        .order_by(run.id)
    )
    return scope.connection.execute(query.limit(1)).scalar()


def _begin(scope: Scope, campaign: Campaign, campaign_id: int, version: int, state: str, salt: str) -> int:
    run_id = scope.new_id()
    columns = ("id", "campaign_id", "version", "state", "salt", "started_at")
    bulk.insert(scope, schema.run, columns, [(run_id, campaign_id, version, state, salt, scope.now)])
    notices.post(scope, [CampaignChange(name=campaign.name, run_id=run_id, state=state, at=scope.now)])
    return run_id


def load(scope: Scope, run_id: int) -> Run:
    """Return a run by id."""
    return _read(scope, _by_id(), {"run_id": run_id})[0]


def of_ids(scope: Scope, ids: Collection[int]) -> list[Run]:
    """Return runs by their ids, the latest first."""
    return _runs(scope, schema.run.c.id.in_(sorted(ids)))


def of_version(scope: Scope, run: Run, version: int | None) -> Run:
    """Return a run as an earlier version of its campaign had it."""
    if version in (None, run.version):
        return run
    row, of_run = schema.campaign_version.c, schema.run.c
    query = (
        select(row.definition)
        .join_from(schema.campaign_version, schema.run, of_run.campaign_id == row.campaign_id)
        .where(row.workspace_id == scope.workspace_id, of_run.workspace_id == scope.workspace_id)
        .where(of_run.id == run.id, row.version == version)
    )
    return attrs.evolve(run, campaign=_defined(scope.connection.execute(query).scalar_one()), version=version)


def latest(scope: Scope, campaign: str) -> Run:
    """Return the latest run of a campaign; raise UnknownCampaign."""
    found = _runs(scope, schema.campaign.c.name == campaign)
    if not found:
        raise UnknownCampaign(name=campaign, known=", ".join(names(scope)) or "none")
    return found[0]


def find(scope: Scope, campaign: str) -> Run | None:
    """Return the latest run of a campaign; None where there is none."""
    return next(iter(_runs(scope, schema.campaign.c.name == campaign)), None)


def names(scope: Scope) -> list[str]:
    """Return the names of the campaigns, sorted."""
    row = schema.campaign.c
    return list(
        scope.connection.execute(
            select(row.name).where(row.workspace_id == scope.workspace_id).order_by(row.name)
        ).scalars()
    )


def finish(scope: Scope, run_id: int) -> None:
    """Note that nothing of a run waits any more."""
    listeners.unlisten(scope, run_id)
    timers.clear(scope, run_id)
    move(scope, run_id, FINISHED)


def going(scope: Scope) -> bool:
    """Tell whether there is a run with something to do; one that stands, or is cancelled, has while messages, or customers, are under way."""
    if has_any(scope, RUNNING):
        return True
    row = schema.run.c
    sends = (row.state == RUNNING) | (row.state.in_((STANDING, CANCELLED)) & deliveries.under_way(scope, row.id))
    is_left = (row.state == CANCELLED) & _is_walked(scope)
    query = select(row.id).where(row.workspace_id == scope.workspace_id, sends | is_left)
    return scope.connection.execute(query.limit(1)).first() is not None


def has_any(scope: Scope, state: str) -> bool:
    """Tell whether there is a run in a state."""
    given = {"workspace": scope.workspace_id, "state": state}
    return scope.connection.execute(_any_of_state(), given).first() is not None


@cache
def _any_of_state() -> Select[Any]:
    row = schema.run.c
    mine = row.workspace_id == bindparam("workspace", type_=BigInteger())
    return select(row.id).where(mine, row.state == bindparam("state")).limit(1)


def move(scope: Scope, run_id: int, state: str) -> None:
    """Let a run stand still, go on, or end."""
    move_all(scope, [run_id], state)


def move_all(scope: Scope, run_ids: Collection[int], state: str) -> None:
    """Do the same with runs."""
    if not run_ids:
        return
    finished_at = scope.now if state in (CANCELLED, FINISHED) else None
    rows = [(state, finished_at, one) for one in sorted(run_ids)]
    bulk.update(scope, schema.run, ("state", "finished_at"), ("id",), rows)
    if notices.is_heard(scope, CampaignChange):
        moved = sorted(of_ids(scope, run_ids), key=lambda one: one.id)
        told = [CampaignChange(name=one.campaign.name, run_id=one.id, state=state, at=scope.now) for one in moved]
        notices.post(scope, told)


def hold(scope: Scope, run_id: int) -> str:
    """Let nobody else move a run until the transaction ends; return its state, as it is from then on."""
    row = schema.run.c
    query = select(row.state).where(row.workspace_id == scope.workspace_id, row.id == run_id).with_for_update()
    state: str = scope.connection.execute(query).scalar_one()
    return state


def hold_all(scope: Scope, run_ids: Collection[int]) -> dict[int, str]:
    """Do the same with runs, of which everybody takes the lower id first; return the state of each."""
    held = bulk.select_held(scope, schema.run, ("id", "state"), {}, "id", sorted(run_ids), "FOR UPDATE")
    return {one: state for one, state in held}


def left_over(scope: Scope) -> list[int]:
    """Return the ids of the runs that were cancelled while something of them was away, which waits again by now."""
    row, delivery = schema.run.c, schema.delivery.c
    waits = exists().where(delivery.workspace_id == scope.workspace_id, delivery.run_id == row.id, deliveries.WAITING)
    query = select(row.id).where(row.workspace_id == scope.workspace_id, row.state == CANCELLED, waits)
    return list(scope.connection.execute(query.order_by(row.id)).scalars())


def left_under_way(scope: Scope) -> list[int]:
    """Return the ids of the runs that were cancelled while somebody entered, or by somebody who did not come to the end of it."""
    row = schema.run.c
    query = select(row.id).where(row.workspace_id == scope.workspace_id, row.state == CANCELLED, _is_walked(scope))
    return list(scope.connection.execute(query.order_by(row.id)).scalars())


def _is_walked(scope: Scope) -> ColumnElement[bool]:
    return enrolments.of_each_run(scope, schema.enrolment.c.due_at.is_not(None))


def running(scope: Scope) -> list[int]:
    """Return the ids of the runs that are not finished."""
    row = schema.run.c
    query = select(row.id).where(row.workspace_id == scope.workspace_id, row.state == RUNNING).order_by(row.id)
    return list(scope.connection.execute(query).scalars())


def running_ones(scope: Scope) -> list[Run]:
    """Return the runs that are not finished, the latest first."""
    return _read(scope, _of_state(), {"state": RUNNING})


def open_ones(scope: Scope) -> list[Run]:
    """Return the runs that go on, or stand still and may go on, the latest first."""
    return _runs(scope, schema.run.c.state.in_((RUNNING, PAUSED)))


def not_over(scope: Scope) -> list[Run]:
    """Return the same, and those of single messages."""
    return _runs(scope, schema.run.c.state.in_((STANDING, RUNNING, PAUSED)))


def _runs(scope: Scope, which: ColumnElement[bool]) -> list[Run]:
    return _read(scope, _every().where(which), {})


@cache
def _by_id() -> Select[Any]:
    """Asked for again and again, it is built once."""
    return _every().where(schema.run.c.id == bindparam("run_id", type_=BigInteger()))


@cache
def _of_state() -> Select[Any]:
    return _every().where(schema.run.c.state == bindparam("state"))


def _every() -> Select[Any]:
    run, version, campaign = schema.run.c, schema.campaign_version.c, schema.campaign.c
    mine = bindparam("workspace", type_=BigInteger())
    return (
        select(run.id, version.definition, run.version, run.state, run.salt, run.started_at)
        .join_from(schema.run, schema.campaign, campaign.id == run.campaign_id)
        .join(schema.campaign_version, (version.campaign_id == campaign.id) & (version.version == run.version))
        .where(
            run.workspace_id == mine,
            campaign.workspace_id == mine,
            version.workspace_id == mine,
        )
        .order_by(run.started_at.desc(), run.id.desc())
    )


def _read(scope: Scope, query: Select[Any], given: Mapping[str, Any]) -> list[Run]:
    found = scope.connection.execute(query, {"workspace": scope.workspace_id, **given})
    return [
        Run(
            id=one,
            campaign=_defined(definition),
            version=number,
            state=state,
            salt=salt,
            started_at=started_at,
        )
        for one, definition, number, state, salt, started_at in found
    ]


@lru_cache(maxsize=256)
def _defined(definition: str) -> Campaign:
    """A version never changes: it is read once."""
    return campaign_of(json.loads(definition))


def _version(scope: Scope, campaign: Campaign) -> tuple[int, int]:
    row, version = schema.campaign.c, schema.campaign_version.c
    query = select(row.id).where(row.workspace_id == scope.workspace_id, row.name == campaign.name)
    campaign_id = scope.connection.execute(query).scalar()
    if campaign_id is None:
        campaign_id = scope.new_id()
        values = (campaign_id, campaign.name, campaign.purpose.value, "active", scope.now)
        bulk.insert(scope, schema.campaign, ("id", "name", "purpose", "state", "created_at"), [values])
    definition = json.dumps(data_of(campaign), ensure_ascii=False, sort_keys=True)
    of_campaign = (version.workspace_id == scope.workspace_id, version.campaign_id == campaign_id)
    same = select(version.version).where(*of_campaign, version.definition == definition)
    known = scope.connection.execute(same).scalar()
    if known is not None:
        return campaign_id, known
    last = scope.connection.execute(select(func.max(version.version)).where(*of_campaign)).scalar() or 0
    columns = ("id", "campaign_id", "version", "definition", "created_at")
    bulk.insert(
        scope, schema.campaign_version, columns, [(scope.new_id(), campaign_id, last + 1, definition, scope.now)]
    )
    return campaign_id, last + 1
