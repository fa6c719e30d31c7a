"""The suite lets a good provider pass, and catches each of many bad ones by the check that is about its fault."""

from __future__ import annotations

import json
import socket
import time
from contextlib import suppress
from itertools import count

import attrs
import pytest

from crmcore.hooks.provider import HttpResponse, Ingested
from crmcore.testing import laws
from crmcore.testing.laws import LawBroken
from crmcore.testing.postbox import SIGNATURE, Postbox, signed
from crmcore.testing.webhook_suite import WebhookSuite

HOUR = 3_600_000_000


class OfPostbox(WebhookSuite):
    made = Postbox
    types = ("failed", "accepted", "delivered", "opened", "bounced")

    def provider(self):
        return self.made()

    def signed(self, body):
        return signed(body)

    def told(self, delivery_id, provider_id, address):
        named = {"delivery_id": delivery_id, "address": [address.kind, address.value], "reason": "why"}
        return [
            json.dumps(
                {"feedback": [named | {"key": f"{provider_id} {kind}", "type": kind, "at": self.now - HOUR + place}]}
            ).encode()
            for place, kind in enumerate(self.types)
        ]

    def others(self):
        named = {"key": "k", "at": self.now - HOUR}
        return [
            json.dumps({"inbound": [named | {"identities": [["phone", "+1"]], "text": "hello"}]}).encode(),
            json.dumps({"templates": [named | {"name": "spring", "may_be_sent": False}]}).encode(),
            json.dumps({"choices": [named | {"addresses": [["phone", "+1"]], "wanted": False}]}).encode(),
            json.dumps({"addresses": [named | {"old": ["phone", "+1"], "new": [["phone", "+2"]]}]}).encode(),
            json.dumps({"alerts": ["the account is restricted"]}).encode(),
        ]


class TestPostbox(OfPostbox):
    pass


class Trusting(Postbox):
    """Takes what nobody has signed."""

    def parse_webhook(self, request, now):
        return super().parse_webhook(signed(request.body), now)


class Sloppy(Postbox):
    """Signs without the blanks around a body."""

    def parse_webhook(self, request, now):
        said = attrs.evolve(request, body=request.body.strip())
        return super().parse_webhook(said, now)


class Hurried(Postbox):
    """Looks at the beginning of a signature."""

    def parse_webhook(self, request, now):
        right = signed(request.body)
        begins = request.headers.get(SIGNATURE, "")[:20] == right.headers[SIGNATURE][:20]
        return super().parse_webhook(right if begins else request, now)


class Stamping(Postbox):
    """Keys what it reads by when it reads it."""

    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        return attrs.evolve(read, choices=tuple(attrs.evolve(one, key=f"{now}") for one in read.choices))


class Talkative(Postbox):
    """Refuses, and tells what was in it all the same."""

    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        if read.answer.status == 401:
            return attrs.evolve(super().parse_webhook(signed(request.body), now), answer=read.answer)
        return read


class Fragile(Postbox):
    """Falls over a signature that is not ASCII."""

    def parse_webhook(self, request, now):
        request.headers.get(SIGNATURE, "").encode("ascii")
        return super().parse_webhook(request, now)


class Elsewhere(Postbox):
    """Answers what is not signed with another status."""

    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        return Ingested(answer=HttpResponse(status=403)) if read.answer.status == 401 else read


class Clocked(Postbox):
    """Asks the machine's clock what time it is."""

    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        return attrs.evolve(read, feedback=tuple(attrs.evolve(one, at=int(time.time())) for one in read.feedback))


class Remembering(Postbox):
    """Leaves out what it has read before."""

    def __init__(self):
        super().__init__()
        self.seen = set()

    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        if read.feedback and request.body in self.seen:
            return attrs.evolve(read, feedback=())
        self.seen.add(request.body)
        return read


class Curious(Postbox):
    """Looks up who posts."""

    def parse_webhook(self, request, now):
        with suppress(OSError):
            socket.getaddrinfo("localhost", 80)
        return super().parse_webhook(request, now)


