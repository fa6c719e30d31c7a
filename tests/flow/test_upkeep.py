"""Who is in a segment is recorded with every change, and is always what looking at everybody would say."""

from __future__ import annotations

import os
from contextlib import suppress
from itertools import count

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from crmcore.errors import (
    InputError,
    InvalidCondition,
    MergeConflict,
    SegmentInUse,
    UnknownCustomer,
    UnknownSegment,
)
from crmcore.flow import segments
from crmcore.model.building import attribute, consent, event, in_segment, subscribed, tag
from crmcore.model.time import DAY, MINUTE

NUMBERS = count()
KEYS = ["A", "B", "C"]
NAMES = [*({"key": key} for key in KEYS), {"email": "x@example.com"}, {"device": "d"}]
BOUGHT, SEEN = event("bought"), event("seen")
CLAUSES = {
    "buyers": BOUGHT.did(),
    "lapsed": BOUGHT.did() & BOUGHT.did_not(within="3d"),
    "twice": BOUGHT.count(within="5d") >= 2,
    "never_seen": SEEN.did_not(),
    "new": BOUGHT.first().within("2d"),
    "rich": BOUGHT.sum("quantity", within="4d") > 2,
    "vips_of_u": tag("vip") & (attribute("city") == "u"),
    "reached": consent("retention") & ~subscribed("news"),
    "some": (BOUGHT.count() < 2) | tag("vip"),
    "buyers_of_u": BOUGHT.did() & attribute("city").in_(["u"]),
    "lapsed_of_v": attribute("city").in_(["v"]) & BOUGHT.did_not(within="3d"),
    "twice_or_seen_of_v": ((BOUGHT.count(within="5d") >= 2) | SEEN.did(within="2d")) & attribute("city").in_(["v"]),
    "vips_twice": tag("vip") & (BOUGHT.count(within="5d") >= 2),
    "listed_twice": in_segment("list") & (BOUGHT.count(within="5d") >= 2),
    "vips_lapsed": BOUGHT.did_not(within="3d") & tag("vip"),
    "never_bought": ~in_segment("buyers"),
}
who = st.sampled_from(NAMES)
both = st.one_of(who, st.tuples(who, who).map(lambda two: two[0] | two[1]))
agos = st.integers(-4 * MINUTE, 6 * DAY)


class Upkeep(RuleBasedStateMachine):
    """Everything that changes customers, in any order, with time going on between."""

    opening = clock = None

    def __init__(self):
        super().__init__()
        self.crm = self.opening(f"upkeep-{next(NUMBERS)}.db")

    @initialize()
    def defined(self):
        self.crm.upload_segment("list", [])
        for name in ("buyers", "lapsed_of_v", "vips_twice"):
            self.crm.define_segment(name, CLAUSES[name])

    @rule(name=st.sampled_from(["bought", "seen"]), names=both, ago=agos, quantity=st.integers(1, 3))
    def tracked(self, name, names, ago, quantity):
        with suppress(MergeConflict):
            self.crm.track(name, names, at=self.crm.now() - ago, quantity=quantity)

    @rule(names=both, city=st.sampled_from("uv"), ago=agos)
    def identified(self, names, city, ago):
        with suppress(MergeConflict):
            self.crm.identify(names, {"city": city}, at=self.crm.now() - max(ago, 0))

    @rule(names=who, on=st.booleans())
    def tagged(self, names, on):
        self.crm.identify(names, **{"tags" if on else "untags": ["vip"]})

    @rule(names=who, yes=st.booleans())
    def said(self, names, yes):
        self.crm.consent(names, "retention", granted=yes)
        self.crm.subscribe(names, "news", wanted=not yes)

    @rule(one=who, other=who, joined=st.booleans())
    def joined_or_parted(self, one, other, joined):
        with suppress(InputError, MergeConflict):
            (self.crm.merge if joined else self.crm.unmerge)(one, other)

    @rule(names=who, yes=st.booleans())
    def said_in_a_transaction_of_the_host(self, names, yes):
        with self.crm._opened.engine.begin() as connection:
            self.crm.using(connection).consent(names, "retention", granted=yes)

    @rule(names=both)
    def tracked_in_a_transaction_of_the_host(self, names):
        with self.crm._opened.engine.begin() as connection:
            self.crm.using(connection).track("bought", names, quantity=1)

    @rule(days=st.integers(0, 4))
    def time_goes_on(self, days):
        self.clock.turn(f"{days * 24 + 1}h")

    @rule(name=st.sampled_from(sorted(CLAUSES)), other=st.sampled_from(sorted(CLAUSES)))
    def defined_anew(self, name, other):
        with suppress(InvalidCondition):
            self.crm.define_segment(name, CLAUSES[other])

    @rule(name=st.sampled_from([*sorted(CLAUSES), "list"]))
    def deleted(self, name):
        with suppress(UnknownSegment, SegmentInUse):
            self.crm.delete_segment(name)
            assert name not in {segment for segment, _ in recorded(self.crm)}

    @rule(names=st.lists(who))
    def uploaded(self, names):
        with suppress(UnknownCustomer):
            self.crm.upload_segment("list", names)

    @rule()
    def derived_tables_are_lost(self):
        self.crm.rebuild()

    @invariant()
    def segments_hold_who_they_should_and_what_was_recorded_adds_up_to_it(self):
        found = [self.crm.segment(name) for name in self.crm.segments() if name != "list"]
        members = {one.name: one.members() for one in found}
        with self.crm._opened.reading() as scope:
            assert members == {one.name: segments.found(scope, one.condition, {}, limit=None) for one in found}
        assert recorded(self.crm) == {(name, one.id) for name, inside in members.items() for one in inside}


def recorded(crm):
    """Play the record of who entered and who left."""
    crm._catch_up()
    query = """SELECT ref, customer_id, name FROM crm_event
    WHERE workspace_id = 1 AND name IN ('segment_entered', 'segment_left') ORDER BY occurred_at, id"""
    with crm._opened.reading() as scope:
        rows = scope.connection.exec_driver_sql(query).all()
    inside = set()
    for segment, customer_id, name in rows:
        (inside.add if name == "segment_entered" else inside.discard)((segment, customer_id))
    return inside


def test_upkeep_is_looking_at_everybody(open_crm, clock):
    class Machine(Upkeep):
        opening = staticmethod(open_crm)

    Machine.clock = clock
    Machine.TestCase.settings = settings(
        max_examples=int(os.environ.get("CRM_LAW_CASES", "12")),
        stateful_step_count=20,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    Machine.TestCase().runTest()
