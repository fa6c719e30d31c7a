"""A stand-in as the counterpart of a provider in its suite (`crmcore.testing.provider_suite`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import attrs

from crmcore.hooks.provider import HttpResponse
from crmcore.testing.counterpart import Kind, Step, Taken, Trouble
from crmcore.testing.standins.app import StandIns
from crmcore.testing.standins.exchange import StandIn
from crmcore.testing.standins.faults import Drop, Fault, Garbage, Silence, Stage
from crmcore.testing.standins.serving import Protocol, Server, served

if TYPE_CHECKING:
    from crmcore.testing.standins.certificates import Authority

UNANSWERED: Mapping[Kind, Fault] = {
    "drop": Drop(),
    "silence": Silence(),
    "drip": Silence(drip=0.05),
    "garbage": Garbage(),
}
#: The steps of an exchange over HTTP/1.1 without TLS; a request leaves with the connection and in one piece, so that from
#: `request` on only an answer tells what became of it.
STEPS = (
    Step(name="connect", kinds=frozenset({"refused"})),
    Step(name="request", kinds=frozenset(UNANSWERED), final=True),
    Step(name="body", kinds=frozenset({*UNANSWERED, "temporary", "permanent"}), addressed=True, final=True),
    Step(name="taken", kinds=frozenset(UNANSWERED), addressed=True, final=True),
)


@attrs.frozen
class Place:
    """Where a stand-in is: its URL, and over TLS the file with the authority to trust."""

    url: str
    ca_file: str = ""


@attrs.define(eq=False)
class StandInCounterpart:
    """A stand-in that is served, in the trouble that the suite asks for; `taken` says what it holds, as the suite has it."""

    place: Place
    _app: StandIns
    _server: Server
    _taken: Callable[[], Sequence[Taken]]
    _forget: Callable[[], None]

    @property
    def connections(self) -> int:
        """How many connections are open."""
        return self._server.connections

    def taken(self) -> Sequence[Taken]:
        """Return what it has taken over, every copy."""
        return self._taken()

    def offered(self) -> Sequence[str]:
        """Return the address of each message that was begun."""
        return [address for address in self._app.offered if address]

    def recover(self) -> None:
        """Be in trouble no more."""
        self._app.recover()

    def forget(self) -> None:
        """Forget what was taken and offered."""
        self._forget()
        self._app.offered.clear()


@contextmanager
def counterpart(
    *stand_ins: StandIn,
    trouble: Trouble | None,
    taken: Callable[[], Sequence[Taken]],
    refusals: Mapping[Kind, HttpResponse] | None = None,
    protocol: Protocol = "http/1.1",
    authority: Authority | None = None,
) -> Iterator[StandInCounterpart]:
    """Serve stand-ins; the first one is in trouble, the others (a token endpoint) are not.

    Its `refusing` answers are what is `temporary` and `permanent`, unless `refusals` has others.
    """
    answers: dict[Kind, Fault] = {**UNANSWERED, **(refusals or {})}
    for kind, refusal in stand_ins[0].refusing().items():
        answers.setdefault(kind, refusal)
    app = StandIns(*stand_ins, script=script_of(trouble, answers), sound=stand_ins[1:])
    with served(app, protocol=protocol, authority=authority) as server:
        if trouble is not None and trouble.kind == "refused":
            server.close()
        place = Place(server.url, authority.ca_file if authority else "")
        yield StandInCounterpart(place, app, server, taken, stand_ins[0].forget)


def script_of(trouble: Trouble | None, answers: Mapping[Kind, Fault]) -> Callable[[Stage, str], Fault | None]:
    """Return the script of a trouble."""

    def script(stage: Stage, address: str) -> Fault | None:
        if trouble is None or trouble.kind == "refused" or trouble.step != stage:
            return None
        return answers[trouble.kind] if trouble.address in (None, address) else None

    return script
