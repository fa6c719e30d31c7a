"""A condition names another segment: a rule's stands for its tree, an uploaded one for who is in it."""

from __future__ import annotations

import pytest

from crmcore.errors import InvalidCondition
from crmcore.model import condition as tree
from crmcore.model.building import attribute, everyone, in_segment, tag
from crmcore.rules import naming
from tests.store.asking import asked, upload


def test_a_segment_in_a_segment_is_its_rule_as_it_is_now(crm):
    crm.identify("1", {"n": 1})
    crm.identify("2", {"n": 2})
    crm.define_segment("low", attribute("n") < 2)
    crm.define_segment("rest", ~in_segment("low"))
    assert asked(crm, ~in_segment("rest") & everyone()) == {"1"}
    crm.define_segment("low", attribute("n") < 3)
    assert crm.segment("rest").size() == 0


def test_an_uploaded_segment_is_who_is_in_it(crm):
    crm.identify("1")
    crm.identify("2")
    upload(crm, "guests", crm.customer("2").id)
    assert asked(crm, in_segment("guests")) == {"2"}
    crm.define_segment("others", ~in_segment("guests"))
    with crm._opened.reading() as scope:
        named = naming.resolved(scope, in_segment("others").condition)
    assert named == tree.Not(of=tree.InSegment(segment="guests"))


def test_a_segment_in_itself_is_refused_naming_the_chain(crm):
    crm.define_segment("a", tag("vip"))
    crm.define_segment("b", in_segment("a"))
    crm.define_segment("c", in_segment("b") | tag("new"))
    with pytest.raises(InvalidCondition, match="a -> c -> b -> a"):
        crm.define_segment("a", ~in_segment("c"))
    with pytest.raises(InvalidCondition, match="d -> d"):
        crm.define_segment("d", in_segment("d"))
    assert crm.segment("a").condition == tag("vip").condition


def test_a_segment_that_is_not_there_is_refused_naming_the_chain(crm):
    with pytest.raises(InvalidCondition, match="a -> nowhere"):
        crm.define_segment("a", in_segment("nowhere"))
    with pytest.raises(InvalidCondition, match="there is no segment"):
        asked(crm, tag("vip") & in_segment("nowhere"))


def test_segments_that_double_are_refused_before_they_are_made(crm):
    crm.define_segment("s0", tag("vip"))
    for number in range(1, 11):
        crm.define_segment(f"s{number}", in_segment(f"s{number - 1}") | in_segment(f"s{number - 1}"))
    with pytest.raises(InvalidCondition, match="more leaves than the 2,000"):
        crm.define_segment("s11", in_segment("s10") | in_segment("s10"))
    with pytest.raises(InvalidCondition, match="s10"):
        crm.define_segment("s0", tag("vip") | tag("new"))
