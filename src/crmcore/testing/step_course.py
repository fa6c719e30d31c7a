"""A step at work: a campaign of it, on a new database, and a clock that is turned until everybody has arrived."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from importlib.metadata import entry_points
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import attrs

from crmcore import CRM
from crmcore.errors import CRMError
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.setup import Setup
from crmcore.hooks.step import Due, Step, Transition
from crmcore.loader import GROUP
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.steps import Call, Exit, on_tick
from crmcore.model.triggers import OnCall
from crmcore.store import enrolments
from crmcore.store.enrolments import COMPLETED, Enrolment
from crmcore.testing.clock import TurnedClock
from crmcore.testing.laws import ARRIVED, LawBroken, ask

NAME = "suite"
#: What every customer has, declared or not: the host's key is given here, and tags are said as tags.
_OWN = ("key", "tags")


class Noting:
    """A step, and the plugin that brings it; it notes what was said of each enrolment."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self.name, self.contract, self.reads = step.name, step.contract, step.reads
        self.said: dict[int, Transition] = {}

    @hookimpl
    def crm_register_steps(self, setup: Setup) -> Sequence[Step]:  # noqa: ARG002 - the hook's argument
        """Return the step: this."""
        return [self]

    def advance(self, due: Sequence[Due], settings: Mapping[str, Any], *, now: int) -> Sequence[Transition]:
        """Note the answer, and give it on."""
        given = self._step.advance(due, settings, now=now)
        self.said |= {one.enrolment_id: one for one in given}
        return given


@attrs.frozen(kw_only=True)
class Travel:
    """A campaign under way: its run, the names of the steps at which ways by each word end, and what the step has said."""

    crm: CRM
    clock: TurnedClock
    run_id: int
    ends: Mapping[str, str]
    said: Mapping[int, Transition]
    customers: Sequence[int]

    def work_until(self, at: int) -> None:
        """Turn the clock to a time, work, and ask whether everybody is where the step has said."""
        self.clock.turn(timedelta(microseconds=at - self.clock.now()))
        for waits in self.crm.work().waiting:
            raise LawBroken(ARRIVED, f"The campaign waits: {waits.problem}")
        with self.crm._opened.reading() as scope:  # noqa: SLF001 - as the CRM does
            found = enrolments.of_customers(scope, self.run_id, self.customers)
        ask(len(found) == len(self.customers), ARRIVED, f"Of {len(self.customers)} customers {len(found)} entered.")
        for one in found:
            self._ask_there(one, at)

    def _ask_there(self, one: Enrolment, at: int) -> None:
        said = self.said.get(one.id)
        if said is None:
            raise LawBroken(ARRIVED, f"{one}: the step has said nothing of it.")
        is_there = one.state == COMPLETED and one.step == self.ends.get(said.to)
        is_over = (_due(said) or at) <= at
        ask(is_there == is_over, ARRIVED, f"{said}: at {at} its customer is at {one.step!r}, {one.state}.")


def travel(
    step: Step, settings: Mapping[str, Any], ways: Sequence[str], attributes: Sequence[Mapping[str, Any]], now: int
) -> None:
    """Let customers of these attributes enter a campaign of a step; raise LawBroken where one does not arrive."""
    try:
        with _launched(Noting(step), settings, ways, attributes, now) as under_way:
            under_way.work_until(now)
            for due_at in sorted({due for one in under_way.said.values() if (due := _due(one) or now) > now}):
                under_way.work_until(due_at)
    except CRMError as error:
        raise LawBroken(ARRIVED, f"The campaign cannot be: {error}") from error


def _due(said: Transition) -> int | None:
    return None if said.due_at is None else on_tick(said.due_at)


@contextmanager
def _launched(
    noting: Noting,
    settings: Mapping[str, Any],
    ways: Sequence[str],
    attributes: Sequence[Mapping[str, Any]],
    now: int,
) -> Iterator[Travel]:
    ends = {word: f"way_{number}" for number, word in enumerate(("", *ways))}
    keys = [str(number) for number in range(len(attributes))]
    clock = TurnedClock(now)
    with _opened(noting, clock) as crm:
        _tell(crm, dict(zip(keys, attributes, strict=True)))
        run_id = crm.launch(_campaign(noting, settings, ends)).run_id
        crm.enter(NAME, keys)
        customers = [crm.customer(key).id for key in keys]
        yield Travel(crm=crm, clock=clock, run_id=run_id, ends=ends, said=noting.said, customers=customers)


@contextmanager
def _opened(noting: Noting, clock: TurnedClock) -> Iterator[CRM]:
    """Open a CRM that has this plugin alone, and no settings of anybody's."""
    installed = [one.name for one in entry_points(group=GROUP)]
    with TemporaryDirectory() as folder:
        config = Path(folder) / "crm.toml"
        config.touch()
        path = str(Path(folder) / "crm.db")
        with CRM(path, config=config, clock=clock, plugins={NAME: noting}, blocked=installed) as crm:
            faults = [one.problem for one in crm.registry.faults if one.plugin == NAME]
            ask(not faults, ARRIVED, f"The plugin does not load: {'; '.join(faults)}")
            yield crm


def _tell(crm: CRM, customers: Mapping[str, Mapping[str, Any]]) -> None:
    crm.identify_many(
        {
            "customer": key,
            "attributes": {name: value for name, value in known.items() if name not in _OWN},
            "tags": known.get("tags", ()),
        }
        for key, known in customers.items()
    )


def _campaign(noting: Noting, settings: Mapping[str, Any], ends: Mapping[str, str]) -> Campaign:
    ways = {word: end for word, end in ends.items() if word}
    called = Call(name="called", step=noting.name, settings=settings, then=ends[""], ways=ways)
    course: list[Call | Exit] = [called, *(Exit(name=end) for end in ends.values())]
    return Campaign(name=NAME, purpose="service", audience=everyone(), trigger=OnCall(), steps=course)
