"""The checks of what a module does: its jobs, what it is told, its commands, where it writes, what time it goes by."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import nullcontext
from typing import Any

import attrs
import click
from click.testing import CliRunner, Result

from crmcore.app import CRM
from crmcore.testing.batches import ask_offline
from crmcore.testing.laws import COMMANDED, COUNTED, OWN_TABLES, TIMELESS, TOLD_AGAIN, ask
from crmcore.testing.moduled import ADA, BEN, BOTH, Moduled
from crmcore.testing.planting import Site, values_in
from crmcore.testing.suite import needs

#: The seconds around the machine's own time in which none of the suite's lies.
DAYS = 3 * 86_400
#: A time may be told in seconds, milliseconds or microseconds.
UNITS = (1, 10**3, 10**6)


class ActingModule(Moduled):
    """What it does."""

    @BOTH
    def test_a_job_counts_what_it_does_and_does_it_once(self, on: str) -> None:
        """After `later`, the jobs find something to do; at the same time done again they find nothing, and change nothing."""
        needs(self._module().jobs, "jobs")
        with self._planted(on, ADA, BEN) as made:
            made.clock.turn(self.later)
            counts = [made.run(job) for job in made.module.jobs]
            rows = made.rows()
            again = [made.run(job) for job in made.module.jobs]
            changed = rows != made.rows()
        odd = [one for one in (*counts, *again) if type(one) is not int or one < 0]
        ask(not odd, COUNTED, f"A job returned {odd[:1]}, no count.")
        ask(any(counts), COUNTED, f"After {self.later} no job has anything to do; let `later` be another time.")
        ask(not any(again), COUNTED, f"Done again, the jobs count {again}.")
        ask(not changed, COUNTED, "Done again, the jobs change rows.")

    @BOTH
    def test_told_again_nothing_changes(self, on: str) -> None:
        """Whatever notices the module was told, once more, in the same order."""
        self._schema()
        with self._planted(on, ADA, BEN) as made:
            before = made.rows()
            made.tell_again()
            changed = sorted(name for name, some in made.rows().items() if some != before[name])
        ask(not changed, TOLD_AGAIN, f"Told again, it changes rows in {', '.join(changed)}.")

    def test_commands_have_help_and_answer_in_json(self) -> None:
        """Each command is called by the words in `calls`, for a person and for a program."""
        leaves = needs(dict(_leaves(self._module().commands)), "commands")
        for words, command in leaves.items():
            _ask_helpful(" ".join(words), command)
        with self._planted("sqlite", ADA) as made:
            calls = [tuple(one) for one in self.calls(made.crm, ADA.key)]
            for words in calls:
                _ask_answered(made, words)
        uncalled = [" ".join(one) for one in leaves if not any(call[: len(one)] == one for call in calls)]
        ask(not uncalled, COMMANDED, f"`calls` has no words for {', '.join(uncalled)}.")

    @BOTH
    def test_it_writes_into_its_own_tables(self, on: str) -> None:
        """What its jobs, listeners, timeline, export and erase run is looked at, statement by statement."""
        module = self._module()
        with self._planted(on, ADA) as made:
            _act(made, self.later)
            made.erase(made.id_of(ADA))
        foreign = sorted(one for one in made.written if not one.startswith(f"crm_{module.name}_"))
        ask(not foreign, OWN_TABLES, f"It writes into {', '.join(foreign)}.")

    def test_it_asks_neither_the_machines_clock_nor_the_network(self) -> None:
        """Nothing it keeps, shows or exports tells of the machine's time, and no socket is opened."""
        self._module()
        with self._planted("sqlite", ADA) as made:
            ask_offline(lambda: _act(made, self.later), TIMELESS)
            said = [*values_in(made.rows()), *values_in(made.export(made.id_of(ADA)))]
            said += [value for one in made.timeline(made.id_of(ADA)) for value in values_in(attrs.asdict(one))]
        odd = [one for one in said if _is_of_the_machine(one)]
        ask(not odd, TIMELESS, f"It says {odd[:1]}, which is the machine's time; the time was {self.now}.")


def _act(made: Site, later: str) -> None:
    made.tell_again()
    made.clock.turn(later)
    for job in made.module.jobs:
        made.run(job)
    for one in (made.timeline, made.export):
        one(made.id_of(ADA))


# -- the machine's time -----------------------------------------------------------------------------------------------


def _is_of_the_machine(value: object) -> bool:
    now = time.time()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return any(abs(value / unit - now) < DAYS for unit in UNITS)
    days = {time.strftime("%Y-%m-%d", time.gmtime(now + day * 86_400)) for day in (-1, 0, 1)}
    return isinstance(value, str) and any(day in value for day in days)


# -- commands ---------------------------------------------------------------------------------------------------------


@attrs.frozen(kw_only=True)
class _Desk:
    """Stands before the commands, with the CRM of the suite."""

    given: CRM
    as_json: bool

    def crm(self) -> Any:
        """Return it; it stays open."""
        return nullcontext(self.given)


def _leaves(
    commands: Iterable[click.Command], above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for one in commands:
        words = (*above, one.name or "")
        if isinstance(one, click.Group):
            yield from _leaves(one.commands.values(), words)
        else:
            yield words, one


def _ask_helpful(words: str, command: click.Command) -> None:
    ask(command.help, COMMANDED, f"`crm {words}` has no help text.")
    bare = [one.name for one in command.params if isinstance(one, click.Option) and not one.help]
    ask(not bare, COMMANDED, f"The options {bare} of `crm {words}` have no help text.")


def _ask_answered(made: Site, words: Sequence[str]) -> None:
    said = " ".join(words)
    for as_json in (True, False):
        done = _called(made, words, as_json=as_json)
        ask(
            done.exit_code == 0,
            COMMANDED,
            f"`crm {said}` exits with {done.exit_code}: {done.output} {done.exception!r}",
        )
        ask(not as_json or _is_json(done.stdout), COMMANDED, f"`crm --json {said}` answers {done.stdout!r}.")
        ask(done.stdout.strip(), COMMANDED, f"`crm {said}` answers nothing.")


def _called(made: Site, words: Sequence[str], *, as_json: bool) -> Result:
    name, *rest = words
    command = next(one for one in made.module.commands if one.name == name)
    desk = _Desk(as_json=as_json, given=made.crm)
    return CliRunner().invoke(command, rest, obj=desk)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
