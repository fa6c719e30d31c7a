"""The suite of providers that take webhooks: subclass it, say what they look like, and pytest does the rest.

class TestPigeonPost(WebhookSuite):
    def provider(self): ...

    def signed(self, body): ...

    def told(self, delivery_id, provider_id, address): ...
"""

from __future__ import annotations

import json
import random
import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.app import CRM
from crmcore.hooks.provider import (
    AddressChange,
    Choice,
    Feedback,
    HttpResponse,
    Inbound,
    Ingested,
    Listening,
    RawRequest,
    TemplateChange,
)
from crmcore.loader import installed
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.event import FUTURE
from crmcore.model.identity import Identity
from crmcore.model.time import TurnedClock
from crmcore.testing import postgres
from crmcore.testing.batches import ask_offline
from crmcore.testing.fakes import Notes, Recorder
from crmcore.testing.laws import (
    PASSED_OVER,
    READ_PURE,
    READ_SOUND,
    SIGNED,
    TELLING_BODIES,
    UNORDERED,
    LawBroken,
    ask,
)
from crmcore.testing.suite import Suite
from crmcore.testing.watching import much_later

DAY = 86_400
#: How many orders of the same bodies are tried.
ORDERS = 20
#: What may stand where something else is to be.
ODD: tuple[Any, ...] = (
    None,
    True,
    7,
    -1,
    2**70,
    1.5,
    "",
    "suite",
    "\ud800",
    "9" * 30,
    [],
    {},
    [None],
    {"suite": 1},
    [[]],
    [7],
)
HELD: Mapping[str, type[Any]] = {
    "feedback": Feedback,
    "inbound": Inbound,
    "templates": TemplateChange,
    "choices": Choice,
    "addresses": AddressChange,
    "alerts": str,
}
Place = tuple[str | int, ...]


