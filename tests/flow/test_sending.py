"""Single messages: said in a host's transaction they are rolled back with it, or are exactly one intent."""

from __future__ import annotations

import random
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import create_engine, text
from sqlalchemy import event as listening

from crmcore.errors import (
    InvalidCampaign,
    InvalidValue,
    UnknownCampaign,
    UnknownCustomer,
    UnknownPlugin,
    UnknownTemplate,
)
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign, single
from crmcore.store import runs
from crmcore.store.engine import open_engine

RECEIPT = "send:receipt:note"


@pytest.fixture
def shop(crm):
    """A shop with a receipt to send, and a customer."""
    crm.save_template("receipt", "note", {"text": "{{ message.total }} for {{ customer.name }}"})
    crm.identify("42", {"email": "ada@example.com", "name": "Ada"})
    return crm


@pytest.fixture
def engine(shop):
    """A host's engine on the same database."""
    engine = open_engine(shop._opened.engine.url.render_as_string(hide_password=False))
    yield engine
    engine.dispose()


def states(crm):
    try:
        return [(one.key, one.state, one.reason) for one in crm.deliveries(RECEIPT)]
    except UnknownCampaign:
        return []


def send(crm, **changes):
    crm.send("receipt", **{"to": "42", "fields": {"total": "5 EUR"}} | changes)


def in_transaction(engine, crm, act, *, keep=True):
    with engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")
        act(crm.using(connection))
        connection.commit() if keep else connection.rollback()


def test_a_committed_message_is_one_delivery_and_is_sent(shop, engine, recorder):
    in_transaction(engine, shop, send)
    assert states(shop) == [("42", "planned", "")]
    shop.work()
    assert [one.body for one in recorder.sent] == [b"5 EUR for Ada"]
    assert states(shop) == [("42", "accepted", "")]


def test_a_rolled_back_message_is_none(shop, engine, recorder):
    in_transaction(engine, shop, send, keep=False)
    shop.work()
    assert (states(shop), recorder.sent, shop.stats().pending) == ([], [], 0)


def test_a_message_in_a_transaction_of_our_own(shop, recorder):
    send(shop)
    shop.work()
    assert len(recorder.sent) == 1


def test_saying_it_twice_without_a_key_is_two_messages(shop, engine):
    in_transaction(engine, shop, lambda writer: (send(writer), send(writer)))
    assert len(states(shop)) == 2


def test_saying_it_again_under_its_key_changes_nothing(shop, engine, recorder):
    in_transaction(engine, shop, lambda writer: (send(writer, key="order-7"), send(writer, key="order-7")))
    assert len(states(shop)) == 1
    send(shop, key="order-7", fields={"total": "other"})
    shop.work()
    send(shop, key="order-7")
    shop.work()
    assert [one.body for one in recorder.sent] == [b"5 EUR for Ada"]
    assert len(states(shop)) == 1


def test_a_key_holds_when_the_customer_has_another_address_by_then(shop):
    send(shop, key="order-7")
    send(shop, key="order-7", to={"key": "42", "email": "new@example.com"})
    assert len(states(shop)) == 1


def test_what_waits_can_be_cancelled_and_its_key_is_not_sent_again(shop, recorder):
    send(shop, key="order-7")
    assert shop.cancel(RECEIPT) == 1
    send(shop, key="order-7")
    send(shop, key="order-8")
    shop.work()
    assert len(recorder.sent) == 1
    assert states(shop) == [("42", "cancelled", ""), ("42", "accepted", "")]


def test_another_customer_has_the_same_key_of_its_own(shop):
    shop.identify("43", {"email": "bob@example.com", "name": "Bob"})
    send(shop, key="welcome")
    send(shop, key="welcome", to="43")
    assert sorted(states(shop)) == [("42", "planned", ""), ("43", "planned", "")]


def test_no_consent_is_needed_and_a_suppression_stops_it(shop, recorder):
    send(shop)
    shop.suppress("42")
    shop.work()
    assert recorder.sent == []
    assert states(shop) == [("42", "skipped", "suppressed")]


