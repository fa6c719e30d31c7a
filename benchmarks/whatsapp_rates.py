"""The rates of WhatsApp as Meta's stand-in counts them, in a process of its own, with its token buckets, on a real clock.

`http_channels.whatsapp_rate_error`: a campaign by crm_whatsapp on SQLite is sent by `crm work --wait`, to a number that may send 80
messages a second and to one that may send 1,000, each with the settings that docs/howto/whatsapp.md gives it. The rate is that at
which the stand-in took messages, over a stretch that begins when the reserve of the limit is long used up (`LEAD` seconds
after the first) and ends before the last messages: what a quiet time had saved flatters nothing. The greater error of the two
counts. Requests that were refused are not messages.

`http_channels.rate_refusals`: how many of them were refused as too fast, for the number (130429) or for one user (131056). Besides
those two rates there are eight processes on PostgreSQL (`crm work --processes 8`), which send several campaigns to the same few
customers, so that each of them always has a message that waits for its six seconds; the stand-in lends nobody any.

`python whatsapp_rates.py` measures these alone; http_channels.py measures them with the rest.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs
from measuring import arguments, report
from serving import server

from crmcore import CRM
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.time import SECOND

#: Messages a second that Meta lets a number send, and how many seconds of them are sent.
RATES = {80: 60, 1000: 30}
#: Seconds left out at the beginning and at the end.
LEAD, REST = 5, 1
PROCESSES, FEW, CAMPAIGNS = 8, 40, 6
TOO_FAST = ("130429", "131056")
#: The stand-in limits no pair.
UNPAIRED = "none"
_CRM = "from crmcore.cli import main; main()"
_TOKEN = "EAAG-of-the-benchmark"
_PARTS = {"approved": "sale", "language": "en_US", "body.1": "{{ customer.name }}"}


@attrs.frozen(kw_only=True)
class Taken:
    """When the stand-in took messages (microseconds), and how many it refused, by the code of the error."""

    times: Sequence[int]
    refusals: dict[str, int]

    @property
    def too_fast(self) -> int:
        """How many were refused as too fast."""
        return sum(self.refusals.get(code, 0) for code in TOO_FAST)

    @property
    def rate(self) -> float:
        """Messages a second over the stretch in the middle."""
        start, end = self.times[0] + LEAD * SECOND, self.times[-1] - REST * SECOND
        return (bisect_right(self.times, end) - bisect_left(self.times, start)) / ((end - start) / SECOND)


# -- the stand-in, in a process of its own -------------------------------------------------------------------------------


async def serve(rate: int, pair_burst: str) -> None:
    """Serve until the input ends; then say what was taken."""
    from crmcore.testing.standins.app import StandIns
    from crmcore.testing.standins.http11 import http11
    from crmcore.testing.standins.meta import Meta, Sender
    from crmcore.testing.standins.meta_content import Approved

    burst = None if pair_burst == UNPAIRED else int(pair_burst)
    meta = Meta(token=_TOKEN, senders=[Sender(rate=rate)], pair_burst=burst)
    meta.approve(Approved(name="sale", body=1))
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(http11(StandIns(meta), set()), "127.0.0.1", 0, backlog=512)
    print(listening.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)
    print(json.dumps({"times": [one.at for one in meta.messages], "refusals": meta.refusals}))


class StandIn:
    """The stand-in as who measures sees it: its port and, once it has ended, what it took."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.port = int(self._read().readline())

    def _read(self) -> Any:
        assert self._process.stdout is not None
        return self._process.stdout

    def end(self) -> Taken:
        """Let it end, and return what it took."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        return Taken(**json.loads(self._read().read()))


@contextmanager
def standing_in(rate: int, pair_burst: str) -> Iterator[StandIn]:
    """Run the stand-in."""
    command = [sys.executable, __file__, "serve", str(rate), pair_burst]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield StandIn(process)


# -- a shop, and who works for it -----------------------------------------------------------------------------------------


def configure(folder: Path, database: str, port: int, rate: int) -> None:
    """Write crm.toml. As docs/howto/whatsapp.md has it a window holds what may go at once."""
    (folder / "crm.toml").write_text(f"""database = "{database}"

