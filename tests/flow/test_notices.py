"""Plugins are told what has happened: at least once, in order, each apart from the others, within a budget."""

from __future__ import annotations

from datetime import timedelta
from threading import Event, get_ident

import attrs
import pytest
from sqlalchemy import Column, MetaData, Table, select

from crmcore import CRM
from crmcore.errors import TimeIsUp
from crmcore.flow.notifying import SPARE
from crmcore.hooks.marker import hookimpl
from crmcore.loader import installed
from crmcore.model.telling import Telling
from crmcore.model.time import DAY, HOUR, SECOND
from crmcore.store import cursors, notices
from crmcore.store.guarding import unguarded
from crmcore.store.schema.columns import Big

#: Long enough for a listener that answers, short for one that waits for the end of its test.
BRIEFLY = Telling(budget=SECOND // 4)


class Listener:
    """It hears, and does `then` before it says that it has heard."""

    def __init__(self, then=None):
        self.told, self.then = [], then

    @hookimpl
    def crm_event_tracked(self, batch):
        answer = self.then(batch) if self.then else None
        self.told += [entry.name for entry in batch.entries]
        return answer

    @hookimpl
    def crm_customer_merged(self, batch):
        self.told += ["merged" for _ in batch.entries]


def raising(error):
    def then(_batch):
        raise error

    return then


@pytest.fixture
def hanging():
    """What hangs until the test is over."""
    over = Event()
    yield lambda _batch: over.wait()
    over.set()


@pytest.fixture
def opening(new_database, clock):
    opened = []

    def opening(settings=BRIEFLY, **plugins):
        crm = CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=installed())
        crm.settings = attrs.evolve(crm.settings, notices=settings)
        opened.append(crm)
        return crm

    yield opening
    for crm in opened:
        crm.close()


def told_of(crm, plugin):
    [one] = [one for one in crm.stats().notices if one.plugin == plugin]
    return one


def left(crm):
    with crm._opened.reading() as scope:
        return unguarded(scope.connection).exec_driver_sql("SELECT count(*) FROM crm_notice").scalar()


# -- who is told what -----------------------------------------------------------------------------------------------------


def test_each_is_told_once_and_in_order(opening):
    listeners = {"one": Listener(), "two": Listener()}
    crm = opening(**listeners)
    crm.track("order_placed", "1")
    crm.track("page_viewed", {"anonymous": "a"})
    crm.merge({"anonymous": "a"}, "1")
    assert crm.work().notices == 6
    assert crm.work().notices == 0
    assert [one.told for one in listeners.values()] == [["order_placed", "page_viewed", "merged"]] * 2


def test_nothing_is_written_where_nobody_listens(crm):
    crm.track("order_placed", "1")
    assert left(crm) == 0


def test_what_everybody_was_told_of_is_dropped(opening):
    crm = opening(one=Listener(), two=Listener())
    crm.track("order_placed", "1")
    assert left(crm) == 1
    crm.work()
    assert left(crm) == 0


def test_what_somebody_is_not_interested_in_is_dropped_too(opening):
    class OfMerges:
        @hookimpl
        def crm_customer_merged(self, batch):
            pass

    crm = opening(one=Listener(), merges=OfMerges())
    crm.track("order_placed", "1")
    crm.work()
    assert left(crm) == 0


def test_more_than_a_batch_is_told_to_the_end(opening):
    one = Listener()
    crm = opening(one=one)
    crm.track_many({"name": f"e{number}", "customer": "1"} for number in range(2500))
    assert crm.work().notices == 2500
    assert one.told == [f"e{number}" for number in range(2500)]


def test_what_is_told_of_one_customer_by_two_processes_is_in_the_order_in_which_it_was_committed(opening):
    """Each has a node of its own, whose ids say nothing of the other's."""
    one = Listener()
    writers = [opening(one=one), opening(one=Listener())]
    for number in range(12):
        writers[number * 7 % 2].track(f"e{number}", "1")
    writers[0].work()
    assert one.told == [f"e{number}" for number in range(12)]


# -- who comes and goes ---------------------------------------------------------------------------------------------------


def test_a_plugin_that_is_new_is_told_of_what_comes_from_then_on(opening):
    opening(one=Listener()).track("order_placed", "1")
    new = Listener()
    crm = opening(one=Listener(), new=new)
    crm.track("page_viewed", "1")
    crm.work()
    assert new.told == ["page_viewed"]


def test_a_plugin_that_comes_back_goes_on_where_it_was(opening):
    opening(one=Listener(), two=Listener()).track("order_placed", "1")
    opening(one=Listener()).work()
    two = Listener()
    opening(one=Listener(), two=two).work()
    assert two.told == ["order_placed"]


def test_a_plugin_that_nobody_has_had_for_long_begins_anew(opening, clock):
    opening(one=Listener(raising(RuntimeError())), two=Listener()).track("order_placed", "1")
    clock.turn("31d")
    alone = opening(Telling(), one=Listener())
    alone.track("page_viewed", "1")
    alone.work()
    alone.work()
    assert {one.plugin for one in alone.stats().notices} == {"one"}


