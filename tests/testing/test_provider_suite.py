"""The suite lets a good provider pass, and catches each of many bad ones by the check that is about its fault."""

from __future__ import annotations

import logging
import threading
import time
import uuid
from contextlib import contextmanager
from typing import ClassVar

import attrs
import pytest

from crmcore.hooks.provider import Accepted, Carriage, NotStarted, Permanent
from crmcore.testing import laws
from crmcore.testing.provider_suite import LawBroken, ProviderSuite, Trouble
from tests.testing.courier import PASSWORD, STEPS, Courier, CourierSession, Lost, Office

log = logging.getLogger("crmcore.courier")


class TestCourier(ProviderSuite):
    secrets = (PASSWORD,)
    steps = STEPS
    package = "tests.testing.courier"

    @contextmanager
    def counterpart(self, trouble=None):
        with Office(trouble) as office:
            if trouble is not None and trouble.kind == "refused":
                office.close()
            yield office

    def provider(self, place, *, timeout):
        return Courier(place, PASSWORD, timeout)


class TestCourierOneByOne(TestCourier):
    """A carrier that takes one message at a time is tried with one at a time."""

    steps = STEPS[-1:]
    messages = 200
    kills = 1

    def provider(self, place, *, timeout):
        made = super().provider(place, timeout=timeout)
        made.carriage = attrs.evolve(made.carriage, batch=1)
        return made


class Faulty(TestCourier):
    """A suite for one bad provider, whose sessions are of the class `bad`."""

    __test__ = False
    package = __name__
    timeout = 0.05
    messages = 400
    kills = 2
    bad = CourierSession
    carriage = Courier.carriage

    def provider(self, place, *, timeout):
        made = super().provider(place, timeout=timeout)
        made.carriage, made.open = self.carriage, lambda: self.bad(place, PASSWORD, timeout)
        return made


@pytest.fixture(autouse=True)
def closed():
    """What a bad provider leaves open ends with its test."""
    yield
    while Unclosed.kept:
        Unclosed.kept.pop().close()


def alone(step, kind):
    """A trouble of one message among others."""
    return Trouble(step, kind, Faulty().address(1).value)


class Forgetful(CourierSession):
    """Says nothing of what was refused."""

    def send(self, batch):
        return (one for one in super().send(batch) if not isinstance(one, Permanent))


class Talkative(CourierSession):
    """Says twice what was accepted."""

    def send(self, batch):
        for one in super().send(batch):
            yield one
            if isinstance(one, Accepted):
                yield one


class Confused(CourierSession):
    """Gives the results out in the order of the ids, whatever the order of the batch."""

    def send(self, batch):
        for one, message in zip(super().send(batch), sorted(batch, key=lambda m: m.delivery_id), strict=True):
            yield attrs.evolve(one, delivery_id=message.delivery_id)


class Fragile(CourierSession):
    """Lets an address that cannot be encoded end the batch."""

    def send(self, batch):
        for message in batch:
            message.address.value.encode("ascii")
            yield from super().send([message])


class Naive(CourierSession):
    """Puts an address into a command as it is."""

    def send(self, batch):
        for message in batch:
            if not self.connected():
                yield NotStarted(delivery_id=message.delivery_id)
            else:
                yield self.carry(message)

    def carry(self, message):
        address = message.address.value.encode("utf-8", "replace")
        said = self.asked(b"TO %s %s\n" % (message.message_key.encode(), address))
        return self.handed(message) if said == b"OK" else self.refused(message, said)


class Abandoning(CourierSession):
    """Leaves the rest of a batch unsent after the first refusal, and says it had all gone."""

    def send(self, batch):
        refused = False
        for message in batch:
            if refused:
                yield Accepted(delivery_id=message.delivery_id)
                continue
            for one in super().send([message]):
                refused = isinstance(one, Permanent)
                yield one


