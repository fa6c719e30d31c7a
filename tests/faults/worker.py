"""What a worker process does: it opens the CRM, says "ready", and works once it is told to."""

from __future__ import annotations

import os
import resource
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import attrs
from sqlalchemy import Engine, event, make_url

from crmcore import CRM
from tests.faults.world import Jump, ShiftedClock, World, opened

#: Seconds between two looks for work, where it goes on until it is told to stop.
PAUSE = 0.005


@attrs.frozen(kw_only=True)
class Job:
    """How a worker works: `offset` and `jump` are of its clock; `pages` and `room` (bytes) are all that SQLite gets."""

    world: World
    offset: int = 0
    jump: Jump | None = None
    limit: int | None = None
    pages: int | None = None
    room: int | None = None
    forever: bool = False


def work(job: Job, driver: Connection, folder: Path) -> None:
    """Work as told; what goes wrong is written to a file in the folder."""
    _stand_alone(folder)
    if job.pages is not None:
        event.listen(Engine, "connect", _full_after(job.pages))
    if job.room is not None:
        _limit_files(job.world, job.room)
    with opened(job.world, ShiftedClock(job.offset, job.jump)) as crm:
        driver.send("ready")
        driver.recv()
        work_on(crm, driver) if job.forever else crm.work(limit=job.limit)


def work_on(crm: CRM, driver: Connection) -> None:
    """Work until the driver says something more, or has gone."""
    while True:
        worked = crm.work()
        if driver.poll(0 if worked.deliveries else PAUSE):
            return


def _stand_alone(folder: Path) -> None:
    """Be in a process group of one's own, and know nothing of how the tests were called."""
    os.setsid()
    os.chdir(folder)
    os.dup2(os.open("stderr", os.O_WRONLY | os.O_CREAT | os.O_APPEND), 2)
    for name in [name for name in os.environ if name.startswith("CRM_")]:
        del os.environ[name]


def _full_after(pages: int) -> Any:
    def limit(connection: Any, _record: object) -> None:
        (used,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {used + pages}")

    return limit


def _limit_files(world: World, room: int) -> None:
    wal = Path(f"{make_url(world.database).database}-wal")
    used = wal.stat().st_size if wal.exists() else 0
    resource.setrlimit(resource.RLIMIT_FSIZE, (used + room, resource.RLIM_INFINITY))
