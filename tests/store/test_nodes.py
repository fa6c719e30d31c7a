"""Row ids: however processes lease, fork, roll back and close, no two that last are equal."""

from __future__ import annotations

import contextlib
import copy

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from sqlalchemy import create_engine, insert, select
from sqlalchemy.event import listen, remove
from sqlalchemy.pool import StaticPool

from crmcore.errors import NoNodeFree
from crmcore.model.ids import EPOCH_MS
from crmcore.store.nodes import Ids
from crmcore.store.schema import node

START = 1_772_366_400_000_000  # 2026-03-01T12:00Z
MILLISECOND, MINUTE, HOUR = 1000, 60_000_000, 3_600_000_000
PROCESSES = st.integers(0, 2)
#: One id, as a statement takes, and more than a millisecond has.
COUNTS = st.sampled_from([1, 5000])
#: How far the clock is turned before.
TURNS = st.sampled_from([0, MILLISECOND, 2 * HOUR, -MILLISECOND, -2 * HOUR])


def engine_with(nodes: int):
    engine = create_engine("sqlite://", poolclass=StaticPool)
    with engine.begin() as connection:
        node.create(connection)
        connection.execute(insert(node), [{"node": one, "until_ms": 0} for one in range(nodes)])
    return engine


class Sharing(RuleBasedStateMachine):
    """Three processes and few nodes; a host's transaction, which may come to nothing; a clock that is put back."""

    @initialize(nodes=st.integers(1, 3))
    def begin(self, nodes):
        self.engine, self.now = engine_with(nodes), START
        self.processes = [Ids(self.engine) for _ in range(3)]
        self.host = self.engine.connect()
        self.lasting: set[int] = set()
        #: What the host's transaction was given, a set for it and one for each savepoint.
        self.open: list[set[int]] = []

    def teardown(self):
        if hasattr(self, "engine"):
            self.host.close()
            self.engine.dispose()

    def given(self, process, connection, count):
        with contextlib.suppress(NoNodeFree):
            ids = self.processes[process].take(connection, count, self.now)
            assert len(set(ids)) == count
            assert self.lasting.union(*self.open).isdisjoint(ids)
            return set(ids)
        return set()

    @rule(parent=PROCESSES, child=PROCESSES)
    def fork(self, parent, child):
        self.processes[child] = copy.copy(self.processes[parent])
        self.processes[child].forget()

    @precondition(lambda self: not self.open)
    @rule(process=PROCESSES, count=COUNTS, turn=TURNS, is_kept=st.booleans())
    def write_in_a_transaction_of_our_own(self, process, count, turn, is_kept):
        self.now += turn
        with contextlib.suppress(NoNodeFree):
            self.processes[process].ready(self.now)
        with self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN")
            ids = self.given(process, connection, count)
            connection.commit() if is_kept else connection.rollback()
        if is_kept:
            self.lasting |= ids

    @precondition(lambda self: not self.open)
    @rule(process=PROCESSES)
    def close(self, process):
        self.processes[process].release()

    @rule(process=PROCESSES, count=COUNTS, turn=TURNS)
    def write_in_the_hosts_transaction(self, process, count, turn):
        self.now += turn
        if not self.open:
            self.host.exec_driver_sql("BEGIN")
            self.open.append(set())
        self.open[-1] |= self.given(process, self.host, count)

    @precondition(lambda self: self.open)
    @rule()
    def set_a_savepoint(self):
        self.host.exec_driver_sql(f"SAVEPOINT s{len(self.open)}")
        self.open.append(set())

    @precondition(lambda self: self.open)
    @rule(is_kept=st.booleans())
    def end_the_hosts_savepoint_or_transaction(self, is_kept):
        ids, name = self.open.pop(), f"s{len(self.open)}"
        if not self.open:
            self.host.commit() if is_kept else self.host.rollback()
        elif is_kept:
            self.host.exec_driver_sql(f"RELEASE {name}")
        else:
            self.host.exec_driver_sql(f"ROLLBACK TO {name}")
        if is_kept:
            (self.open[-1] if self.open else self.lasting).update(ids)


def until_ms(engine):
    """Return the milliseconds from START to the end of each node's last lease."""
    with engine.connect() as connection:
        return [one - (START // 1000 - EPOCH_MS) for one in connection.execute(select(node.c.until_ms)).scalars()]


def test_a_node_whose_lease_had_ended_is_not_given_back():
    """By then it is another's."""
    engine = engine_with(1)
    first, second = Ids(engine), Ids(engine)
    first.ready(START)
    second.ready(START + 2 * HOUR)
    first.release()
    assert until_ms(engine) == [3 * HOUR // MILLISECOND]
    second.release()
    assert until_ms(engine) == [2 * HOUR // MILLISECOND + 1]
    engine.dispose()


def test_what_is_borrowed_inside_a_transaction_is_forgotten_with_a_rollback():
    engine = engine_with(1)
    one, other = Ids(engine), Ids(engine)

    def taken(ids, connection, count):
        connection.exec_driver_sql("BEGIN")
        return ids.take(connection, count, START)

    with engine.connect() as connection:
        taken(one, connection, 1)
        connection.rollback()
        kept = taken(other, connection, 2)
        connection.commit()
        assert taken(one, connection, 1)[0] not in kept
    engine.dispose()


def test_a_lease_that_could_not_be_committed_is_not_held():
    engine = engine_with(1)
    ids = Ids(engine)

    def fail(_connection):
        raise OSError

    listen(engine, "commit", fail)
    with pytest.raises(OSError):
        ids.ready(START)
    remove(engine, "commit", fail)
    with engine.begin() as connection:
        ids.take(connection, 1, START)
    assert until_ms(engine) == [1]
    engine.dispose()


def test_a_clock_that_stands_still_leaves_a_node_for_whoever_opens_next():
    engine = engine_with(2)
    for _ in range(20):
        ids = Ids(engine)
        ids.ready(START)
        ids.release()
    engine.dispose()


def test_where_all_nodes_are_leased_a_hosts_transaction_takes_what_comes_after_a_lease():
    engine = engine_with(1)
    leased, borrowing = Ids(engine), Ids(engine)
    leased.ready(START)
    with engine.begin() as connection:
        assert borrowing.take(connection, 1, START) > leased.take(connection, 1, START + HOUR - MILLISECOND)
    leased.release()
    assert until_ms(engine) == [HOUR // MILLISECOND + 1]
    engine.dispose()


def test_where_all_nodes_are_leased_the_error_says_until_when():
    engine = engine_with(2)
    for _ in range(2):
        Ids(engine).ready(START)
    with pytest.raises(NoNodeFree, match="2026-03-01T13:00"):
        Ids(engine).ready(START)
    engine.dispose()


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
