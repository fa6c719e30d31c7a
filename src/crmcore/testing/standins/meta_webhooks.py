"""What Meta says by webhook: bodies as its reference has them, signed over the raw bytes, told when a test asks for it."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urlsplit

import attrs

from crmcore.hooks.provider import HttpResponse, RawRequest
from crmcore.model.time import SECOND
from crmcore.testing.standins.meta import Message, Meta, Sender
from crmcore.testing.standins.meta_errors import status_error

ALL = ("sent", "delivered", "read")
Change = Mapping[str, Any]


@attrs.frozen
class Webhooks:
    """What an account says. The changes are values; `signed` makes a request of some of them."""

    meta: Meta

    def signed(self, *changes: Change) -> RawRequest:
        """Return one POST with all of the changes."""
        entry = {"id": self.meta.account, "time": self._seconds(), "changes": list(changes)}
        body = json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()
        headers = {"content-type": "application/json", "x-hub-signature-256": signature(self.meta.app_secret, body)}
        return RawRequest(method="POST", headers=headers, body=body)

    def verification(self, challenge: str = "1158201444", token: str | None = None) -> RawRequest:
        """Return the GET with which Meta asks whether the webhook is ours; to be answered with the challenge."""
        verify = self.meta.verify_token if token is None else token
        query = {"hub.mode": "subscribe", "hub.challenge": challenge, "hub.verify_token": verify}
        return RawRequest(method="GET", query=query)

    def course(self, message: Message) -> list[Change]:
        """Return all that is said of a message, in order: sent, delivered, read; or failed, where that is its fate."""
        if message.fate:
            return [self.status(message, "failed", code=message.fate)]
        return [self.status(message, name, after=2 * index) for index, name in enumerate(ALL)]

    def status(self, message: Message, status: str, *, after: int = 0, code: int = 131026) -> Change:
        """Return a status (sent, delivered, read, played, failed), `after` seconds after the message was taken."""
        value: dict[str, Any] = {
            "id": message.wamid,
            "status": status,
            "timestamp": str(message.at // SECOND + after),
            **self._named(message.recipient, "recipient_id", "recipient_user_id"),
        }
        if message.callback is not None:
            value["biz_opaque_callback_data"] = message.callback
        if status == "failed":
            value["errors"] = [status_error(code)]
        else:
            kind = "free_customer_service" if message.category == "service" else "regular"
            pricing = {"billable": kind == "regular", "pricing_model": "PMP", "category": message.category}
            value["pricing"] = {**pricing, "type": kind}
        return self._messages(self._sender(message.sender), message.recipient, statuses=[value])

    def scrambled(
        self, messages: Iterable[Message], chance: random.Random, *, per_post: int = 20, repeated: float = 0.1
    ) -> list[RawRequest]:
        """Return the courses of messages as they may well arrive: in any order, several a POST, some of them again."""
        changes = [change for message in messages for change in self.course(message)]
        changes += [change for change in changes if chance.random() < repeated]
        chance.shuffle(changes)
        return [self.signed(*changes[start : start + per_post]) for start in range(0, len(changes), per_post)]

    def inbound(self, author: str, text: str = "Hello", *, wamid: str = "", reply_to: str = "") -> Change:
        """Return a text that somebody has written; their window opens."""
        return self.written(author, {"type": "text", "text": {"body": text}}, wamid=wamid, reply_to=reply_to)

    def button(self, author: str, payload: str, text: str, *, reply_to: str = "", wamid: str = "") -> Change:
        """Return a tap on a template's quick reply; their window opens."""
        content = {"type": "button", "button": {"payload": payload, "text": text}}
        return self.written(author, content, wamid=wamid, reply_to=reply_to)

    def written(
        self, author: str, content: Mapping[str, Any], *, wamid: str = "", reply_to: str = "", sender: str = ""
    ) -> Change:
        """Return what somebody (digits of a phone, or a BSUID) has written, of any kind; their window opens."""
        to, now = self._sender(sender), self.meta.clock.now()
        self.meta.windows[to.phone_number_id, self.meta.person(author)] = now
        to.bucket.take(now)
        named = self._named(author, "from", "from_user_id")
        value = {**named, "id": wamid or f"wamid.in.{author}.{now}", "timestamp": str(now // SECOND), **content}
        if reply_to:
            value["context"] = {"from": to.display, "id": reply_to}
        return self._messages(to, author, messages=[value])

    def preference(self, author: str, wanted: str) -> Change:
        """Return that somebody has decided (`stop` or `resume`) on marketing messages, which then holds."""
        (self.meta.stopped.add if wanted == "stop" else self.meta.stopped.discard)(author)
        decided = {
            **self._named(author, "wa_id", "user_id"),
            "detail": f"User requested to {wanted} marketing messages",
            "category": "marketing_messages",
            "value": wanted,
            "timestamp": self._seconds(),
        }
        change = self._messages(self._sender(""), author, user_preferences=[decided])
        return {**change, "field": "user_preferences"}

    def template(self, name: str, status: str, *, language: str = "en_US", reason: str = "NONE") -> Change:
        """Return that a template has become APPROVED, PAUSED, DISABLED, REJECTED ..., which then holds."""
        known = self.meta.templates[name, language]
        self.meta.approve(attrs.evolve(known, status=status))
        value = {
            "event": status,
            "message_template_id": known.number,
            "message_template_name": name,
            "message_template_language": language,
            "message_template_category": known.category,
            "reason": reason,
        }
        return {"field": "message_template_status_update", "value": value}

    def _sender(self, phone_number_id: str) -> Sender:
        return self.meta.sender(phone_number_id) or self.meta.senders[0]

    def _messages(self, sender: Sender, person: str, **content: Sequence[Mapping[str, Any]]) -> Change:
        metadata = {"display_phone_number": sender.display, "phone_number_id": sender.phone_number_id}
        contacts = [self._contact(person)]
        value = {"messaging_product": "whatsapp", "metadata": metadata, "contacts": contacts, **content}
        return {"field": "messages", "value": value}

    def _contact(self, person: str) -> Mapping[str, Any]:
        return {"profile": {"name": "Customer"}, **self._named(person, "wa_id", "user_id")}

    def _named(self, person: str, phone: str, user: str) -> dict[str, str]:
        """Return the names of somebody under the fields for a phone, where it is known, and for a BSUID."""
        number, bsuid = self.meta.names(person)
        return {**({phone: number} if number else {}), user: bsuid}

    def _seconds(self) -> int:
        return self.meta.clock.now() // SECOND


def signature(app_secret: str, body: bytes) -> str:
    """Return the value of X-Hub-Signature-256 for a body."""
    return "sha256=" + hmac.new(app_secret.encode(), body, hashlib.sha256).hexdigest()


def posted(request: RawRequest, url: str, *, timeout: float = 10.0) -> HttpResponse:
    """Carry a webhook to a URL, as Meta does; return its answer."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=timeout)
    path = (parts.path or "/") + (f"?{urlencode(request.query)}" if request.query else "")
    try:
        connection.request(request.method, path, request.body or None, dict(request.headers))
        with connection.getresponse() as answer:
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return HttpResponse(status=answer.status, headers=headers, body=answer.read())
    finally:
        connection.close()
