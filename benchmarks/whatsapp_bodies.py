"""Let the WhatsApp carrier read every webhook body of a folder: each is signed, taken without an error, and looked at.

    python benchmarks/whatsapp_bodies.py --data FOLDER [--json]

A file holds one body or several by name, as deep as one likes. Ends with 1 where a body is refused, or raises.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from measuring import arguments, report, stopwatch

from crm_whatsapp.cloud import Cloud
from crm_whatsapp.settings import cloud_settings
from crmcore.hooks.provider import Ingested, RawRequest

SECRET, VARIABLE = "of these bodies", "WHATSAPP_BODIES_SECRET"
NOW = 1_800_000_000_000_000
KINDS = ("feedback", "inbound", "templates", "choices", "addresses", "alerts")
AGAIN = 200


def bodies(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the bodies in a file, with their names."""
    left: list[tuple[str, Any]] = [(path.stem, json.loads(path.read_text(encoding="utf-8")))]
    while left:
        name, one = left.pop()
        if not isinstance(one, dict):
            continue
        if "entry" in one:
            yield name, json.dumps({key: one[key] for key in ("object", "entry") if key in one}).encode()
        left += [(f"{name}.{key}", value) for key, value in one.items() if key != "entry"]


def signed(body: bytes) -> RawRequest:
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    return RawRequest(method="POST", headers={"x-hub-signature-256": f"sha256={signature}"}, body=body)


def looked_at(name: str, ingested: Ingested) -> str:
    """Return what a body said, in a line."""
    said = {kind: len(found) for kind in KINDS if (found := getattr(ingested, kind))}
    return f"{name}: {ingested.answer.status} {said or 'passed over'}"


def main() -> int:
    given = arguments(str(__doc__)).parse_args()
    if given.data is None:
        sys.exit("--data FOLDER: where the bodies lie")
    os.environ[VARIABLE] = SECRET
    cloud = Cloud(cloud_settings({"cloud": {"app_secret": f"env:{VARIABLE}"}}))
    found = [(name, signed(body)) for path in sorted(given.data.glob("*.json")) for name, body in bodies(path)]
    refused, total = [], Counter[str]()
    for name, request in found:
        ingested = cloud.parse_webhook(request, NOW)
        total.update({kind: len(getattr(ingested, kind)) for kind in KINDS})
        if ingested.answer.status != 200:
            refused.append(name)
        if not given.json:
            print(looked_at(name, ingested))
    with stopwatch() as seconds:
        for _ in range(AGAIN):
            for _, request in found:
                cloud.parse_webhook(request, NOW)
    rate = AGAIN * len(found) / seconds()
    for kind in KINDS:
        report(as_json=given.json, name=f"whatsapp_bodies.{kind}", value=total[kind], unit="found")
    report(as_json=given.json, name="whatsapp_bodies.refused", value=len(refused), unit=f"of {len(found)} bodies")
    report(as_json=given.json, name="whatsapp_bodies.read", value=rate, unit="bodies/s")
    return 1 if refused or not found else 0


if __name__ == "__main__":
    sys.exit(main())
