"""celery on Redis, in an environment of its own: enqueue jobs that do nothing, then work them off in one process.

Prints the seconds from when the worker is ready to the end of the last job. Argument: how many jobs.
"""

from __future__ import annotations

import sys

from celery_solo import worked


def noop(number: int) -> None:  # a job of one argument
    pass


if __name__ == "__main__":
    print(worked(noop, int(sys.argv[1])))
