"""Is not told of merges: cases stay with a customer who is no more, and whom nobody can ask to be erased."""

from __future__ import annotations

import crm_operational
from crm_operational.settings import OperationalSettings
from crmcore.hooks.marker import hookimpl
from tests.testing.casebook import OfCases

BREAKS = "test_whoever_is_merged_away_is_found_under_the_other"


class Deaf:
    def __init__(self, made):
        self.made = made

    @hookimpl
    def crm_register_modules(self, setup):
        return [self.made(OperationalSettings())]

    @hookimpl
    def crm_event_tracked(self, batch):
        crm_operational.tracked(batch)


class TestDeaf(OfCases):
    hears = Deaf
