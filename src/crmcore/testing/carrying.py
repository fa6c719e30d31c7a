"""What a provider's suite is made of: the author's part, and batches sent under watch."""

from __future__ import annotations

import os
import random
import time
from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, ClassVar

import attrs

from crmcore.hooks.provider import Accepted, HttpProvider, InDoubt, Outgoing, Provider, Result, Session
from crmcore.http.driver import Driver
from crmcore.model.http import Http
from crmcore.model.identity import Identity
from crmcore.model.purpose import MessageClass
from crmcore.model.time import SystemClock
from crmcore.testing.answers import flaw
from crmcore.testing.counterpart import Counterpart, Step, Taken, Trouble
from crmcore.testing.laws import ONE_RESULT, SOUND, TRUTH, ask
from crmcore.testing.suite import Suite
from crmcore.testing.watching import Watch, watched

#: The number of messages that the checks of memory and of kills work through, and of kills: more of them by these variables.
MESSAGES, KILLS = "CRM_SUITE_MESSAGES", "CRM_SUITE_KILLS"


@attrs.define
class Sent:
    """What came of messages: results as they came, and how it ended."""

    results: list[Result] = attrs.field(factory=list)
    error: BaseException | None = None
    seconds: float = 0.0
    ended: bool = False


@attrs.frozen(kw_only=True)
class Sending:
    """An open session, given as many messages at once as its carriage names."""

    session: Session
    size: int

    def send(self, messages: Sequence[Outgoing], into: Sent | None = None) -> Sent:
        """Send messages; note each result as it comes, and an error instead of raising it."""
        found, began = into or Sent(), time.monotonic()
        try:
            for batch in shares(messages, self.size) if messages else [messages]:
                found.results.extend(self.session.send(batch))
            found.ended = True
        except Exception as error:  # noqa: BLE001 - whatever a provider raises is what the check is about
            found.error = error
        found.seconds = time.monotonic() - began
        return found


class Carrying(Suite):
    """What the author of a provider gives: the counterpart, the provider, and how to address it."""

    #: Strings of the settings that nobody may ever read: passwords, tokens.
    secrets: ClassVar[Sequence[str]] = ()
    #: The counterpart's protocol, step by step.
    steps: ClassVar[Sequence[Step]] = ()
    #: Whether the counterpart outlives the provider's process, so that killing it shows something.
    survives: ClassVar[bool] = True
    #: The package whose sleeps are the provider's own; empty: the one it comes from.
    package: ClassVar[str] = ""
    #: The time limit, in seconds, that the provider is given where the counterpart falls silent.
    timeout: ClassVar[float] = 0.3
    #: How many messages the check of memory works through, and how often the provider's process is killed.
    messages: ClassVar[int] = 1000
    kills: ClassVar[int] = 2
    seed: ClassVar[int] = 1

    @abstractmethod
    def counterpart(self, trouble: Trouble | None = None) -> AbstractContextManager[Counterpart]:
        """Start the counterpart on loopback, in trouble if so told, and end it."""
        raise NotImplementedError

    @abstractmethod
    def provider(self, place: Any, *, timeout: float) -> Provider | HttpProvider:
        """Return the provider for the counterpart at `place`; `timeout` in seconds, for every step on the wire.

        One over HTTP need not look at `timeout`: the suite gives it to the driver.
        """
        raise NotImplementedError

    def http(self, place: Any) -> Http:  # noqa: ARG002 - where it is may decide whom to trust
        """Return how the driver goes out, for a provider over HTTP: `ca_file` where the counterpart speaks TLS."""
        return Http(allow_private=True)

    def address(self, number: int) -> Identity:
        """Return an address of its own for each number."""
        return Identity("email", f"customer{number}@example.com")

    def body(self, number: int) -> bytes:
        """Return a message of its own for each number, as the channel would render it."""
        return f"message {number}\r\n".encode()

    def message(self, number: int) -> Outgoing:
        """Return the message of a number: always the same."""
        return Outgoing(
            delivery_id=1_000_000 + number,
            address=self.address(number),
            body=self.body(number),
            message_key=f"{number:032x}",
            message_class=MessageClass.TRANSACTIONAL,
        )

    def batch(self, count: int, first: int = 0) -> list[Outgoing]:
        """Return so many messages."""
        return [self.message(number) for number in range(first, first + count)]

    def chance(self) -> random.Random:
        """Return a source of numbers, the same for every check."""
        return random.Random(self.seed)  # noqa: S311 - it shuffles, and picks the moment of a kill

    @contextmanager
    def carrier(self, place: Any, *, timeout: float = 20.0) -> Iterator[tuple[Provider | HttpProvider, Watch]]:
        """Make the provider, under watch."""
        provider = self.provider(place, timeout=timeout)
        package = self.package or type(provider).__module__.partition(".")[0]
        with watched(package) as watch:
            yield provider, watch

    @contextmanager
    def opened(self, provider: Provider | HttpProvider, place: Any, *, timeout: float = 20.0) -> Iterator[Session]:
        """Open the provider; one over HTTP is driven by the driver that drives it in the core."""
        settings = attrs.evolve(self.http(place), timeout=timeout)
        with Driver(settings, SystemClock().now) as driver, driver.open(provider) as session:
            yield session

    @contextmanager
    def session(self, counterpart: Counterpart) -> Iterator[Sending]:
        """Open the provider to a counterpart, under watch."""
        place = counterpart.place
        with self.carrier(place) as (provider, _), self.opened(provider, place) as session:
            yield Sending(session=session, size=provider.carriage.batch)


