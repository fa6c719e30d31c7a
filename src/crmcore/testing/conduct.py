"""The checks of a provider whose counterpart is well: results, order, endings, bytes, keys, memory, secrets."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import get_args, get_type_hints

import attrs
import pytest

from crmcore.errors import CRMError
from crmcore.hooks.provider import Accepted, Carriage, Feedback, InDoubt, LimitHint, Outgoing, Result
from crmcore.testing.answers import UNSENT
from crmcore.testing.carrying import (
    MESSAGES,
    Carrying,
    Sending,
    Sent,
    all_accepted,
    answered,
    copies_of,
    many,
    truthful,
)
from crmcore.testing.counterpart import Counterpart, Taken, Trouble
from crmcore.testing.laws import (
    APART,
    CLOSED,
    ENDED,
    FLAT,
    HONEST,
    KEYED,
    NAMED,
    NO_SLEEP,
    ONE_RESULT,
    SAME_AGAIN,
    SECRET,
    TRUTH,
    LawBroken,
    ask,
)
from crmcore.testing.poisons import POISONS
from crmcore.testing.suite import ask_named, is_name, needs
from crmcore.testing.watching import eventually, much_later, shown, told, unheard

SOME, SPOILT = 6, 2
DAY = 24 * 3600.0
#: What one message may leave behind, in bytes, on average: rounding, not a message.
RESIDUE = 32
SHUFFLES = 5
#: After so many messages the counterpart forgets what it has.
FORGOTTEN = 100


class Interrupted(BaseException):
    """What an interrupt raises in the middle of a send."""


class ConductedProvider(Carrying):
    """What a provider does when nothing is wrong, but for its input."""

    def test_every_message_has_one_result(self) -> None:
        """A batch arrives, and each of its messages has one result."""
        self._arrives(self.batch(SOME))

    def test_a_batch_of_one_has_one_result(self) -> None:
        """A batch of one is a batch."""
        self._arrives(self.batch(1))

    def test_an_empty_batch_has_no_result(self) -> None:
        """Nothing is sent, and nothing is said of it."""
        self._arrives([])

    def test_a_full_batch_has_one_result_each(self) -> None:
        """As many as the carriage names go in one batch."""
        size = self._carriage().batch
        try:
            self._arrives(self.batch(size))
        except LawBroken as broken:
            raise LawBroken(HONEST, f"The carriage names batches of {size}, but: {broken.wrong}") from broken

    def test_order_does_not_matter(self) -> None:
        """However a batch is ordered, each message has the result it has in another order."""
        refused = self._refused_address()
        batch, chance = self.batch(SOME), self.chance()
        kinds = []
        for _ in range(SHUFFLES):
            with self.counterpart(refused) as counterpart, self.session(counterpart) as sending:
                found = answered(sending.send(batch), batch)
                truthful(found, batch, counterpart.taken())
            kinds.append({one: type(result).__name__ for one, result in found.items()})
            batch = chance.sample(batch, len(batch))
        changed = [one for one in kinds if one != kinds[0]]
        ask(not changed, ONE_RESULT, f"In another order the results are others: {kinds[0]}, then {changed[:1]}.")

    @pytest.mark.parametrize("poison", POISONS)
    def test_a_poisonous_message_has_a_result_and_spoils_no_other(self, poison: str) -> None:
        """What cannot go is refused by itself; the messages around it arrive, and nothing else does."""
        batch = self.batch(SOME)
        batch[SPOILT] = POISONS[poison](batch[SPOILT])
        with self.counterpart() as counterpart, self.session(counterpart) as sending:
            done, taken = sending.send(batch), counterpart.taken()
        ask(done.error is None, APART, f"A message with {poison} made send raise {done.error!r}.")
        found = answered(done, batch)
        held_up = [found[one.delivery_id] for one in batch[:SPOILT] + batch[SPOILT + 1 :]]
        held_up = [one for one in held_up if not isinstance(one, Accepted)]
        ask(not held_up, APART, f"A message with {poison} is in the batch, and for another one there is {held_up[:1]}.")
        truthful(found, batch, taken)

    def test_a_send_that_is_closed_early_leaves_what_it_said(self) -> None:
        """Whoever stops reading has valid results, and the session carries on or sends nothing more."""
        self._ends_early(_close)

    def test_a_send_that_is_interrupted_leaves_what_it_said(self) -> None:
        """The same where an exception is raised in the middle."""
        self._ends_early(_interrupt)

    def test_a_message_sent_again_is_the_same_on_the_wire(self) -> None:
        """A later attempt of another session, another day, is the same message: nobody can tell the copies apart."""
        message = self.message(0)
        copies = self._sent_twice([message])
        ask(copies, TRUTH, f"{message} was accepted, but the counterpart has nothing.")
        wires = {one.wire or one.body for one in copies}
        ask(len(wires) == 1, SAME_AGAIN, f"The same message, sent twice, went as {sorted(wires)}.")

    def test_the_idempotency_it_names_is_what_the_counterpart_sees(self) -> None:
        """With `key` or `collapse`, copies carry one key that is the message's own, or they became one."""
        named = self._carriage().idempotency
        needs(named in ("key", "collapse"), f"idempotency (its carriage names {named!r})")
        messages = self.batch(2)
        taken = self._sent_twice(messages)
        first, other = (copies_of(one, taken) for one in messages)
        ask(first and other, KEYED, "Of two messages, one was taken for a copy of the other.")
        for copies in (first, other):
            keys = {one.key for one in copies}
            said = f"The carriage names the idempotency {named!r}; two copies came under {sorted(map(str, keys))}."
            ask(len(copies) == 1 or (len(keys) == 1 and all(keys)), KEYED, said)
        common = {one.key for one in first} & {one.key for one in other} - {None}
        ask(not common, KEYED, f"Two messages came under one key: {sorted(map(str, common))}.")

    def test_the_carriage_is_honest(self) -> None:
        """Its words are those of the contract."""
        with self.counterpart() as counterpart:
            provider = self.provider(counterpart.place, timeout=self.timeout)
        ask_named(provider, "provider")
        ask(is_name(provider.channel), NAMED, f"{provider.channel!r} is no name.")
        for problem in _problems(provider.carriage):
            ask(not problem, HONEST, problem)

    def test_a_session_that_is_left_is_closed(self) -> None:
        """At its end no connection is open, and nothing was slept."""
        with self.counterpart() as counterpart, self.carrier(counterpart.place) as (provider, watch):
            with self.opened(provider, counterpart.place) as session:
                list(session.send(self.batch(1)))
            closed = eventually(lambda: counterpart.connections == 0)
            ask(closed, CLOSED, f"The session left, {counterpart.connections} connections are still open.")
            ask(not watch.slept, NO_SLEEP, f"{'; '.join(watch.slept)}.")

    def test_secrets_are_not_shown(self) -> None:
        """Neither by a repr nor by what is said on the way."""
        needs(self.secrets, "secrets (the author names none)")
        with self.counterpart() as counterpart, self.carrier(counterpart.place) as (provider, watch):
            with self.opened(provider, counterpart.place) as session:
                done = Sending(session=session, size=1).send(self.batch(SOME))
                said = f"{provider!r} {session!r} {done.results} {told(done.error)}"
            found = shown(self.secrets, said + watch.said())
        ask(not found, SECRET, f"{len(found)} of the secrets can be read in what was said.")

    def test_memory_stays_flat(self) -> None:
        """What a session has carried leaves nothing behind."""
        count = max(many(MESSAGES, self.messages), 2 * FORGOTTEN)
        allowed, grown = RESIDUE * count, 0
        with self.counterpart() as counterpart, self.session(counterpart) as sending, unheard(), _traced():
            # A table may be enlarged once, and the last few of anything kept; what is kept of messages grows every time.
            for _ in range(3):
                grown = _growth(sending, counterpart, self._rounds(count))
                if grown <= allowed:
                    return
        raise LawBroken(FLAT, f"{count} messages left {grown:,} bytes behind, at most {allowed:,} were to be.")

    def _arrives(self, batch: Sequence[Outgoing]) -> None:
        with self.counterpart() as counterpart, self.session(counterpart) as sending:
            all_accepted(sending.send(batch), batch, counterpart.taken())

    def _ends_early(self, end: Callable[[Iterator[Result]], None]) -> None:
        batch, following = self.batch(SOME), self.batch(SOME, SOME)
        with self.counterpart() as counterpart:
            with self.session(counterpart) as sending:
                said = _first(sending, batch, end)
                done = sending.send(following)
            _stays_valid(said, batch, counterpart.taken())
            self._is_carried_on(counterpart, following, done)
            open_ = 0 if eventually(lambda: counterpart.connections == 0) else counterpart.connections
            ask(not open_, CLOSED, f"A send ended early, the session was left: {open_} connections are open.")

    def _is_carried_on(self, counterpart: Counterpart, following: Sequence[Outgoing], done: Sent) -> None:
        """By the same session, or by a new one where the old one sends nothing more."""
        final = [one for one in done.results if not isinstance(one, UNSENT)]
        rest = _without(following, final)
        if rest:
            with self.session(counterpart) as sending:
                done = sending.send(rest, Sent(results=final))
        bodies = {one.body for one in following}
        try:
            all_accepted(done, following, [one for one in counterpart.taken() if one.body in bodies])
        except LawBroken as broken:
            raise LawBroken(ENDED, f"After a send that ended early, the next batch: {broken.wrong}") from broken

    def _sent_twice(self, messages: Sequence[Outgoing]) -> Sequence[Taken]:
        again = [attrs.evolve(one, attempt=2) for one in messages]
        with self.counterpart() as counterpart:
            with self.session(counterpart) as sending:
                answered(sending.send(messages), messages)
            with self.session(counterpart) as sending, much_later(DAY):
                answered(sending.send(again), again)
            return list(counterpart.taken())

    def _rounds(self, count: int) -> Iterator[list[Outgoing]]:
        for first in range(0, count, FORGOTTEN):
            yield self.batch(FORGOTTEN, first)

    def _carriage(self) -> Carriage:
        with self.counterpart() as counterpart:
            return self.provider(counterpart.place, timeout=self.timeout).carriage

    def _refused_address(self) -> Trouble | None:
        steps = (one for one in self.steps if one.addressed and "permanent" in one.kinds)
        step = next(steps, None)
        return None if step is None else Trouble(step.name, "permanent", self.address(SPOILT).value)


