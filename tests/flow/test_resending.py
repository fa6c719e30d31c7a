"""A message that must go again is the same one: byte for byte, whatever has changed since it first went."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from email import message_from_bytes, policy

import pytest

import crm_email
import crm_recommend
from crm_email.smtp import SmtpSession
from crmcore import CRM, Money
from crmcore.model.building import attribute
from crmcore.model.campaign import Campaign
from crmcore.model.offers import Offers
from crmcore.testing.smtp_sink import Drop, Reply, Silence, Sink
from crmcore.testing.watching import no_sockets

TEXT = """\
{{ customer.name }} ({{ customer.key }}, {{ customer.tags | join(", ") }}) since {{ customer.since | time }}, born {{ customer.born }}:
{{ customer.score }}, {{ customer.visits }}, {{ customer.vip }}, {{ customer.nick }}; {{ campaign.discount }}, {{ campaign.until }}
{% for offer in offers %}{{ offer.title }}: {{ offer.price | money }} ({{ offer.reasons | join(" ") }})
{% endfor %}{{ links.unsubscribe }}
"""
PARTS = {"subject": "For {{ customer.name }}", "text": TEXT, "html": "<p>{{ customer.name }}, {{ customer.score }}</p>"}
ITEMS = ("tea", "cup", "pot")


class Killed(BaseException):
    """The process is gone."""


@pytest.fixture
def open_shop(database, clock):
    """Open the CRM, as many a process would, with a sink for its mails."""
    opened = []

    def opening(sink, **settings):
        smtp = {"host": sink.host, "port": sink.port, "timeout": 0.5}
        channels = {"email": {"sender": "Shop <shop@example.com>", "provider": "smtp", "smtp": smtp}}
        plugins = {"crm_email": crm_email, "crm_recommend": crm_recommend}
        crm = CRM(str(database), clock=clock, plugins=plugins, blocked=list(plugins), channels=channels, **settings)
        opened.append(crm)
        return crm

    yield opening
    for crm in opened:
        crm.close()


def launched(crm, purpose="service"):
    for n, item in enumerate(ITEMS):
        crm.offer(item, title=f"Fine {item}", price=Money.of(f"{n + 3}.50", "EUR"))
    for n in range(6):
        crm.track("item_ordered", f"buyer{n}", item=ITEMS[n % 2], quantity=1, ref=f"o{n}")
    crm.identify(
        "42",
        {
            "email": "ada@example.com",
            "name": "Ada Ünïcode",
            "since": datetime(2020, 2, 29, 23, 59, tzinfo=UTC),
            "born": date(1990, 12, 31),
            "score": Decimal("1.5"),
            "visits": 7,
            "vip": True,
            "nick": None,
        },
        tags=["early", "loyal"],
    )
    crm.consent("42", "retention", channel="email")
    crm.save_template("hello", "email", PARTS)
    crm.launch(
        Campaign(
            name="hello",
            purpose=purpose,
            audience=attribute("vip") == True,  # noqa: E712 - a condition
            channel="email",
            template="hello",
            offers=Offers(engine="popular", k=2, repeat="allow"),
            fields={"discount": 0.1, "until": date(2026, 4, 1)},
        )
    )


def everything_changes(crm, clock):
    crm.save_template("hello", "email", {"subject": "Another", "text": "{{ customer.name }}: another text"})
    crm.save_template("hello", "email", {"subject": "Anderes", "text": "Anderes"}, locale="de")
    crm.identify("42", {"name": "Grace", "score": 2, "nick": "g", "locale": "de"}, tags=["late"])
    for item in ITEMS:
        crm.offer(item, title=f"Poor {item}", price=Money.of("99.00", "EUR"), stock=0)
    crm.track_many({"name": "item_ordered", "customer": f"late{n}", "item": "pot"} for n in range(9))
    clock.turn("26h")


def lost_answer(monkeypatch, crm):
    """The server takes the mail and hangs up: the carrier says InDoubt."""
    crm.work()


def killed(monkeypatch, crm):
    """The server takes the mail; the process dies before it has noted that."""
    send = SmtpSession.send

    def deadly(session, batch):
        list(send(session, batch))
        raise Killed

    with monkeypatch.context() as patched:
        patched.setattr(SmtpSession, "send", deadly)
        with pytest.raises(Killed):
            crm.work()


def broken(monkeypatch, crm):
    """The server takes the mail; the carrier itself fails before it has said so."""
    send = SmtpSession.send

    def failing(session, batch):
        list(send(session, batch))
        raise RuntimeError("a fault of the carrier's own")

    with monkeypatch.context() as patched:
        patched.setattr(SmtpSession, "send", failing)
        crm.work()


FIRST = [(lost_answer, Drop()), (lost_answer, Silence()), (killed, None), (broken, None)]


@pytest.mark.parametrize(("first", "said"), FIRST, ids=["dropped", "silent", "killed", "broken"])
def test_a_transactional_mail_that_goes_again_is_the_same_to_the_byte(open_shop, clock, monkeypatch, first, said):
    script = [said]
    with Sink(lambda at, _: script.pop() if at == "taken" and script else None) as sink:
        crm = open_shop(sink)
        launched(crm)
        first(monkeypatch, crm)
        assert [one.recipient for one in sink.mails] == ["ada@example.com"]
        everything_changes(crm, clock)
        open_shop(sink, public_url="https://elsewhere.example").work()
        assert [one.state for one in crm.deliveries("hello") if one.key == "42"] == ["accepted"]
    once, again = sink.mails
    assert again == once
    message = message_from_bytes(again.body, policy=policy.default)
    assert message["Date"].datetime == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert "Ada Ünïcode (42, early, loyal)" in message.get_body(("plain",)).get_content()
    assert "Fine" in message.get_body(("plain",)).get_content()


def test_a_marketing_mail_that_was_refused_for_now_keeps_its_date_and_its_link(open_shop, clock):
    script = [Reply(451, "4.3.0 later")]
    with Sink(lambda at, _: script.pop() if at == "dot" and script else None) as sink:
        crm = open_shop(sink, public_url="https://shop.example/crm")
        launched(crm, purpose="retention")
        crm.work()
        everything_changes(crm, clock)
        open_shop(sink, public_url="https://elsewhere.example").work()
    [mail] = sink.mails
    message = message_from_bytes(mail.body, policy=policy.default)
    assert message["Date"].datetime == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert message["List-Unsubscribe"].startswith("<https://shop.example/crm/unsubscribe/")
    assert "elsewhere" not in message.get_body(("plain",)).get_content()


def test_a_launch_makes_every_mail_and_opens_no_socket(open_shop):
    with Sink() as sink:
        crm = open_shop(sink)
        with no_sockets():
            launched(crm)
    assert crm.report("hello").waiting == 1


def test_a_marketing_mail_whose_answer_was_lost_does_not_go_again(open_shop, clock):
    with Sink(lambda at, _: Drop() if at == "taken" else None) as sink:
        crm = open_shop(sink)
        launched(crm, purpose="retention")
        crm.work()
        everything_changes(crm, clock)
        crm.work()
        assert [one.state for one in crm.deliveries("hello") if one.key == "42"] == ["in_doubt"]
    assert len(sink.mails) == 1
