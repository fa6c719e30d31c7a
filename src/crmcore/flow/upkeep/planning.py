"""All live segments as one plan: atoms they share, what touches which atom, and which segment asks for it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import lru_cache

import attrs

from crmcore.errors import CRMError, InvalidCondition, UnknownRule
from crmcore.hooks.rule import Touches
from crmcore.model.condition import (
    All,
    AnyOf,
    Attribute,
    Bucket,
    Condition,
    Everyone,
    InSegment,
    Leaf,
    Not,
    PluginRule,
    Sum,
    Tag,
    leaves,
)
from crmcore.model.happens import ENTERED, LEFT
from crmcore.registry import alternatives
from crmcore.rules import tree
from crmcore.rules.leaf import Look
from crmcore.rules.naming import resolved
from crmcore.rules.plugin import Plugins
from crmcore.store import atoms, segments
from crmcore.store.atoms import EVERYBODY, Under
from crmcore.store.plain import to_data
from crmcore.store.scope import Scope
from crmcore.store.segments import Definition
from crmcore.store.touched import ACCOUNTS, SAID, attribute_key, event_key, segment_key, tag_key

#: Atoms, by number.
Atoms = frozenset[int]
#: Tells from the atoms that hold for a customer whether a condition does.
Test = Callable[[Atoms], bool]
NONE: Atoms = frozenset()
#: How many sets of guards that hold for somebody are remembered.
KEPT = 10_000


@attrs.frozen(kw_only=True)
class Live:
    """A segment kept up to date; without the atom `guard`, if it has one, it holds for nobody."""

    id: int
    name: str
    guard: int | None
    test: Test


@attrs.frozen(kw_only=True)
class Atom:
    """A leaf with its readings."""

    leaf: Leaf
    look: Look
    touches: Touches


@attrs.frozen(kw_only=True)
class Plan:
    """What is to be looked at, by what has changed.

    `atoms` by number, each with how to look at it and what it touches, `since` the generation from which each is asked of as
    many as now, `by_key` the atoms a change may touch, `asking` the segments that ask for an atom, by their guard. It
    `is_whole` where this process can look at every atom: one that lacks a plugin cannot. It `has_all` where every segment
    that this process could keep up to date is asked for.

    Of a customer only those atoms are `kept` without which one could not tell who is in a segment: all that stand under
    one of the `guards` that hold for the customer, or under none; `touched` are those of them that a change may touch.
    """

    generation: int
    atoms: Mapping[int, Atom]
    since: Mapping[int, int]
    is_whole: bool
    has_all: bool
    by_key: Mapping[str, Atoms]
    guards: Atoms
    kept: Callable[[Atoms], Atoms]
    touched: Callable[[str, Atoms], Atoms]
    asking: Mapping[int, Mapping[int | None, tuple[Live, ...]]]
    live: tuple[Live, ...]


def plan(scope: Scope, generation: int, plugins: Plugins) -> Plan:
    """Return the plan of a generation."""
    asked = atoms.asked(scope)
    numbers = {atom: one.number for atom, one in asked.items()}
    live: list[Live] = []
    found: dict[int, Atom] = {}
    asking: dict[int, dict[int | None, list[Live]]] = {}
    every = live_conditions(scope, plugins)
    conditions = [one for one in every if atoms_of([one[1]]).keys() <= numbers.keys()]
    for definition, condition in conditions:
        guard = _guard(condition, numbers)
        live.append(Live(id=definition.id, name=definition.name, guard=guard, test=_test(condition, numbers)))
        for atom, leaf in atoms_of([condition]).items():
            rule = tree.rule_of(leaf, plugins)
            found[numbers[atom]] = Atom(leaf=leaf, look=rule.lasting(leaf), touches=rule.touches(leaf))
            asking.setdefault(numbers[atom], {}).setdefault(guard, []).append(live[-1])
    by_key = _by_key(found)
    under = {numbers[atom]: some for atom, some in wanted(condition for _, condition in conditions).items()}
    kept = _kept({number: {numbers[one] for one in some - EVERYBODY} for number, some in under.items()})
    return Plan(
        generation=generation,
        atoms=found,
        since={one.number: one.since for one in asked.values() if one.number in found},
        is_whole=len(found) == len(asked),
        has_all=len(conditions) == len(every),
        by_key=by_key,
        guards=frozenset(numbers[one] for some in under.values() for one in some - EVERYBODY),
        kept=kept,
        # Of one key and the same guards the very same set for everybody: customers are put together by it.
        touched=lru_cache(KEPT)(lambda key, guards: by_key.get(key, NONE) & kept(guards)),
        asking={atom: {guard: tuple(some) for guard, some in by.items()} for atom, by in asking.items()},
        live=tuple(live),
    )


def wanted(conditions: Iterable[Condition]) -> dict[str, Under]:
    """Return the atoms that conditions ask for, and of whom: of those for whom an atom holds that events do not change."""
    found: dict[str, Under] = {}
    for condition in conditions:
        guard = next(iter(_steady(condition)), None)
        under = EVERYBODY if guard is None else frozenset({atom_of(guard)})
        for atom in atoms_of([condition]):
            of_all = EVERYBODY if atom in under else under
            found[atom] = found.get(atom, frozenset()) | of_all
    return {atom: EVERYBODY if under & EVERYBODY else under for atom, under in found.items()}


def _kept(under: Mapping[int, Collection[int]]) -> Callable[[Atoms], Atoms]:
    always = frozenset(number for number, guards in under.items() if not guards)
    guarded: dict[int, set[int]] = {}
    for number, guards in under.items():
        for guard in guards:
            guarded.setdefault(guard, set()).add(number)
    return lru_cache(KEPT)(lambda holding: always.union(*(guarded[one] for one in holding)))


def conditions(scope: Scope, plugins: Plugins) -> list[Condition]:
    """Return the conditions to ask for: of segments that can be kept up to date here, and of those that others keep so."""
    asked = atoms.asked(scope).keys()
    every = [condition for one in segments.of_rules(scope) if (condition := _resolved(scope, one)) is not None]
    return [
        one
        for one in every
        if can_live(one, plugins) or (_is_foreign(one, plugins) and atoms_of([one]).keys() <= asked)
    ]


def _is_foreign(condition: Condition, plugins: Plugins) -> bool:
    """It asks for a rule that nobody here brings."""
    return any(isinstance(leaf, PluginRule) and leaf.rule not in plugins for leaf in leaves(condition))


def live_conditions(scope: Scope, plugins: Plugins) -> list[tuple[Definition, Condition]]:
    """Return the segments that can be kept up to date, each with its condition: names of segments resolved."""
    found = [(one, _resolved(scope, one)) for one in segments.of_rules(scope)]
    return [(one, condition) for one, condition in found if condition is not None and can_live(condition, plugins)]


def _resolved(scope: Scope, definition: Definition) -> Condition | None:
    """One that cannot be looked up keeps no other from being kept up to date."""
    try:
        return resolved(scope, definition.condition)
    except CRMError:
        return None


def is_live(scope: Scope, definition: Definition, plugins: Plugins) -> bool:
    """Tell whether what is kept of a segment is all there is to know of it.

    An uploaded one is what it is, some rules can only be looked up, and whether a sum that names no currency has an answer
    depends on all customers. One that has had no answer for somebody is looked up, so that what is wrong is said.
    """
    condition = resolved(scope, definition.condition)
    is_exact = not any(map(_is_of_any_currency, leaves(condition)))
    if definition.kind != segments.RULE or not is_exact or not can_live(condition, plugins):
        return False
    asked = atoms.asked(scope)
    return all(atom in asked and not asked[atom].has_failed for atom in atoms_of([condition]))


def _is_of_any_currency(leaf: Leaf) -> bool:
    return isinstance(leaf, Sum) and leaf.field == "amount" and leaf.currency is None


def can_live(condition: Condition, plugins: Plugins) -> bool:
    """Tell whether a condition can be looked at customer by customer: all that can change it is told."""
    return all(_is_touched(leaf, plugins) for leaf in leaves(condition))


def atoms_of(conditions: Iterable[Condition]) -> dict[str, Leaf]:
    """Return the leaves of conditions by what they are called, each once."""
    return {atom_of(leaf): leaf for condition in conditions for leaf in leaves(condition)}


def atom_of(leaf: Leaf) -> str:
    """Return what an atom is called: the same for the same leaf, in every process."""
    text = json.dumps(to_data(leaf), ensure_ascii=False, sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def refuse_own_events(condition: Condition, plugins: Plugins) -> None:
    """Raise InvalidCondition for a condition that asks who entered or left: what it finds would change what it asks."""
    for leaf in leaves(condition):
        if asked := _touches(leaf, plugins).events & {ENTERED, LEFT}:
            problem = "it tells of segments, so that no segment can ask for it; ask in_segment"
            raise InvalidCondition(place=f"event {min(asked)}", problem=problem)


def named_segments(condition: Condition) -> set[str]:
    """Return the segments that a condition names."""
    return {leaf.segment for leaf in leaves(condition) if isinstance(leaf, InSegment)}


def refuse_unknown_rules(name: str, condition: Condition, plugins: Plugins) -> None:
    """Raise UnknownRule for a segment's condition that asks for a rule which no plugin brings."""
    for leaf in leaves(condition):
        if isinstance(leaf, PluginRule) and leaf.rule not in plugins:
            known = alternatives(leaf.rule, plugins)
            raise UnknownRule(segment=name, kind="rule", name=leaf.rule, known=known)


