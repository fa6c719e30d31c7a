"""The check of a provider whose process is killed: what it had reported has arrived, and nothing arrives twice."""

from __future__ import annotations

import inspect
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping, Sequence

from crmcore.hooks.provider import Accepted, Outgoing
from crmcore.testing.carrying import KILLS, Carrying, answered, copies_of, many
from crmcore.testing.counterpart import Counterpart, Taken
from crmcore.testing.killed import Task
from crmcore.testing.laws import ONE_RESULT, SAME_AGAIN, TRUTH, ask
from crmcore.testing.suite import needs
from crmcore.testing.watching import eventually

#: How many messages a process is given, of which it is killed somewhere.
HANDED = 300
PROGRAM = "crmcore.testing.killed"


class KilledProvider(Carrying):
    """What is left of a provider whose process is killed."""

    def test_a_kill_loses_nothing_that_was_reported(self) -> None:
        """What was Accepted has arrived; handed over once, a message is there once at most, and sent again it is the same."""
        needs(self.survives, "survives (its counterpart ends with its process)")
        chance = self.chance()
        for _ in range(many(KILLS, self.kills)):
            with self.counterpart() as counterpart:
                self._is_killed(counterpart, chance.randrange(HANDED))

    def _is_killed(self, counterpart: Counterpart, after: int) -> None:
        batch = self.batch(HANDED)
        said = _reported(self._task(counterpart), after)
        eventually(lambda: counterpart.connections == 0)
        _is_kept(said, batch, counterpart.taken())
        rest = [one for one in batch if said.get(one.delivery_id) != Accepted.__name__]
        with self.session(counterpart) as sending:
            answered(sending.send(rest), rest)
        _is_whole(said, batch, counterpart.taken())

    def _task(self, counterpart: Counterpart) -> Task:
        file, suite = inspect.getfile(type(self)), type(self).__qualname__
        return Task(file=file, suite=suite, place=counterpart.place, handed=HANDED)


def _is_kept(said: Mapping[int, str], batch: Sequence[Outgoing], taken: Sequence[Taken]) -> None:
    for message in batch:
        copies = len(copies_of(message, taken))
        ask(copies <= 1, TRUTH, f"{message} was handed over once and arrived {copies} times.")
        fine = copies == 1 or said.get(message.delivery_id) != Accepted.__name__
        ask(fine, TRUTH, f"{message} was reported Accepted before the process was killed, and has not arrived.")


def _is_whole(said: Mapping[int, str], batch: Sequence[Outgoing], taken: Sequence[Taken]) -> None:
    for message in batch:
        copies = copies_of(message, taken)
        most = 1 if said.get(message.delivery_id) == Accepted.__name__ else 2
        counts = f"{message} was handed over {most} times and arrived {len(copies)} times."
        ask(1 <= len(copies) <= most, TRUTH, counts)
        same = len({one.wire or one.body for one in copies}) == 1
        ask(same, SAME_AGAIN, f"{message}, sent again after a kill, is another one on the wire.")


def _reported(task: Task, after: int) -> dict[int, str]:
    """Start the process, kill it once it has reported so many results, and return what it had reported."""
    path = os.pathsep.join(one for one in sys.path if one)
    with subprocess.Popen(  # noqa: S603 - our own program
        [sys.executable, "-m", PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": path},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        pickle.dump(task, process.stdin)
        process.stdin.close()
        lines = [process.stdout.readline() for _ in range(after + 1)]
        process.kill()
        lines += process.stdout.readlines()
    whole = [line.decode().split() for line in lines if line.endswith(b"\n")]
    ask(whole, ONE_RESULT, f"The process that was to send reported nothing; it was given {task}.")
    return {int(delivery_id): kind for delivery_id, kind in whole}
