"""The last thing a transaction does: what it has changed of customers is looked at, and who enters or leaves is recorded."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import attrs

from crmcore.flow.upkeep import deleting, evaluating, planning
from crmcore.flow.upkeep.collecting import uncollected
from crmcore.flow.upkeep.planning import Live, Plan
from crmcore.flow.upkeep.telling import Change, tell
from crmcore.model.condition import Condition
from crmcore.model.names import checked_name
from crmcore.rules import naming
from crmcore.rules.plugin import Plugins
from crmcore.store import atoms, memberships, segments, standings
from crmcore.store.identities import Owner
from crmcore.store.scope import Scope
from crmcore.store.segments import Definition
from crmcore.store.standings import NOBODY, Filling, Standing
from crmcore.store.touched import ACCOUNTS, ALL, segment_key


class Upkeep:
    """Keeps the plan of the generation it saw last: to compile one is dear, to ask whether it still holds is not."""

    def __init__(self, plugins: Plugins | None = None) -> None:
        self._plugins: Plugins = plugins or {}
        self._plan: Plan | None = None

    def settle(self, scope: Scope, touched: Mapping[int, set[str]]) -> None:
        """Look at what the transaction has touched; where no segment is live nothing is to be done."""
        if touched and standings.filling(scope) is not None:
            self.look(scope, touched)

    def define(self, scope: Scope, name: str, condition: Condition) -> Definition:
        """Define a segment, or define it anew: customers are looked at by and by. Raise InvalidCondition, UnknownRule, SegmentTaken."""
        segments.hold(scope, {checked_name(name, "segment", "segment"), *planning.named_segments(condition)})
        planning.refuse_unknown_rules(name, condition, self._plugins)
        naming.check(scope, name, condition)
        planning.refuse_own_events(condition, self._plugins)
        before = segments.find(scope, name)
        definition = segments.save(scope, name, condition)
        if definition != before:
            self.ask_anew(scope)
        return definition

    def upload(self, scope: Scope, name: str, owners: Collection[Owner]) -> Definition:
        """Let these be the customers of a segment, and no others. Raise SegmentTaken."""
        segments.hold(scope, {checked_name(name, "segment", "segment")})
        definition = segments.save_uploaded(scope, name)
        changed = memberships.upload(scope, definition.id, owners)
        scope.touched.note_all(changed, segment_key(name))
        return definition

    def delete(self, scope: Scope, name: str) -> None:
        """Delete a segment, and tell of all who are in it that they left. Raise UnknownSegment, SegmentInUse."""
        deleting.delete(scope, name, self.ask_anew)

    def ask_anew(self, scope: Scope) -> None:
        """Ask for all that segments need now: customers are looked at by and by."""
        generation = atoms.next_generation(scope)
        atoms.ask(scope, generation, planning.wanted(planning.conditions(scope, self._plugins)))

    def must_ask(self, scope: Scope) -> bool:
        """Tell whether a segment could be kept up to date and is not: it is older than that, or a plugin has come."""
        filling = standings.filling(scope)
        if filling is None:
            return bool(planning.live_conditions(scope, self._plugins))
        plan = self._plan_of(scope, filling)
        return plan is not None and not plan.has_all

    def look(self, scope: Scope, touched: Mapping[int, set[str]]) -> None:
        """Look at customers, each for what has changed of it."""
        with uncollected():
            self._look(scope, touched)

    def _look(self, scope: Scope, touched: Mapping[int, set[str]]) -> None:
        there = _present(scope, touched)
        before = dict.fromkeys(there, NOBODY) | standings.locked(scope, there)
        # Read once the customers are locked: a plan that has changed meanwhile counts.
        plan = self._plan_of(scope, standings.filling_held(scope))
        if plan is None:
            return
        looked_at = {one: evaluating.to_look_at(plan, before[one], touched[one], scope.now) for one in there}
        looked_at = {
            one: atoms
            for one, atoms in looked_at.items()
            if ALL in touched[one] or evaluating.is_to_be_told(plan, before[one], atoms, scope.now)
        }
        after, failed = evaluating.evaluated(scope, plan, looked_at, before)
        atoms.fail(scope, failed)
        if not plan.is_whole:
            # Somebody who has the plugin looks at them again; until then everybody is looked at by whoever asks.
            after = {one: attrs.evolve(standing, generation=0) for one, standing in after.items()}
            standings.begin_anew(scope)
        standings.save(scope, {one: standing for one, standing in after.items() if standing != before[one]})
        anew = {one for one in after if ALL in touched[one] or before[one].generation != plan.generation}
        _record(scope, *_changed(scope, plan, before, after, anew))

    def is_able(self, scope: Scope) -> bool:
        """Tell whether this process can look at all that is asked for."""
        plan = self._plan_of(scope, standings.filling(scope))
        return plan is not None and plan.is_whole

    def _plan_of(self, scope: Scope, filling: Filling | None) -> Plan | None:
        if filling is None:
            return None
        # Another thread may put its own there at any moment.
        plan = self._plan
        if plan is None or plan.generation != filling.generation:
            plan = planning.plan(scope, filling.generation, self._plugins)
            if not scope.touched.is_asked_anew:
                self._plan = plan
        return plan


def _present(scope: Scope, touched: Mapping[int, set[str]]) -> list[int]:
    """Return those who are there; of those who are no more, their standing and memberships go."""
    # Of all others an identity is held, or the customer itself.
    gone = standings.gone(scope, [one for one, keys in touched.items() if not keys.isdisjoint((ALL, ACCOUNTS))])
    if gone:
        memberships.forget(scope, gone)
        standings.forget(scope, gone)
    return [one for one in touched if one not in gone]


def _changed(
    scope: Scope, plan: Plan, before: Mapping[int, Standing], after: Mapping[int, Standing], anew: Collection[int]
) -> tuple[list[Change], list[Change]]:
    """Return what is to be written of who is in which segment, and what is to be told.

    What was true when a customer was last looked at is what was written and told. Of those looked at `anew`, under another
    plan or with what came from another customer, only the record and the events say.
    """
    written, told = memberships.of_customers(scope, anew), memberships.told(scope, anew)
    writing: list[Change] = []
    telling = _still_told(scope, plan, [pair for pair in told if pair[1] in after])
    for one, standing in after.items():
        if one not in anew:
            some = _moved(scope, plan, one, before[one], standing)
            writing += some
            telling += some
            continue
        inside = planning.inside(plan, standing.holding)
        writing += [
            _change(live, one, scope.now, is_in=live.id in inside)
            for live in plan.live
            if (live.id in inside) != ((live.id, one) in written)
        ]
        telling += [
            _change(live, one, scope.now, is_in=live.id in inside)
            for live in plan.live
            if (live.id in inside) != ((live.name, one) in told)
        ]
    return writing, telling


def _still_told(scope: Scope, plan: Plan, told: Collection[tuple[str, int]]) -> list[Change]:
    """Return what is to be told of segments that are no more: of whoever was parted from somebody who left with all others."""
    strange = {name for name, _ in told} - {live.name for live in plan.live}
    strange -= set(segments.names(scope)) if strange else set()
    return [
        Change(segment_id=0, segment=name, customer_id=one, is_in=False, at=scope.now)
        for name, one in sorted(told)
        if name in strange
    ]


def _moved(scope: Scope, plan: Plan, one: int, before: Standing, after: Standing) -> list[Change]:
    was, holds = before.holding, after.holding
    if was == holds:
        return []
    affected = planning.affected(plan, was ^ holds, was | holds)
    moved = [(live, is_in) for live in affected if (is_in := live.test(holds)) != live.test(was)]
    at = _since(scope, before, after) if moved else scope.now
    return [_change(live, one, at, is_in=is_in) for live, is_in in moved]


def _since(scope: Scope, before: Standing, after: Standing) -> int:
    """What time alone has changed holds since it was due, whenever somebody came to look; anything else since now."""
    times = {**before.changes, **before.flips}
    due = [times.get(atom, scope.now) for atom in before.holding ^ after.holding]
    return min(max(due, default=scope.now), scope.now)


def _change(live: Live, customer_id: int, at: int, *, is_in: bool) -> Change:
    return Change(segment_id=live.id, segment=live.name, customer_id=customer_id, is_in=is_in, at=at)


def _record(scope: Scope, writing: Sequence[Change], telling: Sequence[Change]) -> None:
    pairs = {(one.segment_id, one.customer_id): one.is_in for one in writing}
    memberships.record(
        scope, {pair for pair, is_in in pairs.items() if is_in}, {pair for pair, is_in in pairs.items() if not is_in}
    )
    if telling:
        tell(scope, telling)