def test_a_customer_without_an_address_is_skipped(shop):
    send(shop, to="99")
    assert states(shop) == [("99", "skipped", "no_address")]


def test_the_address_that_is_named_is_the_one_it_goes_to(shop, recorder):
    send(shop, to={"key": "42", "email": "new@example.com"})
    shop.work()
    assert [one.address.value for one in recorder.sent] == ["new@example.com"]


def test_the_books_balance(shop):
    for to in ("42", "42", "98", "99"):
        send(shop, to=to)
    shop.work()
    report = shop.report(RECEIPT)
    assert (report.eligible, report.sent, report.skipped) == (4, 2, {"no_address": 2})


def test_a_message_that_waited_for_too_long_expires(shop, recorder, clock):
    send(shop, expires="1h")
    clock.turn("2h")
    shop.work()
    assert (states(shop), recorder.sent) == ([("42", "expired", "")], [])


def test_a_field_that_was_not_given_fails_this_message_alone(shop, recorder):
    send(shop, fields={})
    send(shop)
    shop.work()
    assert len(recorder.sent) == 1
    assert [(state, "message.total" in reason) for _, state, reason in states(shop)] == [
        ("failed", True),
        ("accepted", False),
    ]


def test_a_message_that_is_sent_again_says_what_it_said(shop, recorder, clock):
    recorder.answer = lambda _: (_ for _ in ()).throw(OSError("cut"))
    send(shop)
    shop.work()
    shop.identify("42", {"name": "Grace"})
    recorder.answer = type(recorder)().answer
    clock.turn("1h")
    shop.work()
    assert {one.body for one in recorder.sent} == {b"5 EUR for Ada"}


MARKETING = ["retention", "cross_sell", "up_sell", "solicitation", "survey", "newsletter"]


@pytest.mark.parametrize("purpose", MARKETING)
def test_marketing_is_a_campaign(shop, purpose):
    with pytest.raises(InvalidValue, match="campaign"):
        send(shop, purpose=purpose)


def test_service_and_transactional_share_one_run(shop):
    send(shop, purpose="service")
    send(shop)
    assert shop.campaigns() == [RECEIPT]
    assert shop.report(RECEIPT).eligible == 2


def test_an_unknown_template_is_told_at_once(shop):
    with pytest.raises(UnknownTemplate, match="reciept"):
        shop.send("reciept", to="42")
    with pytest.raises(UnknownTemplate, match="email"):
        send(shop, channel="email")


def test_in_a_hosts_transaction_it_waits_in_quarantine_and_the_others_go_on(shop, engine):
    in_transaction(engine, shop, lambda writer: (writer.send("later", to="42"), send(writer)))
    assert states(shop) == [("42", "planned", "")]
    [waiting] = shop.quarantine()
    assert (waiting.place, "later" in waiting.reason) == ("send", True)
    shop.save_template("later", "note", {"text": "hello"})
    assert shop.replay().taken == 1
    assert [one.state for one in shop.deliveries("send:later:note")] == ["planned"]


def test_where_two_channels_have_the_template_one_is_named(shop):
    with shop._opened.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO crm_template (workspace_id, id, name, channel, locale, version, parts, created_at) "
                "SELECT workspace_id, id + 1, name, 'fax', locale, version, parts, created_at FROM crm_template"
            )
        )
    with pytest.raises(InvalidValue, match="fax, note"):
        send(shop)
    send(shop, channel="note")
    with pytest.raises(UnknownPlugin, match="fax"):
        send(shop, channel="fax")


def test_no_campaign_takes_the_name_of_single_messages(shop):
    taken = Campaign(name=RECEIPT, purpose="service", audience=everyone(), channel="note", template="receipt")
    with pytest.raises(InvalidCampaign, match="send"):
        shop.launch(taken)


