"""An export from the first row to the last: all of it as the store stood at one moment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import attrs

from crmcore.errors import InvalidName
from crmcore.flow.exporting import customers, deliveries, events, headings, writing
from crmcore.flow.exporting.cells import Column
from crmcore.flow.progress import Progress
from crmcore.store import leads, paging, schema
from crmcore.store.scope import Scope

ExportKind = Literal["customers", "events", "deliveries"]
KINDS: tuple[ExportKind, ...] = get_args(ExportKind)
Page = list[tuple[Any, ...]]


@attrs.frozen(kw_only=True)
class Exported:
    """How many rows went where."""

    rows: int
    path: Path


@attrs.frozen(kw_only=True)
class _Content:
    """What a file will hold: its columns, and as many rows as there are."""

    columns: Sequence[Column]
    total: int
    pages: Iterable[Page]


def run(scope: Scope, kind: ExportKind, path: Path, progress: Progress) -> Exported:
    """Write all customers, events or deliveries to a file; raise InvalidName, InvalidFile, MissingExtra."""
    if kind not in _CONTENT:
        raise InvalidName(name=kind, kind="export", place="export", rule=f"one of {', '.join(KINDS)}")
    form = writing.format_of(path)
    content = _CONTENT[kind](scope)
    done = _Count(content.total, progress)
    writing.write(path, form, content.columns, done.counted(content.pages))
    return Exported(rows=done.rows, path=path)


class _Count:
    """How many rows went by, told as they go."""

    def __init__(self, total: int, progress: Progress) -> None:
        self.rows = 0
        self._total, self._progress = total, progress

    def counted(self, pages: Iterable[Page]) -> Iterator[Page]:
        for page in filter(None, pages):
            yield page
            self.rows += len(page)
            self._progress(self.rows, self._total)


def _customers(scope: Scope) -> _Content:
    made = customers.layout(scope)
    return _Content(columns=made.columns(), total=leads.count(scope), pages=customers.pages(scope, made))


def _events(scope: Scope) -> _Content:
    total = paging.count(scope, schema.event)
    return _Content(columns=headings.OF_EVENTS, total=total, pages=events.pages(scope))


def _deliveries(scope: Scope) -> _Content:
    total = paging.count(scope, schema.delivery)
    return _Content(columns=headings.OF_DELIVERIES, total=total, pages=deliveries.pages(scope))


_CONTENT: dict[ExportKind, Callable[[Scope], _Content]] = {
    "customers": _customers,
    "events": _events,
    "deliveries": _deliveries,
}
