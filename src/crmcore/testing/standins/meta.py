"""Meta's Graph API as far as the WhatsApp Cloud API sends messages with it.

What follows from a message is told when a test asks for it: `webhooks`.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from crmcore.hooks.provider import HttpResponse
from crmcore.model.time import DAY, SECOND, Clock, SystemClock
from crmcore.testing.standins.buckets import Borrowing, Bucket
from crmcore.testing.standins.exchange import Refusal, Request, bearer, read_json, said
from crmcore.testing.standins.meta_content import LONGEST_CALLBACK, Approved, check_content, check_template
from crmcore.testing.standins.meta_errors import Refused, error_answer

_PATH = re.compile(r"/v\d+(?:\.\d+)?/([^/]+)/messages")
_MINE = re.compile(r"/v\d+(?:\.\d+)?/[^/]+/messages|/v\d{2,}(?:\.\d+)?/.*")
_PHONE = re.compile(r"[1-9]\d{6,14}")
_BSUID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
_MAGIC = re.compile(r"999(\d{9})|ZZ\.(\d{1,6})")
PAIR = 6 * SECOND


def unlucky(code: int) -> str:
    """Return a phone number in E.164 (of a country there is not) whose messages are refused with a code."""
    return f"+999{code:09d}"


def by_number(recipient: str) -> int | None:
    """Return the code that a magic recipient stands for: `unlucky(code)` or the BSUID `ZZ.<code>`."""
    found = _MAGIC.fullmatch(recipient)
    return int(found[1] or found[2]) if found else None


@attrs.frozen(kw_only=True)
class Sender:
    """A business phone number; `rate` messages a second, those that come in included, `burst` at once (0: `rate`)."""

    phone_number_id: str = "106540352242922"
    display: str = "15550783881"
    rate: int = 80
    burst: int = 0
    bucket: Bucket = attrs.field(init=False, repr=False)

    @bucket.default
    def _full(self) -> Bucket:
        return Bucket(count=self.rate, burst=self.burst)


@attrs.frozen(kw_only=True)
class Message:
    """A message that was taken; `fate` is the code of the error that the webhook will tell of, 0 for none."""

    wamid: str
    sender: str
    recipient: str
    kind: str
    value: Mapping[str, Any] = attrs.field(repr=False)
    wire: bytes = attrs.field(repr=False)
    at: int
    callback: str | None = None
    category: str = "service"
    fate: int = 0


@attrs.define(kw_only=True, eq=False)
class Meta:
    """A business account; `messages` are those taken, in order.

    `templates` by name and language; `limit` is of users written to first within 24 h (the portfolio's); `unknown` and
    `stopped` hold recipients who are not on WhatsApp, or have stopped marketing messages (phone: digits alone, or BSUID).
    `pair_burst` is how many messages to one user may be borrowed within 6 s (1: strict, None: no limit on pairs).
    `script` gives a recipient's error; codes in `later` are told by webhook, the answer says nothing of them.
    `people` says which phone belongs to a BSUID, so that they share a window.
    """

    clock: Clock = attrs.field(factory=SystemClock)
    token: str = attrs.field(default="EAAG-stand-in", repr=False)
    app_secret: str = attrs.field(default="app-secret-of-the-stand-in", repr=False)
    verify_token: str = attrs.field(default="verify-token-of-the-stand-in", repr=False)
    account: str = "102290129340398"
    senders: list[Sender] = attrs.field(factory=lambda: [Sender()])
    templates: dict[tuple[str, str], Approved] = attrs.field(factory=dict)
    limit: int | None = None
    pair_burst: int | None = 45
    script: Callable[[str], int | None] = by_number
    later: frozenset[int] = frozenset()
    unknown: set[str] = attrs.field(factory=set)
    stopped: set[str] = attrs.field(factory=set)
    people: dict[str, str] = attrs.field(factory=dict)
    messages: list[Message] = attrs.field(factory=list)
    windows: dict[tuple[str, str], int] = attrs.field(factory=dict)
    refusals: dict[int, int] = attrs.field(factory=dict)
    _pairs: dict[tuple[str, str], Borrowing] = attrs.field(factory=dict)
    _written: OrderedDict[str, int] = attrs.field(factory=OrderedDict)
    _ids: dict[str, str] = attrs.field(factory=dict)
    _count: int = 0

    def approve(self, *approved: Approved) -> None:
        """Add templates, or say of some anew what is known of them."""
        self.templates |= {(one.name, one.language): one for one in approved}

    def refusing(self) -> Mapping[Refusal, HttpResponse]:
        """Return how it refuses a message for now, and for ever."""
        codes: Mapping[Refusal, int] = {"temporary": 130429, "permanent": 131009}
        return {kind: error_answer(Refused(code), "A0") for kind, code in codes.items()}

    def forget(self) -> None:
        """Forget what was taken and who was written to; templates, windows and limits of the number stay."""
        for kept in (self.messages, self._pairs, self._written):
            kept.clear()

    def handles(self, path: str) -> bool:
        """Tell whether a path is one of the Graph API's."""
        return _MINE.fullmatch(path) is not None

    def address(self, request: Request) -> str:
        """Return whom a message is for, as it was written."""
        value = read_json(request.body)
        return str(value.get("to") or value.get("recipient") or "")

    def answer(self, request: Request) -> HttpResponse:
        """Take a message, or say what is wrong with it."""
        self._count += 1
        try:
            return self._answer(request)
        except Refused as refused:
            self.refusals[refused.code] = self.refusals.get(refused.code, 0) + 1
            return error_answer(refused, f"A{self._count:022d}")

    def _answer(self, request: Request) -> HttpResponse:
        if bearer(request) != self.token:
            raise Refused(190)
        path = _PATH.fullmatch(request.path)
        sender = self.sender(path[1]) if path and request.method == "POST" else None
        if sender is None:
            raise Refused(100, "Unsupported post request. Object does not exist, or lacks permissions.")
        value = read_json(request.body)
        if value.get("messaging_product") != "whatsapp":
            raise Refused(100, "The parameter messaging_product is required.")
        if value.get("status") == "read":
            return said(200, {"success": True})
        return self._taken(self._message(sender, value, request.body))

    def sender(self, phone_number_id: str) -> Sender | None:
        """Return the number of an id."""
        return next((one for one in self.senders if one.phone_number_id == phone_number_id), None)

    def _message(self, sender: Sender, value: dict[str, Any], wire: bytes) -> Message:
        kind, callback = str(value.get("type", "text")), value.get("biz_opaque_callback_data")
        check_content(kind, value)
        if callback is not None and not (isinstance(callback, str) and len(callback) <= LONGEST_CALLBACK):
            raise Refused(100, f"Param biz_opaque_callback_data must be at most {LONGEST_CALLBACK} characters long.")
        recipient, now = _recipient(value), self.clock.now()
        template = check_template(self.templates, value["template"]) if kind == "template" else None
        if template is not None and template.category == "AUTHENTICATION" and not recipient.isdecimal():
            raise Refused(131062)
        self._count_against(sender, recipient, now)
        category = template.category.lower() if template else "service"
        fate = self._fate(sender, recipient, category, now)
        if fate and fate not in self.later:
            raise Refused(fate)
        return Message(
            wamid=f"wamid.{sender.phone_number_id}.{self._count:010d}",
            sender=sender.phone_number_id,
            recipient=recipient,
            kind=kind,
            value=value,
            wire=wire,
            at=now,
            callback=callback,
            category=category,
            fate=fate,
        )

    def _count_against(self, sender: Sender, recipient: str, now: int) -> None:
        if not sender.bucket.take(now):
            raise Refused(130429)
        if self.pair_burst is None:
            return
        pair = (sender.phone_number_id, self.person(recipient))
        if pair not in self._pairs:
            self._pairs[pair] = Borrowing(per=PAIR, burst=self.pair_burst)
        if not self._pairs[pair].take(now):
            raise Refused(131056)

    def _fate(self, sender: Sender, recipient: str, category: str, now: int) -> int:
        scripted, person = self.script(recipient), self.person(recipient)
        if scripted:
            return scripted
        if recipient == sender.display:
            return 131021
        if {recipient, person} & self.unknown:
            return 131026
        if category == "marketing" and {recipient, person} & self.stopped:
            return 131050
        return 0 if self.is_open(sender, person, now) else self._fate_outside(person, category, now)

    def _fate_outside(self, person: str, category: str, now: int) -> int:
        if category == "service":
            return 131047
        return 0 if self._may_begin(person, now) else 131048

    def is_open(self, sender: Sender, person: str, now: int) -> bool:
        """Tell whether somebody has written to a number within 24 h."""
        last = self.windows.get((sender.phone_number_id, person))
        return last is not None and now - last < DAY

    def _may_begin(self, person: str, now: int) -> bool:
        while self._written and next(iter(self._written.values())) <= now - DAY:
            self._written.popitem(last=False)
        if self.limit is not None and person not in self._written and len(self._written) >= self.limit:
            return False
        self._written[person] = now
        self._written.move_to_end(person)
        return True

    def person(self, recipient: str) -> str:
        """Return by what somebody is known here: the phone where a BSUID's is known."""
        return self.people.get(recipient, recipient)

    def names(self, recipient: str) -> tuple[str, str]:
        """Return the phone (empty where it is not known) and the BSUID of somebody: Meta gives everybody one."""
        phone = self.person(recipient)
        if not phone.isdecimal():
            return "", phone
        if phone not in self._ids:
            known = next((one for one, of in self.people.items() if of == phone), "")
            self._ids[phone] = known or f"US.{int(phone) * 7919 + 13_491_208_655_302:020d}"
            self.people[self._ids[phone]] = phone
        return phone, self._ids[phone]

    def _taken(self, message: Message) -> HttpResponse:
        self.messages.append(message)
        named = "wa_id" if message.recipient.isdecimal() else "user_id"
        given = str(message.value.get("to") or message.value.get("recipient"))
        sent: dict[str, str] = {"id": message.wamid}
        if message.kind == "template":
            sent["message_status"] = "accepted"
        contact = {"input": given, named: message.recipient}
        return said(200, {"messaging_product": "whatsapp", "contacts": [contact], "messages": [sent]})


def _recipient(value: Mapping[str, Any]) -> str:
    """Return the digits of a phone number, or a BSUID; a number takes precedence, as Meta has it."""
    if value.get("to"):
        digits = re.sub(r"[ +()-]", "", str(value["to"]))
        if not _PHONE.fullmatch(digits):
            raise Refused(131009, "Param to is not a valid phone number.")
        return digits
    found = str(value.get("recipient") or "")
    if not _BSUID.fullmatch(found):
        raise Refused(131008, "The parameter to or recipient is required.")
    return found
