"""The checks of a provider in trouble: each trouble is staged once, and looked at from several sides."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import ClassVar

import attrs
import pytest

from crmcore.hooks.provider import Accepted, HttpProvider, Outgoing, Provider
from crmcore.testing.answers import allowed
from crmcore.testing.carrying import Carrying, Sending, Sent, all_accepted, answered, truthful
from crmcore.testing.counterpart import Counterpart, Step, Taken, Trouble
from crmcore.testing.laws import (
    APART,
    CLASSES,
    CLOSED,
    IN_TIME,
    NO_RETRY,
    NO_SLEEP,
    REUSE,
    SECRET,
    LawBroken,
    ask,
)
from crmcore.testing.watching import Watch, eventually, shown, told, within

#: One message in trouble stands among others; where all are, they are many, so that a limit for each would be noticed.
ONE_AMONG, ALL = 4, 30
PROBED = 1

#: After these a carrier waits until its time is up; after all others something comes at once.
WAITED_FOR = frozenset({"silence", "drip", "garbage"})
#: Seconds that a provider is given where nothing is waited for.
AT_LEISURE = 5.0


@attrs.define
class Scene:
    """A batch sent in trouble, the next one sent by the same session, and what was noticed meanwhile."""

    step: Step
    trouble: Trouble
    batch: Sequence[Outgoing]
    following: Sequence[Outgoing]
    first: Sent = attrs.field(factory=Sent)
    second: Sent = attrs.field(factory=Sent)
    taken: Sequence[Taken] = ()
    taken_then: Sequence[Taken] = ()
    offered: Sequence[str] = ()
    left_open: int = 0
    in_time: bool = False
    patience: float = 0.0
    failed: BaseException | None = None
    slept: Sequence[str] = ()
    overheard: str = attrs.field(default="", repr=False)

    def is_troubled(self, message: Outgoing) -> bool:
        """Tell whether it is this message that is in trouble, or all are."""
        return self.trouble.address in (None, message.address.value)


class TroubledProvider(Carrying):
    """What a provider does when its counterpart is in trouble."""

    _scenes: ClassVar[dict[tuple[type, Trouble], Scene]] = {}

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Run the checks of trouble once for each step and kind of trouble that the author has named."""
        if "trouble" in metafunc.fixturenames:
            metafunc.parametrize("trouble", self.troubles(), ids=str)

    def troubles(self) -> list[Trouble]:
        """Return each trouble of each step: of one message alone where the step knows whose it is."""
        return [
            Trouble(step.name, kind, self.address(PROBED).value if step.addressed else None)
            for step in self.steps
            for kind in sorted(step.kinds)
        ]

    def test_trouble_is_reported_as_what_it_is(self, trouble: Trouble) -> None:
        """Unsent is NotStarted or Retry, unanswered InDoubt, refused what the refusal says; the others are accepted."""
        scene = self._ended(trouble)
        found = answered(scene.first, scene.batch)
        for message in scene.batch:
            result = found[message.delivery_id]
            if scene.is_troubled(message):
                right = allowed(scene.step, trouble.kind)
                names = " or ".join(one.__name__ for one in right)
                ask(isinstance(result, right), CLASSES, f"After {trouble} there is {result}; {names} was to be.")
            else:
                said = f"There was {trouble} for another message, and for this one there is {result}."
                ask(isinstance(result, Accepted), APART, said)
        truthful(found, scene.batch, scene.taken)

    def test_trouble_takes_bounded_time(self, trouble: Trouble) -> None:
        """A batch ends after a few time limits, whatever its size."""
        scene = self._scene(trouble)
        said = f"After {trouble} a batch of {len(scene.batch)} took {scene.first.seconds:.1f} s or more, "
        limits = f"with a time limit of {self.timeout} s a step: at most {scene.patience:.1f} s were to be."
        ask(scene.in_time and scene.first.seconds <= scene.patience, IN_TIME, said + limits)

    def test_after_trouble_the_session_carries_on(self, trouble: Trouble) -> None:
        """The next batch of the same session arrives, whole, and at its end no connection is open."""
        scene = self._ended(trouble)
        ask(scene.failed is None, REUSE, f"After {trouble} the session could not be left: {scene.failed!r}.")
        if trouble.kind != "refused":
            try:
                all_accepted(scene.second, scene.following, scene.taken_then)
            except LawBroken as broken:
                raise LawBroken(REUSE, f"After {trouble}, the next batch: {broken.wrong}") from broken
        said = f"After {trouble}, the session left, {scene.left_open} connections are still open."
        ask(scene.left_open == 0, CLOSED, said)

    def test_in_trouble_the_provider_neither_waits_nor_tries_again(self, trouble: Trouble) -> None:
        """It reports, and the core waits and tries again."""
        scene = self._ended(trouble)
        ask(not scene.slept, NO_SLEEP, f"After {trouble}: {'; '.join(scene.slept)}.")
        again = {address: count for address, count in Counter(scene.offered).items() if count > 1}
        ask(not again, NO_RETRY, f"After {trouble} these were offered several times in one batch: {again}.")

    def test_in_trouble_secrets_stay_hidden(self, trouble: Trouble) -> None:
        """No log, output, result, repr or error holds one."""
        found = shown(self.secrets, self._ended(trouble).overheard)
        ask(not found, SECRET, f"After {trouble}, {len(found)} of the secrets can be read in what was said.")

    def _ended(self, trouble: Trouble) -> Scene:
        """Return a scene that came to its end; of one that did not, test_trouble_takes_bounded_time tells."""
        scene = self._scene(trouble)
        if not scene.in_time:
            pytest.skip(f"after {trouble} the batch did not end in time")
        return scene

    def _scene(self, trouble: Trouble) -> Scene:
        key = (type(self), trouble)
        if key not in self._scenes:
            self._scenes[key] = self._staged(trouble)
        return self._scenes[key]

    def _staged(self, trouble: Trouble) -> Scene:
        step = next(one for one in self.steps if one.name == trouble.step)
        limit = self._limit(trouble)
        with self.counterpart(trouble) as counterpart, self.carrier(counterpart.place, timeout=limit) as made:
            provider, watch = made
            count = ONE_AMONG if step.addressed else min(provider.carriage.batch, ALL)
            scene = Scene(step=step, trouble=trouble, batch=self.batch(count), following=self.batch(ONE_AMONG, count))
            scene.patience = 10 * self.timeout + 0.5
            scene.in_time = within(2 * scene.patience, lambda: self._play(scene, counterpart, provider, watch))
            scene.slept = watch.slept
        return scene

    def _limit(self, trouble: Trouble) -> float:
        """Return the time limit: a short one only where it is waited for, so that a busy machine is not taken for a fault."""
        return self.timeout if trouble.kind in WAITED_FOR else AT_LEISURE

    def _play(self, scene: Scene, counterpart: Counterpart, provider: Provider | HttpProvider, watch: Watch) -> None:
        shapes = [repr(provider)]
        try:
            with self.opened(provider, counterpart.place, timeout=self._limit(scene.trouble)) as session:
                _two_batches(scene, counterpart, Sending(session=session, size=provider.carriage.batch))
                shapes.append(repr(session))
            scene.left_open = 0 if eventually(lambda: counterpart.connections == 0) else counterpart.connections
        except Exception as error:  # noqa: BLE001 - the checks say what it means
            scene.failed = error
        errors = [told(one) for one in (scene.first.error, scene.second.error, scene.failed)]
        scene.overheard = "".join((watch.said(), *shapes, repr(scene.first.results + scene.second.results), *errors))


def _two_batches(scene: Scene, counterpart: Counterpart, sending: Sending) -> None:
    sending.send(scene.batch, scene.first)
    scene.taken, scene.offered = list(counterpart.taken()), list(counterpart.offered())
    counterpart.recover()
    counterpart.forget()
    sending.send(scene.following, scene.second)
    scene.taken_then = list(counterpart.taken())
