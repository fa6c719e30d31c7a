"""Runs that a date of a customer lets it into: each customer's timer is made anew with whatever changes the date.

What is due at the time of a change is left to whoever works: it counted before the change.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import date

from crmcore.flow.journeys.clocks import TIME_ZONE, zones_of
from crmcore.flow.journeys.ways import Wish
from crmcore.model.campaign import Campaign
from crmcore.model.occasions import awaited, following, latest
from crmcore.model.triggers import OnDate
from crmcore.store import attributes, claims, contexts, identities, listeners, runs, standings, timers
from crmcore.store.runs import Run
from crmcore.store.scope import Scope
from crmcore.store.timers import DATE, FILL, Timer
from crmcore.store.touched import ALL, attribute_key


def names(campaign: Campaign) -> set[str]:
    """Return what a campaign looks out for beside events: changes of attributes."""
    trigger = campaign.trigger
    return {attribute_key(trigger.attribute), attribute_key(TIME_ZONE)} if isinstance(trigger, OnDate) else set()


def settle(scope: Scope, touched: Mapping[int, Collection[str]], usual: str) -> None:
    """Set the timers of whom the transaction has touched; where no run goes by dates nothing is to be done."""
    keys = set().union(*touched.values())
    if ALL not in keys and not any(one.startswith(attribute_key("")) for one in keys):
        return
    listening = listeners.listening_to(scope, attribute_key(""))
    for run in runs.of_ids(scope, listening) if listening else ():
        meant = {ALL, *listening[run.id]}
        await_dates(scope, run, [one for one, keys in touched.items() if not meant.isdisjoint(keys)], usual)


def await_dates(scope: Scope, run: Run, customers: Collection[int], usual: str) -> None:
    """Set the timers of customers by their dates as they are; of two who would do so for one customer the second sees all."""
    trigger = run.campaign.trigger
    if not isinstance(trigger, OnDate) or not customers:
        return
    claims.hold_contacts(scope, customers)
    dates = _dates(scope, customers, trigger)
    zones = zones_of(scope, sorted(dates), usual)
    coming = {one: awaited(trigger, when, zones[one], scope.now) for one, when in dates.items()}
    timers.remove(scope, DATE, run.id, [one for one in customers if coming.get(one) is None])
    ahead = {one: found.due_at for one, found in coming.items() if found is not None}
    due = timers.waiting(scope, DATE, run.id, ahead)
    timers.put(scope, DATE, run.id, {one: due_at for one, due_at in ahead.items() if one not in due})


def _dates(scope: Scope, customers: Collection[int], trigger: OnDate) -> dict[int, date]:
    known = contexts.values(scope, sorted(customers), trigger.attribute)
    return {one: value for one, value in known.items() if isinstance(value, date)}


def fill(scope: Scope, run: Run, after: int, limit: int, usual: str) -> bool:
    """Set the timers of the next customers by id; return whether there may be more.

    Whoever is writing something of one of them is waited for.
    """
    customers = standings.to_fill(scope, after, limit)
    identities.claim(scope, customers)
    await_dates(scope, run, customers, usual)
    timers.remove(scope, FILL, run.id, [after])
    if customers:
        timers.put(scope, FILL, run.id, {customers[-1]: scope.now})
    return bool(customers)


def due(scope: Scope, run: Run, taken: Collection[Timer], usual: str) -> list[Wish]:
    """Return who is to enter by the dates that are due, and set the timers to when they come round."""
    trigger = run.campaign.trigger
    assert isinstance(trigger, OnDate)
    at = {one.customer_id: one.due_at for one in taken}
    dates = _dates(scope, at, trigger)
    zones = zones_of(scope, sorted(dates), usual)
    then = {one: following(trigger, when, zones[one], scope.now) for one, when in dates.items()}
    timers.remove(scope, DATE, run.id, [one for one in at if then.get(one) is None])
    timers.put(scope, DATE, run.id, {one: found.due_at for one, found in then.items() if found is not None})
    last = {one: latest(trigger, when, zones[one], scope.now) for one, when in dates.items()}
    keys = {one: found.key for one, found in last.items() if found is not None and found.counted(at[one])}
    origins = attributes.origins(scope, keys, trigger.attribute)
    return [
        Wish(customer_id=one, origin_id=origins.get(one, one), key=key, at=scope.now)
        for one, key in sorted(keys.items())
    ]