def _close(given: Iterator[Result]) -> None:
    if isinstance(given, Generator):
        given.close()


def _interrupt(given: Iterator[Result]) -> None:
    generator = given if isinstance(given, Generator) else None
    try:
        needs(generator, "a generator (nothing can be raised in the middle of its send)").throw(Interrupted())
    except Interrupted:
        return
    raise LawBroken(ENDED, "An exception was raised in the middle of send, and send went on as if nothing were.")


def _first(sending: Sending, batch: Sequence[Outgoing], end: Callable[[Iterator[Result]], None]) -> list[Result]:
    given = sending.session.send(batch[: sending.size])
    count = min(SPOILT, sending.size)
    said = list(islice(given, count))
    ask(len(said) == count, ONE_RESULT, f"send ended after {len(said)} results, there were {count} and more to be.")
    try:
        end(given)
    except (RuntimeError, CRMError) as error:
        raise LawBroken(ENDED, f"A send that was to end early raised {error!r}.") from error
    return said


def _stays_valid(said: Sequence[Result], batch: Sequence[Outgoing], taken: Sequence[Taken]) -> None:
    by_id = {one.delivery_id: one for one in batch}
    for result in said:
        copies = len(copies_of(by_id[result.delivery_id], taken))
        fine = copies == 1 if isinstance(result, Accepted) else copies <= int(isinstance(result, InDoubt))
        ask(fine, ENDED, f"send ended early; of {result}, said before, the counterpart has {copies} copies.")
    twice = [one.delivery_id for one in batch if len(copies_of(one, taken)) > 1]
    ask(not twice, ENDED, f"send ended early; the counterpart has more than one copy of {twice}.")


