"""It keeps what every plugin promises to whoever loads it."""

from __future__ import annotations

import crm_relay
from crmcore.testing.plugin_suite import PluginSuite


class TestRelay(PluginSuite):
    name = "crm_relay"

    def plugin(self):
        return crm_relay
