"""What a campaign needs and is not there: its messages wait, and why is said."""

from __future__ import annotations

import logging

import pytest

from crmcore import CRM
from crmcore.errors import RecommenderError
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.testing.fakes import Recorder

SENDER = {"sender": "Shop <shop@example.com>"}


@pytest.fixture
def opened(database, clock, tmp_path):
    """Open the shop with settings of e-mail; mails go to a folder."""

    def opening(**email):
        files = {"provider": "file", "file": {"directory": str(tmp_path / "mails")}}
        return CRM(str(database), clock=clock, plugins={"recorder": Recorder()}, channels={"email": files | email})

    return opening


@pytest.fixture
def launched(opened):
    """A mail waits to be sent to one customer."""
    with opened(**SENDER) as crm:
        crm.identify("42", {"email": "ada@example.com"})
        crm.save_template("hello", "email", {"subject": "Hello", "text": "Hello"})
        crm.launch(Campaign(name="hello", purpose="service", audience=everyone(), channel="email", template="hello"))


def states(crm):
    return [(one.state, one.reason) for one in crm.deliveries("hello")]


@pytest.mark.usefixtures("launched")
def test_without_a_sender_messages_wait_until_there_is_one(opened, caplog):
    with opened() as crm, caplog.at_level(logging.INFO):
        worked = crm.work()
        assert states(crm) == [("planned", "")]
    assert [(one.campaign, "sender" in one.problem) for one in worked.waiting] == [("hello", True)]
    [line] = [one for one in caplog.records if one.name == "crmcore.dispatch"]
    assert line.message.startswith("campaign hello waits: Setting 'sender' from [channels.email]")
    assert line.exc_info is None
    with opened(**SENDER) as crm:
        assert crm.work().waiting == ()
        assert states(crm) == [("accepted", "")]


@pytest.mark.usefixtures("launched")
def test_without_its_secret_a_carrier_does_not_open_and_messages_wait(opened):
    secret = {"user": "shop", "password": "env:NO_SUCH_VARIABLE"}
    with opened(**SENDER, provider="smtp", smtp=secret) as crm:
        [one] = crm.work().waiting
        assert states(crm) == [("planned", "")]
    assert (one.campaign, "NO_SUCH_VARIABLE" in one.problem) == ("hello", True)


@pytest.mark.usefixtures("launched")
def test_without_its_plugin_a_campaign_waits_and_others_go_on(opened, database, clock):
    with CRM(str(database), clock=clock, plugins={"recorder": Recorder()}, blocked=["crm_email"]) as crm:
        crm.save_template("note", "note", {"text": "Hello"})
        crm.launch(Campaign(name="note", purpose="service", audience=everyone(), channel="note", template="note"))
        [one] = crm.work().waiting
        assert (one.campaign, crm.report("note").sent) == ("hello", 1)


class Refusing(Recorder):
    """Its channel cannot make a message."""

    def __init__(self, error):
        super().__init__()
        self.notes.render = self._render
        self._error, self._is_checked = error, False

    def _render(self, compiled, drafts):
        if drafts[0].message_key == "trial":
            return type(self.notes).render(self.notes, compiled, drafts)
        raise self._error


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (RecommenderError(engine="als", problem="it has run dry"), "content: Recommender 'als': it has run dry."),
        (RuntimeError("no mail to ada@example.com"), "content: RuntimeError"),
    ],
    ids=["a text of ours", "whatever else may hold an address"],
)
def test_why_a_message_cannot_be_made_is_told_where_that_tells_of_nobody(database, clock, error, reason):
    with CRM(str(database), clock=clock, plugins={"note": Refusing(error)}) as crm:
        crm.identify("42", {"email": "ada@example.com"})
        crm.save_template("hello", "note", {"text": "Hello"})
        crm.launch(Campaign(name="hello", purpose="service", audience=everyone(), channel="note", template="hello"))
        crm.work()
        assert states(crm) == [("failed", reason)]
