"""The suite of the Rule contract: subclass it, say how to make your rule and its parameters, and pytest does the rest."""

from __future__ import annotations

import tempfile
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import strategies as st
from sqlalchemy import Engine

from crmcore.errors import CRMError, MixedCurrencies, Overflow
from crmcore.hooks.rule import Rule, Touches
from crmcore.model.condition import Condition, PluginRule
from crmcore.model.history import History
from crmcore.model.time import DAY
from crmcore.rules.plugin import Plugins
from crmcore.rules.tree import holds, next_change, touches
from crmcore.store.engine import open_engine
from crmcore.testing import populations, postgres
from crmcore.testing.agreement import Population, populated
from crmcore.testing.drawing import drawn
from crmcore.testing.laws import AHEAD, ALIKE, DIVERSE, LASTING, TELLING, TOUCHED, Law, LawBroken, ask
from crmcore.testing.suite import Suite, ask_named

#: Days after which a calendar may say something else.
DAYS = (1, 2, 7, 8, 28, 31, 60, 200, 364, 365, 366)
#: What a rule says; None where a sum has no meaning.
Answer = bool | None


class RuleSuite(Suite):
    """What every rule has to pass."""

    #: Microseconds UTC: the time at which is asked.
    now: ClassVar[int] = 1_772_366_400_000_000
    #: How many conditions are drawn, over how many customers each is asked, and which of all there are to draw.
    examples: ClassVar[int] = 40
    customers: ClassVar[int] = 40
    seed: ClassVar[int] = 0
    #: The windows and ages that parameters may name, in microseconds: the answer is looked at where they end.
    spans: ClassVar[tuple[int, ...]] = populations.SPANS

    @abstractmethod
    def rule(self) -> Rule:
        """Return the rule."""
        raise NotImplementedError

    def params(self) -> st.SearchStrategy[Mapping[str, Any]]:
        """Return what parameters it may be given."""
        return st.just({})

    def histories(self) -> st.SearchStrategy[History]:
        """Return what may be known of a customer at `now`; it should differ in what the rule looks at."""
        return populations.histories(self.now)

    def conditions(self) -> st.SearchStrategy[Condition]:
        """Return conditions that ask the rule."""
        return st.builds(PluginRule, rule=st.just(self.rule().name), params=self.params())

    def plugins(self) -> Plugins:
        """Return the rule by its name."""
        rule = self.rule()
        return {rule.name: rule}

    @contextmanager
    def postgresql(self) -> Iterator[str]:
        """Yield the URL of a new database; as it is, on a server started for it."""
        servers = sorted(postgres.servers().items())
        if not servers:
            pytest.skip("there is no PostgreSQL here")
        with servers[-1][1]() as server, postgres.Databases(server) as databases:
            yield databases.take()

    def test_it_is_what_it_says(self) -> None:
        """Its name and its contract's version have their form."""
        for rule in self.plugins().values():
            ask_named(rule, "rule")

    def test_it_always_has_an_answer(self) -> None:
        """Yes or no, for whatever is known of a customer, and for nothing at all; some of each, or little is proved."""
        answers = set[Answer]()
        self._each(lambda condition, history, _: answers.add(self._answer(condition, history, self.now)))
        ask({True, False} <= answers, DIVERSE, f"All answers were {answers}; let histories and parameters differ more.")

    def test_sql_finds_whom_it_holds_for_on_sqlite(self) -> None:
        """The set of a select is the set of the reference, on the default store."""
        with tempfile.TemporaryDirectory() as folder, _engine(f"sqlite:///{Path(folder) / 'rule.db'}") as engine:
            self._compare(engine)

    def test_sql_finds_whom_it_holds_for_on_postgresql(self) -> None:
        """The same on PostgreSQL, the newest found; skipped where there is none."""
        with self.postgresql() as url, _engine(url) as engine:
            self._compare(engine)

    def test_only_what_it_touches_changes_the_answer(self) -> None:
        """All that is known of a customer is exchanged for what is known of another, but for what it touches."""

        def look(condition: Condition, history: History, other: History) -> None:
            touched = touches(condition, self.plugins())
            mixed = _mixed(touched, history, other)
            before, after = (self._answer(condition, one, self.now) for one in (history, mixed))
            ask(before == after, TOUCHED, f"{condition} is {before} of {history}, and {after} of {mixed}: {touched}.")

        self._each(look)

    def test_time_changes_only_what_it_says_time_changes(self) -> None:
        """Where `time` is not said, next_change is None, and the answer is the same ever after."""

        def look(condition: Condition, history: History, _: History) -> None:
            if touches(condition, self.plugins()).time:
                return
            until = self._until(condition, history)
            ask(until is None, TOUCHED, f"next_change is {until}, yet `time` is not among what it touches.")
            self._stays(condition, history, until, TOUCHED)

        self._each(look)

    def test_next_change_lies_ahead(self) -> None:
        """It is an integer later than now, or None."""

        def look(condition: Condition, history: History, _: History) -> None:
            until = self._until(condition, history)
            fine = until is None or (type(until) is int and until > self.now)
            ask(fine, AHEAD, f"next_change of {condition} is {until!r} at {self.now}.")

        self._each(look)

    def test_nothing_changes_before_next_change(self) -> None:
        """Wherever an event comes into sight or grows as old as one of `spans`, and at midnights: the answer is as it was."""

        def look(condition: Condition, history: History, _: History) -> None:
            until = self._until(condition, history)
            if touches(condition, self.plugins()).time and (until is None or until > self.now):
                self._stays(condition, history, until, LASTING)

        self._each(look)

    def _each(self, look: Callable[[Condition, History, History], object]) -> None:
        """Look at every condition with every history, and another one; of what is found, tell what is told in least words."""
        histories, broken = self._drawn_histories(), list[LawBroken]()
        for condition in self._drawn_conditions():
            for one, other in zip(histories, histories[1:] + histories[:1], strict=True):
                try:
                    look(condition, one, other)
                except LawBroken as error:
                    broken.append(error)
        if broken:
            raise min(broken, key=lambda error: len(str(error)))

    def _drawn_conditions(self) -> list[Condition]:
        return drawn(self.conditions(), self.examples, self.seed)

    def _drawn_histories(self) -> list[History]:
        return [History(), *drawn(self.histories(), self.customers, self.seed)]

    def _answer(self, condition: Condition, history: History, now: int) -> Answer:
        try:
            answer = holds(condition, history, now, self.plugins())
        except (MixedCurrencies, Overflow):
            return None
        except CRMError as error:
            raise LawBroken(TELLING, f"{condition} of {history}: {error}") from error
        ask(type(answer) is bool, TELLING, f"{condition} of {history} is {answer!r}, no bool.")
        return answer

    def _until(self, condition: Condition, history: History) -> int | None:
        try:
            return next_change(condition, history, self.now, self.plugins())
        except (MixedCurrencies, Overflow):
            return self.now + 1
        except CRMError as error:
            raise LawBroken(AHEAD, f"{condition} of {history}: {error}") from error

    def _stays(self, condition: Condition, history: History, until: int | None, law: Law) -> None:
        before = self._answer(condition, history, self.now)
        for at in sorted(self._moments(history)):
            if self.now < at and (until is None or at < until):
                after = self._answer(condition, history, at)
                wrong = f"{condition} of {history} is {before} at {self.now} and {after} at {at}, before {until}."
                ask(before == after, law, wrong)

    def _moments(self, history: History) -> set[int]:
        ends = {one.at + span for one in history.events for span in (0, *self.spans)}
        midnights = {(self.now // DAY + days) * DAY for days in DAYS}
        return {at + step for at in ends | midnights | {self.now + span for span in self.spans} for step in (-1, 0, 1)}

    def _compare(self, engine: Engine) -> None:
        with populated(engine, "suite", self._drawn_histories(), self.now) as population:
            for condition in self._drawn_conditions():
                self._ask_alike(population, condition)

    def _ask_alike(self, population: Population, condition: Condition) -> None:
        try:
            found = population.found(condition, self.plugins())
        except Exception as error:
            raise LawBroken(ALIKE, f"The select of {condition} raised {error!r}.") from error
        meant = population.meant(condition, self.plugins())
        odd = (found or frozenset()) ^ (meant or frozenset())
        of = next((one for one in population.histories if one.customer_id in odd), None)
        said = "finds" if of is not None and of.customer_id in (found or ()) else "misses"
        ask(found == meant, ALIKE, f"The select of {condition} {said} {of}; {len(odd)} of {self.customers} differ.")


def _mixed(touched: Touches, history: History, other: History) -> History:
    """Return a history with what is touched of one, and the rest of another."""
    kept = [one for one in history.events if one.name in touched.events]
    rest = [one for one in other.events if one.name not in touched.events]
    of, but = history.attributes.items(), other.attributes.items()
    attributes = {name: value for name, value in of if name in touched.attributes}
    attributes |= {name: value for name, value in but if name not in touched.attributes}
    return attrs.evolve(
        other,
        customer_id=history.customer_id,
        events=(*rest, *kept),
        attributes=attributes,
        tags=(history.tags & touched.tags) | (other.tags - touched.tags),
        segments=(history.segments & touched.segments) | (other.segments - touched.segments),
        consents=history.consents if touched.said else other.consents,
        wishes=history.wishes if touched.said else other.wishes,
        accounts=history.accounts if touched.accounts else other.accounts,
    )


@contextmanager
def _engine(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    try:
        yield engine
    finally:
        engine.dispose()
