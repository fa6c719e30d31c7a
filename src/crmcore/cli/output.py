"""How commands speak: for a person or as JSON; errors in one sentence."""

from __future__ import annotations

import json
import re
import signal
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol, TypeVar

import attrs
import click

from crmcore.app import CRM
from crmcore.errors import CRMError
from crmcore.hooks.setup import Setup
from crmcore.loader import load
from crmcore.model.time import SystemClock, moment
from crmcore.registry import Registry
from crmcore.settings import settings

Answer = TypeVar("Answer")
#: JSON numbers are exact up to here in every reader; ids are larger, and so are text.
EXACT = 2**53
#: What would speak to the terminal rather than to the person.
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")


@attrs.frozen(kw_only=True)
class Context:
    """The options that stand before a command."""

    database: str | None
    workspace: str | None
    config: Path | None
    as_json: bool
    actor: str | None = None

    def crm(self) -> CRM:
        """Open the CRM the options name."""
        return CRM(self.database, workspace=self.workspace, config=self.config, actor=self.actor)

    def registry(self) -> Registry:
        """Return what the plugins register; no database is opened, or made."""
        found = settings({"database": self.database, "workspace": self.workspace}, file=self.config)
        return load(Setup(clock=SystemClock(), settings=found.tables), blocked=frozenset(found.blocked))


pass_context = click.make_pass_decorator(Context)


def show(context: Context, answer: Answer, human: Callable[[Answer], None]) -> None:
    """Print an answer, as JSON where that is asked for."""
    if context.as_json:
        click.echo(json.dumps(plain(answer), ensure_ascii=False))
    else:
        human(answer)


def plain(value: Any) -> Any:
    """Return a value as what JSON can hold; ids as text."""
    if attrs.has(type(value)):
        return {field.name.lstrip("_"): plain(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if isinstance(value, list | tuple | frozenset | set):
        return [plain(one) for one in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) > EXACT:
        return str(value)
    if isinstance(value, Decimal | Path):
        return str(value)
    return value.isoformat() if isinstance(value, datetime | date) else value


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table for a person."""
    from rich.console import Console
    from rich.table import Table

    made = Table(title=_cell(title), title_justify="left", title_style="bold")
    for index, column in enumerate(columns):
        made.add_column(column, justify="left" if index == 0 else "right")
    for row in rows:
        made.add_row(*("" if cell is None else _cell(cell) for cell in row))
    Console(width=None if sys.stdout.isatty() else 120, emoji=False).print(made)


def _cell(cell: object) -> str:
    from rich.markup import escape

    return f"{cell:,}" if type(cell) is int else escape(_CONTROL.sub(lambda sign: repr(sign[0])[1:-1], str(cell)))


def when(at: int | None) -> str:
    """Return microseconds UTC as a person reads them."""
    return "" if at is None else moment(at).strftime("%Y-%m-%d %H:%M")


class Addressed(Protocol):
    """What went to an address, or was to."""

    @property
    def address_kind(self) -> str:
        """The kind of the address; "" where there was none."""

    @property
    def address_hint(self) -> str:
        """A little of it."""


def to_address(one: Addressed) -> str:
    """Return where something went, as a person reads it."""
    return f"{one.address_kind} {one.address_hint}".strip()


@contextmanager
def progress(context: Context, title: str) -> Iterator[Callable[[int, int], None]]:
    """Show a bar with rate and time left on a terminal's standard error; nothing with --json.

    Ctrl-C stops the work where it tells how far it is; a second time, at once.
    """
    with _bar(context, title) as show, _interruptible() as stop_if_asked:

        def tell(done: int, total: int) -> None:
            show(done, total)
            stop_if_asked()

        yield tell


@contextmanager
def _interruptible() -> Iterator[Callable[[], None]]:
    """Hold an interrupt back until it is asked for: within a transaction, it may leave the database locked to ourselves."""
    asked: list[int] = []

    def ask(number: int, _frame: object) -> None:
        stop_if_asked()
        asked.append(number)

    def stop_if_asked() -> None:
        if asked:
            raise KeyboardInterrupt

    former = signal.signal(signal.SIGINT, ask)
    try:
        yield stop_if_asked
    finally:
        signal.signal(signal.SIGINT, former)


@contextmanager
def _bar(context: Context, title: str) -> Iterator[Callable[[int, int], None]]:
    if context.as_json or not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), _rate(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bars:
        bar = bars.add_task(title, total=None)
        yield lambda done, total: bars.update(bar, completed=done, total=total)


def _rate() -> Any:
    from rich.progress import ProgressColumn, Task
    from rich.text import Text

    class Rate(ProgressColumn):
        """How many a second."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:,.0f}/s" if task.speed else "")

    return Rate()


@contextmanager
def spoken(*, as_json: bool) -> Iterator[None]:
    """Say an error in one sentence (an object with --json) and exit with 1; exit with 130 on Ctrl-C."""
    try:
        yield
    except CRMError as error:
        if as_json:
            said = {"error": type(error).__name__, "message": str(error), "fields": plain(_texts(error.fields))}
            click.echo(json.dumps(said, ensure_ascii=False), err=True)
        else:
            click.echo(f"{type(error).__name__}: {error}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("Stopped. What was committed stays; the same command goes on from there.", err=True)
        sys.exit(130)


def _texts(fields: Mapping[str, object]) -> dict[str, object]:
    return {
        name: value if isinstance(value, int | str | list) or value is None else str(value)
        for name, value in fields.items()
    }
