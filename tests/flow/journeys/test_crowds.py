"""Eight processes at once: a key lets its customer in as the policy says, and everybody goes on exactly once."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from crmcore.flow.journeys import advancing
from crmcore.model.building import tag
from crmcore.model.happens import Happens
from crmcore.model.steps import Branch
from crmcore.model.triggers import OnCall, Reentry
from crmcore.store import enrolments, runs
from tests.flow.journeys.crowding import PROCESSES, crowd
from tests.flow.journeys.travelling import journey, people, send, templates, wait

CUSTOMERS, KEYS = [str(number) for number in range(4)], ("a", "b")
#: How often each cart of each customer is updated: by itself, and with all others in a batch.
UPDATES = PROCESSES * 2
WALKERS, BATCH = 60, 5
#: How many ways of a key are under way then, and how many there are.
POLICIES = {"ignore": (1, 1), "restart": (1, UPDATES), "parallel": (UPDATES, UPDATES)}
EVERY = Reentry(when="every")


def ways(crm, campaign):
    """The ways of each cart through a campaign."""
    found = {}
    with crm._opened.reading() as scope:
        run = runs.latest(scope, campaign)
        customers = [crm.customer(name).id for name in CUSTOMERS]
        for one in enrolments.of_customers(scope, run.id, customers):
            found.setdefault((one.customer_id, one.key), []).append(one)
    assert len(found) == len(CUSTOMERS) * len(KEYS)
    return found.values()


def carts(number):
    """Every cart of everybody, in an order of each process's own."""
    pairs = [(name, key) for name in CUSTOMERS for key in KEYS]
    random.Random(number).shuffle(pairs)
    return pairs


def track(crm, number, _given):
    for name, key in carts(number):
        crm.track("cart_updated", name, ref=key)
    crm.track_many({"name": "cart_updated", "customer": name, "ref": key} for name, key in carts(number + 100))


def enter(crm, number, _given):
    for campaign in POLICIES:
        for name, key in carts(number):
            crm.enter(campaign, name, key=key)
        for key in KEYS:
            crm.enter(campaign, CUSTOMERS[::-1], key=key)


def track_and_work(crm, number, _given):
    for place, (name, key) in enumerate(carts(number)):
        crm.track("cart_updated", name, ref=key)
        if place % 3 == number % 3:
            crm.work()


def work(crm, _number, batch):
    advancing.BATCH = batch
    return crm.work().advanced


@pytest.fixture
def at_once(store, crm, clock, new_database):
    """Let processes act at once, where there can be several writers."""
    if store == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    return lambda act: crowd(new_database("crm.db"), clock.now(), act)


def launch(crm, *steps, **said):
    crm.launch(journey(*steps, send("remind"), **said))


@pytest.mark.parametrize(
    ("act", "trigger"), [(track, Happens(event="cart_updated", key="ref")), (enter, OnCall())], ids=["track", "enter"]
)
def test_a_key_is_on_as_many_ways_as_the_policy_says(crm, at_once, act, trigger):
    people(crm, *CUSTOMERS)
    templates(crm, "remind")
    for policy in POLICIES:
        launch(crm, wait("1h"), name=policy, policy=policy, reentry=EVERY, trigger=trigger)
    assert at_once(act).wrong == ()
    for policy, (running, entries) in POLICIES.items():
        found = ways(crm, policy)
        assert {len(some) for some in found} == {entries}
        assert {sum(one.state == "running" for one in some) for some in found} == {running}
        assert {tuple(sorted(one.occurrence for one in some)) for some in found} == {tuple(range(1, entries + 1))}


def test_once_is_once_while_those_who_entered_go_on_and_are_over(crm, at_once):
    people(crm, *CUSTOMERS)
    templates(crm, "remind")
    launch(crm, policy="restart", trigger=Happens(event="cart_updated", key="ref"))
    assert at_once(track_and_work).wrong == ()
    crm.work()
    over = [[one for one in some if one.reason != "restarted"] for some in ways(crm, "journey")]
    assert [[one.state for one in some] for some in over] == [["completed"]] * len(over)


def test_everybody_goes_on_once_however_many_work(crm, clock, new_database, recorder):
    names = [str(number) for number in range(WALKERS)]
    people(crm, *names)
    crm.identify_many({"customer": name, "tags": ["vip"]} for name in names[::3])
    templates(crm, "hello", "vip", "usual")
    parts = Branch(name="parts", condition=tag("vip"), then="vip", otherwise="usual")
    crm.launch(journey(send("hello"), wait("1h"), parts, send("vip", then="end"), send("usual")))
    hello = crowd(new_database("crm.db"), clock.now(), work, BATCH)
    clock.turn("1h")
    rest = crowd(new_database("crm.db"), clock.now(), work, BATCH)
    assert (hello.wrong, rest.wrong) == ((), ())
    expected = {f"hello {name}" for name in names}
    expected |= {f"{'vip' if int(name) % 3 == 0 else 'usual'} {name}" for name in names}
    crm.work()
    sent = Counter([*hello.sent, *rest.sent, *(one.body.decode() for one in recorder.sent)])
    assert sent == dict.fromkeys(expected, 1)
    assert sum(hello.returned) == WALKERS
    assert crm.report("journey").sent == 2 * WALKERS
