"""Notices as they come, kept until they are posted."""

from __future__ import annotations

from functools import partial
from typing import Any

from crm_relay import tables
from crm_relay.settings import relay_settings
from crmcore.hooks.notices import Notices


def keep(kind: str, batch: Notices[Any]) -> None:
    """Keep a batch, where an address is set and wants its kind."""
    settings = relay_settings(batch.setup)
    if settings.url and kind in settings.kinds:
        batch.write(partial(tables.add, kind=kind, entries=batch.entries))
