"""What contracts have in common that answer for a batch: an answer for each, from what is shown and nothing else."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import attrs

from crmcore.hooks.gate import Intent
from crmcore.hooks.step import Due
from crmcore.testing.laws import Law, LawBroken, ask
from crmcore.testing.watching import no_sockets

SOME, MANY = 24, 1000
Shown = TypeVar("Shown", Intent, Due)
One = TypeVar("One")
Answer = TypeVar("Answer")


class Overlooked(Mapping[str, Any]):
    """Attributes that note in `asked` which were asked for."""

    def __init__(self, values: Mapping[str, Any], asked: set[str]) -> None:
        self._values, self._asked = values, asked

    def __getitem__(self, name: str) -> Any:
        self._asked.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def overlooked(batch: Sequence[Shown]) -> tuple[list[Shown], set[str]]:
    """Return a batch with attributes that are overlooked, and the names that will have been asked for."""
    asked = set[str]()
    return [attrs.evolve(one, attributes=Overlooked(one.attributes, asked)) for one in batch], asked


def one_each(
    given: object, kind: type[Answer], of: Callable[[Answer], int], wanted: Iterable[int], law: Law
) -> dict[int, Answer]:
    """Return the answers by what each is `of`; raise LawBroken unless they are of the kind, one for each that is wanted."""
    if not isinstance(given, Sequence):
        raise LawBroken(law, f"The answer is a {type(given).__name__}, no sequence.")
    odd = [one for one in given if not isinstance(one, kind)]
    ask(not odd, law, f"{odd[:1]} is no {kind.__name__}.")
    asked, got = sorted(wanted), sorted(of(one) for one in given)
    said = f"{len(asked)} were asked about, {len(got)} answers are about {len(set(got))} of them or others."
    ask(asked == got, law, said)
    return {of(one): one for one in given}


def ask_same(first: Mapping[int, Answer], again: Mapping[int, Answer], law: Law, when: str) -> None:
    """Raise LawBroken where the same was not answered again."""
    differing = next((f"{one}, then {again.get(key)}" for key, one in first.items() if again.get(key) != one), "")
    ask(first == again, law, f"{when}: {differing}.")


def ask_unchanged(before: Sequence[object], after: Sequence[object], law: Law) -> None:
    """Raise LawBroken where something shown was changed."""
    changed = [now for was, now in zip(before, after, strict=True) if was != now]
    ask(not changed, law, f"What was shown was changed: {changed[:1]}.")


def ask_offline(work: Callable[[], object], law: Law) -> None:
    """Raise LawBroken where some work opens a socket, or looks up a name."""
    try:
        with no_sockets():
            work()
    except AssertionError as error:
        raise LawBroken(law, str(error)) from error


def ask_declared(asked: Collection[str], reads: Collection[str], law: Law) -> None:
    """Raise LawBroken where attributes were asked for that are not declared."""
    more = sorted(set(asked) - set(reads))
    ask(not more, law, f"It asked for {', '.join(more)}; declared are {', '.join(sorted(reads)) or 'none'}.")


def ask_quick(work: Callable[[], object], budget: float, law: Law) -> None:
    """Raise LawBroken where some work takes longer than a number of seconds; the best of three times counts."""
    took = min(_seconds(work) for _ in range(3))
    ask(took <= budget, law, f"{MANY} of them took {took:.2f} s, at most {budget} s were to be.")


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def companies(batch: Sequence[One]) -> Iterator[list[Sequence[One]]]:
    """Yield the batch shuffled, in halves, and one by one."""
    yield [random.Random(1).sample(batch, len(batch))]  # noqa: S311 - it shuffles
    yield [batch[::2], batch[1::2]]
    yield [[one] for one in batch]
