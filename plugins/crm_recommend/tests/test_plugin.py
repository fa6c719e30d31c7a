"""It keeps what every plugin promises to whoever loads it."""

from __future__ import annotations

import crm_recommend
from crmcore.testing.plugin_suite import PluginSuite


class TestRecommend(PluginSuite):
    name = "crm_recommend"

    def plugin(self):
        return crm_recommend
