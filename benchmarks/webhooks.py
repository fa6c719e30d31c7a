"""Webhooks in: signed bodies of WhatsApp's with 20 statuses each, as they arrive when a campaign has gone out.

Every body is verified (HMAC over its raw bytes) and read by crm_whatsapp, deduplicated, and merged into the ledger: a
receipt a status, the delivery's state made anew of all its receipts, an event for what was delivered, segments and
campaigns looked at. `webhooks.statuses` takes 50 bodies a transaction, as they are taken together where many arrive at
once; `.singly` one. Each message has three statuses (sent, delivered, read); they come in any order, and one in ten is
repeated. Beside them the same work without the ledger: verified and read, nothing written.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from measuring import arguments, report, rounds, stopwatch
from serving import server

from crm_whatsapp.cloud import Cloud
from crm_whatsapp.settings import cloud_settings
from crmcore import CRM
from crmcore.hooks.provider import Ingested, RawRequest
from crmcore.loader import installed
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.testing.fakes import Notes, Recorder

SECRET, KEPT_IN = b"benchmark", "CRM_BENCHMARK_APP_SECRET"
A_BODY, TOGETHER = 20, 50
STATUSES = ("sent", "delivered", "read")
REPEATED = 0.1


class Meta(Recorder):
    """A carrier that takes every message, and reads webhooks as crm_whatsapp does."""

    name = "cloud"

    def __init__(self) -> None:
        super().__init__(notes=Notes("whatsapp"))
        os.environ[KEPT_IN] = SECRET.decode()
        self._cloud = Cloud(cloud_settings({"cloud": {"phone_number_id": "1", "app_secret": f"env:{KEPT_IN}"}}))

    def parse_webhook(self, request: RawRequest, now: int) -> Ingested:
        """Return what it says."""
        return self._cloud.parse_webhook(request, now)


@contextmanager
def sent(database: str, messages: int) -> Iterator[tuple[CRM, list[RawRequest]]]:
    """Yield a CRM that has sent so many messages, and the webhooks that tell what became of them."""
    with CRM(database, plugins={"meta": Meta()}, blocked=installed()) as crm:
        crm.identify_many(
            {"customer": str(one), "attributes": {"email": f"{one}@example.com"}} for one in range(messages)
        )
        crm.save_template("hello", "whatsapp", {"text": "hello"})
        crm.launch(Campaign(name="c", purpose="service", audience=everyone(), channel="whatsapp", template="hello"))
        crm.work()
        yield crm, bodies([one.id for one in crm.deliveries("c")], crm.now() // 1_000_000)


def bodies(deliveries: Sequence[int], at: int) -> list[RawRequest]:
    """Return signed bodies that tell of each delivery three times, in any order, one in ten once more."""
    draw = random.Random(7)
    statuses = [
        {"id": f"wamid.{one}", "status": name, "timestamp": str(at), "recipient_id": "4915112345678"}
        | {"biz_opaque_callback_data": str(one), "conversation": {"id": f"{one:032x}", "origin": {"type": "service"}}}
        for one in deliveries
        for name in STATUSES
    ]
    statuses += draw.sample(statuses, int(len(statuses) * REPEATED))
    draw.shuffle(statuses)
    return [_signed(statuses[start : start + A_BODY]) for start in range(0, len(statuses), A_BODY)]


def _signed(statuses: Sequence[object]) -> RawRequest:
    value = {"messaging_product": "whatsapp", "metadata": {"phone_number_id": "1"}, "statuses": statuses}
    entry = {"id": "1", "changes": [{"field": "messages", "value": value}]}
    body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
    mac = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
    return RawRequest(method="POST", headers={"x-hub-signature-256": f"sha256={mac}"}, body=body)


def taken(database: str, messages: int, together: int) -> float:
    """Return how many statuses a second are taken, so many bodies a transaction."""
    with sent(database, messages) as (crm, requests):
        with stopwatch() as seconds:
            for start in range(0, len(requests), together):
                answers = crm.receive_many("whatsapp", "cloud", requests[start : start + together])
                assert {one.status for one in answers} == {200}
            took = seconds()
        states = {one.state for one in crm.deliveries("c")}
    if states != {"read"}:
        raise SystemExit(f"All were read, and the ledger says {states}")
    return len(requests) * A_BODY / took


def parsed(messages: int) -> float:
    """Return how many statuses a second are verified and read, and no more."""
    meta, requests = Meta(), bodies(range(1, messages + 1), 1_700_000_000)
    with stopwatch() as seconds:
        for one in requests:
            assert meta.parse_webhook(one, 1_700_000_000_000_000).feedback
        return len(requests) * A_BODY / seconds()


def main() -> None:
    """Measure."""
    parser = arguments(__doc__.partition("\n")[0])
    parser.add_argument("--messages", type=int, default=10_000, help="how many have gone out (default 10,000)")
    parser.add_argument("--postgresql", action="store_true", help="measure PostgreSQL too")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        served = stack.enter_context(server()) if given.postgresql else None
        numbers = iter(range(1_000_000))
        places: dict[str, Callable[[], str]] = {"": lambda: str(folder / f"{next(numbers)}.db")}
        places |= {".postgresql": served.fresh} if served else {}
        runs: dict[str, Callable[[], float]] = {"read_only": lambda: parsed(given.messages)}
        for name, place in places.items():
            runs[f"statuses{name}"] = _run(place, given.messages, TOGETHER)
            runs[f"statuses{name}.singly"] = _run(place, given.messages, 1)
        found = dict(zip(runs, rounds(given.rounds, *runs.values()), strict=True))
    for name, value in found.items():
        ratio, against = value / found["read_only"], "verified and read, nothing written"
        report(as_json=given.json, name=f"webhooks.{name}", value=value, unit="per s", against=against, ratio=ratio)


def _run(place: Callable[[], str], messages: int, together: int) -> Callable[[], float]:
    return lambda: taken(place(), messages, together)


if __name__ == "__main__":
    main()
