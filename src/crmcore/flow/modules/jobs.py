"""Jobs of modules: each that is due is run by one worker, and none that fails keeps the others waiting."""

from __future__ import annotations

import logging
import traceback
from collections.abc import Callable, Mapping
from functools import partial
from typing import TypeVar

import attrs

from crmcore.flow.blaming import RAISED, why
from crmcore.flow.progress import Stop
from crmcore.hooks.module import Job, Module
from crmcore.hooks.tables import InTables, Tables
from crmcore.model.time import SECOND
from crmcore.store import jobs
from crmcore.store.jobs import Key
from crmcore.store.scope import Read, Scope, Write
from crmcore.store.tables import ScopedTables

Outcome = TypeVar("Outcome")
log = logging.getLogger("crmcore.modules")


@attrs.frozen(kw_only=True)
class FailedJob:
    """A job of a module that failed, and why."""

    module: str
    job: str
    problem: str


@attrs.frozen(kw_only=True)
class Run:
    """How many jobs were run to their end, and those that were not."""

    done: int = 0
    failed: tuple[FailedJob, ...] = ()


def run_due(write: Write, reading: Read, modules: Mapping[str, Module], owner: str, stop: Stop) -> Run:
    """Run the jobs that are due and that no other worker is at; `stop` is asked before each."""
    known = {Key(name, job.name): job for name, module in modules.items() for job in module.jobs}
    done, failed = 0, list[FailedJob]()
    for key in _due(reading, known):
        if stop():
            break
        worker = Worker(write=write, key=key, job=known[key], owner=owner)
        if write(worker.claim):
            problem = worker.run()
            done += not problem
            failed += [FailedJob(module=key.module, job=key.name, problem=problem)] if problem else []
    return Run(done=done, failed=tuple(failed))


def _due(reading: Read, known: Mapping[Key, Job]) -> list[Key]:
    if not known:
        return []
    with reading() as scope:
        return jobs.due(scope, {key: _every(job) for key, job in known.items()})


def _every(job: Job) -> int:
    return max(1, round(job.every * SECOND))


@attrs.frozen(kw_only=True)
class Worker:
    """Somebody who runs one job."""

    write: Write
    key: Key
    job: Job
    owner: str

    def claim(self, scope: Scope) -> bool:
        """Take the job; tell whether nobody else had."""
        return jobs.claim(scope, self.key, self.owner, _every(self.job))

    def run(self) -> str:
        """Run the job; return why it failed, nothing where it did not."""
        every = _every(self.job)
        try:
            _counted(self.job.run(self._in_tables()))
            problem = ""
        except RAISED as error:
            problem = why(error)
            place = traceback.extract_tb(error.__traceback__)[-1]
            said = "job %s of module %s failed: %s (%s, line %s)"
            log.error(said, self.key.name, self.key.module, problem, place.filename, place.lineno)  # noqa: TRY400 - its text may hold anything
        ended = partial(jobs.fail, problem=problem) if problem else jobs.end
        self.write(lambda scope: ended(scope, self.key, self.owner, every))
        return problem

    def _in_tables(self) -> InTables:
        def written(act: Callable[[Tables], Outcome], /) -> Outcome:
            def held(scope: Scope) -> Outcome:
                jobs.hold(scope, self.key, self.owner)
                return act(ScopedTables(scope))

            return self.write(held)

        return written


def _counted(count: object) -> None:
    if not isinstance(count, int):
        raise TypeError(f"a job returns how much it did, not {type(count).__name__}")
