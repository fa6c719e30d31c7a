"""It keeps what every plugin promises to whoever loads it."""

from __future__ import annotations

import crm_push
from crmcore.testing.plugin_suite import PluginSuite


class TestPush(PluginSuite):
    name = "crm_push"

    def plugin(self):
        return crm_push
