"""The suite of the Provider contract: subclass it, say how to reach your carrier's stand-in, and pytest does the rest.

    class TestPigeons(ProviderSuite):
        secrets = ("the password",)
        steps = (Step(name="release", kinds=frozenset({"drop", "permanent"}), addressed=True),)

        @contextmanager
        def counterpart(self, trouble=None): ...

        def provider(self, place, *, timeout): ...

Every check's failure says what is wrong, and what the contract asks for instead. docs/reference/suites.md says what each
proves.
"""

from __future__ import annotations

from crmcore.testing.conduct import ConductedProvider
from crmcore.testing.counterpart import Counterpart, Kind, Step, Taken, Trouble
from crmcore.testing.killing import KilledProvider
from crmcore.testing.laws import Law, LawBroken
from crmcore.testing.troubles import TroubledProvider

__all__ = ["Counterpart", "Kind", "Law", "LawBroken", "ProviderSuite", "Step", "Taken", "Trouble"]


class ProviderSuite(ConductedProvider, TroubledProvider, KilledProvider):
    """What every provider has to pass that keeps its own connections."""
