"""Personalised mails to an SMTP sink on loopback: `crm.work()` beside django-post_office, one process each.

The mail is 6.7 kB, text and HTML. Ours renders it, gates it, keeps its ledger row, signs its unsubscribe link and tracks the
event; the peer sends what it has rendered when it was queued. The sink is a process of its own. The peer lives in an
environment of its own, made once by `python benchmarks/send.py --prepare`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from measuring import arguments, report, rounds, stopwatch

from crmcore import CRM
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign

HERE = Path(__file__).parent
PEER = HERE / ".peer"
PINNED = ("django==5.2.19", "django-post_office==3.12.0")
PARAGRAPH = "<p>Some lines for a person to read, about a thing that person may like to have, or may not.</p>\n"
HTML = f"<html><body><h1>Hello NAME,</h1>\n{PARAGRAPH * 52}<p><a href='LINK'>No more mails like this</a></p></body></html>\n"
TEXT = (
    f"Hello NAME,\n\n{'Some lines for a person to read, about a thing.' * 1}\n"
    + "Some more of them, one after the other.\n" * 30
    + "LINK\n"
)


def prepare() -> None:
    """Make the peer's environment."""
    venv.create(PEER, with_pip=True)
    subprocess.run([PEER / "bin" / "pip", "install", "-q", *PINNED], check=True)


@contextmanager
def sink() -> Iterator[int]:
    """Run the sink; yield its port."""
    with subprocess.Popen(
        [sys.executable, HERE / "sink.py"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        yield int(process.stdout.readline())
        process.stdin.close()


def ours(port: int, count: int) -> float:
    """Return the seconds `work` takes for a campaign to `count` customers."""
    with tempfile.TemporaryDirectory() as folder:
        email = {"sender": "Shop <shop@example.com>", "smtp": {"host": "127.0.0.1", "port": port}}
        with CRM(f"{folder}/crm.db", channels={"email": email}) as crm:
            _launch(crm, count)
            with stopwatch() as seconds:
                crm.work()
                took = seconds()
            if crm.report("hello").sent != count:
                raise SystemExit(f"{crm.report('hello')}")
    return took


def _launch(crm: CRM, count: int) -> None:
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


def peer(port: int, count: int) -> float:
    """Return the seconds django-post_office takes to send its queue."""
    with tempfile.TemporaryDirectory() as folder:
        text, html = Path(folder) / "text", Path(folder) / "html"
        text.write_text(TEXT)
        html.write_text(HTML)
        command = [
            PEER / "bin" / "python",
            HERE / "peers" / "run_post_office.py",
            str(port),
            str(count),
            folder,
            text,
            html,
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise SystemExit(done.stderr)
        return float(done.stdout.split()[-1])


def main() -> None:
    """Measure, and print the figure."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--mails", type=int, default=3000)
    parser.add_argument("--prepare", action="store_true", help="make the peer's environment, and nothing else")
    given = parser.parse_args()
    if given.prepare:
        prepare()
        return
    if not (PEER / "bin" / "python").exists():
        raise SystemExit("The peer is not there yet; run: python benchmarks/send.py --prepare")
    with sink() as port:
        mine, theirs = rounds(given.rounds, lambda: ours(port, given.mails), lambda: peer(port, given.mails))
    report(
        as_json=given.json,
        name="send.smtp",
        value=given.mails / mine,
        unit="mails/s",
        against=f"{PINNED[1]} ({given.mails / theirs:.0f} mails/s)",
        ratio=theirs / mine,
    )


if __name__ == "__main__":
    main()