class WebhookSuite(Suite):
    """What every provider has to pass that takes webhooks."""

    #: Microseconds UTC, later than whatever the bodies tell of by less than a month.
    now: ClassVar[int] = 2_208_988_800_000_000

    @abstractmethod
    def provider(self) -> Listening:
        """Return the provider, with the secret that `signed` signs by."""
        raise NotImplementedError

    @abstractmethod
    def signed(self, body: bytes) -> RawRequest:
        """Return a body as the carrier posts it."""
        raise NotImplementedError

    @abstractmethod
    def told(self, delivery_id: int, provider_id: str, address: Identity) -> Sequence[bytes]:
        """Return bodies that tell what became of a message: of different states, of a time before `now`, two or more of them.

        They name it as your carrier does, by what you gave along or by the id it gave.
        """
        raise NotImplementedError

    def others(self) -> Sequence[bytes]:
        """Return further bodies, one or more of each kind that the carrier posts."""
        return ()

    def address(self, number: int) -> Identity:
        """Return the address of a customer."""
        return Identity("phone", f"+49151{number:07}")

    def bodies(self) -> list[bytes]:
        """Return all kinds of bodies."""
        return [*self.told(1_000_001, "suite-1", self.address(1)), *self.others()]

    def test_what_is_signed_is_read(self) -> None:
        """It is answered 2xx, and it holds something."""
        for body in self.bodies():
            read = self._read(self.signed(body))
            ask(_is_taken(read), TELLING_BODIES, f"{_shown(body)} is answered {read.answer.status}.")
        told = [self._read(self.signed(one)).feedback for one in self.told(1_000_001, "suite-1", self.address(1))]
        ask(
            len(told) > 1 and all(told),
            TELLING_BODIES,
            "`told` returns two bodies or more, each of a state of the message.",
        )

    def test_what_is_not_signed_is_refused(self) -> None:
        """By 401, and nothing is taken of it: without a signature, with that of another body, with one that is none."""
        for body in self.bodies():
            request = self.signed(body)
            self._refuses(attrs.evolve(request, headers={}), "without any header")
            self._refuses(attrs.evolve(request, headers=self.signed(b"another").headers), "signed for another body")
            self._refuses(attrs.evolve(request, body=body + b" "), "with a blank behind")
            for odd in ("", "suite", "\xe9", "sha256="):
                headers = dict.fromkeys(request.headers, odd)
                self._refuses(attrs.evolve(request, headers=headers), f"with headers that say {odd!r}")

    def test_reading_is_pure(self) -> None:
        """Again, by another provider, tomorrow: the same request at the same `now` says the same."""
        provider, requests = self.provider(), [self.signed(body) for body in self.bodies()]
        first = [self._read(one, provider) for one in requests]
        with much_later(DAY):
            again = [self._read(one, other) for other in (provider, self.provider()) for one in requests]
        for place, one in enumerate(again):
            was = first[place % len(first)]
            ask(one == was, READ_PURE, f"First it said {was}, then {one}.")

    def test_reading_opens_no_socket(self) -> None:
        """A webhook is all a provider is shown."""
        ask_offline(lambda: [self._read(self.signed(body)) for body in self.bodies()], READ_PURE)

    def test_what_a_webhook_holds_is_sound(self) -> None:
        """Of the types the contract names, each with a key, and a time up to now."""
        for body in self.bodies():
            self._is_sound(self._read(self.signed(body)), body)

    def test_what_nobody_knows_is_passed_over(self) -> None:
        """Whatever stands in a field, or in one more: it is answered 2xx, and what is held is sound."""
        provider = self.provider()
        known = [said for body in self.bodies() if (said := _json(body)) is not None]
        changed = st.sampled_from(known).flatmap(_changes) if known else st.nothing()

        @_fuzz(st.one_of(changed, st.binary(max_size=40)))
        def check(body: bytes) -> None:
            read = self._read(self.signed(body), provider, PASSED_OVER)
            ask(
                _is_taken(read),
                PASSED_OVER,
                f"{_shown(body)} is answered {read.answer.status}: it comes again for ever.",
            )
            self._is_sound(read, body)

    @contextmanager
    def postgresql(self) -> Iterator[str]:
        """Yield the URL of a new database; as it is, on a server started for it."""
        servers = sorted(postgres.servers().items())
        if not servers:
            pytest.skip("there is no PostgreSQL here")
        with servers[-1][1]() as server, postgres.Databases(server) as databases:
            yield databases.take()

    def test_told_again_nothing_changes(self) -> None:
        """A carrier that got no answer in time tells all once more."""
        with _in_file() as url:
            self._tell_again(url)

    def test_told_again_nothing_changes_on_postgresql(self) -> None:
        """The same on PostgreSQL, the newest found; skipped where there is none."""
        with self.postgresql() as url:
            self._tell_again(url)

    def test_in_any_order_and_number_the_ledger_ends_the_same(self) -> None:
        """States, reasons, suppressions and events: as many orders as there is patience for, on a CRM of its own."""
        with _in_file() as url:
            self._tell_in_any_order(url)

    def test_in_any_order_and_number_the_ledger_ends_the_same_on_postgresql(self) -> None:
        """The same on PostgreSQL, the newest found; skipped where there is none."""
        with self.postgresql() as url:
            self._tell_in_any_order(url)

    def _tell_again(self, url: str) -> None:
        with self._sent(url, 2) as sent:
            for body in sent.bodies(1):
                sent.receive([body])
            before = sent.ends(1)
            sent.receive([*sent.bodies(1), *sent.bodies(1)])
            after = sent.ends(1)
        ask(before == after, UNORDERED, f"Told once, a message stands at {before}; told again, at {after}.")

    def _tell_in_any_order(self, url: str) -> None:
        with self._sent(url, ORDERS + 1) as sent:
            for body in sent.bodies(0):
                sent.receive([body])
            first = sent.ends(0)
            ask(first[0] != "accepted", TELLING_BODIES, "What `told` says moves no delivery.")
            for number in range(1, ORDERS + 1):
                for batch in _batches(sent.bodies(number), random.Random(number)):  # noqa: S311 - it shuffles
                    sent.receive(batch)
                found = sent.ends(number)
                ask(found == first, UNORDERED, f"In one order a message ends at {first}, in another at {found}.")

    def _read(self, request: RawRequest, provider: Listening | None = None, law: Any = READ_SOUND) -> Ingested:
        try:
            read = (provider or self.provider()).parse_webhook(request, self.now)
        except Exception as error:
            raise LawBroken(law, f"parse_webhook raised {error!r} for {_shown(request.body)}.") from error
        ask(isinstance(read, Ingested), READ_SOUND, f"parse_webhook returned {read!r}, no Ingested.")
        return read

    def _refuses(self, request: RawRequest, how: str) -> None:
        read = self._read(request, law=SIGNED)
        said = f"{_shown(request.body)}, {how}, is answered {read.answer.status}"
        ask(read.answer.status == 401, SIGNED, f"{said}, not 401.")  # noqa: PLR2004 - the answer the contract names
        taken = [name for name in HELD if getattr(read, name)]
        ask(not taken, SIGNED, f"{said}, and holds {', '.join(taken)}.")

    def _is_sound(self, read: Ingested, body: bytes) -> None:
        for name, kind in HELD.items():
            held = getattr(read, name)
            wrong = [one for one in held if not isinstance(one, kind)] if isinstance(held, tuple) else [held]
            ask(not wrong, READ_SOUND, f"{_shown(body)}: `{name}` holds {wrong[:1]}.")
            for one in held if kind is not str else ():
                fine = isinstance(one.key, str) and one.key and type(one.at) is int and 0 <= one.at <= self.now + FUTURE
                ask(
                    fine, READ_SOUND, f"{_shown(body)}: its key is {one.key!r}, its time {one.at!r}, now is {self.now}."
                )

    @contextmanager
    def _sent(self, url: str, count: int) -> Iterator[_Sent]:
        carrier, clock = _Carrier(self.provider(), self.address(0).kind), TurnedClock(self.now - 30 * DAY * 1_000_000)
        with CRM(url, clock=clock, plugins={"suite": carrier}, blocked=installed()) as crm:
            yield _Sent(self, crm, carrier, clock, count)


