"""Which atoms hold for customers now: only those looked at, from only that of their history which these ask for."""

from __future__ import annotations

import logging
from collections.abc import Mapping

import attrs

from crmcore.errors import CRMError
from crmcore.flow.upkeep.planning import NONE, Atoms, Plan
from crmcore.model.history import History
from crmcore.rules.leaf import Lasting
from crmcore.store import recent
from crmcore.store.scope import Scope
from crmcore.store.standings import Standing
from crmcore.store.touched import ALL

log = logging.getLogger("crmcore.upkeep")


def to_look_at(plan: Plan, standing: Standing, keys: set[str], now: int) -> Atoms:
    """Return the atoms kept that may hold or not by now, unlike before: touched, due, or not asked for until now."""
    guards = plan.guards & standing.holding
    kept = plan.kept(guards)
    if ALL in keys:
        return kept
    some = [plan.touched(key, guards) for key in keys]
    found = some[0] if len(some) == 1 else NONE.union(*some)
    due = {atom for atom, at in standing.changes.items() if at <= now and atom in kept}
    if standing.generation != plan.generation:
        due.update(atom for atom in kept if plan.since[atom] > standing.generation)
    return found | due if due else found


def _kept(plan: Plan, standing: Standing) -> Atoms:
    return plan.kept(plan.guards & standing.holding)


def is_to_be_told(plan: Plan, standing: Standing, looked_at: Atoms, now: int) -> bool:
    """Tell whether what holds for a customer may be unlike before: time alone turns some over with no look at all.

    Nobody knows here what an atom asks for that this process cannot look at.
    """
    if looked_at or standing.generation != plan.generation or not plan.is_whole:
        return True
    return any(at <= now for at in (*standing.flips.values(), *standing.changes.values()))


def evaluated(
    scope: Scope, plan: Plan, looked_at: Mapping[int, Atoms], before: Mapping[int, Standing]
) -> tuple[dict[int, Standing], set[int]]:
    """Return the standing of customers now, and the atoms that had no answer for some of them.

    Looked at are these atoms, and all that are kept of a customer since a guard holds.
    """
    failed: set[int] = set()
    after = _looked_at(scope, plan, looked_at, before, failed)
    moved = {one for one, standing in after.items() if plan.guards & (standing.holding ^ before[one].holding)}
    kept = {one: _kept(plan, after[one]) for one in moved}
    after |= {one: _only(after[one], atoms) for one, atoms in kept.items()}
    more = {one: atoms - _kept(plan, before[one]) for one, atoms in kept.items()}
    after |= _looked_at(scope, plan, {one: atoms for one, atoms in more.items() if atoms}, after, failed)
    return after, failed


def _looked_at(
    scope: Scope,
    plan: Plan,
    looked_at: Mapping[int, Atoms],
    before: Mapping[int, Standing],
    failed: set[int],
) -> dict[int, Standing]:
    if not looked_at:
        return {}
    asked = {
        atom: recent.wanted(plan.atoms[atom].leaf, plan.atoms[atom].touches, scope.now)
        for atom in NONE.union(*set(looked_at.values()))
    }
    histories = recent.of_customers(scope, looked_at, asked)
    return {
        one: _standing(plan, before[one], atoms, histories[one], scope.now, failed) for one, atoms in looked_at.items()
    }


def _standing(plan: Plan, before: Standing, looked_at: Atoms, history: History, now: int, failed: set[int]) -> Standing:
    if before.generation != plan.generation:
        before = _only(before, _kept(plan, before))
    holding, changes, flips = _left_alone(before, looked_at, now)
    for number in looked_at:
        try:
            answer, until, is_final = plan.atoms[number].look(history, now)
        except CRMError as error:
            failed.add(number)
            answer, until, is_final = _without_answer(history, error)
        if answer:
            holding.add(number)
        if until is not None:
            (flips if is_final else changes)[number] = until
    return Standing(generation=plan.generation, holding=frozenset(holding), changes=changes, flips=flips)


def _left_alone(before: Standing, looked_at: Atoms, now: int) -> tuple[set[int], dict[int, int], dict[int, int]]:
    """What goes on unlooked at: which atoms hold, when some may change, and when some turn over for good."""
    holding = set(before.holding - looked_at)
    # What is due and not looked at is unknown to this process: whoever knows it looks at the customer anew.
    changes = {atom: at for atom, at in before.changes.items() if atom not in looked_at and at > now}
    flips = {atom: at for atom, at in before.flips.items() if atom not in looked_at}
    if before.flips and min(before.flips.values()) <= now:
        holding ^= {atom for atom, at in flips.items() if at <= now}
        flips = {atom: at for atom, at in flips.items() if at > now}
    return holding, changes, flips


def _only(standing: Standing, kept: Atoms) -> Standing:
    """Of the others nobody asks any more."""
    changes, flips = (
        {atom: at for atom, at in times.items() if atom in kept} for times in (standing.changes, standing.flips)
    )
    return attrs.evolve(standing, holding=standing.holding & kept, changes=changes, flips=flips)


def _without_answer(history: History, error: CRMError) -> Lasting:
    """What has no answer (a sum of several currencies, a rule that raises) holds for nobody, and stops nothing else."""
    log.warning("a condition has no answer for customer %s: %s", history.customer_id, error)
    return False, None, False
