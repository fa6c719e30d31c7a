"""The suite of a provider that is well, but for its session: each faulty one changes something in that."""

from __future__ import annotations

from typing import ClassVar

from crmcore.hooks.provider import Carriage
from crmcore.testing.counterpart import Step
from tests.testing import test_provider_suite as sound
from tests.testing.courier import PASSWORD, Courier, CourierSession

KINDS = frozenset({"drop", "silence", "temporary", "permanent"})
STEPS = (
    Step(name="connect", kinds=KINDS | {"refused"}),
    Step(name="password", kinds=KINDS),
    Step(name="to", kinds=KINDS, addressed=True),
    Step(name="body", kinds=KINDS, addressed=True, final=True),
)


class OfCourier(sound.TestCourier):
    """The suite of a courier whose sessions are of the class `bad`."""

    steps = STEPS
    timeout = 0.05
    messages = 200
    kills = 1
    bad: ClassVar[type[CourierSession]] = CourierSession
    carriage: ClassVar[Carriage] = Courier.carriage

    def provider(self, place, *, timeout):
        made = super().provider(place, timeout=timeout)
        made.carriage, made.open = self.carriage, lambda: self.bad(place, PASSWORD, timeout)
        return made
