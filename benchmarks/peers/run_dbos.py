"""dbos, in an environment of its own: one workflow an enrolment, of three steps: branch, plan a send, move on.

All workflows are started before the clock does, and wait in memory: neither their start nor a durable timer counts.
dbos checkpoints each step and each workflow's end, in the database that holds the enrolments, by one engine
(`system_database_engine`). Its own settings of SQLite (a rollback journal, `synchronous=FULL`) take twice as long, and so
do its datasources, which commit a step with its checkpoint: here a step may run twice, and the ledger's unique key
takes that. Workflows run in one thread on SQLite, in eight on PostgreSQL: more are no quicker.
Prints the seconds from the end of the wait to the end of the last workflow. Arguments: how many enrolments, and the URL
of an empty PostgreSQL database, if not SQLite.
"""

from __future__ import annotations

import sys
import threading
import time

from dbos import DBOS
from enrolments import branch, move, plan, waiting
from sqlalchemy import Engine

THREADS = {"sqlite": 1, "postgresql": 8}


def advanced(engine: Engine, count: int) -> float:
    ended = threading.Event()
    DBOS(
        config={
            "name": "journey",
            "system_database_engine": engine,
            "max_executor_threads": THREADS[engine.dialect.name],
            "log_level": "WARNING",
        }
    )

    @DBOS.step()
    def branched(enrolment: int) -> str:
        with engine.connect() as connection:
            return branch(connection, enrolment)

    @DBOS.step()
    def planned(enrolment: int, step: str) -> None:
        with engine.begin() as connection:
            plan(connection, enrolment, step)

    @DBOS.step()
    def moved(enrolment: int, step: str) -> None:
        with engine.begin() as connection:
            move(connection, enrolment, step)

    @DBOS.workflow()
    def journey(enrolment: int) -> None:
        ended.wait()
        step = branched(enrolment)
        planned(enrolment, step)
        moved(enrolment, step)

    DBOS.launch()
    started = [DBOS.start_workflow(journey, number) for number in range(count)]
    start = time.perf_counter()
    ended.set()
    for one in started:
        one.get_result()
    took = time.perf_counter() - start
    DBOS.destroy()
    return took


if __name__ == "__main__":
    enrolments = int(sys.argv[1])
    with waiting(enrolments, *sys.argv[2:]) as where:
        seconds = advanced(where, enrolments)
    print(seconds)