# -- who fails ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("then", "problem"),
    [
        (raising(RuntimeError("ada@example.com")), "RuntimeError"),
        (raising(SystemExit(1)), "SystemExit"),
        (raising(KeyboardInterrupt()), "KeyboardInterrupt"),
        (lambda _batch: 5, "crm_event_tracked returned int, where nothing is asked for"),
        (lambda _batch: False, "crm_event_tracked returned bool, where nothing is asked for"),
    ],
    ids=["raises", "exits", "interrupts", "returns", "says_no"],
)
def test_one_that_fails_is_told_again_and_keeps_nobody_waiting(opening, then, problem):
    one, two = Listener(then), Listener()
    crm = opening(one=one, two=two)
    crm.track("order_placed", "1")
    crm.work()
    assert two.told == ["order_placed"]
    assert (told_of(crm, "one").waiting, told_of(crm, "one").problem) == (1, problem)
    one.then, one.told = None, []
    crm.work()
    assert (one.told, two.told) == (["order_placed"], ["order_placed"])
    assert (told_of(crm, "one").waiting, told_of(crm, "one").problem) == (0, None)


def test_what_was_told_before_the_failure_is_not_told_again(opening):
    class Merges(Listener):
        @hookimpl
        def crm_customer_merged(self, batch):
            raise RuntimeError

    one = Merges()
    crm = opening(one=one)
    crm.track("order_placed", "1")
    crm.track("page_viewed", {"anonymous": "a"})
    crm.merge({"anonymous": "a"}, "1")
    crm.work()
    crm.work()
    assert one.told == ["order_placed", "page_viewed"]


def calls(crm, clock, one, turns):
    """Return how often it is called, at once and each time the clock has been turned."""
    counts = []
    for turn in turns:
        clock.turn(turn)
        before = len(one.called)
        crm.work()
        counts.append(len(one.called) - before)
    return counts


class Failing(Listener):
    def __init__(self):
        super().__init__(self.fail)
        self.called = []

    def fail(self, batch):
        self.called.append(batch)
        raise RuntimeError


def test_a_plugin_is_told_though_the_time_was_turned_back_while_its_circuit_was_open(opening, clock):
    one = Listener(raising(RuntimeError()))
    crm = opening(one=one)
    crm.track("seen", "ada")
    for _ in range(3):
        crm.work()
    one.then = None
    crm.work()
    assert one.told == []
    clock.turn(timedelta(days=-2))
    crm.work()
    assert one.told == ["seen"]


def test_the_circuit_opens_at_the_third_failure_and_for_longer_each_time(opening, clock):
    one = Failing()
    crm = opening(one=one)
    crm.track("order_placed", "1")
    assert calls(crm, clock, one, ["0s", "0s", "0s", "9s", "1s", "19s", "1s", "39s", "1s"]) == [
        1,
        1,
        1,
        0,
        1,
        0,
        1,
        0,
        1,
    ]


def test_it_stays_open_for_an_hour_at_most(opening, clock):
    one = Failing()
    crm = opening(one=one)
    crm.track("order_placed", "1")
    assert calls(crm, clock, one, ["2h"] * 20) == [1] * 20
    assert told_of(crm, "one").closed_until == crm.now() + HOUR


def test_one_success_closes_it(opening, clock):
    one = Failing()
    crm = opening(one=one)
    crm.track("order_placed", "1")
    calls(crm, clock, one, ["0s"] * 3)
    one.then = None
    clock.turn("10s")
    crm.work()
    assert (told_of(crm, "one").failures, told_of(crm, "one").closed_until) == (0, None)


def test_one_that_hangs_is_left_alone_while_it_does_and_the_others_are_told(opening, clock, hanging):
    called, two = [], Listener()
    crm = opening(one=Listener(lambda batch: called.append(batch) or hanging(batch)), two=two)
    crm.track("order_placed", "1")
    crm.work()
    assert (len(called), two.told) == (1, ["order_placed"])
    clock.turn("1d")
    crm.track("page_viewed", "1")
    crm.work()
    assert (len(called), two.told) == (1, ["order_placed", "page_viewed"])
    assert told_of(crm, "one").problem == "no answer in time"


def test_one_that_has_come_back_at_last_is_told_again(opening, clock):
    over, one = Event(), Listener(lambda _batch: over.wait() and None)
    crm = opening(one=one)
    crm.track("order_placed", "1")
    crm.work()
    over.set()
    crm._campaigning._telephone._left["one"].join()
    one.then, one.told = None, []
    clock.turn("10s")
    crm.work()
    assert (one.told, told_of(crm, "one").waiting) == (["order_placed"], 0)


