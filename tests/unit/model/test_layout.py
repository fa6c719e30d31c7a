"""Steps stand below all that lead to them, each in a place of its own, and the same steps always stand the same."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.model.layout import layout
from crmcore.model.outline import Lead, OutlinedStep, outline, told
from crmcore.model.steps import Branch, Exit, WaitFor
from tests.flow.journeys.travelling import journey, send, wait


def steps(**leads) -> list[OutlinedStep]:
    return [
        OutlinedStep(name=name, kind="wait", says=name, leads=tuple(Lead(to=to, way=to, says=to) for to in ends))
        for name, ends in leads.items()
    ]


def layers(found) -> dict[str, int]:
    return {one.name: one.layer for one in found.boxes}


def test_steps_one_after_another_stand_below_one_another_in_the_middle():
    found = layout(steps(a=["b"], b=["end"]))
    assert [(one.name, one.layer, one.across) for one in found.boxes] == [("a", 0, 0), ("b", 1, 0), ("end", 2, 0)]


def test_ways_that_part_stand_beside_one_another_and_where_they_meet_below_both():
    found = layout(steps(a=["b", "c"], b=["d"], c=["d"], d=["end"]))
    assert layers(found) == {"a": 0, "b": 1, "c": 1, "d": 2, "end": 3}
    assert [one.across for one in found.boxes] == [0, -1, 1, 0, 0]


def test_a_step_stands_below_the_longest_way_to_it_and_the_short_way_has_a_place_in_each_layer():
    found = layout(steps(a=["b", "d"], b=["c"], c=["d"], d=["end"]))
    assert layers(found)["d"] == 3
    [short] = [one for one in found.arrows if (one.start, one.end) == ("a", "d")]
    assert [layer for layer, _ in short.via] == [1, 2]


def test_a_way_back_is_one_and_puts_nothing_lower():
    found = layout(steps(a=["b"], b=["a", "end"]))
    assert layers(found) == {"a": 0, "b": 1, "end": 2}
    assert [(one.start, one.end) for one in found.arrows if one.is_back] == [("b", "a")]


def test_ways_between_the_same_steps_are_one_arrow():
    [a] = [
        OutlinedStep(name="a", kind="branch", says="", leads=(Lead(to="end", says="yes"), Lead(to="end", says="no")))
    ]
    assert [one.says for one in layout([a]).arrows] == ["yes / no"]


NAMES = [f"s{number}" for number in range(8)]


@st.composite
def graphs(draw) -> list[OutlinedStep]:
    size = draw(st.integers(1, len(NAMES)))
    ends = st.lists(st.sampled_from([*NAMES[:size], "end"]), min_size=1, max_size=3, unique=True)
    # Each leads on to the following one, so that all are reached.
    return steps(
        **{
            name: [*([NAMES[place + 1]] if place + 1 < size else ["end"]), *draw(ends)]
            for place, name in enumerate(NAMES[:size])
        }
    )


@settings(max_examples=60)
@given(graphs())
def test_whatever_the_steps_every_way_leads_down_but_those_back_and_no_two_share_a_place(drawn):
    found = layout(drawn)
    assert found == layout(drawn)
    below = layers(found)
    for one in found.arrows:
        assert one.is_back == (below[one.end] <= below[one.start])
        assert [layer for layer, _ in one.via] == list(range(below[one.start] + 1, below[one.end]))
    places = [(one.layer, one.across) for one in found.boxes] + [place for one in found.arrows for place in one.via]
    assert len(places) == len(set(places))
    assert below.keys() == {one.name for one in drawn} | {one.end for one in found.arrows}


@settings(max_examples=60)
@given(graphs())
def test_told_one_after_another_every_step_comes_once(drawn):
    def named(stops):
        for stop in stops:
            if not stop.again and stop.step != "end":
                yield stop.step
            for _, below in stop.parts:
                yield from named(below)

    assert sorted(named(told(drawn))) == sorted(one.name for one in drawn)


def test_what_has_been_told_is_only_named_again_and_a_way_back_is_called_one():
    asked = Branch(name="asked", condition="everyone", then="hello", otherwise="opens")
    opens = WaitFor(name="opens", event="app_opened", timeout="2d", then="stop", otherwise="wait_1d")
    found = outline(journey(wait("1d"), asked, send("hello", then="stop"), opens, Exit(name="stop")))
    [_, parting] = told(found.steps)
    (_, yes), (_, no) = parting.parts
    assert [(one.step, one.again) for one in yes] == [("hello", ""), ("stop", ""), ("end", "")]
    (_, happened), (_, timeout) = no[0].parts
    assert [(one.step, one.again) for one in (*happened, *timeout)] == [("stop", "told"), ("wait_1d", "back")]