def test_a_run_that_stands_still_holds_its_messages_and_takes_more(shop, recorder):
    send(shop)
    shop.pause(RECEIPT)
    send(shop)
    shop.work()
    assert recorder.sent == []
    shop.resume(RECEIPT)
    send(shop)
    shop.work()
    assert len(recorder.sent) == 3


def test_the_run_stands_after_its_messages_have_gone(shop, recorder):
    for _ in range(2):
        send(shop)
        shop.work()
    assert shop.report(RECEIPT).sent == 2


def test_messages_follow_customers_that_become_one_and_go_back(shop):
    shop.identify({"anonymous": "x"})
    send(shop, to={"anonymous": "x"}, key="k")
    shop.merge({"anonymous": "x"}, "42")
    assert [key for key, _, _ in states(shop)] == ["42"]
    send(shop, key="k")
    assert len(states(shop)) == 1
    shop.unmerge({"anonymous": "x"}, "42")
    assert [key for key, _, _ in states(shop)] == [None]


def test_in_a_hosts_transaction_it_is_one_insert_and_nothing_is_read(shop, engine):
    said = []
    listening.listen(engine, "before_cursor_execute", lambda *given: said.append(given[2].split()[0]))
    with engine.begin() as connection:
        send(shop.using(connection), key="k")
        assert [one for one in said if one != "BEGIN"] == ["INSERT"]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([None, "k", "l"]), st.booleans()), max_size=8))
def test_exactly_the_committed_messages_are_there(open_crm, acts):
    crm = open_crm()
    crm.save_template("receipt", "note", {"text": "x"})
    before = Counter(key for key, _, _ in states(crm))
    engine = create_engine(crm._opened.engine.url)
    customers = {one: f"{one}-{sum(before.values())}-{hash(tuple(acts))}" for one in ("a", "b")}
    for one, key, is_kept in acts:
        in_transaction(
            engine, crm, lambda writer, one=one, key=key: send(writer, to=customers[one], key=key), keep=is_kept
        )
    engine.dispose()
    kept = [(customers[one], key) for one, key, is_kept in acts if is_kept]
    wanted = Counter(one for one, key in kept if key is None) + Counter(one for one, _ in {k for k in kept if k[1]})
    assert Counter(key for key, _, _ in states(crm)) - before == wanted


def test_two_transactions_at_once_send_to_the_same_new_customer(shop, store, engine):
    if store == "sqlite":
        pytest.skip("SQLite has one writer at a time")
    with engine.connect() as one, engine.connect() as other:
        send(shop.using(one), to={"email": "new@example.com"})
        send(shop.using(other), to={"email": "new@example.com"})
        one.commit()
        other.commit()
    assert states(shop) == [(None, "planned", "")] * 2
    with pytest.raises(UnknownCustomer):
        shop.customer("43")


def place(crm, engine, number):
    """Send in transactions of our own making; return the keys of those that were committed."""
    draw, committed = random.Random(number), []
    for _ in range(6):
        key = str(draw.randrange(40))
        keep = draw.random() < 0.6
        in_transaction(engine, crm, lambda writer, key=key: send(writer, to=str(int(key) % 4), key=key), keep=keep)
        committed += [key] if keep else []
    return committed


def test_16_threads_send_and_fold_and_each_key_that_was_committed_is_one_message(shop, engine):
    ended = threading.Event()

    def fold():
        while not ended.is_set():
            shop.work()

    with ThreadPoolExecutor(18) as pool:
        folding = [pool.submit(fold) for _ in range(2)]
        committed = {key for keys in pool.map(lambda one: place(shop, engine, one), range(16)) for key in keys}
        ended.set()
        for one in folding:
            one.result()
    assert Counter(key for key, _, _ in states(shop)) == Counter(str(int(key) % 4) for key in committed)


def test_two_who_make_the_standing_run_at_once_make_one(shop):
    with ThreadPoolExecutor(8) as pool:
        made = list(
            pool.map(
                lambda _: shop._opened.write(lambda scope: runs.standing(scope, single("receipt", "note"))), range(8)
            )
        )
    assert len(set(made)) == 1
