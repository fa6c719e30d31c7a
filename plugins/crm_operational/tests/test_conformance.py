"""The module, the rule, the gate and the step pass their suites."""

from __future__ import annotations

from typing import ClassVar

import attrs
from hypothesis import strategies as st

import crm_operational
from crm_operational import cases
from crm_operational.gate import OpenCaseGate
from crm_operational.rule import OpenCase
from crm_operational.step import LeadScore
from crmcore.model.history import History
from crmcore.testing import populations
from crmcore.testing.gate_suite import GateSuite
from crmcore.testing.module_suite import ModuleSuite
from crmcore.testing.rule_suite import RuleSuite
from crmcore.testing.step_suite import StepSuite


class TestModule(ModuleSuite):
    name = "crm_operational"
    settings: ClassVar = {"modules": {"operational": {}}}

    def plugin(self):
        return crm_operational

    def plant(self, crm, customer, identifiers):
        email, name, ref = identifiers
        crm.track("complaint_raised", customer, ref=ref, properties={"subject": f"{name} <{email}> has no light"})
        crm.track("complaint_raised", customer, properties={"subject": "And a leaking tap"})
        crm.track("complaint_closed", customer)
        crm.work()
        for one in self.cases(crm, customer):
            crm.in_tables(lambda tables, one=one: cases.assign(tables, one.id, f"Agent of {name}"))

    def calls(self, crm, customer):
        number = str(self.cases(crm, customer)[0].id)
        return [
            ["case", "list"],
            ["case", "list", "--all", "--agent", "ada"],
            ["case", "show", number],
            ["case", "assign", number, "ada"],
            ["case", "close", number, "--note", "A new bulb"],
        ]

    def cases(self, crm, customer):
        customer_id = crm.customer(customer).id
        return crm.in_tables(lambda tables: cases.of_customer(tables, customer_id))


class TestOpenCaseRule(RuleSuite):
    examples = 1  # it has no parameters
    customers = 60

    def rule(self):
        return OpenCase()

    def histories(self):
        names = st.sampled_from(["complaint_raised", "complaint_raised", "complaint_closed", "bought"])
        drawn = st.lists(st.tuples(names, populations.events(self.now, ["EUR"])), max_size=6)
        events = drawn.map(lambda some: tuple(attrs.evolve(one, name=name) for name, one in some))
        return st.builds(History, events=events, attributes=st.just({"a": 1}), tags=st.frozensets(st.just("vip")))


class TestOpenCaseGate(GateSuite):
    def gate(self):
        return OpenCaseGate()

    def attributes(self, number):
        return [{"open_case": True}, {"open_case": False}, {"open_case": "yes"}, {}][number % 4]


class TestLeadScore(StepSuite):
    ways = ("hot",)

    def step(self):
        return LeadScore(frozenset({"plan", "score", "trial"}))

    def settings(self):
        return {"points": {"plan": {"pro": 30, "free": 5}, "score": 2, "trial": {"true": 10}}, "hot": 40}

    def attributes(self, number):
        return {"plan": ["pro", "free", "odd"][number % 3], "score": number, "trial": number % 2 == 0}
