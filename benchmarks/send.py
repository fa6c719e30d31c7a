"""Personalised mails to an SMTP sink on loopback: `crm.work()` beside django-post_office and bare smtplib, one process each.

The mail is 6.7 kB, text and HTML. Ours renders it, gates it, keeps its ledger row, signs its unsubscribe link and tracks the
event, with 50 mails under way at most (`--window`), over one connection. The sink is a process of its own.

`send.smtp`: `ratio` is to django-post_office, which sends what it has rendered when it was queued. `send.limit`: `ratio` is to
smtplib sending the very bytes of one of our mails again and again, over one connection. `send.cpu` is mails a second of
the process's CPU time, beside smtplib's. `send.memory_growth`: by how many MB the working process has grown at most over `--sends` mails,
after `--warm` of them: by then SQLite's page cache, which fills with the database, has its 64 MB. `--profile` prints where
the time goes instead, and which share gates and ledger take.
The peer lives in an environment of its own, made once by `python benchmarks/send.py --prepare`.
"""

from __future__ import annotations

import tempfile
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path
from statistics import median

import sending
from environments import prepare, require, run
from measuring import arguments, report, rounds

PINS = {"post_office": ("django==5.2.19", "django-post_office==3.12.0")}


def post_office(port: int, count: int) -> float:
    """Return the seconds django-post_office takes to send its queue."""
    with tempfile.TemporaryDirectory() as folder:
        text, html = Path(folder) / "text", Path(folder) / "html"
        text.write_text(sending.TEXT)
        html.write_text(sending.HTML)
        return run("post_office", port, count, folder, text, html)


def measure(given: Namespace, port: int) -> None:
    """Measure how quickly mails go, and print the figures."""
    mail = sending.rendered(given.window)
    cpu: dict[str, list[float]] = {"ours": [], "bare": []}

    def seconds(name: str, run: Callable[[], tuple[float, float]]) -> float:
        took, spent = run()
        cpu[name].append(spent)
        return took

    mine, theirs, bare = rounds(
        given.rounds,
        lambda: seconds("ours", lambda: sending.sent(port, given.mails, given.window)),
        lambda: post_office(port, given.mails),
        lambda: seconds("bare", lambda: sending.carried(port, mail, given.mails)),
    )
    for name, peer, against in (
        ("send.smtp", theirs, PINS["post_office"][1]),
        ("send.limit", bare, f"smtplib, {len(mail):,} bytes made beforehand"),
    ):
        report(
            as_json=given.json,
            name=name,
            value=given.mails / mine,
            unit="mails/s",
            against=f"{against} ({given.mails / peer:.0f} mails/s)",
            ratio=peer / mine,
        )
    ours, theirs = median(cpu["ours"]), median(cpu["bare"])
    against = f"smtplib ({given.mails / theirs:.0f} mails/CPU s)"
    value = given.mails / ours
    report(as_json=given.json, name="send.cpu", value=value, unit="mails/CPU s", against=against, ratio=theirs / ours)


def memory(given: Namespace, port: int) -> None:
    """Measure by how much a working process grows, and print the figure."""
    grown = sending.growth(port, given.sends, given.warm, given.window)
    report(as_json=given.json, name="send.memory_growth", value=grown, unit=f"MB over {given.sends:,} sends")


def main() -> None:
    """Measure, and print the figures."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--mails", type=int, default=3000, help="mails of each (default 3,000)")
    parser.add_argument("--window", type=int, default=50, help="mails under way at most (default 50)")
    parser.add_argument("--sends", type=int, default=100_000, help="mails for memory (default 100,000; 0: none)")
    parser.add_argument("--warm", type=int, default=60_000, help="mails before memory is watched (default 60,000)")
    parser.add_argument("--prepare", action="store_true", help="make the peer's environment, and nothing else")
    parser.add_argument("--profile", action="store_true", help="print where the time goes, and measure nothing")
    given = parser.parse_args()
    if given.prepare:
        prepare(PINS)
        return
    with sending.sink() as port:
        if given.profile:
            sending.profile(port, given.mails, given.window)
            return
        require(PINS, "send.py")
        measure(given, port)
        if given.sends:
            memory(given, port)


if __name__ == "__main__":
    main()
