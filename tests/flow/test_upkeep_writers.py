"""Several writers at once on PostgreSQL: whatever they do, segments end up as looking at everybody says, and so does what was told."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import contextmanager, suppress
from itertools import groupby
from threading import Barrier, Lock, Thread

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from crmcore import CRM
from crmcore.errors import InputError, InvalidCondition, MergeConflict, SegmentInUse, UnknownSegment
from crmcore.flow import segments
from crmcore.loader import installed
from crmcore.model.time import DAY, MINUTE
from crmcore.testing import postgres
from crmcore.testing.clock import TurnedClock
from tests.conftest import NOON
from tests.flow.test_upkeep import CLAUSES, NAMES

#: Programs drawn; more of them in the long run.
CASES = int(os.environ.get("CRM_LAW_CASES", "8"))
#: Seconds: far more than any program takes.
STUCK = 120


class Ticking(TurnedClock):
    """No two look at it at the same time, until it stands."""

    def __init__(self):
        super().__init__(NOON)
        self._alone = Lock()
        self._tick = 1

    def stand(self):
        self._tick = 0

    def now(self):
        with self._alone:
            self._at += self._tick
            return self._at


who = st.sampled_from(NAMES)
both = st.one_of(who, who, st.tuples(who, who).map(lambda two: two[0] | two[1]))
agos = st.integers(-4 * MINUTE, 6 * DAY)
defined = st.sampled_from(sorted(CLAUSES))
seen = st.fixed_dictionaries(
    {"name": st.sampled_from(["bought", "seen"]), "customer": both, "ago": agos, "quantity": st.integers(1, 3)}
)


def tracked(crm, given):
    with suppress(MergeConflict):
        crm.track(given["name"], given["customer"], at=crm.now() - given["ago"], quantity=given["quantity"])


def tracked_together(crm, given):
    crm.track_many({**{key: one[key] for key in one if key != "ago"}, "at": crm.now() - one["ago"]} for one in given)


def identified(crm, given):
    names, city, ago = given
    with suppress(MergeConflict):
        crm.identify(names, {"city": city}, at=crm.now() - max(ago, 0))


def tagged(crm, given):
    names, on = given
    crm.identify(names, **{"tags" if on else "untags": ["vip"]})


def said(crm, given):
    names, yes = given
    crm.consent(names, "retention", granted=yes)
    crm.subscribe(names, "news", wanted=not yes)


def joined_or_parted(crm, given):
    one, other, joined = given
    with suppress(InputError, MergeConflict):
        (crm.merge if joined else crm.unmerge)(one, other)


def in_a_transaction_of_the_host(crm, given):
    events, consenting, commits = given
    with crm._opened.engine.connect() as connection, connection.begin() as transaction:
        writer = crm.using(connection)
        for one in events:
            tracked(writer, one)
            writer.identify(one["customer"], {"city": "u"})
        if consenting is not None:
            writer.consent(consenting, "retention")
        (transaction.commit if commits else transaction.rollback)()


def defined_anew(crm, given):
    name, other = given
    with suppress(InvalidCondition):
        crm.define_segment(name, CLAUSES[other])


def deleted(crm, name):
    with suppress(UnknownSegment, SegmentInUse):
        crm.delete_segment(name)


def ticked(crm, _):
    crm._catch_up()


def time_goes_on(crm, days):
    crm._opened.clock.turn(f"{days * 24 + 1}h")


#: What a writer may do, with what it is given.
ACTS: dict[Callable[[CRM, object], None], st.SearchStrategy[object]] = {
    tracked: seen,
    tracked_together: st.lists(seen, min_size=2, max_size=6),
    identified: st.tuples(both, st.sampled_from("uv"), agos),
    tagged: st.tuples(who, st.booleans()),
    said: st.tuples(who, st.booleans()),
    joined_or_parted: st.tuples(who, who, st.booleans()),
    in_a_transaction_of_the_host: st.tuples(
        st.lists(seen, min_size=1, max_size=3), st.none() | st.sampled_from(NAMES), st.booleans()
    ),
    defined_anew: st.tuples(defined, defined),
    deleted: defined,
    ticked: st.none(),
    time_goes_on: st.integers(0, 4),
}
steps = st.one_of([st.tuples(st.just(act), given) for act, given in ACTS.items()])
programs = st.lists(st.lists(steps, min_size=4, max_size=14), min_size=3, max_size=4)


def test_whatever_several_writers_do_segments_are_right_and_all_is_told_once(servers):
    databases = servers(max(postgres.servers()))

    # A failure may not happen again: the program that failed is shown, not a smaller one.
    @settings(
        max_examples=CASES,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(programs)
    def law(program):
        with opened(databases, len(program)) as crms:
            run(crms, program)
            check(crms[0], program)

    law()


@contextmanager
def opened(databases, writers):
    """CRMs of one empty database, as that many processes have them."""
    clock, url = Ticking(), databases.take()
    blocked = installed()
    # Two that join the same customers may get in each other's way; the server need not wait a second to find out.
    impatient = f"{url}?options=-c%20deadlock_timeout%3D20ms"
    crms = [CRM(impatient, clock=clock, blocked=blocked) for _ in range(writers)]
    for name in ("buyers", "lapsed", "some"):
        crms[0].define_segment(name, CLAUSES[name])
    yield crms
    for crm in crms:
        crm.close()
    databases.give_back(url)


def run(crms, program):
    """Let each writer do its part at the same time as the others."""
    ready, failed = Barrier(len(crms), timeout=30), []

    def write(crm, part):
        try:
            ready.wait()
            for act, given in part:
                act(crm, given)
        except Exception as error:  # noqa: BLE001 - shown with the program
            failed.append(error)

    threads = [Thread(target=write, args=both, daemon=True) for both in zip(crms, program, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(STUCK)
    assert not any(thread.is_alive() for thread in threads), shown(program)
    if failed:
        failed[0].add_note(shown(program))
        raise failed[0]


def check(crm, program):
    # An event may be dated ahead by less than lies between two looks.
    crm._opened.clock.stand()
    crm._catch_up()
    names = crm.segments()
    members = {name: crm.segment(name).members() for name in names}
    with crm._opened.reading() as scope:
        wanted = {name: segments.found(scope, crm.segment(name).condition, {}, limit=None) for name in names}
    assert members == wanted, shown(program)
    told, joined = told_of(crm), ever_joined(crm)
    now_in = {pair for pair, names in told.items() if names[-1] == "segment_entered"}
    assert now_in == {(one.id, name) for name in names for one in members[name]}, shown(program)
    assert [
        (pair, names)
        for pair, names in told.items()
        if pair[0] not in joined and names != (["segment_entered", "segment_left"] * len(names))[: len(names)]
    ] == [], shown(program)


def told_of(crm):
    """Return what was told of each customer and segment, in order."""
    query = """SELECT customer_id, ref, name FROM crm_event WHERE workspace_id = %s
    AND name IN ('segment_entered', 'segment_left') ORDER BY customer_id, ref, occurred_at, id"""
    with crm._opened.reading() as scope:
        rows = scope.connection.exec_driver_sql(query, (scope.workspace_id,)).all()
    return {pair: [row[2] for row in some] for pair, some in groupby(rows, lambda row: (row[0], row[1]))}


def ever_joined(crm):
    """Return those who took over, at any time, what was told of another."""
    query = """SELECT customer_id FROM crm_identity WHERE workspace_id = %s AND origin_id IN (
    SELECT low FROM crm_link WHERE workspace_id = %s UNION SELECT high FROM crm_link WHERE workspace_id = %s)"""
    with crm._opened.reading() as scope:
        return set(scope.connection.exec_driver_sql(query, (scope.workspace_id,) * 3).scalars())


def shown(program):
    return "\n".join(
        f"writer {number}: {act.__name__}({given!r})" for number, part in enumerate(program) for act, given in part
    )
