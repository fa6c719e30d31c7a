"""It keeps what every plugin promises to whoever loads it."""

from __future__ import annotations

import crm_whatsapp
from crmcore.testing.plugin_suite import PluginSuite


class TestWhatsApp(PluginSuite):
    name = "crm_whatsapp"

    def plugin(self):
        return crm_whatsapp