class Hopeful(CourierSession):
    """Takes a missing answer for a yes."""

    def lost_after(self, message):
        self.drop()
        return Accepted(delivery_id=message.delivery_id)


class Pushy(CourierSession):
    """Takes a missing answer for a no, so that a marketing message goes twice."""

    def lost_after(self, message):
        return self.lost_before(message)


class Timid(CourierSession):
    """Takes what had not begun for in doubt, so that a marketing message never goes."""

    def lost_before(self, message):
        return CourierSession.lost_after(self, message)


class Final(CourierSession):
    """Takes `later` for `never`."""

    def refused(self, message, said):
        return super().refused(message, b"NEVER")


class Bottomless(CourierSession):
    """Has a time limit for each byte, and none for the answer."""

    def answer(self):
        said = b""
        self.connection.settimeout(self.timeout * 4)
        while not said.endswith(b"\n"):
            more = self.connection.recv(100)
            if not more:
                raise Lost
            said += more
        return said.strip()


class Patient(CourierSession):
    """Waits its time limit once for every message of a batch, however silent the server is."""

    def send(self, batch):
        for message in batch:
            yield from super().send([message])


class Sleepy(CourierSession):
    """Waits by itself where it is told `later`."""

    def refused(self, message, said):
        time.sleep(1)
        return super().refused(message, said)


class Stubborn(CourierSession):
    """Tries again by itself where it is told `later`."""

    def refused(self, message, said):
        self.reset()
        self.asked(b"TO %s %s\n" % (message.message_key.encode(), message.address.value.encode()))
        return super().refused(message, said)


class Hasty(CourierSession):
    """Wants to try again before now."""

    again = -1.0


class Unclosed(CourierSession):
    """Leaves its connection open."""

    kept: ClassVar[list] = []

    def __exit__(self, *_):
        self.kept.append(self.connection)


class Dirty(CourierSession):
    """Leaves a half-made message behind where the next one begins."""

    def reset(self):
        pass


class Doomed(CourierSession):
    """Never connects again once a connection was lost."""

    def connected(self):
        return not getattr(self, "lost", False) and super().connected()

    def lost_before(self, message):
        self.lost = True
        return super().lost_before(message)


class Uninterruptible(CourierSession):
    """Goes on where it was to end."""

    def send(self, batch):
        for message in batch:
            try:
                yield from super().send([message])
            except BaseException:  # noqa: BLE001 - that is its fault
                yield NotStarted(delivery_id=message.delivery_id)


class Interleaved(CourierSession):
    """Has begun the next message when it yields, and forgets that where it ends there."""

    begun = None

    def send(self, batch):
        for message in batch:
            if self.connected() and self.begun is None:
                self.begin(message)
            result = self.handed(message)
            self.begun = None
            following = next((one for one in batch if one.delivery_id > message.delivery_id), None)
            if following is not None:
                self.begin(following)
            yield result

    def begin(self, message):
        self.begun = message
        self.asked(b"TO %s %s\n" % (message.message_key.encode(), message.address.value.encode()))


class Loose(CourierSession):
    """Logs what it says to the server, the password too, in the form it has on the wire."""

    def asked(self, request):
        log.debug("> %s", request.hex())
        return super().asked(request)


class Open(CourierSession):
    """Shows its password to whoever looks at it."""

    def __repr__(self):
        return f"Open({self._password})"


class Blaming(CourierSession):
    """Raises an error that names the password it was refused for."""

    def connected(self):
        if super().connected():
            return True
        raise ConnectionError(f"no entry with {self._password}")


class Hoarding(CourierSession):
    """Keeps what it has sent."""

    def carry(self, message):
        self.__dict__.setdefault("carried", []).append(attrs.evolve(message))
        return super().carry(message)


class Stamping(CourierSession):
    """Writes the attempt into the message."""

    def handed(self, message):
        return super().handed(attrs.evolve(message, body=message.body + b"%d" % message.attempt))


