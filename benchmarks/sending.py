"""The mail that benchmarks send, the sink it goes to, and our own ways to send it."""

from __future__ import annotations

import smtplib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import profiling
from measuring import stopwatch
from working import processes, work

from crmcore import CRM
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.testing.smtp_sink import Sink

HERE = Path(__file__).parent
PARAGRAPH = "<p>Some lines for a person to read, about a thing that person may like to have, or may not.</p>\n"
HTML = f"<html><body><h1>Hello NAME,</h1>\n{PARAGRAPH * 52}<p><a href='LINK'>No more mails like this</a></p></body></html>\n"
TEXT = (
    f"Hello NAME,\n\n{'Some lines for a person to read, about a thing.' * 1}\n"
    + "Some more of them, one after the other.\n" * 30
    + "LINK\n"
)
SENDER = "shop@example.com"
MEGABYTE = 1024 * 1024


@contextmanager
def sink() -> Iterator[int]:
    """Run the sink in a process of its own; yield its port."""
    with subprocess.Popen(
        [sys.executable, HERE / "sink.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()


def settings(folder: str, port: int, window: int) -> dict[str, Any]:
    """Return the settings of a CRM in a folder that sends to a port on loopback, so many mails under way at most."""
    email = {"sender": f"Shop <{SENDER}>", "smtp": {"host": "127.0.0.1", "port": port}}
    return {"database": f"{folder}/crm.db", "channels": {"email": email}, "sending": {"window": window}}


@contextmanager
def planned(port: int, count: int, window: int) -> Iterator[CRM]:
    """Open a CRM that has one mail to send to each of `count` customers, and see that all were sent in the end."""
    with tempfile.TemporaryDirectory() as folder, _opened(settings(folder, port, window)) as crm:
        launch(crm, count)
        yield crm
        check(crm, count)


def _opened(given: dict[str, Any]) -> CRM:
    return CRM(given["database"], channels=given["channels"], sending=given["sending"])


def launch(crm: CRM, count: int) -> None:
    """Plan a mail to each of `count` customers."""
    people = (
        {"customer": str(n), "attributes": {"email": f"c{n}@example.com", "name": f"Name {n}"}} for n in range(count)
    )
    crm.identify_many(people)
    crm.consent_many({"customer": str(n), "purpose": "retention", "channel": "email"} for n in range(count))
    parts = {"subject": "Hello NAME", "text": TEXT, "html": HTML}
    fields = {"NAME": "{{ customer.name }}", "LINK": "{{ links.unsubscribe }}"}
    for name, field in fields.items():
        parts = {part: source.replace(name, field) for part, source in parts.items()}
    crm.save_template("hello", "email", parts)
    crm.launch(Campaign(name="hello", purpose="retention", audience=everyone(), channel="email", template="hello"))


def check(crm: CRM, count: int) -> None:
    """Leave where not every mail was sent."""
    if crm.report("hello").sent != count:
        raise SystemExit(f"{crm.report('hello')}")


def sent(port: int, count: int, window: int) -> tuple[float, float]:
    """Return the seconds of wall and of CPU that `work` takes for a campaign to `count` customers."""
    with planned(port, count, window) as crm, stopwatch() as seconds:
        cpu = time.process_time()
        crm.work()
        return seconds(), time.process_time() - cpu


def rendered(window: int) -> bytes:
    """Return one of our mails, as it goes over the wire."""
    with Sink() as local:
        sent(local.port, 1, window)
        return local.mails[0].body


def carried(port: int, mail: bytes, count: int) -> tuple[float, float]:
    """Return the seconds of wall and of CPU that smtplib takes to send a mail as it is to `count` recipients.

    They go one by one, over one connection.
    """
    with smtplib.SMTP("127.0.0.1", port) as connection:
        connection.ehlo()
        with stopwatch() as seconds:
            cpu = time.process_time()
            for number in range(count):
                connection.sendmail(SENDER, [f"c{number}@example.com"], mail)
            return seconds(), time.process_time() - cpu


def growth(port: int, count: int, warm: int, window: int) -> float:
    """Return by how many MB a working process grows at most over `count` sends, after `warm` of them beforehand.

    Customers and campaign are planned by another process.
    """
    with tempfile.TemporaryDirectory() as folder:
        given = settings(folder, port, window)
        with _opened(given) as crm:
            launch(crm, warm + count)
        with processes(1, given) as started:
            _, [worked] = work(started)
        with _opened(given) as crm:
            check(crm, warm + count)
    later = [rss for done, rss in worked.rss if done >= warm]
    return (max(later) - later[0]) / MEGABYTE


def profile(port: int, count: int, window: int) -> None:
    """Print where the time of `work` goes."""
    with planned(port, count, window) as crm:
        profiling.show("send", profiling.profiled(crm.work), count)
