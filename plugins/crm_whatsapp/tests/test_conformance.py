"""The carrier passes the suite of the Provider contract, driven as in the core, against the stand-in of Meta's Graph API."""

from __future__ import annotations

import json
from contextlib import contextmanager

import pytest

from crm_whatsapp.channel import WhatsApp
from crm_whatsapp.cloud import Cloud
from crm_whatsapp.settings import cloud_settings
from crmcore.hooks.channel import Draft
from crmcore.hooks.provider import HttpResponse
from crmcore.model.identity import Identity
from crmcore.model.template import Template
from crmcore.testing.provider_suite import ProviderSuite, Step, Taken
from crmcore.testing.standins.app import StandIns
from crmcore.testing.standins.faults import Drop, Garbage, Silence
from crmcore.testing.standins.meta import Meta, Sender
from crmcore.testing.standins.meta_content import Approved
from crmcore.testing.standins.serving import served

TOKEN = "EAAG-hush-4711"
CHANNEL = WhatsApp()
HELLO = CHANNEL.compile(
    Template(name="t", channel="whatsapp", parts={"approved": "hello", "language": "en_US", "body.1": "{{ number }}"})
)


def refusal(status, code, words):
    error = {"message": f"(#{code}) {words}", "type": "OAuthException", "code": code}
    return HttpResponse(status=status, body=json.dumps({"error": error}).encode())


ANSWERS = {
    "drop": Drop(),
    "silence": Silence(),
    "drip": Silence(drip=0.05),
    "garbage": Garbage(),
    "temporary": refusal(500, 131000, "Something went wrong"),
    # Meta repeats a token that is malformed.
    "permanent": refusal(400, 190, f"Malformed access token {TOKEN}"),
}
UNANSWERED = frozenset({"drop", "silence", "drip", "garbage"})


class Graph:
    """The stand-in, in the trouble that the suite asks for."""

    def __init__(self, trouble):
        self._trouble = trouble
        self._meta = Meta(token=TOKEN, senders=[Sender(rate=10**6)], pair_burst=10**6)
        self._meta.approve(Approved(name="hello", category="UTILITY", body=1))
        self.app = StandIns(self._meta, script=self._script)

    @contextmanager
    def running(self):
        with served(self.app) as self._server:
            if self._trouble is not None and self._trouble.kind == "refused":
                self._server.close()
            yield self

    @property
    def place(self):
        return self._server.url

    @property
    def connections(self):
        return self._server.connections

    def taken(self):
        return [
            Taken(body=one.wire, address=one.value.get("recipient") or f"+{one.recipient}")
            for one in list(self._meta.messages)
        ]

    def offered(self):
        return list(filter(None, self.app.offered))

    def recover(self):
        self._trouble = None

    def forget(self):
        for kept in (self._meta.messages, self._meta._pairs, self._meta._written, self.app.offered):
            kept.clear()

    def _script(self, stage, address):
        one = self._trouble
        if one is None or one.step != stage or one.address not in (None, address):
            return None
        return ANSWERS[one.kind]


class TestCloud(ProviderSuite):
    """A request leaves in one piece: from then on only an answer tells what became of it."""

    secrets = (TOKEN,)
    steps = (
        Step(name="connect", kinds=frozenset({"refused"})),
        Step(name="request", kinds=UNANSWERED, final=True),
        Step(name="body", kinds=frozenset(ANSWERS), addressed=True, final=True),
        Step(name="taken", kinds=UNANSWERED, addressed=True, final=True),
    )

    @pytest.fixture(autouse=True)
    def token(self, monkeypatch):
        """In the environment, where the process that is killed finds it too."""
        monkeypatch.setenv("SUITE_TOKEN", TOKEN)

    @contextmanager
    def counterpart(self, trouble=None):
        with Graph(trouble).running() as graph:
            yield graph

    def provider(self, place, *, timeout):
        cloud = {"phone_number_id": Sender().phone_number_id, "token": "env:SUITE_TOKEN", "base_url": place}
        return Cloud(cloud_settings({"cloud": cloud}))

    def address(self, number):
        """Of three customers, one shows no number."""
        return Identity("phone", f"+4477009{number:05d}") if number % 3 else Identity("bsuid", f"GB.{number:020d}")

    def body(self, number):
        draft = Draft(
            delivery_id=1_000_000 + number,
            address=self.address(number),
            context={"number": number},
            message_key=f"{number:032x}",
            at=0,
        )
        [made] = CHANNEL.render(HELLO, [draft])
        return made.body
