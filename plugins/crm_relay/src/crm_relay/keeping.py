"""Notices as they come, kept until they are posted."""

from __future__ import annotations

from functools import partial
from typing import Any

from crm_relay import tables
from crm_relay.settings import relay_settings
from crmcore.hooks.notices import Notices


def keep(kind: str, batch: Notices[Any]) -> None:
    """Keep a batch, where the address wants its kind."""
    if kind in relay_settings(batch.setup).kinds:
        batch.write(partial(tables.add, kind=kind, entries=batch.entries))