[sending]
window = {max(50, rate // 4)}

[http]
allow_private = true

[channels.whatsapp]
provider = "cloud"

[channels.whatsapp.cloud]
phone_number_id = "106540352242922"
base_url = "http://127.0.0.1:{port}"
token = "env:WHATSAPP_TOKEN"
throughput = {rate}
""")


def launch(folder: Path, customers: int, campaigns: int) -> None:
    """Plan messages."""
    with CRM(config=folder / "crm.toml") as crm:
        crm.identify_many(
            {"customer": str(n), "attributes": {"phone": f"+4477{n:08d}", "name": f"Name {n}"}}
            for n in range(customers)
        )
        crm.save_template("sale", "whatsapp", _PARTS)
        for number in range(campaigns):
            name = f"sale_{number}"
            crm.launch(Campaign(name=name, purpose="service", audience=everyone(), channel="whatsapp", template="sale"))


def work(folder: Path, processes: int) -> None:
    """Let `crm work` send all there is."""
    command = [sys.executable, "-c", _CRM, "--json", "work", "--wait", "1m", "--processes", str(processes)]
    said = subprocess.run(
        command, cwd=folder, env=os.environ | {"WHATSAPP_TOKEN": _TOKEN}, stdout=subprocess.PIPE, check=True
    )
    if not json.loads(said.stdout)["sent"]:
        raise SystemExit(f"nothing was sent: {said.stdout.decode()}")


def sent(
    database: str, rate: int, customers: int, campaigns: int = 1, processes: int = 1, pair: str = UNPAIRED
) -> Taken:
    """Send campaigns, and return what the stand-in took."""
    with tempfile.TemporaryDirectory() as folder, standing_in(rate, pair) as meta:
        configure(Path(folder), database.format(folder=folder), meta.port, rate)
        launch(Path(folder), customers, campaigns)
        work(Path(folder), processes)
        taken = meta.end()
    if len(taken.times) != customers * campaigns:
        raise SystemExit(
            f"{len(taken.times)} of {customers * campaigns} messages were taken; refused: {taken.refusals}"
        )
    return taken


def rated(rate: int, seconds: int) -> Taken:
    """Send for so many seconds, from SQLite."""
    return sent("{folder}/shop.db", rate, rate * (seconds + LEAD + REST))


def crowded() -> Taken:
    """Let eight processes write to the same few customers."""
    with server() as served:
        return sent(served.fresh(), 80, FEW, CAMPAIGNS, PROCESSES, pair="1")


def measure(*, as_json: bool) -> None:
    """Measure, and print the figures."""
    load = os.getloadavg()[0]
    taken = {rate: rated(rate, seconds) for rate, seconds in RATES.items()}
    few = crowded()
    held = ", ".join(f"{one.rate:.1f} of {rate}/s" for rate, one in taken.items())
    report(
        as_json=as_json,
        name="http_channels.whatsapp_rate_error",
        value=max(abs(one.rate - rate) / rate for rate, one in taken.items()),
        unit="fraction",
        against=f"what Meta allows: {held}; load {load:.1f} before, {os.getloadavg()[0]:.1f} after",
    )
    each = [*taken.values(), few]
    report(
        as_json=as_json,
        name="http_channels.rate_refusals",
        value=sum(one.too_fast for one in each),
        unit="refusals",
        against=f"{sum(len(one.times) for one in each)} messages, {len(few.times)} of them by {PROCESSES} processes to {FEW} customers",
    )


def main() -> None:
    if sys.argv[1:2] == ["serve"]:
        asyncio.run(serve(int(sys.argv[2]), sys.argv[3]))
        return
    parser = arguments(__doc__ or "")
    given = parser.parse_args()
    measure(as_json=given.json)


if __name__ == "__main__":
    main()
