"""Every condition has its four readings right: each kind of leaf passes the suite that plugins' rules pass."""

from __future__ import annotations

import os
from contextlib import contextmanager

import pytest
from hypothesis import strategies as st

from crmcore.model.condition import Everyone, Not, Sum
from crmcore.rules.tree import RULES
from crmcore.testing import populations, postgres
from crmcore.testing.populations import SPANS
from crmcore.testing.rule_suite import RuleSuite


class Shared(RuleSuite):
    """Many suites, one server."""

    examples = int(os.environ.get("CRM_LAW_CASES", "12"))
    customers = 20
    spans = (*SPANS, SPANS[-1] + 1, 1)
    kind = Everyone

    @pytest.fixture(autouse=True)
    def databases(self, servers):
        self._databases = lambda: servers(max(postgres.servers()))

    @contextmanager
    def postgresql(self):
        databases = self._databases()
        url = databases.take()
        yield url
        databases.give_back(url)

    def rule(self):
        raise AssertionError("what is asked about here is the core's own, and no plugin's rule")

    def plugins(self):
        return {}

    def conditions(self):
        return populations.leaves(self.now)[self.kind]


class TestEveryone(Shared):
    def conditions(self):
        return st.sampled_from([Everyone(), Not(of=Everyone())])


class TestSum(Shared):
    kind = Sum

    def histories(self):
        return populations.histories(self.now, ("EUR",))


class TestSumOfMixedCurrencies(Shared):
    kind = Sum


for one in RULES.keys() - {Everyone, Sum}:
    globals()[f"Test{one.__name__}"] = type(f"Test{one.__name__}", (Shared,), {"kind": one})


class TestTrees(Shared):
    """What is said of leaves holds of trees of them."""

    def conditions(self):
        return populations.conditions(self.now)

    def histories(self):
        return populations.histories(self.now, ("EUR",))