class Untyped(Postbox):
    """Passes on times as they are written."""

    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        return attrs.evolve(read, feedback=tuple(attrs.evolve(one, at=str(one.at)) for one in read.feedback))


class Keyless(Postbox):
    """Gives its feedback no keys."""

    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        return attrs.evolve(read, inbound=tuple(attrs.evolve(one, key="") for one in read.inbound))


class Literal(Postbox):
    """Falls over what nobody knows."""

    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        if read.answer.status == 200:
            for one in json.loads(request.body).get("feedback", ()):
                one["type"].upper()
        return read


class Picky(Postbox):
    """Refuses what nobody knows."""

    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        if b"suite_field" in request.body and read.answer.status == 200:
            return Ingested(answer=HttpResponse(status=400))
        return read


class Counting(Postbox):
    """Numbers what it reads, and keys it by that."""

    numbers = count()

    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        made = tuple(attrs.evolve(one, key=f"{one.key} {next(self.numbers)}") for one in read.feedback)
        return attrs.evolve(read, feedback=made)


class Merging(Postbox):
    """Keys what is said of a message by the message."""

    def parse_webhook(self, request, now):
        read = super().parse_webhook(request, now)
        made = tuple(attrs.evolve(one, key=str(one.delivery_id)) for one in read.feedback)
        return attrs.evolve(read, feedback=made)


class Mute(Postbox):
    """Reads nothing of what becomes of messages."""

    def parse_webhook(self, request, now):
        return attrs.evolve(super().parse_webhook(request, now), feedback=())


READ, REFUSED, PURE = "test_what_is_signed_is_read", "test_what_is_not_signed_is_refused", "test_reading_is_pure"
OFFLINE, SOUND, UNKNOWN = (
    "test_reading_opens_no_socket",
    "test_what_a_webhook_holds_is_sound",
    "test_what_nobody_knows_is_passed_over",
)
AGAIN, ORDER = "test_told_again_nothing_changes", "test_in_any_order_and_number_the_ledger_ends_the_same"
FAULTS = [
    (Mute, READ, laws.TELLING_BODIES),
    (Mute, ORDER, laws.TELLING_BODIES),
    (Trusting, REFUSED, laws.SIGNED),
    (Sloppy, REFUSED, laws.SIGNED),
    (Hurried, REFUSED, laws.SIGNED),
    (Talkative, REFUSED, laws.SIGNED),
    (Fragile, REFUSED, laws.SIGNED),
    (Elsewhere, REFUSED, laws.SIGNED),
    (Clocked, PURE, laws.READ_PURE),
    (Remembering, PURE, laws.READ_PURE),
    (Counting, PURE, laws.READ_PURE),
    (Stamping, "test_told_a_day_later_it_is_the_same", laws.LASTING_KEY),
    (Curious, OFFLINE, laws.READ_PURE),
    (Untyped, SOUND, laws.READ_SOUND),
    (Keyless, SOUND, laws.READ_SOUND),
    (Literal, UNKNOWN, laws.PASSED_OVER),
    (Picky, UNKNOWN, laws.PASSED_OVER),
    (Counting, AGAIN, laws.UNORDERED),
    (Merging, ORDER, laws.UNORDERED),
    (Counting, f"{AGAIN}_on_postgresql", laws.UNORDERED),
    (Merging, f"{ORDER}_on_postgresql", laws.UNORDERED),
]


@pytest.mark.parametrize(("fault", "check", "law"), FAULTS, ids=lambda one: getattr(one, "__name__", None))
def test_a_faulty_provider_is_caught_by_the_check_that_is_about_it(fault, check, law):
    suite = OfPostbox()
    suite.made = fault
    with pytest.raises(LawBroken) as caught:
        getattr(suite, check)()
    assert caught.value.law is law


def test_every_check_has_a_fault_that_it_is_about():
    assert {one for one in dir(WebhookSuite) if one.startswith("test_")} == {check for _, check, _ in FAULTS}
