"""What tests of several addresses share: a channel `push` to every device of a customer, with a carrier for each kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from crmcore import CRM
from crmcore.hooks.channel import Channel
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.provider import Carriage, Outgoing, Result
from crmcore.hooks.setup import Setup
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.testing.fakes import Answer, Notes, Recorder, accept

KINDS = frozenset({"fcm", "apns", "webpush"})


class Carrier(Recorder):
    """A carrier of `push` beside others: its name is that of the kind of addresses it takes."""

    def __init__(self, name: str, answer: Answer = accept, **carriage: Any) -> None:
        super().__init__(answer, pushing())
        self.name = name
        self.carriage = Carriage(**{"batch": 50, "address_kinds": frozenset({name})} | carriage)

    @hookimpl
    def crm_register_channels(self, setup: Setup) -> Sequence[Channel]:
        """Return none: another brings it."""
        return []


class Devices(Recorder):
    """The channel `push`; its carrier takes all kinds, or those that `carriage` says."""

    def __init__(self, answer: Answer = accept, **carriage: Any) -> None:
        super().__init__(answer, pushing())
        self.carriage = Carriage(**{"batch": 50} | carriage)


class Answers:
    """Answers by address; all else is accepted."""

    def __init__(self, **by_value: Result | type[Result]) -> None:
        self.by_value: dict[str, Any] = by_value

    def __call__(self, message: Outgoing) -> Result:
        """Return what is to become of a message."""
        make = self.by_value.get(message.address.value)
        return accept(message) if make is None else make(delivery_id=message.delivery_id)


def pushing() -> Notes:
    return Notes("push", address_kinds=KINDS, each_address=True)


def customer(crm: CRM, key: str, *devices: tuple[str, str]) -> None:
    crm.identify(key)
    for kind, value in devices:
        crm.identify({"key": key, kind: value})
    crm.consent(key, "newsletter", channel="push")


def launch(crm: CRM, name: str = "news", parts: str = "hello {{ customer.key }}", **changes: Any) -> None:
    crm.save_template("hello", changes.get("channel", "push"), {"text": parts})
    said = {"purpose": "newsletter", "audience": everyone(), "channel": "push", "template": "hello", **changes}
    crm.launch(Campaign(name=name, **said))


def reached(*carriers: Recorder) -> list[str]:
    return sorted(one.address.value for carrier in carriers for one in carrier.sent)