class Dating(CourierSession):
    """Writes the time of day into the key."""

    def carry(self, message):
        return super().carry(attrs.evolve(message, message_key=f"{message.message_key}-{time.time():.0f}"))


class Unrecognised(CourierSession):
    """Names a message anew each time."""

    def carry(self, message):
        return super().carry(attrs.evolve(message, message_key=uuid.uuid4().hex))


class Mistaken(CourierSession):
    """Has one name for all messages."""

    def carry(self, message):
        return super().carry(attrs.evolve(message, message_key="message"))


class Small(CourierSession):
    """Takes fewer at a time than it names."""

    def send(self, batch):
        yield from super().send(batch[:10])


class Doubling(CourierSession):
    """Sends everything twice, to be sure."""

    def handed(self, message):
        super().handed(message)
        return self.carry_once_more(message)

    def carry_once_more(self, message):
        self.asked(b"TO %s %s\n" % (message.message_key.encode(), message.address.value.encode()))
        return super().handed(message)


class Postponing(CourierSession):
    """Says Accepted, and sends when it is left."""

    def __init__(self, *given):
        super().__init__(*given)
        self.later = []

    def send(self, batch):
        for message in batch:
            self.later.append(message)
            yield Accepted(delivery_id=message.delivery_id)

    def __exit__(self, *_):
        list(super().send(self.later))
        super().__exit__()


class Postponed(Faulty):
    """Its class stands in a file, so that the process that is killed finds it."""

    bad = Postponing

    def provider(self, place, *, timeout):
        return super().provider(place, timeout=timeout)


class Behind(CourierSession):
    """Says Accepted a little before it is true: another thread sends."""

    def send(self, batch):
        threads = []
        for message in batch:
            threads.append(threading.Thread(target=list, args=(super().send([message]),)))
            yield Accepted(delivery_id=message.delivery_id)
        for one in threads:
            one.start()
            one.join()


class BehindSuite(Faulty):
    bad = Behind


REPORTED, BOUNDED = "test_trouble_is_reported_as_what_it_is", "test_trouble_takes_bounded_time"
AFTER, CALM = "test_after_trouble_the_session_carries_on", "test_in_trouble_the_provider_neither_waits_nor_tries_again"
HIDDEN = "test_in_trouble_secrets_stay_hidden"
POISON = "test_a_poisonous_message_has_a_result_and_spoils_no_other"
AGAIN = "test_a_message_sent_again_is_the_same_on_the_wire"

MUTANTS = [
    (Forgetful, "test_order_does_not_matter", (), laws.ONE_RESULT),
    (Talkative, "test_every_message_has_one_result", (), laws.ONE_RESULT),
    (Confused, "test_order_does_not_matter", (), laws.TRUTH),
    (Fragile, POISON, ("an address with a lone surrogate",), laws.APART),
    (Abandoning, REPORTED, (alone("to", "permanent"),), laws.TRUTH),
    (Hopeful, REPORTED, (alone("body", "drop"),), laws.CLASSES),
    (Pushy, REPORTED, (alone("body", "silence"),), laws.CLASSES),
    (Timid, REPORTED, (alone("to", "drop"),), laws.CLASSES),
    (Final, REPORTED, (alone("to", "temporary"),), laws.CLASSES),
    (Bottomless, BOUNDED, (alone("to", "drip"),), laws.IN_TIME),
    (Patient, BOUNDED, (Trouble("connect", "silence"),), laws.IN_TIME),
    (Sleepy, CALM, (alone("to", "temporary"),), laws.NO_SLEEP),
    (Stubborn, CALM, (alone("to", "temporary"),), laws.NO_RETRY),
    (Hasty, REPORTED, (alone("to", "temporary"),), laws.SOUND),
    (Unclosed, "test_a_session_that_is_left_is_closed", (), laws.CLOSED),
    (Dirty, REPORTED, (alone("body", "temporary"),), laws.APART),
    (Doomed, AFTER, (alone("to", "drop"),), laws.REUSE),
    (Uninterruptible, "test_a_send_that_is_closed_early_leaves_what_it_said", (), laws.ENDED),
    (Uninterruptible, "test_a_send_that_is_interrupted_leaves_what_it_said", (), laws.ENDED),
    (Interleaved, "test_a_send_that_is_closed_early_leaves_what_it_said", (), laws.ENDED),
    (Loose, HIDDEN, (Trouble("password", "permanent"),), laws.SECRET),
    (Blaming, HIDDEN, (Trouble("password", "permanent"),), laws.SECRET),
    (Open, "test_secrets_are_not_shown", (), laws.SECRET),
    (Hoarding, "test_memory_stays_flat", (), laws.FLAT),
    (Stamping, AGAIN, (), laws.SAME_AGAIN),
    (Dating, AGAIN, (), laws.SAME_AGAIN),
    (Unrecognised, "test_the_idempotency_it_names_is_what_the_counterpart_sees", (), laws.KEYED),
    (Mistaken, "test_the_idempotency_it_names_is_what_the_counterpart_sees", (), laws.KEYED),
    (Small, "test_a_full_batch_has_one_result_each", (), laws.HONEST),
    (Doubling, "test_every_message_has_one_result", (), laws.TRUTH),
]


