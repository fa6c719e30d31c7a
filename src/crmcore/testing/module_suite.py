"""The suite of the Module contract: subclass it, say how to make your plugin and how it comes to know somebody.

    class TestCases(ModuleSuite):
        name = "crm_cases"

        def plugin(self):
            return crm_cases

        def plant(self, crm, customer, identifiers):
            email, subject, ref = identifiers
            crm.track("complaint_raised", customer, ref=ref, properties={"subject": f"{subject} {email}"})

docs/reference/suites.md says what each check proves. What a module does not have (tables, jobs, commands) is not checked.
"""

from __future__ import annotations

from crmcore.testing.laws import Law, LawBroken
from crmcore.testing.module_acts import ActingModule
from crmcore.testing.module_keeping import KeepingModule
from crmcore.testing.module_revisions import MigratedModule

__all__ = ["Law", "LawBroken", "ModuleSuite"]


class ModuleSuite(MigratedModule, KeepingModule, ActingModule):
    """What every module has to pass."""
