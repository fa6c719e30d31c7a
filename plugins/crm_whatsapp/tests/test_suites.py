"""The channel and its webhooks pass the suites of crmcore.testing."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from typing import ClassVar

from crm_whatsapp.channel import WhatsApp
from crm_whatsapp.cloud import Cloud
from crm_whatsapp.settings import cloud_settings
from crmcore.hooks.provider import RawRequest
from crmcore.model.identity import Identity
from crmcore.testing.channel_suite import ChannelSuite
from crmcore.testing.webhook_suite import WebhookSuite

SECRET = b"hush-of-the-suites"
os.environ["WA_SUITES_SECRET"] = SECRET.decode()


def told(**value):
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", **value}}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).encode()


class Sends(ChannelSuite):
    package = "crm_whatsapp"

    def channel(self):
        return WhatsApp()

    def addresses(self):
        return [Identity("phone", "+49 151 23456789"), Identity("bsuid", "DE.13491208655302741918")]

    def outline(self, body):
        return shape(json.loads(body))


class TestApproved(Sends):
    parts: ClassVar = {"approved": "shipped", "language": "en_US", "body.1": "{{ customer.name }}"}


class TestFree(Sends):
    parts: ClassVar = {"text": "Dear {{ customer.name }}", "button.0": "Yes", "button.1": "No"}


class TestCloudWebhooks(WebhookSuite):
    def provider(self):
        return Cloud(cloud_settings({"cloud": {"phone_number_id": "1", "app_secret": "env:WA_SUITES_SECRET"}}))

    def signed(self, body):
        mac = hmac.new(SECRET, body, hashlib.sha256).hexdigest()
        return RawRequest(method="POST", headers={"x-hub-signature-256": f"sha256={mac}"}, body=body)

    def told(self, delivery_id, provider_id, address):
        at = self.now // 1_000_000 - 1000
        named = {
            "id": provider_id,
            "recipient_id": address.value.lstrip("+"),
            "biz_opaque_callback_data": str(delivery_id),
        }
        states = ("sent", "delivered", "read")
        return [told(statuses=[named | {"status": one, "timestamp": str(at + n)}]) for n, one in enumerate(states)]

    def others(self):
        message = {
            "from": "4915100000001",
            "id": "wamid.9",
            "timestamp": str(self.now // 1_000_000 - 5),
            "type": "text",
        }
        return [told(messages=[message | {"text": {"body": "Hello"}}], contacts=[{"wa_id": "4915100000001"}])]


def shape(value):
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    return [shape(one) for one in value] if isinstance(value, list) else type(value).__name__
