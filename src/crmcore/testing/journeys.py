"""Hypothesis strategies for campaigns of steps that nothing is wrong with, whatever kinds of steps they have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from hypothesis import strategies as st

from crmcore.model import steps as kinds
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.condition import Field
from crmcore.model.happens import Happens
from crmcore.model.local import DAYS
from crmcore.model.offers import Offers
from crmcore.model.purpose import Purpose
from crmcore.model.reaching import Fallback, Order, Reaction, words_of
from crmcore.model.steps import END, KINDS, Arm, Step
from crmcore.model.triggers import OnCall, OnDate, OnSchedule, Reentry
from crmcore.testing import populations
from crmcore.testing.strategies import values

Drawn = st.SearchStrategy[Any]
#: Around this time (microseconds UTC) lie those of conditions.
NOW = 1_772_366_400_000_000
#: Names that are words of plain data too.
NAMES = ("hello", "ignore", "wait", "send", "name", "then", "arms", "step_1", "end_2", "exit")
_NAMED = st.sampled_from(("a", "ignore", "city", "order_placed", "vip"))
_DURATIONS = st.sampled_from(("0d", "90s", "15m", "36h", "3d", "2w"))
_OFFSETS = st.sampled_from(("0d", "3d", "-3d", "-36h"))
_CLOCKS = st.sampled_from(("00:00", "09:00", "23:59"))
_SHARES = st.sampled_from((0.0, 0.1, 0.5))
_CHANNELS = st.lists(st.sampled_from(("email", "push", "note")), min_size=1, max_size=3, unique=True)
_FALLBACKS = st.builds(Fallback, after=st.sampled_from(("", "90s", "2h")), unless=st.sampled_from(words_of(Reaction)))
_SETTINGS = st.dictionaries(_NAMED, values(), max_size=2)
_OFFERS = st.builds(Offers, engine=_NAMED, k=st.integers(1, 9), repeat=st.sampled_from(("allow", "exclude", "only")))


def happenings() -> st.SearchStrategy[Happens]:
    """Events of a campaign: of a name, with fields, with a key."""
    now = populations.values(NOW)
    where = st.lists(populations.compared(Field, ("ref", "p.x"), now), max_size=2).map(tuple)
    return st.builds(Happens, event=_NAMED, where=where, key=st.sampled_from(("", "ref", "cart.id")))


_SAID: dict[type[Any], Callable[[], dict[str, Drawn]]] = {
    kinds.Send: lambda: {
        "template": _NAMED,
        "channels": _CHANNELS,
        "purpose": st.none() | st.sampled_from(Purpose),
        "topic": st.none() | _NAMED,
        "offers": st.none() | _OFFERS,
        "fields": _SETTINGS,
        "holdout": _SHARES,
        "coupon": st.sampled_from(("", "summer")),
        "order": st.sampled_from(words_of(Order)),
    },
    kinds.Wait: lambda: {"lasting": _DURATIONS},
    kinds.WaitUntil: lambda: {"at": _CLOCKS, "weekdays": st.lists(st.sampled_from(DAYS), max_size=2, unique=True)},
    kinds.WaitDate: lambda: {"attribute": _NAMED, "offset": _OFFSETS, "at": _CLOCKS},
    kinds.WaitFor: lambda: {"event": happenings(), "timeout": _DURATIONS},
    kinds.Branch: lambda: {"condition": populations.conditions(NOW, depth=2)},
    kinds.Update: lambda: {
        "attributes": _SETTINGS,
        "tags": st.lists(_NAMED, max_size=2),
        "untags": st.lists(_NAMED, max_size=2),
    },
    kinds.AddToSegment: lambda: {"segment": _NAMED},
    kinds.Emit: lambda: {"event": _NAMED, "properties": _SETTINGS, "person": st.sampled_from(("", "friend"))},
    kinds.Webhook: lambda: {"url": st.sampled_from(("https://example.com/x", "crm")), "fields": _SETTINGS},
    kinds.Call: lambda: {"step": _NAMED, "settings": _SETTINGS},
    kinds.Enter: lambda: {"campaign": _NAMED},
    kinds.Exit: dict,
}


@st.composite
def courses(draw: st.DrawFn, most: int = 6) -> tuple[Step, ...]:
    """Steps of which each is reached, and none is come to again without a wait."""
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=most, unique=True))
    reached = {0}
    made: list[Step] = []
    for place, name in enumerate(names):
        goes_on = place + 1 < len(names) and place + 1 not in reached
        step, leads = draw(_steps(name, names, place, goes_on=goes_on))
        made.append(step)
        reached |= {names.index(one) for one in leads if one in names} | {place + 1}
    return tuple(made)


@st.composite
def _steps(
    draw: st.DrawFn, name: str, names: Sequence[str], place: int, *, goes_on: bool
) -> tuple[Step, tuple[str, ...]]:
    """Draw a step at a place, and where it leads by name; to the following one somehow, where it has to go on."""
    some = [kind for kind in KINDS.values() if not (goes_on and kind is kinds.Exit)]
    kind = draw(st.sampled_from(some))
    # A way back begins at a wait, so that every way round comes by one.
    back = names if kind in kinds.PAUSES else names[place + 1 :]
    leads = draw(st.lists(st.sampled_from(("", END, *back)), min_size=2, max_size=4))
    if goes_on:
        leads[0] = ""
    if kind is kinds.Split:
        arms: Any = draw(_arms(leads))
        return kinds.Split(name=name, arms=arms), tuple(leads)
    said = draw(st.fixed_dictionaries(_SAID[kind]()))
    if len(said.get("channels", ())) > 1:
        said["fallback"] = draw(st.none() | _FALLBACKS)
    ways = dict(_ways(kind, leads))
    return kind(name=name, **said, **ways), tuple(ways.values())


def _ways(kind: type[Any], leads: Sequence[str]) -> Iterator[tuple[str, str]]:
    named = ("then", "otherwise") if kind in (kinds.Branch, kinds.WaitFor) else ("then",)
    return zip(() if kind is kinds.Exit else named, leads, strict=False)


@st.composite
def _arms(draw: st.DrawFn, leads: Sequence[str]) -> tuple[Arm, ...]:
    weights = draw(st.lists(st.integers(0, 3), min_size=len(leads), max_size=len(leads)).filter(any))
    levers = st.sampled_from(("", "subject"))
    return tuple(
        Arm(name=f"arm_{number}", weight=weight, then=to, lever=draw(levers))
        for number, (to, weight) in enumerate(zip(leads, weights, strict=True))
    )


def triggers() -> Drawn:
    """What lets customers enter."""
    return st.one_of(
        happenings(),
        st.builds(OnDate, attribute=_NAMED, offset=_OFFSETS, at=_CLOCKS, yearly=st.booleans()),
        st.builds(OnSchedule, cron=st.just("0 9 * * mon"), zone=st.sampled_from(("UTC", "Europe/London"))),
        st.builds(OnCall, by=st.sampled_from(("api", "person"))),
    )


def campaigns() -> st.SearchStrategy[Campaign]:
    """Campaigns of steps."""
    goals = st.builds(
        Goal,
        event=_NAMED,
        within=st.sampled_from(("1d", "14d")),
        attribution=st.sampled_from(("first", "last", "linear")),
    )
    return st.builds(
        Campaign,
        name=_NAMED,
        purpose=st.sampled_from(Purpose),
        audience=populations.conditions(NOW, depth=2) | _NAMED,
        holdout=_SHARES,
        goal=st.none() | goals,
        goals=st.lists(goals, max_size=2),
        offers=st.none() | _OFFERS,
        topic=st.none() | _NAMED,
        fields=_SETTINGS,
        priority=st.integers(-1000, 1000),
        must_send=st.booleans(),
        tags=st.lists(_NAMED, max_size=2),
        expires=st.sampled_from(("3d", "12h")),
        steps=courses(),
        trigger=st.none() | triggers(),
        reentry=st.builds(Reentry, when=st.sampled_from(("once", "every", "interval")), gap=st.just("7d")),
        policy=st.sampled_from(("ignore", "restart", "parallel")),
        exits=st.lists(happenings(), max_size=2),
    )
