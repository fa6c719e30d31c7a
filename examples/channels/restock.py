"""One campaign over WhatsApp and Web Push. Meta and a push service are stand-ins on this machine: nobody is written to."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from crm_push import subscription
from crm_push.vapid import new_keys
from crmcore import CRM
from crmcore.cli.reporting import report_tables
from crmcore.hooks.provider import RawRequest
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.identity import Identity
from crmcore.model.steps import Send
from crmcore.testing.standins.app import StandIns
from crmcore.testing.standins.certificates import authority
from crmcore.testing.standins.meta import Meta
from crmcore.testing.standins.meta_content import Approved
from crmcore.testing.standins.meta_webhooks import Webhooks
from crmcore.testing.standins.serving import served
from crmcore.testing.standins.webpush import PushService, Subscription

#: Who has WhatsApp gets it there, all others in their browsers.
RESTOCK = Campaign(
    name="restock",
    purpose="retention",
    audience=everyone(),
    steps=[Send(name="back", template="back", channels=["whatsapp", "push"])],
)
TEMPLATES = {
    "whatsapp": {"approved": "back_in_stock", "language": "en_US", "body.1": "{{ customer.name }}"},
    "push": {"title": "{{ customer.name }}, it is back", "body": "The blue one, in your size."},
}


@contextmanager
def opened(folder: Path, meta: Meta, service: PushService) -> Iterator[CRM]:
    """Yield a CRM whose carriers lead to the stand-ins; nothing else differs from what a shop would set."""
    meta.approve(Approved(name="back_in_stock", category="MARKETING", body=1))
    os.environ.update(META_TOKEN=meta.token, META_APP_SECRET=meta.app_secret, META_VERIFY=meta.verify_token)
    (folder / "vapid.key").write_text(new_keys().private)
    with (
        authority() as trusted,
        served(StandIns(meta)) as graph,
        served(StandIns(service), authority=trusted) as pushing,
    ):
        service.origin = pushing.url
        secrets = {"token": "env:META_TOKEN", "app_secret": "env:META_APP_SECRET", "verify_token": "env:META_VERIFY"}
        cloud = {"phone_number_id": meta.senders[0].phone_number_id, "base_url": graph.url, **secrets}
        webpush = {
            "private_key": f"file:{folder / 'vapid.key'}",
            "subject": "mailto:push@shop.example",
            "report_url": "https://shop.example/webhooks/push/webpush",
        }
        channels = {"whatsapp": {"cloud": cloud}, "push": {"webpush": webpush}}
        http = {"ca_file": trusted.ca_file, "allow_private": True}
        with CRM(str(folder / "shop.db"), channels=channels, http=http) as crm:
            yield crm


def know(crm: CRM, browser: Subscription) -> None:
    """Ada and Bob gave their numbers, Carol's browser has subscribed; Dan has given nothing."""
    crm.identify({"key": "ada", "phone": "+447700900123"}, {"name": "Ada"})
    crm.identify({"key": "bob", "phone": "+447700900456"}, {"name": "Bob"})
    crm.identify([Identity("key", "carol"), subscription(browser.as_json())], {"name": "Carol"})
    crm.identify("dan", {"name": "Dan"})
    for customer in ("ada", "bob", "carol", "dan"):
        for channel in TEMPLATES:
            crm.consent(customer, "retention", channel=channel)


def hear(crm: CRM, meta: Meta, service: PushService, browser: Subscription) -> None:
    """What comes back: Ada reads, Bob's phone gets it, Carol clicks. In a shop `crmcore.webhooks.app(crm)` takes it."""
    webhooks = Webhooks(meta)
    ada, bob = sorted(meta.messages, key=lambda one: one.recipient)
    said = [*webhooks.course(ada), webhooks.status(bob, "delivered")]
    crm.receive("whatsapp", "cloud", webhooks.signed(*reversed(said)))
    report = json.loads(browser.opened(service.pushes[0].body))["report"]
    for done in ("shown", "clicked"):
        body = json.dumps({**report, "type": done}).encode()
        crm.receive("push", "webpush", RawRequest(method="POST", body=body))


def main() -> None:
    """Send the campaign, hear what comes back, and print what came of it."""
    meta, service = Meta(), PushService()
    with TemporaryDirectory() as name, opened(Path(name), meta, service) as crm:
        browser = service.subscribe("carol")
        know(crm, browser)
        for channel, parts in TEMPLATES.items():
            crm.save_template("back", channel, parts)
        crm.launch(RESTOCK)
        crm.work()
        hear(crm, meta, service, browser)
        for one in crm.deliveries("restock"):
            print(one.key, one.channel, one.address_kind, one.state, one.reason)  # noqa: T201 - it is there to be read
        report_tables(crm.report("restock"))


if __name__ == "__main__":
    main()