def _touches(leaf: Leaf, plugins: Plugins) -> Touches:
    """What nobody here can look at touches nothing."""
    try:
        return tree.rule_of(leaf, plugins).touches(leaf)
    except CRMError:
        return Touches()


def _is_touched(leaf: Leaf, plugins: Plugins) -> bool:
    """A plugin's rule that says of nothing that it changes it, and is not everyone's, can only be looked up."""
    touched = _touches(leaf, plugins)
    return isinstance(leaf, Everyone | Bucket) or bool(_keys(touched)) or touched.time


def _by_key(found: Mapping[int, Atom]) -> dict[str, Atoms]:
    by_key: dict[str, list[int]] = {}
    for number, atom in found.items():
        for key in _keys(atom.touches):
            by_key.setdefault(key, []).append(number)
    return {key: frozenset(some) for key, some in by_key.items()}


def _keys(touched: Touches) -> set[str]:
    said = {SAID} if touched.said else set()
    accounts = {ACCOUNTS} if touched.accounts else set()
    return (
        said
        | accounts
        | {
            *map(event_key, touched.events),
            *map(attribute_key, touched.attributes),
            *map(tag_key, touched.tags),
            *map(segment_key, touched.segments),
        }
    )


def _guard(condition: Condition, numbers: Mapping[str, int]) -> int | None:
    """Return an atom without which a condition holds for nobody; best one that events do not change."""
    return next((numbers[atom_of(one)] for one in (*_steady(condition), *_needed(condition))), None)