def many(variable: str, otherwise: int) -> int:
    """Return a count that an environment variable may raise."""
    return int(os.environ.get(variable, otherwise))


def shares(messages: Sequence[Outgoing], size: int) -> Iterator[Sequence[Outgoing]]:
    """Return messages in batches."""
    for start in range(0, len(messages), size):
        yield messages[start : start + size]


def answered(done: Sent, batch: Sequence[Outgoing]) -> dict[int, Result]:
    """Return the result of each message, once it is certain that each has exactly one."""
    said = f"send raised {type(done.error).__name__}: {done.error}" if done.error else "send did not end"
    ask(done.ended, ONE_RESULT, f"{said}, after {len(done.results)} of {len(batch)} results.")
    wanted = {one.delivery_id for one in batch}
    got = [one.delivery_id for one in done.results]
    strange = sorted(set(got) - wanted)
    ask(not strange, ONE_RESULT, f"There are results for messages nobody handed over: {strange}.")
    twice = sorted({one for one in got if got.count(one) > 1})
    ask(not twice, ONE_RESULT, f"These of {len(batch)} messages have more than one result: {twice}.")
    lacking = sorted(wanted - set(got))
    ask(not lacking, ONE_RESULT, f"These of {len(batch)} messages have no result: {lacking}.")
    for one in done.results:
        problem = flaw(one)
        ask(problem is None, SOUND, f"{one}: {problem}.")
    return {one.delivery_id: one for one in done.results}


def truthful(results: Mapping[int, Result], batch: Sequence[Outgoing], taken: Sequence[Taken]) -> None:
    """Ask whether what the provider says is what the counterpart has seen."""
    known = {one.body for one in batch}
    foreign = [one for one in taken if one.body not in known]
    ask(not foreign, TRUTH, f"The counterpart holds what nobody handed over: {foreign[:1]}.")
    for message in batch:
        copies = copies_of(message, taken)
        result = results[message.delivery_id]
        least, most = (int(isinstance(result, Accepted)), int(isinstance(result, Accepted | InDoubt)))
        said = f"{result} for {message}: the counterpart has taken it {len(copies)} times."
        ask(least <= len(copies) <= most, TRUTH, said)
        astray = [one.address for one in copies if one.address not in (None, message.address.value)]
        ask(not astray, TRUTH, f"{message.address} was handed over, but the counterpart has it for {astray}.")


def copies_of(message: Outgoing, taken: Sequence[Taken]) -> list[Taken]:
    """Return the copies of a message that the counterpart has."""
    return [one for one in taken if one.body == message.body]


def all_accepted(done: Sent, batch: Sequence[Outgoing], taken: Sequence[Taken]) -> None:
    """Ask whether each message of a batch has arrived."""
    found = answered(done, batch)
    others = [one for one in found.values() if not isinstance(one, Accepted)]
    ask(not others, TRUTH, f"The counterpart is well, yet there is {others[:1]}.")
    truthful(found, batch, taken)
