"""celery on Redis, in an environment of its own: one task an enrolment, which advances it in one transaction.

Tasks are acknowledged before they run, celery's default, so a crash may lose some; `acks_late` takes as long.
Prints the seconds from when the worker is ready to the end of the last task. Arguments: how many enrolments, and the URL
of an empty PostgreSQL database, if not SQLite.
"""

from __future__ import annotations

import sys
from functools import partial

from celery_solo import worked
from enrolments import branch, move, plan, waiting
from sqlalchemy import Engine


def advance(engine: Engine, enrolment: int) -> None:
    with engine.begin() as connection:
        step = branch(connection, enrolment)
        plan(connection, enrolment, step)
        move(connection, enrolment, step)


if __name__ == "__main__":
    count = int(sys.argv[1])
    with waiting(count, *sys.argv[2:]) as engine:
        seconds = worked(partial(advance, engine), count)
    print(seconds)