@pytest.mark.parametrize(("bad", "check", "given", "law"), MUTANTS, ids=lambda one: getattr(one, "__name__", ""))
def test_a_bad_provider_is_caught_by_the_check_that_is_about_its_fault(bad, check, given, law):
    suite = type(bad.__name__, (Faulty,), {"bad": bad})()
    with pytest.raises(LawBroken) as caught:
        getattr(suite, check)(*given)
    assert caught.value.law is law
    assert str(caught.value).startswith(caught.value.wrong)
    assert law.says in str(caught.value)


def test_a_line_break_that_is_let_through_is_caught_by_what_it_upsets():
    suite = type("Naive", (Faulty,), {"bad": Naive})()
    with pytest.raises(LawBroken) as caught:
        getattr(suite, POISON)("an address with LF")
    assert caught.value.law in (laws.APART, laws.TRUTH)


class Blocking(CourierSession):
    """Holds up the batch for a minute where it is told `later`."""

    def refused(self, message, said):
        threading.Event().wait(60)
        return super().refused(message, said)


def test_what_did_not_end_in_time_is_told_of_by_one_check_alone():
    suite, trouble = type("Blocked", (Faulty,), {"bad": Blocking})(), alone("to", "temporary")
    with pytest.raises(LawBroken) as caught:
        suite.test_trouble_takes_bounded_time(trouble)
    assert caught.value.law is laws.IN_TIME
    for check in (REPORTED, AFTER, CALM, HIDDEN):
        with pytest.raises(pytest.skip.Exception, match="did not end in time"):
            getattr(suite, check)(trouble)


@pytest.mark.parametrize("suite", [Postponed, BehindSuite])
def test_a_provider_that_reports_too_early_is_caught_by_a_kill(suite):
    with pytest.raises(LawBroken) as caught:
        suite().test_a_kill_loses_nothing_that_was_reported()
    assert caught.value.law is laws.TRUTH


@pytest.mark.parametrize(
    "carriage",
    [
        Carriage(receipts=frozenset({"accepted", "admired"})),
        Carriage(receipts=frozenset()),
        Carriage(idempotency="luck"),
        Carriage(batch=0),
    ],
)
def test_a_carriage_of_unknown_words_is_caught(carriage):
    suite = type("Named", (Faulty,), {"carriage": carriage})()
    with pytest.raises(LawBroken) as caught:
        suite.test_the_carriage_is_honest()
    assert caught.value.law is laws.HONEST


def test_the_good_provider_passes_where_the_bad_ones_fail():
    suite = Faulty()
    for _, check, given, _ in MUTANTS:
        getattr(suite, check)(*given)