def _without(batch: Sequence[Outgoing], final: Sequence[Result]) -> list[Outgoing]:
    known = {one.delivery_id for one in final}
    return [one for one in batch if one.delivery_id not in known]


def _growth(sending: Sending, counterpart: Counterpart, rounds: Iterator[list[Outgoing]]) -> int:
    """Return the bytes that are there after all rounds and were not after the first: that one warms up what is kept."""
    before = _memory_after(sending, counterpart, islice(rounds, 1))
    return _memory_after(sending, counterpart, rounds) - before


@contextmanager
def _traced() -> Iterator[None]:
    was_traced = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        yield
    finally:
        if not was_traced:
            tracemalloc.stop()


def _memory_after(sending: Sending, counterpart: Counterpart, rounds: Iterator[list[Outgoing]]) -> int:
    for messages in rounds:
        all_accepted(sending.send(messages), messages, counterpart.taken())
        counterpart.forget()
        del messages
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


def _problems(carriage: Carriage) -> Iterator[str]:
    words = set(get_args(get_type_hints(Feedback)["type"]))
    yield from (f"There is no receipt {one!r}." for one in sorted(carriage.receipts - words))
    if "accepted" not in carriage.receipts:
        yield "It reports Accepted, and its receipts do not name `accepted`."
    known = ("none", "key", "collapse", "lookup")
    if carriage.idempotency not in known:
        yield f"The idempotency {carriage.idempotency!r} is none of {', '.join(known)}."
    if carriage.batch < 1:
        yield f"No batch has {carriage.batch} messages."
    yield from (f"{one} limits nothing." for one in carriage.limits if not _limits(one))


def _limits(hint: LimitHint) -> bool:
    return hint.count > 0 and hint.per > 0
