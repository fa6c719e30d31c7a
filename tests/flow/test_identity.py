"""Who is who follows from what was said, in whatever order it came in, and can be taken back."""

from __future__ import annotations

import random
from contextlib import suppress
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from crmcore.errors import MergeConflict, UnknownCustomer
from crmcore.model import verbs
from crmcore.model.event import Event
from crmcore.model.identity import Identity
from crmcore.model.statement import Merge, Unmerge
from crmcore.store.guarding import unguarded

NUMBERS = count()
NOW = 1_000_000
KEYS = [{"key": "A"}, {"key": "B"}, {"key": "C"}]
OTHERS = [{"email": "x@example.com"}, {"email": "y@example.com"}, {"device": "d"}, {"anonymous": "n"}]
UNIVERSE = [Identity(kind, value) for one in KEYS + OTHERS for kind, value in one.items()]

one_name = st.sampled_from(KEYS + OTHERS)
names = st.one_of(one_name, st.tuples(one_name, one_name).map(lambda two: two[0] | two[1]))
times = st.integers(1, 12)


def said(verb, *arguments, **named):
    return st.builds(lambda *given, **given_named: verb(NOW, *given, **given_named), *arguments, **named)


facts = st.one_of(
    said(verbs.event, st.sampled_from(["seen", "bought"]), names, at=times, quantity=st.integers(1, 3)),
    said(verbs.identify, names, st.fixed_dictionaries({}, optional={"city": st.sampled_from("uv")}), at=times),
    said(verbs.identify, names, tags=st.just(["vip"]), at=times),
    said(verbs.identify, names, untags=st.just(["vip"]), at=times),
    said(verbs.consent, names, st.just("retention"), granted=st.booleans(), at=times),
    said(verbs.subscribe, names, st.just("news"), wanted=st.booleans(), at=times),
    said(verbs.suppress, one_name, at=times),
    said(verbs.group, st.just("acme"), customer=names, role=st.just("buyer"), member=st.booleans(), at=times),
)
unions = st.one_of(
    said(verbs.merge, one_name, one_name, at=times, force=st.booleans()),
    said(verbs.unmerge, one_name, one_name, at=times),
)
statements = st.lists(st.one_of(facts, facts, unions), max_size=14)
slow = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def say(crm, one):
    with suppress(MergeConflict):
        crm._say([one])


def everybody(crm, at=None):
    """Each customer as its identities and all that is known of it; ids are nobody's business."""
    found = {}
    for name in UNIVERSE:
        try:
            view = crm.customer(name) if at is None else crm.customer(name, at=at)
        except UnknownCustomer:
            continue
        happened = () if at else sorted((one.name, one.at, one.quantity) for one in crm.timeline(name))
        members = () if at else [one[1:] for one in _members(crm, view.id)]
        found[view.identities] = (
            view.key,
            dict(view.attributes),
            view.tags,
            view.consents,
            view.subscriptions,
            view.suppressed,
            view.accounts,
            view.sums,
            happened,
            members,
        )
    return found


def _members(crm, customer_id):
    with crm._opened.reading() as scope:
        query = f"SELECT id, role, since, until FROM crm_member WHERE customer_id = {customer_id} ORDER BY since"
        return unguarded(scope.connection).exec_driver_sql(query).all()


@slow
@given(statements, st.randoms(use_true_random=False))
def test_any_order_of_the_same_statements_gives_the_same_customers(open_crm, said, chance):
    number = next(NUMBERS)
    there, shuffled = open_crm(f"in-order-{number}.db"), open_crm(f"shuffled-{number}.db")
    for one in said:
        say(there, one)
    chance.shuffle(said)
    for one in said:
        say(shuffled, one)
    assert everybody(there) == everybody(shuffled)


@slow
@given(statements, st.randoms(use_true_random=False))
def test_a_batch_gives_what_its_statements_give_one_by_one(open_crm, said, chance):
    number = next(NUMBERS)
    single, batched = open_crm(f"single-{number}.db"), open_crm(f"batched-{number}.db")
    for one in said:
        say(single, one)
    said.sort(key=lambda one: type(one).__name__)
    with suppress(MergeConflict):
        batched._say(said)
    assert everybody(single) == everybody(batched)


