"""The channel and its carriers pass the suites of their contracts: `smtp` against the sink, `file` against a directory."""

from __future__ import annotations

import base64
import tempfile
from contextlib import contextmanager
from email import message_from_bytes, policy
from pathlib import Path
from types import MappingProxyType

import pytest

from crm_email.channel import Email
from crm_email.file import Files
from crm_email.settings import email_settings, file_settings, smtp_settings
from crm_email.smtp import Smtp
from crmcore.model.identity import Identity
from crmcore.testing.channel_suite import ChannelSuite
from crmcore.testing.provider_suite import ProviderSuite, Step, Taken
from crmcore.testing.smtp_sink import Drop, Reply, Silence, Sink

PASSWORD = "hush-4711-hush"
ALWAYS = frozenset({"drop", "silence", "drip", "garbage", "closing", "temporary", "permanent"})
REPLIES = {
    "drop": Drop(),
    "silence": Silence(),
    "drip": Silence(drip=0.05),
    "garbage": Reply(999, "%$!"),
    "closing": Reply(421, "4.3.2 shutting down"),
    "temporary": Reply(451, "4.3.0 later"),
    "permanent": Reply(554, "5.7.1 no"),
}
#: Some servers repeat what they refuse.
ECHO = Reply(535, f"5.7.8 not {base64.b64encode(f'{chr(0)}shop{chr(0)}{PASSWORD}'.encode()).decode()}")


class TestEmail(ChannelSuite):
    package = "crm_email"
    parts = MappingProxyType(
        {
            "subject": "For {{ customer.name }}",
            "text": "Dear {{ customer.name }}",
            "html": "<p>{{ customer.name }}</p>",
        }
    )

    def channel(self):
        return Email(email_settings({"sender": "Shop <shop@example.com>"}))

    def addresses(self):
        return [Identity("email", "ada@Example.com"), Identity("email", "grace@bücher.example")]

    def outline(self, body):
        mail = message_from_bytes(body, policy=policy.SMTP)
        return [(sorted(part.keys()), part.get_content_type(), part.get_filename()) for part in mail.walk()]


class SinkCounterpart(Sink):
    """The sink, in the trouble that the suite asks for."""

    def __init__(self, trouble):
        super().__init__(self._script)
        self._trouble, self._offered = trouble, []

    @property
    def place(self):
        return self.host, self.port

    def taken(self):
        return [
            Taken(body=one.body, address=one.recipient, wire=f"{one.sender} {one.recipient} ".encode() + one.body)
            for one in list(self.mails)
        ]

    def offered(self):
        return list(self._offered)

    def recover(self):
        self._trouble = None

    def forget(self):
        self.mails.clear()
        self._offered.clear()

    def _script(self, stage, address):
        if stage == "rcpt":
            self._offered.append(address)
        one = self._trouble
        if one is None or one.step != stage or one.address not in (None, address):
            return None
        return ECHO if (stage, one.kind) == ("auth", "permanent") else REPLIES[one.kind]


class TestSmtp(ProviderSuite):
    secrets = (PASSWORD,)
    steps = (
        Step(name="connect", kinds=ALWAYS | {"refused"}),
        Step(name="ehlo", kinds=ALWAYS),
        Step(name="auth", kinds=ALWAYS),
        Step(name="mail", kinds=ALWAYS),
        Step(name="rcpt", kinds=ALWAYS, addressed=True),
        Step(name="data", kinds=ALWAYS, addressed=True),
        Step(name="dot", kinds=ALWAYS, addressed=True, final=True),
    )
    connections = 1

    @pytest.fixture(autouse=True)
    def password(self, monkeypatch):
        """In the environment, where the process that is killed finds it too."""
        monkeypatch.setenv("SUITE_PASSWORD", PASSWORD)

    @contextmanager
    def counterpart(self, trouble=None):
        with SinkCounterpart(trouble) as sink:
            if trouble is not None and trouble.kind == "refused":
                sink.close()
            yield sink

    def provider(self, place, *, timeout):
        host, port = place
        login = {"user": "shop", "password": "env:SUITE_PASSWORD"}
        smtp = {"host": host, "port": port, "timeout": timeout, "connections": self.connections, **login}
        return Smtp(smtp_settings({"smtp": smtp}), email_settings({"sender": "Shop <shop@example.com>"}))


class TestSmtpOnThreeConnections(TestSmtp):
    connections = 3
    steps = tuple(one for one in TestSmtp.steps if one.name in ("auth", "dot"))


class Directory:
    """A directory of mails."""

    connections = 0

    def __init__(self, path):
        self.place = str(path)

    def taken(self):
        mails = Path(self.place).glob("*.eml") if Path(self.place).is_dir() else ()
        return [Taken(body=one.read_bytes(), key=one.stem) for one in mails]

    def offered(self):
        return ()

    def recover(self):
        Path(self.place).unlink()

    def forget(self):
        for one in Path(self.place).glob("*.eml"):
            one.unlink()


class TestFiles(ProviderSuite):
    steps = (Step(name="directory", kinds=frozenset({"drop"})),)

    @contextmanager
    def counterpart(self, trouble=None):
        with tempfile.TemporaryDirectory() as folder:
            directory = Directory(Path(folder) / "mails")
            if trouble is not None:
                Path(directory.place).write_text("in the way")
            yield directory

    def provider(self, place, *, timeout):
        return Files(file_settings({"file": {"directory": place}}))
