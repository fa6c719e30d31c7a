"""What notice hooks are told: one frozen batch each, made of small frozen entries. Times in microseconds UTC."""

from __future__ import annotations

from typing import Generic, TypeVar

import attrs

from crmcore.hooks.setup import Setup
from crmcore.hooks.tables import InTables

Entry = TypeVar("Entry")


@attrs.frozen(kw_only=True)
class Notices(Generic[Entry]):
    """A batch of one workspace, oldest first; a plugin may see a batch again, after a crash or where it has failed.

    `setup` is what the plugin was given when it registered: its settings, and the clock. `write` is how a module that is told keeps something in its tables: a transaction of its own, a second long at most. It
    raises TimeIsUp afterwards, or where the time for the batch is over: nothing is written then.
    """

    workspace: str
    entries: tuple[Entry, ...]
    setup: Setup = attrs.field(eq=False, repr=False)
    write: InTables = attrs.field(eq=False, repr=False)


@attrs.frozen(kw_only=True)
class CustomerChange:
    """A customer's attributes, tags or identities changed."""

    customer_id: int
    at: int


@attrs.frozen(kw_only=True)
class CustomerMerge:
    """One customer went into another."""

    from_id: int
    into_id: int
    at: int


@attrs.frozen(kw_only=True)
class EventTracked:
    """An event is in the log."""

    event_id: int
    customer_id: int
    name: str
    at: int


@attrs.frozen(kw_only=True)
class CustomerErased:
    """A customer was erased: nothing of them is left but this id, which nobody else will have."""

    customer_id: int
    at: int


@attrs.frozen(kw_only=True)
class SegmentChange:
    """A segment was defined, or defined anew."""

    name: str
    version: int
    at: int


@attrs.frozen(kw_only=True)
class CampaignChange:
    """A run of a campaign began, or is in another state."""

    name: str
    run_id: int
    state: str
    at: int


@attrs.frozen(kw_only=True)
class DeliveryChange:
    """A delivery is in another state."""

    delivery_id: int
    customer_id: int
    state: str
    at: int
