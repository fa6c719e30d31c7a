"""The channel passes its suite; all three carriers pass theirs, driven by the core's driver against the stand-ins."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import attrs
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from crm_push.address import text, unpacked
from crm_push.apns import Apns
from crm_push.channel import Push
from crm_push.fcm import Fcm
from crm_push.notification import Notification, tag
from crm_push.settings import PushSettings, apns_settings, fcm_settings, web_push_settings
from crm_push.webpush import WebPush
from crmcore.hooks.provider import HttpResponse
from crmcore.model.http import Http
from crmcore.model.identity import Identity
from crmcore.testing.channel_suite import ChannelSuite
from crmcore.testing.provider_suite import ProviderSuite, Step, Taken
from crmcore.testing.standins import apns, fcm, oauth, webpush
from crmcore.testing.standins.app import StandIns
from crmcore.testing.standins.certificates import authority
from crmcore.testing.standins.faults import Drop, Garbage, Silence
from crmcore.testing.standins.serving import served

#: What may happen where a connection is made, and where a message has arrived.
CONNECTING = frozenset({"refused", "drop", "silence", "drip", "garbage"})
ANSWERING = frozenset({"drop", "silence", "drip", "garbage", "temporary", "permanent"})
FAULTS = {
    "drop": Drop(),
    "silence": Silence(),
    "drip": Silence(drip=0.05),
    "garbage": Garbage(),
    "temporary": HttpResponse(status=503, headers={"retry-after": "5"}),
    "permanent": HttpResponse(status=400),
}
#: The same in every process.
KEY = ec.derive_private_key(
    int.from_bytes(unpacked("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), "big"), ec.SECP256R1()
)
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key):
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def reference(place, name):
    return f"file:{Path(place['folder']) / name}"


class Standing:
    """A stand-in on loopback, in the trouble that the suite asks for."""

    def __init__(self, app, server, place, taken, forget):
        self._app, self._server = app, server
        self.place, self.taken, self.forget_taken = place, taken, forget

    @property
    def connections(self):
        return self._server.connections

    def offered(self):
        return [one for one in self._app.offered if one]

    def recover(self):
        self._app.script = lambda _stage, _address: None

    def forget(self):
        self.forget_taken()
        self._app.offered.clear()


class OverHttp(ProviderSuite):
    """What the suites of the three have in common."""

    steps = (
        Step(name="connect", kinds=CONNECTING),
        Step(name="body", kinds=ANSWERING, addressed=True, final=True),
        Step(name="taken", kinds=frozenset({"drop", "silence", "drip", "garbage"}), addressed=True, final=True),
    )
    protocol = "http/1.1"

    def body(self, number):
        said = Notification(title=f"Message {number}", body="Hello", tag=tag(f"{number:032x}"), ttl=3600)
        return said.to_bytes()

    def said(self, title):
        """Return the body of the message that has arrived under a title."""
        return self.body(int(title.removeprefix("Message ")))

    def http(self, place):
        return Http(allow_private=True, ca_file=place["ca_file"])

    @contextmanager
    def stand(self, trouble, *stand_ins, taken, forget, write):
        def script(stage, address):
            is_here = trouble is not None and trouble.kind != "refused" and stage == trouble.step
            return FAULTS[trouble.kind] if is_here and self.is_meant(trouble.address, address) else None

        app = StandIns(*stand_ins, script=script)
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            trusted = stack.enter_context(authority()) if self.protocol == "h2" else None
            server = stack.enter_context(served(app, protocol=self.protocol, authority=trusted))
            write(server, Path(folder))
            if trouble is not None and trouble.kind == "refused":
                server.close()
            place = {"url": server.url, "folder": folder, "ca_file": trusted.ca_file if trusted else None}
            yield Standing(app, server, place, taken, forget)

    def is_meant(self, address, seen):
        """Tell whether an address, None for any, is the one that a stand-in sees."""
        return address in (None, seen)


ORIGIN = "https://push.example.net"
#: One browser's keys do for all: each address has an endpoint of its own.
BROWSER = webpush.PushService(origin=ORIGIN).subscribe("anna")


class LedHere(WebPush):
    """Web Push on a machine where the name of the push service leads to the stand-in."""

    def __init__(self, given, url):
        super().__init__(given)
        self._url = url

    def build_request(self, batch, now):
        made = super().build_request(batch, now)
        return attrs.evolve(made, url=made.url.replace(ORIGIN, self._url))


class TestWebPush(OverHttp):
    #: Over HTTP/1.1 a request leaves as soon as there is a connection: what happens after that is in doubt.
    steps = (
        Step(name="connect", kinds=frozenset({"refused"})),
        Step(name="request", kinds=CONNECTING - {"refused"}, final=True),
        *OverHttp.steps[1:],
    )
    secrets = (text(unpacked("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")),)

    @contextmanager
    def counterpart(self, trouble=None):
        service = webpush.PushService(origin=ORIGIN, needs_subscription=False)

        def write(server, folder):
            (folder / "vapid.key").write_text(self.secrets[0])

        def taken():
            return [self._taken(one) for one in list(service.pushes)]

        def forget():
            service.pushes.clear()
            service.waiting.clear()

        with self.stand(trouble, service, taken=taken, forget=forget, write=write) as standing:
            yield standing

    def _taken(self, push):
        shown = json.loads(BROWSER.opened(push.body))
        address = self.address(int(push.subscription[1:])).value
        return Taken(
            body=self.said(shown["title"]), address=address, key=push.topic, wire=push.topic.encode() + push.body
        )

    def provider(self, place, *, timeout):
        table = {"private_key": reference(place, "vapid.key"), "subject": "mailto:push@shop.example"}
        return LedHere(web_push_settings({"webpush": table}), place["url"])

    def address(self, number):
        return Identity("webpush", f"{ORIGIN}{webpush.PATH}p{number} {BROWSER.p256dh} {BROWSER.auth}")

    def is_meant(self, address, seen):
        return address is None or address.partition(" ")[0].endswith(f"/{seen}")


class TestFcm(OverHttp):
    secrets = ("ya29.stand-in-000000",)

    @contextmanager
    def counterpart(self, trouble=None):
        endpoint = oauth.TokenEndpoint(accounts={"push@shop.example": RSA.public_key()})
        project = fcm.Fcm(project="shop", endpoint=endpoint)

        def write(server, folder):
            endpoint.audiences = {f"{server.url}/token"}
            account = {
                "client_email": "push@shop.example",
                "project_id": "shop",
                "token_uri": f"{server.url}/token",
                "private_key": pem(RSA),
            }
            (folder / "firebase.json").write_text(json.dumps(account))

        def taken():
            return [
                Taken(
                    body=self.said(one.value["notification"]["title"]),
                    address=one.target,
                    key=one.value["android"]["collapse_key"],
                    wire=one.wire,
                )
                for one in list(project.messages)
            ]

        with self.stand(
            trouble, endpoint, project, taken=taken, forget=project.messages.clear, write=write
        ) as standing:
            yield standing

    def provider(self, place, *, timeout):
        table = {"service_account": reference(place, "firebase.json"), "url": place["url"]}
        return Fcm(fcm_settings({"fcm": table}))

    def address(self, number):
        return Identity("fcm", f"token-of-phone-{number:06d}")


class TestApns(OverHttp):
    secrets = (pem(KEY).splitlines()[1],)
    protocol = "h2"

    @contextmanager
    def counterpart(self, trouble=None):
        key = apns.SigningKey(team="TEAM471100", public=KEY.public_key())
        service = apns.Apns(keys={"KEY4711000": key}, token_updates=1000)

        def write(server, folder):
            (folder / "AuthKey.p8").write_text(pem(KEY))

        def taken():
            return [
                Taken(
                    body=self.said(json.loads(one.body)["aps"]["alert"]["title"]),
                    address=one.token,
                    key=one.headers["apns-collapse-id"],
                    wire=one.wire,
                )
                for one in list(service.notifications)
            ]

        with self.stand(trouble, service, taken=taken, forget=service.notifications.clear, write=write) as standing:
            yield standing

    def provider(self, place, *, timeout):
        table = {"key_id": "KEY4711000", "team_id": "TEAM471100", "topic": "com.example.shop", "url": place["url"]}
        return Apns(apns_settings({"apns": {"key": reference(place, "AuthKey.p8"), **table}}))

    def address(self, number):
        return Identity("apns", f"{number:064x}")


PARTS = {"title": "{{ customer.name }}", "body": "Dear {{ customer.name }}", "data": "name: {{ customer.name }}"}


class TestPush(ChannelSuite):
    parts = PARTS

    def channel(self):
        return Push(PushSettings(kinds=frozenset({"webpush", "fcm", "apns"})))

    def addresses(self):
        browser = Identity("webpush", f"{ORIGIN}/push/p1 {BROWSER.p256dh}= {BROWSER.auth}")
        return [browser, Identity("fcm", "token-of-phone-000001"), Identity("apns", "A1" * 32)]

    def outline(self, body):
        return {
            name: sorted(value) if isinstance(value, dict) else type(value) for name, value in json.loads(body).items()
        }
