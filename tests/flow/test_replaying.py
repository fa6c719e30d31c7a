"""What waits in quarantine is taken after a fix of the plan, as if it had fitted from the start."""

from __future__ import annotations

from contextlib import suppress
from itertools import count

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.errors import UnknownCustomer, UnknownSource
from crmcore.flow import replaying
from crmcore.flow.replaying import Replayed
from crmcore.model.event import Event, message_key
from crmcore.model.fitting import reason
from crmcore.model.tracking import EventPlan, Source
from crmcore.model.wire import dumps
from crmcore.testing.strategies import CUSTOMERS, sources, statements

NUMBERS = count()
STRICT = Source("web", events={"seen": EventPlan(fields={"n": "int"})})
FIXED = Source("web", events={"seen": EventPlan(fields={"n": "text"})})
ILL = {"name": "seen", "customer": "1", "properties": {"n": "x"}, "source": "web", "at": 1_000_000}


@pytest.fixture
def web(crm):
    crm.declare_source(STRICT)
    return crm


def test_what_fits_by_now_is_taken_with_its_own_time(web):
    web.track(**ILL)
    web.declare_source(FIXED)
    assert web.replay() == Replayed(taken=1, new=1, left=0, lines=0)
    assert [(one.name, one.at, one.properties) for one in web.timeline("1")] == [("seen", 1_000_000, '{"n":"x"}')]
    assert web.quarantine() == []


def test_what_does_not_fit_stays_with_its_new_reason(web):
    web.track(**ILL)
    web.declare_source(Source("web", events={"seen": EventPlan(fields={"n": "bool"})}))
    assert web.replay() == Replayed(taken=0, new=0, left=1, lines=0)
    assert [one.reason for one in web.quarantine()] == ["seen.n is text ('x'), a bool is declared"]


def test_replaying_twice_is_replaying_once(web):
    web.track(**ILL)
    web.declare_source(FIXED)
    web.replay()
    assert web.replay() == Replayed(taken=0, new=0, left=0, lines=0)
    assert web.totals()[0].count == 1


def test_a_message_that_came_in_corrected_is_not_taken_twice(web):
    web.track(**ILL, message_id="m")
    web.track(**ILL | {"properties": {"n": 1}}, message_id="m")
    web.declare_source(Source("web"))
    assert web.replay() == Replayed(taken=1, new=0, left=0, lines=0)
    assert web.totals()[0].count == 1


def test_a_message_that_was_taken_is_a_repeat_when_it_is_sent_again(web):
    web.track(**ILL, message_id="m")
    web.declare_source(FIXED)
    web.replay()
    assert web.track_many([ILL | {"message_id": "m"}]).repeated == 1
    web.declare_source(STRICT)
    assert web.track_many([ILL | {"message_id": "m"}]).repeated == 1
    assert web.stats().quarantined == 0


def test_one_source_can_be_replayed_alone(web):
    web.declare_source(Source("app", events={}))
    web.track(**ILL)
    web.track(**ILL | {"source": "app"})
    for name in ("app", "web"):
        web.declare_source(Source(name))
    assert web.replay("app") == Replayed(taken=1, new=1, left=0, lines=0)
    assert [one.source for one in web.quarantine()] == ["web"]
    with pytest.raises(UnknownSource):
        web.replay("nope")


def test_an_interrupted_replay_keeps_what_is_committed_and_goes_on(web, monkeypatch):
    monkeypatch.setattr(replaying, "BATCH", 2)
    web.track_many([ILL] * 5)
    web.declare_source(FIXED)
    told = []

    def stopping(done, total):
        told.append((done, total))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        web.replay(progress=stopping)
    assert (told, web.totals()[0].count, web.stats().quarantined) == ([(2, 5)], 2, 3)
    assert web.replay(progress=lambda done, total: told.append((done, total))).taken == 3
    assert (told[1:], web.totals()[0].count) == ([(2, 3), (3, 3)], 5)


def test_one_that_cannot_be_applied_stays_and_the_others_are_taken(web):
    big = {"properties": {}, "amount": 2**62, "currency": "EUR"}
    web.declare_source(Source("web", events={}))
    web.track_many([ILL | big, ILL | big, ILL | {"properties": {}}])
    web.declare_source(Source("web"))
    assert web.replay() == Replayed(taken=2, new=2, left=1, lines=0)
    assert "2^62" in web.quarantine()[0].reason


def test_lines_of_imports_are_listed_with_their_file_and_stay(web, tmp_path):
    from crmcore.flow.importing.mapping import map_of

    columns = {"customer": "id", "name": "what", "at": "when"}
    mapping = map_of({"kind": "events", "source": "web", "columns": columns}, tmp_path)
    (tmp_path / "events.csv").write_text("id,what,when\n7,seen,yesterday\n")
    web.import_file(tmp_path / "events.csv", mapping)
    [line] = web.quarantine()
    assert (line.source, line.place, line.replayable) == ("web", "events.csv, line 2", False)
    assert web.replay() == Replayed(taken=0, new=0, left=0, lines=1)


def known(crm):
    """All that came of statements; ids and the times they came in at are nobody's business."""
    found = {}
    for name in CUSTOMERS:
        with suppress(UnknownCustomer):
            view = crm.customer(name)
            lines = [attrs.evolve(one, id=0) for one in crm.timeline(name)]
            found[name] = (dict(view.attributes), view.tags, view.sums, sorted(map(repr, lines)))
    return found


def as_a_message(statement):
    """Give an event a message id of its own."""
    return (
        attrs.evolve(statement, message_id=message_key(dumps(statement))) if isinstance(statement, Event) else statement
    )


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sources(), sources(), st.lists(statements() | statements().map(as_a_message), max_size=8))
def test_a_fix_and_a_replay_are_as_good_as_the_right_plan_from_the_start(open_crm, first, fixed, said):
    late, right = open_crm(f"late-{next(NUMBERS)}.db"), open_crm(f"right-{next(NUMBERS)}.db")
    late.declare_source(first)
    late._take(said)
    late.declare_source(fixed)
    late.replay()
    # A fix may also be stricter than what it replaces: what had been taken stays.
    right._take([one for one in said if not reason(first, one)])
    right.declare_source(fixed)
    right._take([one for one in said if reason(first, one)])
    assert known(late) == known(right)
    assert [one.reason for one in late.quarantine()] == [one.reason for one in right.quarantine()]