def _needed(condition: Condition) -> list[Leaf]:
    of = condition.of if isinstance(condition, All) else (condition,)
    inner = [one for part in of for one in (part.of if isinstance(part, All) else (part,))]
    return [one for one in inner if not isinstance(one, All | AnyOf | Not | Everyone)]


def _steady(condition: Condition) -> list[Leaf]:
    """Neither events nor time change these."""
    return [one for one in _needed(condition) if isinstance(one, Attribute | Tag | InSegment | Bucket)]


def _test(condition: Condition, numbers: Mapping[str, int]) -> Test:
    """What a condition asks of single atoms is asked of all of them at once; only what is left is asked one by one."""
    match condition:
        case All():
            need, never, tests = _parted(condition.of, numbers)
            return lambda holding: (
                need <= holding and never.isdisjoint(holding) and all(test(holding) for test in tests)
            )
        case AnyOf():
            one, no, tests = _parted(condition.of, numbers)
            return lambda holding: (
                not one.isdisjoint(holding) or not no <= holding or any(test(holding) for test in tests)
            )
        case Not():
            inner = _test(condition.of, numbers)
            return lambda holding: not inner(holding)
    number = numbers[atom_of(condition)]
    return lambda holding: number in holding


def _parted(of: Sequence[Condition], numbers: Mapping[str, int]) -> tuple[Atoms, Atoms, list[Test]]:
    """Return the atoms that stand there, those that stand there with a not, and tests for what is neither."""
    plain = [one for one in of if not isinstance(one, All | AnyOf | Not)]
    denied = [one.of for one in of if isinstance(one, Not) and not isinstance(one.of, All | AnyOf | Not)]
    other = [one for one in of if isinstance(one, All | AnyOf) or (isinstance(one, Not) and one.of not in denied)]
    return (
        frozenset(numbers[atom_of(one)] for one in plain),
        frozenset(numbers[atom_of(one)] for one in denied),
        [_test(one, numbers) for one in other],
    )


def inside(plan: Plan, holding: Atoms) -> set[int]:
    """Return the segments that hold, by id."""
    return {one.id for one in plan.live if (one.guard is None or one.guard in holding) and one.test(holding)}


def affected(plan: Plan, changed: Iterable[int], held: Atoms) -> list[Live]:
    """Return the segments that ask for one of these atoms and may hold where these are `held`, each once."""
    found: dict[int, Live] = {}
    for atom in changed:
        for guard, some in plan.asking[atom].items() if atom in plan.asking else ():
            if guard is None or guard in held:
                found.update((one.id, one) for one in some)
    return list(found.values())
