"""A campaign by SMS, carried to a stand-in of Acme's server, and what Acme reports of it."""

import hmac
import json
import os
from pathlib import Path
from tempfile import TemporaryDirectory

from crmcore import CRM
from crmcore.hooks.provider import RawRequest
from crmcore.testing.http_sink import HttpSink

os.environ |= {"ACME_TOKEN": "given by Acme", "ACME_WEBHOOK_SECRET": "agreed with Acme"}


def channels(url: str) -> dict[str, object]:
    """Return what crm.toml says under [channels]."""
    gateway = {"url": url, "token": "env:ACME_TOKEN", "webhook_secret": "env:ACME_WEBHOOK_SECRET"}
    return {"sms": {"provider": "gateway", "gateway": gateway}}


def reported(message: str, status: str) -> RawRequest:
    """Return what Acme posts to the webhook's address."""
    body = json.dumps({"id": message, "status": status}).encode()
    signature = hmac.digest(os.environ["ACME_WEBHOOK_SECRET"].encode(), body, "sha256").hex()
    return RawRequest(method="POST", headers={"x-acme-signature": signature}, body=body)


with TemporaryDirectory() as folder, HttpSink() as acme:
    url = f"http://{acme.host}:{acme.port}/v1/messages"
    with CRM(str(Path(folder) / "shop.db"), channels=channels(url)) as crm:
        for name, phone in (("Ada", "+44 7700 900123"), ("Ben", "+44 7700 900456")):
            crm.identify(name.lower(), {"name": name, "phone": phone})
            crm.consent(name.lower(), "newsletter", channel="sms")
        crm.save_template("spring", "sms", {"text": "Dear {{ customer.name }}, spring is here."})
        spring = {"name": "spring", "purpose": "newsletter", "channel": "sms", "template": "spring"}
        crm.launch({**spring, "audience": "everyone"})

        assert crm.work().sent == 2
        texts = {json.loads(one.body)["text"] for one in acme.posts}
        assert texts == {"Dear Ada, spring is here.", "Dear Ben, spring is here."}

        ids = {json.loads(one.body)["to"]: f"h-{number}" for number, one in enumerate(acme.posts, 1)}
        for phone, status in (("+447700900123", "delivered"), ("+447700900456", "absent")):
            assert crm.receive("sms", "gateway", reported(ids[phone], status)).status == 200
        states = {one.key: one.state for one in crm.deliveries("spring")}
        assert states == {"ada": "delivered", "ben": "failed"}

        forged = RawRequest(method="POST", headers={"x-acme-signature": "0" * 64}, body=b"{}")
        assert crm.receive("sms", "gateway", forged).status == 401
        print("Sent: 2. Delivered: Ada's. Failed: Ben's, whose phone is off.")