@slow
@given(st.lists(facts, max_size=12), one_name, one_name)
def test_unmerging_restores_what_was_there_before(open_crm, said, one, other):
    crm = open_crm(f"unmerge-{next(NUMBERS)}.db")
    said = [fact for fact in said if len(fact.customer) == 1]
    for fact in said:
        say(crm, fact)
    say(crm, verbs.identify(NOW, one, at=1))
    say(crm, verbs.identify(NOW, other, at=1))
    before = everybody(crm)
    say(crm, verbs.merge(NOW, one, other, at=20, force=True))
    say(crm, verbs.unmerge(NOW, one, other, at=21))
    assert everybody(crm) == before


@slow
@given(statements, times)
def test_a_customer_at_a_time_is_what_the_statements_up_to_then_say(open_crm, said, at):
    number = next(NUMBERS)
    whole, early = open_crm(f"whole-{number}.db"), open_crm(f"early-{number}.db")
    for one in said:
        say(whole, one)
    for one in [one for one in said if one.at <= at]:
        say(early, one)
    then, known = everybody(whole, at), everybody(early)
    assert {names: then[names][:8] for names in known} == {names: one[:8] for names, one in known.items()}
    assert all(not any(one[1:8]) for names, one in then.items() if names not in known)


# -- a reference that knows nothing of the store ------------------------------------------------------------------------


def reference(said):
    """Return the groups of identities: the statements sorted by time, sets joined one after another."""
    named, decided = _named(said), _decided(said)
    links = []
    for pair in named.keys() | decided.keys():
        at, is_apart, is_forced, _ = decided.get(pair, (named.get(pair), False, False, None))
        if not is_apart:
            links.append((min(at, named.get(pair, at)), sorted(pair), is_forced))
    groups = {name: {name} for one in said for name in (*one.customer, *getattr(one, "into", ()))}
    for _, (one, other), is_forced in sorted(links, key=lambda link: link[:2]):
        both = groups[one] | groups[other]
        if is_forced or groups[one] is groups[other] or not (_has_key(groups[one]) and _has_key(groups[other])):
            for name in both:
                groups[name] = both
    return {frozenset(group) for group in groups.values()}


def _named(said):
    named = {}
    for one in said:
        for whole in (one.customer, getattr(one, "into", ())):
            for name in set(whole) - {_anchor(whole) if whole else None}:
                pair = frozenset((_anchor(whole), name))
                named[pair] = min(named.get(pair, one.at), one.at)
    return named


def _decided(said):
    decided = {}
    for one in said:
        if isinstance(one, Merge | Unmerge) and _anchor(one.customer) != _anchor(one.into):
            pair = frozenset((_anchor(one.customer), _anchor(one.into)))
            is_forced = isinstance(one, Merge) and one.force
            rank = (one.at, isinstance(one, Unmerge), is_forced, _anchor(one.into))
            decided[pair] = max(decided.get(pair, rank), rank)
    return decided


def _anchor(whole):
    return next((name for name in whole if name.kind == "key"), whole[0])


def _has_key(group):
    return any(name.kind == "key" for name in group)


@slow
@given(statements)
def test_customers_are_what_the_reference_says(open_crm, said):
    crm = open_crm(f"reference-{next(NUMBERS)}.db")
    said = [one for one in said if one.customer]
    for one in said:
        say(crm, one)
    assert {frozenset(group) for group in everybody(crm)} == reference(said)


