"""What the send policy reads for a batch it reads by an index, and a fixed number of times."""

from __future__ import annotations

import pytest

from crmcore import CRM
from crmcore.flow import gating
from crmcore.loader import installed
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.store import caps, rerouting, sessions
from crmcore.testing.fakes import Notes, Recorder
from tests.store.planning import MANY, statements, steps

pytestmark = pytest.mark.untouched

NIGHT = {"from": "00:00", "to": "23:59"}
POLICY = {
    "quiet": [{"channels": ["note"], "then": "chat", **NIGHT}],
    "weekdays": [{"days": ["sun"]}],
    "caps": [
        {"count": 3, "per": "7d", "tag": "promo"},
        {"count": 2, "per": "month", "channels": ["chat", "text"], "reserved": 1},
    ],
}


@pytest.fixture
def busy(new_database, recorder, clock):
    """Three channels, one of which stands in for another, and all the rules there are."""
    capabilities = {"session_window": 3600, "opens_session": frozenset({"approved"})}
    kinds = {"address_kinds": frozenset({"phone"})}
    plugins = {
        "recorder": recorder,
        "text": Recorder(notes=Notes("text", **kinds)),
        "chat": Recorder(notes=Notes("chat", **kinds, **capabilities)),
    }
    blocked = installed()
    with CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=blocked, policy=POLICY) as crm:
        for number in range(3):
            said = {"email": f"{number}@example.com", "phone": f"+4412345{number}", "time_zone": "Asia/Jakarta"}
            crm.identify(str(number), said)
            crm.consent(str(number), "newsletter")
            crm.track("message_received", str(number), properties={"channel": "chat"})
        for channel in ("note", "text", "chat"):
            crm.save_template("hello", channel, {"text": "hello"})
            crm.launch(
                Campaign(
                    name=channel,
                    purpose="newsletter",
                    audience=everyone(),
                    channel=channel,
                    template="hello",
                    tags=["promo"],
                )
            )
        yield crm


def test_no_statement_of_the_gates_reads_a_whole_workspace(busy, monkeypatch):
    own = []
    with statements(busy) as seen:
        for place, name in ((gating, "decide"), (rerouting, "plan")):
            monkeypatch.setattr(place, name, noting(getattr(place, name), seen, own))
        busy.work()
    assert {one.reason or one.state for one in busy.deliveries("note")} == {"rerouted", "capped"}
    assert len(own) > 20
    assert [one for one in steps(busy, own) if one[1].table in MANY and one[1].is_whole] == []


def noting(act, seen, own):
    """Let an act note which of the statements seen are its own."""

    def acting(*given):
        start = len(seen)
        try:
            return act(*given)
        finally:
            own.extend(seen[start:])

    return acting


@pytest.mark.parametrize(
    ("read", "indexes"),
    [
        (lambda scope: caps.handed(scope, [1, 2], 5), {"ix_delivery_handed"}),
        (lambda scope: caps.waiting(scope, [1, 2], 10**15), {"ix_delivery_waiting"}),
        (
            lambda scope: sessions.writers(scope, [1, 2], "chat", 5),
            {"ix_event_customer_id_name_occurred_at", "ix_event_name_occurred_at_customer_id"},
        ),
    ],
    ids=["handed", "waiting", "writers"],
)
def test_what_customers_were_sent_and_what_they_wrote_is_found_by_customer(crm, read, indexes):
    with statements(crm) as seen, crm._opened.reading() as scope:
        read(scope)
    [(_, step)] = steps(crm, seen[-1:])
    assert step.index in indexes
    assert not step.is_whole
