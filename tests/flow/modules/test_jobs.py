"""Jobs of modules are run by `work` when they are due: once a time, whoever works, and each apart from the others."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from crmcore.errors import JobTaken
from crmcore.flow.modules.jobs import FailedJob
from crmcore.hooks.module import Job
from crmcore.migrations import modules
from crmcore.store.jobs import LEASE, UNENDED, failing
from crmcore.testing.simulation import Simulation
from tests.flow.modules.wallet import Wallet, coins, give


class Counting:
    """A job that notes each run, and does something in between."""

    def __init__(self, act=lambda in_tables: None):
        self.runs, self._act = 0, act

    def __call__(self, in_tables):
        self.runs += 1
        self._act(in_tables)
        return 1


def fail(_in_tables):
    raise RuntimeError("ada@example.com")


def job(run, name="tidy", every=3600.0):
    return Job(name=name, every=every, run=run)


@pytest.fixture
def open_with(opening, engine):
    def open_with(*jobs, **given):
        wallet = Wallet(jobs=jobs)
        modules.upgrade(engine, wallet)
        return opening(wallet, **given)

    return open_with


def problems(crm):
    with crm._opened.reading() as scope:
        return [(one.job, one.problem, one.failures) for one in failing(scope)]


def test_a_job_is_run_at_once_and_then_whenever_its_time_has_passed(open_with, clock):
    tidy = Counting()
    crm = open_with(job(tidy))
    assert [crm.work().jobs, crm.work().jobs] == [1, 0]
    clock.turn(timedelta(minutes=59, seconds=59))
    assert crm.work().jobs == 0
    clock.turn(timedelta(seconds=1))
    assert (crm.work().jobs, tidy.runs) == (1, 2)


def test_what_a_job_writes_is_kept(open_with):
    crm = open_with(job(Counting(lambda in_tables: in_tables(lambda tables: give(tables, 7, tables.now, "daily")))))
    crm.work()
    assert [one.note for one in crm.in_tables(lambda tables: coins(tables, 7))] == ["daily"]


def test_a_restart_does_not_run_it_again(open_with):
    tidy = Counting()
    with open_with(job(tidy)) as crm:
        crm.work()
    open_with(job(tidy)).work()
    assert tidy.runs == 1


def test_each_workspace_has_its_own_turn(open_with):
    tidy = Counting()
    for name in ("one", "other", "one"):
        open_with(job(tidy), workspace=name).work()
    assert tidy.runs == 2


def test_of_workers_at_once_one_runs_it(open_with):
    began, go_on = threading.Event(), threading.Event()

    def wait(_in_tables):
        began.set()
        assert go_on.wait(20)

    slow = Counting(wait)
    one, other = open_with(job(slow)), open_with(job(slow))
    first = threading.Thread(target=one.work)
    first.start()
    assert began.wait(20)
    assert other.work().jobs == 0
    assert problems(other) == []
    go_on.set()
    first.join()
    assert (slow.runs, other.work().jobs) == (1, 0)


def test_of_many_workers_that_begin_together_one_runs_it_each_time(open_with, clock):
    tidy, together = Counting(), threading.Barrier(4)
    workers = [open_with(job(tidy)) for _ in range(together.parties)]

    def work(crm):
        together.wait(20)
        return crm.work().jobs

    for times in (1, 2, 3):
        with ThreadPoolExecutor(together.parties) as threads:
            assert sum(threads.map(work, workers)) == 1
        assert tidy.runs == times
        clock.turn(timedelta(hours=1))


def test_one_is_run_though_the_time_was_turned_back_since(open_with, clock):
    tidy = Counting()
    crm = open_with(job(tidy))
    clock.turn(timedelta(days=400))
    crm.work()
    clock.turn(timedelta(days=-200))
    assert [crm.work().jobs, crm.work().jobs] == [1, 0]


def test_one_that_would_end_the_process_has_failed(open_with):
    def end(_in_tables):
        raise SystemExit(3)

    crm = open_with(job(end, "end"), job(Counting(), "tidy"))
    assert crm.work().jobs == 1
    assert problems(crm) == [("end", "SystemExit", 1)]


def test_one_that_fails_keeps_no_other_waiting_and_is_tried_at_its_next_time(open_with, clock, caplog):
    after = Counting()
    crm = open_with(job(fail, "break"), job(after, "tidy"))
    worked = crm.work()
    assert (worked.jobs, worked.failed_jobs) == (
        1,
        (FailedJob(module="wallet", job="break", problem="RuntimeError"),),
    )
    assert crm.work().failed_jobs == ()
    clock.turn(timedelta(hours=1))
    crm.work()
    assert problems(crm) == [("break", "RuntimeError", 2)]
    assert "job break of module wallet failed: RuntimeError" in caplog.text
    assert "ada@example.com" not in caplog.text


def test_once_it_succeeds_it_is_no_longer_said_to_fail(open_with, clock):
    open_with(job(fail)).work()
    clock.turn(timedelta(hours=1))
    crm = open_with(job(Counting()))
    crm.work()
    assert problems(crm) == []


def test_one_that_does_not_say_how_much_it_did_has_failed(open_with):
    assert open_with(job(lambda _: None)).work().failed_jobs[0].problem == "TypeError"


class Killed(BaseException):
    """What ends a process."""


def kill(_in_tables):
    raise Killed


def test_one_whose_worker_died_is_run_by_another_once_the_lease_is_over(open_with, clock):
    with pytest.raises(Killed):
        open_with(job(kill, every=60)).work()
    tidy = Counting()
    crm = open_with(job(tidy, every=60))
    clock.turn(timedelta(minutes=14))
    assert crm.work().jobs == 0
    clock.turn(timedelta(minutes=1))
    assert problems(crm) == [("tidy", UNENDED, 1)]
    assert (crm.work().jobs, problems(crm)) == (1, [])


def test_each_write_begins_the_lease_anew(open_with, clock):
    other = open_with(job(Counting(), every=60))

    def slow(in_tables):
        for _ in range(3):
            clock.turn(timedelta(minutes=10))
            in_tables(lambda tables: give(tables, 7, tables.now))
            assert other.work().jobs == 0

    assert open_with(job(Counting(slow), every=60)).work().jobs == 1


def test_one_that_another_worker_has_taken_over_writes_no_more(open_with, clock):
    other, refused = open_with(job(Counting(), every=60)), []

    def stall(in_tables):
        clock.turn(timedelta(microseconds=LEASE))
        assert other.work().jobs == 1
        with pytest.raises(JobTaken) as error:
            in_tables(lambda tables: give(tables, 7, tables.now))
        refused.append(str(error.value))

    crm = open_with(job(Counting(stall), every=60))
    crm.work()
    assert "job 'tidy' of the module 'wallet'" in refused[0]
    assert crm.in_tables(lambda tables: coins(tables, 7)) == []
    assert problems(crm) == []


def test_who_is_asked_to_stop_begins_none(open_with):
    assert open_with(job(Counting())).work(stop=lambda: True).jobs == 0


def test_a_simulated_clock_runs_them_at_their_times(tmp_path):
    daily, weekly = Counting(), Counting()
    wallet = Wallet(jobs=[job(daily, "daily", 86_400), job(weekly, "weekly", 7 * 86_400)])
    with Simulation(tmp_path / "crm.db", plugins={"crm_wallet": wallet}) as crm:
        worked = crm.turn("14d")
    assert (daily.runs, weekly.runs, worked.jobs) == (15, 3, 18)
