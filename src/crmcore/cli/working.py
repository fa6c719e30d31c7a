"""`crm work`: one process or several, which finish what they have begun when they are asked to stop."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import Event
from typing import Any

import click

from crmcore.campaigning import Worked
from crmcore.cli.output import Context, pass_context, progress, show
from crmcore.errors import InputError
from crmcore.flow.dispatch import Waits
from crmcore.flow.modules.jobs import FailedJob
from crmcore.flow.progress import Stop, Wait
from crmcore.model.time import SECOND, duration

COUNTS = ("folded", "deliveries", "notices", "sent", "failed", "skipped", "advanced", "posted", "jobs", "aged")
#: Seconds: who asks a process to stop that waits is heard within the first; it looks no oftener than once in the second.
HEARD, SHORTEST = 0.5, 0.01
_RUN = "from crmcore.cli import main; main()"


@click.command()
@click.option("--limit", type=int, help="Work on at most so many deliveries.")
@click.option(
    "--processes",
    type=click.IntRange(1, 256),
    default=1,
    show_default=True,
    help="So many processes beside one another.",
)
@click.option(
    "--wait", default="0s", show_default=True, help="Go on for what a limit lets go, or is due, within so long."
)
@pass_context
def work(context: Context, limit: int | None, processes: int, wait: str) -> None:
    """Do what is due: fold what was committed, send what is planned. Interrupted, it goes on where it was.

    Exits with 1 where something is due that could not go, since a plugin, a setting or a secret is missing, and where a
    job of a module failed.

    Asked to stop (SIGTERM, Ctrl-C) it claims nothing more, finishes what is under way, and gives back what it claimed.

    \b
    crm --db shop.db work
    crm --db shop.db work --limit 1000
    crm --db shop.db work --wait 1m
    crm --db postgresql+psycopg://localhost/shop work --processes 4
    """
    patience = _patience(wait)
    if processes == 1:
        with context.crm() as crm, progress(context, "sending") as bar, stopping() as stop:
            worked = crm.work(progress=bar, limit=limit, stop=stop, wait=waiting(patience, crm.now, stop))
    else:
        if limit is not None:
            raise click.UsageError("--limit is for one process; leave it or --processes out.")
        worked = _beside_one_another(context, processes, wait)
    show(context, worked, _human)
    if worked.waiting or worked.failed_jobs:
        raise click.exceptions.Exit(1)


def _patience(wait: str) -> int:
    try:
        return duration(wait, "--wait")
    except InputError as error:
        raise click.UsageError(str(error)) from error


def waiting(patience: int, now: Callable[[], int], stop: Stop, sleep: Callable[[float], None] = time.sleep) -> Wait:
    """Return what sleeps until a time at most so far off (microseconds); a clock that stands still is not waited for."""

    def wait(opens_at: int) -> bool:
        before = now()
        if not patience or opens_at - before > patience:
            return False
        left = max((opens_at - before) / SECOND, SHORTEST)
        while left > 0 and not stop():
            sleep(min(left, HEARD))
            left -= HEARD
        return not stop() and now() > before

    return wait


def _human(worked: Worked) -> None:
    became = f"{worked.sent:,} sent, {worked.failed:,} failed, {worked.skipped:,} skipped"
    click.echo(f"{worked.folded:,} statements folded, {worked.deliveries:,} deliveries worked on: {became}")
    if worked.advanced:
        click.echo(f"{worked.advanced:,} customers went on in campaigns")
    if worked.aged:
        click.echo(f"{worked.aged:,} rows deleted or emptied that had been kept for long enough ([retention])")
    for one in worked.waiting:
        click.echo(f"Campaign {one.campaign} waits: {one.problem}")
    for job in worked.failed_jobs:
        click.echo(f"The job {job.job} of {job.module} failed, and is tried again when it is due next: {job.problem}")


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Tell whether somebody has asked to stop; who presses Ctrl-C twice stops at once."""
    asked = Event()

    def ask(number: int, _frame: object) -> None:
        if asked.is_set() and number == signal.SIGINT:
            raise KeyboardInterrupt
        asked.set()

    former = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield asked.is_set
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _beside_one_another(context: Context, processes: int, wait: str) -> Worked:
    command = [sys.executable, "-c", _RUN, *_options(context), "--json", "work", "--wait", wait]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(processes)]  # noqa: S603 - this program

    def pass_on(number: int, _frame: object) -> None:
        # A terminal tells all of its processes of a Ctrl-C by itself.
        if number == signal.SIGTERM:
            for one in running:
                one.terminate()

    former = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        said = [one.communicate()[0] for one in running]
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
    # One that could not do all it should has said so; one that failed has said nothing.
    if failed := said.count(""):
        raise click.ClickException(f"{failed} of {processes} processes failed; the others have gone on.")
    return _sum([json.loads(one) for one in said])


def _options(context: Context) -> list[str]:
    given = {"--db": context.database, "--workspace": context.workspace, "--config": context.config}
    return [part for name, value in given.items() if value is not None for part in (name, str(value))]


def _sum(worked: Sequence[dict[str, Any]]) -> Worked:
    counts = {name: sum(int(one[name]) for one in worked) for name in COUNTS}
    waiting = {one["campaign"]: Waits(**one) for said in worked for one in said["waiting"]}
    failed = tuple(FailedJob(**one) for said in worked for one in said["failed_jobs"])
    return Worked(**counts, waiting=tuple(waiting.values()), failed_jobs=failed)