def test_what_nobody_could_tell_a_plugin_is_dropped_after_a_while_and_counted(opening, clock):
    crm = opening(Telling(keep=DAY), one=Listener(raising(RuntimeError())), two=Listener())
    crm.track("order_placed", "1")
    crm.work()
    clock.turn("25h")
    crm.track("page_viewed", "1")
    crm.work()
    assert (left(crm), told_of(crm, "one").waiting, told_of(crm, "one").lost, told_of(crm, "two").lost) == (1, 1, 1, 0)


# -- several processes ----------------------------------------------------------------------------------------------------


def test_while_a_process_tells_a_plugin_no_other_does(opening):
    theirs = []

    def meanwhile(_batch):
        theirs.append(other.work().notices)

    other = opening(one=Listener())
    crm = opening(one=Listener(meanwhile))
    crm.track("order_placed", "1")
    assert (crm.work().notices, theirs) == (1, [0])


def claim(crm, plugin, owner):
    return crm._opened.write(lambda scope: cursors.claim(scope, plugin, owner, scope.now + SPARE))


def test_what_a_process_left_when_it_died_is_told_by_another_once_its_lease_is_over(opening, clock):
    one = Listener()
    crm = opening(one=one)
    crm.track("order_placed", "1")
    assert claim(crm, "one", "died") is not None
    assert crm.work().notices == 0
    clock.turn("30s")
    assert (crm.work().notices, one.told) == (1, ["order_placed"])


def test_a_process_whose_lease_was_over_moves_nothing(opening, clock):
    crm = opening(one=Listener())
    crm.track("order_placed", "1")
    late = claim(crm, "one", "late")
    clock.turn("30s")
    crm.work()
    moved = attrs.evolve(late, position=0, failures=7)
    assert crm._opened.write(lambda scope: cursors.settle(scope, "late", moved)) is False
    assert told_of(crm, "one").failures == 0


def test_what_a_long_transaction_commits_late_is_told_after_what_was_committed_before(opening):
    """On SQLite whoever writes is alone: there it has to wait, and is told in the order of writing."""
    one = Listener()
    crm = opening(one=one)
    if crm._opened.engine.dialect.name == "sqlite":
        pytest.skip("no two transactions write at once")
    scope_of = crm._opened.scope
    with crm._opened.engine.connect() as connection, connection.begin():
        notices.post(
            scope_of(connection, crm.now()), [notices.EventTracked(event_id=1, customer_id=1, name="long", at=0)]
        )
        crm.track("short", "1")
        crm.work()
        assert one.told == ["short"]
    assert crm.work().notices == 1
    assert one.told == ["short", "long"]


# -- what a plugin writes -------------------------------------------------------------------------------------------------

METADATA = MetaData()
NOTE = Table(
    "crm_one_note", METADATA, Column("workspace_id", Big, primary_key=True), Column("id", Big, primary_key=True)
)


@pytest.fixture
def noting(opening):
    """Open a CRM beside whose tables stands one of the plugin's."""

    engines = []

    def noting(then):
        crm = opening(one=Listener(then))
        engines.append(crm._opened.engine)
        METADATA.create_all(engines[-1])
        return crm

    yield noting
    for engine in engines:
        METADATA.drop_all(engine)


def notes(crm):
    with crm._opened.reading() as scope:
        return scope.connection.execute(select(NOTE.c.id).where(NOTE.c.workspace_id == scope.workspace_id)).all()


def note(tables):
    tables.insert(NOTE, [{"id": one} for one in tables.new_ids(1)])


def test_a_listener_writes_on_a_thread_that_is_not_works_own(noting):
    threads = set()
    crm = noting(lambda batch: threads.add(get_ident()) or batch.write(note))
    crm.track("order_placed", "1")
    crm.work()
    assert len(notes(crm)) == 1
    assert get_ident() not in threads


def test_a_listener_that_hangs_in_a_transaction_keeps_nobody_from_writing_and_writes_nothing_more(noting, clock):
    over, refused = Event(), []

    def hang(tables):
        note(tables)
        over.wait()
        note(tables)

    def then(batch):
        try:
            batch.write(hang)
        except TimeIsUp as error:
            refused.append(error)
            raise

    crm = noting(then)
    crm.track("order_placed", "1")
    crm.work()
    crm.track("page_viewed", "1")
    over.set()
    crm._campaigning._telephone._left["one"].join()
    assert (notes(crm), len(refused)) == ([], 1)
    assert told_of(crm, "one").waiting == 2


def test_what_is_kept_for_a_listener_is_read_whole(noting):
    found = []

    def then(batch):
        batch.write(note)
        result = batch.write(lambda tables: tables.run(select(tables.table(NOTE).c.id)))
        found.extend(result.all())

    crm = noting(then)
    crm.track("order_placed", "1")
    crm.work()
    assert len(found) == 1


def test_a_database_in_memory_is_told_of_on_works_own_thread(clock):
    threads, one = set(), Listener(lambda _batch: threads.add(get_ident()))
    with CRM("sqlite://", clock=clock, plugins={"one": one}, blocked=installed()) as crm:
        crm.track("order_placed", "1")
        crm.work()
    assert (one.told, threads) == (["order_placed"], {get_ident()})
