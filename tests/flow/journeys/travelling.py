"""Campaigns of steps for tests: people, a template, a clock that is turned with work done at each turn."""

from __future__ import annotations

from collections.abc import Iterator

from crmcore import CRM
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.steps import Send, Step, Wait
from crmcore.testing.clock import TurnedClock
from crmcore.testing.fakes import Recorder

HOUR = 60


def journey(*steps: Step, **changes) -> Campaign:
    given = {"name": "journey", "purpose": "retention", "audience": everyone(), "steps": steps}
    return Campaign(**given | changes)


def send(name: str, **changes) -> Send:
    return Send(**{"name": name, "template": name, "channels": "note"} | changes)


def wait(lasting: str) -> Wait:
    return Wait(name=f"wait_{lasting}", lasting=lasting)


def people(crm: CRM, *keys: str, **attributes) -> None:
    crm.identify_many({"customer": key, "attributes": {"email": f"{key}@example.com", **attributes}} for key in keys)
    crm.consent_many({"customer": key, "purpose": "retention", "channel": "note"} for key in keys)


def templates(crm: CRM, *names: str) -> None:
    for name in names:
        crm.save_template(name, "note", {"text": f"{name} {{{{ customer.key }}}}"})


def said(recorder: Recorder) -> list[str]:
    return [one.body.decode() for one in recorder.sent]


def days(crm: CRM, clock: TurnedClock, count: int, *, by: str = "1d") -> Iterator[int]:
    """Work, then turn the clock, again and again; yield the number of the day after its work."""
    for day in range(count):
        crm.work()
        yield day
        clock.turn(by)
