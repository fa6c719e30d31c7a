"""A small carrier for the suites to be proved with: a server on loopback, and a provider that passes.

The server greets, wants a password, then takes `TO key address` and `BODY length` for each message, one line an answer:
OK, LATER, NEVER, or BYE before it hangs up. RESET forgets an address whose body did not follow, or was refused.
"""

from __future__ import annotations

import io
import socket
import time

from crmcore.hooks.provider import Accepted, Carriage, InDoubt, NotStarted, Permanent, Retry
from crmcore.testing.counterpart import Step, Taken
from crmcore.testing.loopback import HungUp, Loopback, Silence

PASSWORD = "hush-4711-hush"
ALWAYS = frozenset({"drop", "silence", "drip", "garbage", "closing", "temporary", "permanent"})
STEPS = (
    Step(name="connect", kinds=ALWAYS | {"refused"}),
    Step(name="password", kinds=ALWAYS),
    Step(name="to", kinds=ALWAYS, addressed=True),
    Step(name="body", kinds=ALWAYS, addressed=True, final=True),
)
ANSWERS = {"closing": b"BYE\n", "temporary": b"LATER\n", "permanent": b"NEVER\n", "garbage": b"%$!\n"}


class Office(Loopback):
    """The server, a counterpart as the suite wants one."""

    def __init__(self, trouble=None):
        super().__init__(self.serve)
        self._trouble = trouble
        self._taken, self._offered = [], []

    @property
    def place(self):
        return self.host, self.port

    def taken(self):
        return list(self._taken)

    def offered(self):
        return list(self._offered)

    def recover(self):
        self._trouble = None

    def forget(self):
        self._taken.clear()
        self._offered.clear()

    def serve(self, wire):
        pending = None
        self._answer(wire, "connect")
        while True:
            word, *rest = wire.until(b"\n").decode("utf-8", "replace").split(" ", 2)
            if word == "PASS":
                self._answer(wire, "password")
            elif word == "RESET":
                pending = None
                wire.say(b"OK\n")
            elif word == "TO" and pending is None:
                self._offered.append(rest[1])
                if self._answer(wire, "to", rest[1]):
                    pending = rest
            elif word == "BODY" and pending is not None:
                pending = None if self._take(wire, pending, int(rest[0])) else pending
            else:
                wire.say(b"NEVER\n")

    def _take(self, wire, pending, length):
        key, address = pending
        body = wire.exactly(length)
        if self._what_happens("body", address) is None:
            self._taken.append(Taken(body=body, address=address, key=key, wire=f"{key} {address} ".encode() + body))
        return self._answer(wire, "body", address)

    def _answer(self, wire, step, address=None):
        kind = self._what_happens(step, address)
        if kind == "drop":
            raise HungUp
        if kind in ("silence", "drip"):
            wire.stall(Silence(drip=0.05 if kind == "drip" else None))
        wire.say(ANSWERS.get(kind, b"OK\n"))
        if kind == "closing":
            raise HungUp
        return kind is None

    def _what_happens(self, step, address):
        one = self._trouble
        return one.kind if one is not None and one.step == step and one.address in (None, address) else None


class Courier:
    """The provider; each part of what it does can be done wrong by another one."""

    name = "courier"
    channel = "note"
    contract = 1
    carriage = Carriage(idempotency="key", batch=50)

    def __init__(self, place, password, timeout):
        self.place, self._password, self.timeout = place, password, timeout

    def open(self):
        return CourierSession(self.place, self._password, self.timeout)


class Lost(Exception):
    """No answer that could be read."""


class CourierSession:
    """One connection, made when needed."""

    again = 60.0

    def __init__(self, place, password, timeout):
        self.place, self._password, self.timeout = place, password, timeout
        self.connection, self.buffer = None, b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.drop()

    def send(self, batch):
        lost = 0
        for message in batch:
            one = message.delivery_id
            if (
                not message.address.value.isascii()
                or not message.address.value.isprintable()
                or not message.address.value
            ):
                yield Permanent(delivery_id=one, fault="address")
            elif lost >= 2 or not self.connected():
                lost = 2
                yield NotStarted(delivery_id=one)
            else:
                result = self.carry(message)
                lost = 0 if self.connection else lost + 1
                yield result

    def carry(self, message):
        try:
            said = self.asked(b"TO %s %s\n" % (message.message_key.encode(), message.address.value.encode()))
        except (Lost, OSError):
            return self.lost_before(message)
        if said != b"OK":
            return self.refused(message, said)
        return self.handed(message)

    def handed(self, message):
        try:
            said = self.asked(b"BODY %d\n" % len(message.body) + message.body)
        except (Lost, OSError):
            return self.lost_after(message)
        if said != b"OK":
            return self.refused(message, said)
        return Accepted(delivery_id=message.delivery_id)

    def lost_before(self, message):
        self.drop()
        return Retry(delivery_id=message.delivery_id, after=self.again, scope="channel")

    def lost_after(self, message):
        self.drop()
        return InDoubt(delivery_id=message.delivery_id, evidence="no answer")

    def refused(self, message, said):
        if said == b"BYE":
            self.drop()
        else:
            self.reset()
        if said == b"NEVER":
            return Permanent(delivery_id=message.delivery_id, fault="address")
        return Retry(delivery_id=message.delivery_id, after=self.again)

    def reset(self):
        try:
            self.asked(b"RESET\n")
        except (Lost, OSError):
            self.drop()

    def connected(self):
        if self.connection is None:
            try:
                self.connection = socket.create_connection(self.place, self.timeout)
                if self.answer() != b"OK" or self.asked(b"PASS %s\n" % self._password.encode()) != b"OK":
                    self.drop()
            except (Lost, OSError):
                self.drop()
        return self.connection is not None

    def drop(self):
        connection, self.connection, self.buffer = self.connection, None, b""
        if connection is not None:
            connection.close()

    def asked(self, request):
        self.connection.settimeout(self.timeout)
        self.connection.sendall(request)
        return self.answer()

    def answer(self):
        line, until = io.BytesIO(), time.monotonic() + self.timeout
        while not line.getvalue().endswith(b"\n"):
            left = until - time.monotonic()
            if left <= 0:
                raise Lost
            self.connection.settimeout(left)
            more = self.connection.recv(100)
            if not more:
                raise Lost
            line.write(more)
        said = line.getvalue().strip()
        if said not in (b"OK", b"LATER", b"NEVER", b"BYE"):
            raise Lost
        return said