@contextmanager
def _in_file() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        yield f"sqlite:///{Path(folder) / 'suite.db'}"


class _Carrier(Recorder):
    """The provider's name and ears, and a channel that sends nothing anywhere."""

    def __init__(self, listening: Any, kind: str) -> None:
        super().__init__(notes=Notes(listening.channel, address_kinds=frozenset({kind})))
        self.name, self._listening = listening.name, listening

    def parse_webhook(self, request: RawRequest, now: int) -> Ingested:
        """Return what the provider reads."""
        read: Ingested = self._listening.parse_webhook(request, now)
        return read


class _Sent:
    """Messages that have gone out, one to each customer, and what is told of them."""

    def __init__(self, suite: WebhookSuite, crm: CRM, carrier: _Carrier, clock: TurnedClock, count: int) -> None:
        self._suite, self._crm, self._carrier = suite, crm, carrier
        for number in range(count):
            address = suite.address(number)
            crm.identify({"key": str(number), address.kind: address.value})
        crm.save_template("suite", carrier.channel, {"text": "Hello"})
        campaign = Campaign(
            name="suite",
            purpose="service",
            audience=everyone(),
            channel=carrier.channel,
            template="suite",
        )
        crm.launch(campaign)
        crm.work()
        clock.turn_to(suite.now)
        self._ids = {one.key: one.id for one in crm.deliveries("suite")}

    def bodies(self, number: int) -> list[bytes]:
        """Return what is told of a message."""
        delivery_id = self._ids[str(number)]
        return list(self._suite.told(delivery_id, f"p-{delivery_id}", self._suite.address(number)))

    def receive(self, bodies: Sequence[bytes]) -> None:
        """Let some be told together."""
        requests = [self._suite.signed(body) for body in bodies]
        answers: list[HttpResponse] = self._crm.receive_many(self._carrier.channel, self._carrier.name, requests)
        bad = [one.status for one in answers if not _is_fine(one)]
        ask(not bad, UNORDERED, f"Bodies about a message of its own are answered {bad}.")

    def ends(self, number: int) -> tuple[str, str, object, object]:
        """Return where a message stands, why, who is suppressed, and what has happened to the customer."""
        [row] = [one for one in self._crm.deliveries("suite") if one.key == str(number)]
        happened = sorted((one.name, one.at) for one in self._crm.timeline(str(number)) if one.name != "message_sent")
        return row.state, row.reason, self._crm.customer(str(number)).suppressed, happened


def _batches(bodies: Sequence[bytes], draw: random.Random) -> Iterator[list[bytes]]:
    order = [*bodies, *draw.choices(bodies, k=draw.randrange(len(bodies)))]
    draw.shuffle(order)
    while order:
        size = draw.randrange(1, len(order) + 1)
        yield order[:size]
        order = order[size:]


def _fuzz(drawn: st.SearchStrategy[bytes]) -> Callable[[Callable[[bytes], None]], None]:
    def run(check: Callable[[bytes], None]) -> None:
        settings(max_examples=300, deadline=None, database=None, report_multiple_bugs=False)(given(drawn)(check))()

    return run


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return None


def _changes(said: Any) -> st.SearchStrategy[bytes]:
    """Return a body with one thing in it that is something else, is gone, or is new."""
    places = list(_places(said, ()))
    return st.builds(
        lambda place, odd, how: json.dumps(_changed(said, place, odd, how)).encode(),
        st.sampled_from(places),
        st.sampled_from(ODD),
        st.sampled_from(["set", "drop", "add"]),
    )


def _places(said: Any, place: Place) -> Iterator[Place]:
    yield place
    inner = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    for name, value in inner:
        yield from _places(value, (*place, name))


def _changed(said: Any, place: Place, odd: Any, how: str) -> Any:
    if not place:
        return {**said, "suite_field": odd} if how == "add" and isinstance(said, dict) else odd
    name, *rest = place
    copied: Any = dict(said) if isinstance(said, dict) else list(said)
    if rest or how == "add":
        copied[name] = _changed(said[name], tuple(rest), odd, how)
    elif how == "drop":
        del copied[name]
    else:
        copied[name] = odd
    return copied


def _is_taken(read: Ingested) -> bool:
    return _is_fine(read.answer)


def _is_fine(answer: HttpResponse) -> bool:
    return 200 <= answer.status < 300  # noqa: PLR2004 - what carriers take for taken


def _shown(body: bytes) -> str:
    return f"The body {body[:300]!r}"


__all__ = ["LawBroken", "WebhookSuite"]