class Identities(RuleBasedStateMachine):
    """Merges and unmerges among events, a step at a time, against the reference and against the log."""

    opening = None

    def __init__(self):
        super().__init__()
        self.crm = self.opening(f"machine-{next(NUMBERS)}.db")
        self.said = []

    @rule(one=unions)
    def joined_or_parted(self, one):
        self.said.append(one)
        say(self.crm, one)

    @rule(names=names, at=times)
    def seen(self, names, at):
        event = verbs.event(NOW, "seen", names, at=at)
        self.said.append(event)
        say(self.crm, event)

    @invariant()
    def groups_are_the_references(self):
        assert {frozenset(group) for group in everybody(self.crm)} == reference(self.said)

    @invariant()
    def every_event_is_counted_once(self):
        counted = sum(sums[0].count for *_, sums, _, _ in everybody(self.crm).values() if sums)
        assert counted == sum(isinstance(one, Event) for one in self.said)


def test_a_machine_of_merges_and_unmerges_agrees_with_the_reference_at_every_step(open_crm):
    class Machine(Identities):
        opening = staticmethod(open_crm)

    Machine.TestCase.settings = settings(
        max_examples=8, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
    )
    Machine.TestCase().runTest()


@settings(max_examples=1, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 2**32))
def test_ten_thousand_merges_and_unmerges_end_with_the_reference(open_crm, seed):
    chance = random.Random(seed)
    crm = open_crm(f"many-{next(NUMBERS)}.db")
    people = [{"key": str(number)} for number in range(150)] + [{"device": str(number)} for number in range(450)]
    crm.track_many({"name": "seen", "customer": one, "at": 1} for one in people)
    said = [verbs.event(NOW, "seen", one, at=1) for one in people]
    while len(said) < 10_000 + len(people):
        batch = [_join_or_part(chance, people) for _ in range(chance.randint(1, 200))]
        said += batch
        crm._opened.write(lambda scope: _apply(scope, batch))  # noqa: B023 - it is done at once
    groups = {}
    for one in people:
        view = crm.customer(one)
        groups[frozenset(view.identities)] = sum(each.count for each in view.sums)
    assert groups.keys() == reference(said)
    assert all(len(group) == events for group, events in groups.items())


def _join_or_part(chance, people):
    one, other = chance.sample(people, 2)
    at = chance.randrange(1, NOW)
    if chance.random() < 0.5:
        return verbs.merge(NOW, one, other, at=at, force=chance.random() < 0.1)
    return verbs.unmerge(NOW, one, other, at=at)


def _apply(scope, batch):
    from crmcore.flow.applying import apply

    apply(scope, batch)


# -- examples ---------------------------------------------------------------------------------------------------------


def test_two_customers_known_by_a_key_are_not_merged_unless_forced(crm):
    crm.identify("1")
    crm.identify("2")
    with pytest.raises(MergeConflict, match="force=True"):
        crm.merge("1", "2")
    assert crm.customer("1").id != crm.customer("2").id
    assert len(crm.contradictions()) == 1
    crm.merge("1", "2", force=True)
    assert crm.customer("1").id == crm.customer("2").id
    assert crm.contradictions() == []


def test_what_came_in_since_a_merge_goes_to_the_one_it_named(crm):
    crm.track("bought", "1")
    crm.track("bought", "2")
    crm.merge("1", "2", force=True)
    crm.track("bought", "1")
    crm.unmerge("1", "2")
    assert [sum(one.count for one in crm.customer(key).sums) for key in ("1", "2")] == [2, 1]


def test_a_refused_statement_holds_once_what_it_contradicts_is_taken_back(crm):
    crm.identify({"key": "1", "device": "d"}, at=1)
    crm.identify({"key": "2", "device": "d"}, at=2)
    assert crm.customer({"device": "d"}).key == "1"
    crm.unmerge({"device": "d"}, "1")
    assert crm.customer({"device": "d"}).key == "2"


def test_a_pair_taken_apart_stays_apart_until_merged_again(crm):
    crm.identify({"key": "1", "device": "d"})
    crm.unmerge({"device": "d"}, "1")
    crm.track("seen", {"key": "1", "device": "d"})
    assert crm.customer({"device": "d"}).key is None
    crm.merge({"device": "d"}, "1", at=crm.now() + 1)
    assert crm.customer({"device": "d"}).key == "1"
