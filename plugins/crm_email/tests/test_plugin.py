"""It keeps what every plugin promises to whoever loads it."""

from __future__ import annotations

import crm_email
from crmcore.testing.plugin_suite import PluginSuite


class TestEmail(PluginSuite):
    name = "crm_email"

    def plugin(self):
        return crm_email
