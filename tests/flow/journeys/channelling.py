"""A shop with three channels for tests: who can be reached there, what becomes of each message, what went by which."""

from __future__ import annotations

from crmcore import CRM
from crmcore.hooks.provider import Feedback, Permanent
from crmcore.loader import installed
from crmcore.model.reaching import Fallback
from crmcore.testing.fakes import Notes, Recorder
from tests.flow.journeys.travelling import journey, send

#: Channels, the kind of address each needs, and what a message costs.
WHATSAPP, PUSH, EMAIL = "whatsapp", "push", "email"
KINDS = {WHATSAPP: "phone", PUSH: "device", EMAIL: "email"}
PRICES = {WHATSAPP: "0.05", PUSH: 0, EMAIL: 0.001}
ALL = tuple(KINDS)
LATE, FAILED = Fallback(after="2h"), Fallback()
PURPOSE = "retention"


def addresses_of(key: str) -> dict[str, str]:
    """Addresses that nobody of another key has."""
    return {
        "phone": f"+4412{int.from_bytes(key.encode()):09d}",
        "device": f"token-{key}",
        "email": f"{key}@example.com",
    }


class Shop:
    """A CRM with three channels, of which each can be told what becomes of its messages."""

    def __init__(self, url: str, clock, plugins=None, **settings) -> None:
        self.clock = clock
        self.carriers = {name: Recorder(notes=Notes(name, address_kinds={kind})) for name, kind in KINDS.items()}
        given = {"channels": {name: {"price": price} for name, price in PRICES.items()}} | settings
        self.crm = CRM(url, clock=clock, plugins={**self.carriers, **(plugins or {})}, blocked=installed(), **given)
        for name in KINDS:
            self.crm.save_template("hello", name, {"text": f"{name} {{{{ customer.key }}}}"})

    def customer(self, key: str = "ada", addresses=ALL, consents=ALL, **attributes) -> None:
        theirs = addresses_of(key)
        self.crm.identify({"key": key, **{KINDS[one]: theirs[KINDS[one]] for one in addresses}}, attributes)
        for channel in consents:
            self.crm.consent(key, PURPOSE, channel=channel)

    def launch(self, *more, **changes) -> None:
        self.crm.launch(journey(send("hello", **{"channels": ALL} | changes), *more))

    def refuse(self, *channels: str) -> None:
        for name in channels:
            self.carriers[name].answer = lambda message: Permanent(
                delivery_id=message.delivery_id, fault="content", code="550"
            )

    def hear(self, channel: str, said: str, **changes) -> None:
        """Hear from a carrier of the latest message on a channel."""
        latest = self.carriers[channel].sent[-1].delivery_id
        key = f"{latest}-{said}"
        self.crm.feedback([Feedback(key=key, type=said, at=self.crm.now(), delivery_id=latest, **changes)], "p")

    def pass_time(self, *turns: str) -> None:
        """Work now, and after each turn of the clock."""
        self.crm.work()
        for turn in turns:
            self.clock.turn(turn)
            self.crm.work()

    @property
    def got(self) -> list[str]:
        """The messages in the order in which they went."""
        sent = [one for carrier in self.carriers.values() for one in carrier.sent]
        return [one.body.decode() for one in sorted(sent, key=lambda one: one.delivery_id)]

    @property
    def channels(self) -> tuple[str, ...]:
        """The channels that messages went by, in this order."""
        return tuple(one.split()[0] for one in self.got)
