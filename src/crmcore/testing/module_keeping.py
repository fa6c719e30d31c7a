"""The checks of what a module keeps about people: shown, exported, erased, moved, kept apart."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from crmcore.hooks.module import TimelineEntry
from crmcore.model.event import FUTURE
from crmcore.testing.laws import (
    ERASED,
    EXPORTED,
    KEPT_APART,
    MERGED,
    SPARED,
    STAYS_ERASED,
    TIMELINED,
    LawBroken,
    ask,
    lawful,
)
from crmcore.testing.moduled import ADA, BEN, BOTH, Moduled
from crmcore.testing.planting import Person, Rows, Site, places_of, told_of, unexported
from crmcore.testing.suite import is_name


class KeepingModule(Moduled):
    """What is kept about people."""

    @BOTH
    def test_whoever_is_planted_is_there(self, on: str) -> None:
        """Otherwise nothing else here proves much."""
        self._schema()
        with self._planted(on) as made:
            self._ask_planted(self._put(made, ADA), ADA)

    @BOTH
    def test_an_export_holds_everything(self, on: str) -> None:
        """Each identifier, and each value in each column of the rows about a customer; nothing of anybody else's."""
        self._schema()
        with self._planted(on, BEN) as made:
            rows = self._put(made, ADA)
            export = made.export(made.id_of(ADA))
        said = _json(export)
        missing = [text for text in ADA.identifiers if self.holds_text and text not in said]
        ask(not missing, EXPORTED, f"The export lacks {', '.join(missing)}.")
        lacking = unexported(json.loads(said), rows)
        ask(not lacking, EXPORTED, f"The export lacks what stands in {', '.join(lacking)}.")
        others = told_of(BEN, said)
        ask(not others, EXPORTED, f"The export shows of somebody else: {', '.join(others)}.")

    @BOTH
    def test_an_erasure_leaves_nothing(self, on: str) -> None:
        """No table of the module holds a byte of the customer: not the id, not an identifier, however it is written."""
        self._schema()
        with self._planted(on, ADA, BEN) as made:
            customer_id, before = made.id_of(ADA), made.rows()
            count, after = made.erase(customer_id), made.rows()
            places, again = places_of(after, customer_id, ADA), made.erase(customer_id)
        ask(not places, ERASED, f"Something of the customer is left in {', '.join(places)}.")
        gone = _count(before) - _count(after)
        ask(type(count) is int and count >= gone, ERASED, f"{gone} rows are gone, it says {count!r}.")
        ask(again == 0, ERASED, f"Once more, it says {again!r} rows were deleted; there was nothing left.")

    @BOTH
    def test_an_erasure_leaves_everybody_else(self, on: str) -> None:
        """The rows about another customer are as they were."""
        self._schema()
        with self._planted(on, ADA) as made:
            mine = self._put(made, BEN)
            made.erase(made.id_of(ADA))
            lost = _lost(mine, made.rows())
        ask(not lost, SPARED, f"Rows about somebody else are gone or changed in {', '.join(lost)}.")

    @BOTH
    def test_whoever_is_erased_stays_erased(self, on: str) -> None:
        """A worker that was telling of a customer while another erased it tells the rest, and then that it is erased."""
        self._schema()
        with self._planted(on, ADA) as made:
            customer_id = made.id_of(ADA)
            made.forget(customer_id)
            left = places_of(made.rows(), customer_id, ADA)
            made.tell_again()
            made.tell_erased(customer_id)
            back = sorted({*places_of(made.rows(), customer_id, ADA)} - {*left})
        ask(not back, STAYS_ERASED, f"Told again of what was before, it has something in {', '.join(back)}.")

    @BOTH
    def test_workspaces_do_not_leak(self, on: str) -> None:
        """Asked in one workspace, by ids of another, it shows nothing and changes nothing; nor do its jobs."""
        self._schema()
        with self._engine(on) as engine, self._site(engine) as here, self._site(engine, "elsewhere") as there:
            # The same key in both: whoever looks people up by it alone finds the wrong one.
            stranger = attrs.evolve(BEN, key=ADA.key)
            self._put(here, ADA)
            theirs = self._put(there, stranger)
            self._ask_silent(here, (there.id_of(stranger), here.id_of(ADA)))
            self._meddle(here, there.id_of(stranger))
            lost = _lost(theirs, there.rows())
        ask(not lost, KEPT_APART, f"What one workspace does changes rows of another in {', '.join(lost)}.")

    def _ask_silent(self, here: Site, ids: Sequence[int]) -> None:
        for one in ids:
            said = f"{_json(here.export(one))} {here.timeline(one)}"
            shown = told_of(Person(key=BEN.key, identifiers=BEN.identifiers), said)
            ask(not shown, KEPT_APART, f"One workspace shows of another: {', '.join(shown)}.")

    def _meddle(self, here: Site, foreign_id: int) -> None:
        here.erase(foreign_id)
        here.tell_again()
        here.clock.turn(self.later)
        for job in here.module.jobs:
            here.run(job)
        here.erase(here.id_of(ADA))

    @BOTH
    def test_a_timeline_is_about_one_customer(self, on: str) -> None:
        """Times, kinds, titles and details have their form, and nothing in them is about anybody else."""
        self._module()
        with self._planted(on, ADA, BEN) as made:
            entries = made.timeline(made.id_of(ADA))
            nobody = made.timeline(made.crm.now())
            for one in entries:
                _ask_sound(one, made.crm.now())
        others = told_of(BEN, str(entries))
        ask(not others, TIMELINED, f"It shows of somebody else: {', '.join(others)}.")
        ask(not nobody, TIMELINED, f"Of a customer who is not there it tells {nobody[:1]}.")

    @BOTH
    def test_whoever_is_merged_away_is_found_under_the_other(self, on: str) -> None:
        """No row names the one who is no more: whoever asks for the other, or erases it, asks for both."""
        self._schema()
        with self._planted(on, ADA, BEN) as made:
            ids = {made.id_of(ADA), made.id_of(BEN)}
            made.crm.merge(BEN.key, ADA.key, force=True)
            made.crm.work()
            places = _named(made.rows(), ids - {made.id_of(ADA)})
        ask(not places, MERGED, f"The one who was merged away is still named in {', '.join(places)}.")


def _json(export: Any) -> str:
    ask(isinstance(export, Mapping), EXPORTED, f"The export is a {type(export).__name__}, no mapping.")
    with lawful(EXPORTED, "Writing it as JSON"):
        return json.dumps(export, ensure_ascii=False, allow_nan=False)


def _ask_sound(one: object, now: int) -> None:
    if not isinstance(one, TimelineEntry):
        raise LawBroken(TIMELINED, f"{one!r} is no TimelineEntry.")
    ask(type(one.at) is int and 0 <= one.at <= now + FUTURE, TIMELINED, f"{one}: its time is {one.at!r}, now is {now}.")
    ask(is_name(one.kind), TIMELINED, f"{one}: its kind is no name.")
    ask(isinstance(one.title, str) and one.title.strip(), TIMELINED, f"{one}: it has no title.")
    with lawful(TIMELINED, f"{one}: its detail, written as JSON,"):
        json.dumps(dict(one.detail), allow_nan=False)


def _count(rows: Rows) -> int:
    return sum(map(len, rows.values()))


def _lost(before: Rows, after: Rows) -> list[str]:
    return sorted(name for name, some in before.items() if any(row not in after[name] for row in some))


def _named(rows: Rows, ids: set[int]) -> list[str]:
    return sorted(
        {
            f"{name}.{column}"
            for name, some in rows.items()
            for row in some
            for column, value in row.items()
            if value in ids
        }
    )
