"""What a campaign asks for: the segments it names, and what has to be looked at the moment it comes in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

import attrs

from crmcore.flow.journeys import ways
from crmcore.flow.upkeep.planning import named_segments
from crmcore.model.campaign import Campaign
from crmcore.model.happens import ENTERED, LEFT, Happens
from crmcore.model.steps import AddToSegment, Branch, WaitFor
from crmcore.model.triggers import OnDate
from crmcore.rules.naming import resolved
from crmcore.rules.plugin import Plugins
from crmcore.rules.tree import touches
from crmcore.store import segments
from crmcore.store.logs import Item
from crmcore.store.scope import Scope
from crmcore.store.segments import RULE


def named(scope: Scope, campaign: Campaign) -> set[str]:
    """Return the segments that a campaign names, and those that these name."""
    found: set[str] = set()
    coming = set(_named(campaign))
    while coming:
        name = coming.pop()
        found.add(name)
        definition = segments.find(scope, name)
        if definition is not None and definition.kind == RULE:
            coming |= named_segments(definition.condition) - found
    return found


def _named(campaign: Campaign) -> Iterator[str]:
    if isinstance(campaign.audience, str):
        yield campaign.audience
    else:
        yield from named_segments(campaign.audience)
    for one in campaign.steps:
        if isinstance(one, Branch):
            yield from named_segments(one.condition)
        if isinstance(one, AddToSegment):
            yield one.segment
    happening = [campaign.trigger, *campaign.exits, *(one.event for one in campaign.steps if isinstance(one, WaitFor))]
    for event in happening:
        if isinstance(event, Happens) and event.event in (ENTERED, LEFT):
            yield from (str(field.value) for field in event.where if field.name == "ref")


def is_loud(scope: Scope, campaign: Campaign, names: Collection[str], plugins: Plugins) -> Callable[[Item], bool]:
    """Return what tells whether something has to be looked at when it comes in: somebody may enter, go on or leave by it.

    All else is there in time if it is there when something is due.
    """
    live = [one for name in sorted(names) if (one := segments.find(scope, name)) is not None and one.kind == RULE]
    listened = ways.names(campaign)
    for one in live:
        listened |= touches(resolved(scope, one.condition), plugins).events
    is_about_people = bool(names) or isinstance(campaign.trigger, OnDate)
    return lambda item: item.row.name in listened if item.kind == "event" else is_about_people


@attrs.frozen
class Boundary:
    """What had come in before a campaign began: earlier, or at that moment under a lesser id."""

    at: int
    id: int

    def is_after(self, item: Item) -> bool:
        """Tell whether something came in before."""
        return (item.at, item.id) < (self.at, self.id)
