"""A dry run on what is really there: it says who would be told what and when, and leaves everything as it was."""

from __future__ import annotations

import tempfile

import pytest
from sqlalchemy import create_engine, select

from crmcore.errors import UndefinedField
from crmcore.model.building import event, tag
from crmcore.model.happens import entered
from crmcore.model.steps import Branch, Webhook
from crmcore.model.triggers import Reentry
from crmcore.store.schema import metadata
from tests.flow.journeys.travelling import journey, people, send, templates, wait

DAY = 86_400_000_000


@pytest.fixture
def shop(crm):
    """Three customers; cyd has said nothing of messages."""
    people(crm, "ada", "bob")
    crm.identify("cyd", {"email": "cyd@example.com"})
    templates(crm, "hello", "tips")
    return crm


def everything(crm):
    """All rows of all tables."""
    with crm._opened.engine.connect() as connection:
        return {name: sorted(map(repr, connection.execute(select(table)))) for name, table in metadata.tables.items()}


def told(found, began):
    return [((one.at - began) // DAY, one.customer, one.step, one.text or one.reason) for one in found.messages]


DRIP = journey(send("hello"), wait("3d"), send("tips"))


def test_it_says_who_would_be_told_what_and_when(shop):
    found = shop.simulate(DRIP)
    assert told(found, shop.now()) == [
        (0, "ada", "hello", "hello ada"),
        (0, "bob", "hello", "hello bob"),
        (0, "cyd", "hello", "no_consent"),
        (3, "ada", "tips", "tips ada"),
        (3, "bob", "tips", "tips bob"),
        (3, "cyd", "tips", "no_consent"),
    ]


def test_it_counts_what_would_come_of_it(shop):
    found = shop.simulate(DRIP, days=7)
    assert (found.campaign, found.audience, found.entered, found.sent, found.skipped) == (
        "journey",
        3,
        3,
        4,
        {"no_consent": 2},
    )
    assert (found.since, found.until) == (shop.now(), shop.now() + 7 * DAY)


def test_nothing_is_sent_and_nothing_changes(shop, recorder):
    shop.launch(journey(send("hello"), name="other"))
    before = everything(shop)
    assert shop.simulate(DRIP).sent == 4
    assert recorder.sent == []
    assert everything(shop) == before


def test_a_run_that_lets_in_again_by_itself_makes_way(shop):
    again = journey(send("hello"), reentry=Reentry(when="interval", gap="30d"))
    shop.launch(again)
    assert shop.simulate(again, days=31).sent == 4


def test_webhooks_are_kept_back(shop, monkeypatch):
    monkeypatch.setattr("crmcore.flow.calling.post", lambda *_: pytest.fail("it was posted"))
    assert shop.simulate(journey(Webhook(name="tell", url="https://shop.example/hook"), send("hello"))).sent == 2


def test_what_a_host_has_committed_counts_and_is_folded_in_the_copy_alone(shop, new_database):
    engine = create_engine(new_database("crm.db").replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        shop.using(connection).identify("ada", {}, tags=["vip"])
    engine.dispose()
    before = everything(shop)
    assert [one.customer for one in shop.simulate(journey(send("hello"), audience=tag("vip"))).messages] == ["ada"]
    assert everything(shop) == before


def test_what_has_happened_decides_and_so_does_what_time_alone_will_change(shop):
    shop.track("order_placed", "ada")
    shop.define_segment("dormant", event("order_placed").did() & ~event("order_placed").did(within="10d"))
    bought = Branch(name="bought", condition=event("order_placed").did(within="30d"), then="tips", otherwise="end")
    found = shop.simulate(journey(bought, send("tips"), trigger=entered("dormant")))
    assert told(found, shop.now()) == [(10, "ada", "tips", "tips ada")]


def test_messages_that_other_campaigns_send_meanwhile_use_up_caps(shop):
    shop.settings.tables["policy"] = {"caps": [{"count": 1, "per": "7d", "then": "skip"}]}
    shop.launch(journey(send("hello"), name="other", priority=5))
    shop.work()
    found = shop.simulate(journey(send("tips")))
    assert (found.sent, found.capped) == (0, 2)


def test_those_held_out_are_the_ones_who_will_be(shop):
    campaign = journey(send("hello"), holdout=0.5)
    people(shop, *map(str, range(20)))
    would = {one.customer for one in shop.simulate(campaign, seed=4).messages if one.reason == "holdout"}
    shop.launch(campaign, seed=4)
    shop.work()
    assert would == {one.key for one in shop.deliveries("journey", "skipped") if one.reason == "holdout"} != set()


def test_a_campaign_that_runs_is_tried_as_it_is_to_be(shop):
    shop.launch(journey(send("hello"), trigger="signed_up"))
    found = shop.simulate(journey(send("tips")))
    assert found.sent == 2
    assert [one.state for one in shop.runs()] == ["running"]


def test_only_the_first_messages_have_their_words(shop):
    found = shop.simulate(DRIP, shown=1)
    assert [one.text for one in found.messages if one.is_sent] == ["hello ada", "", "", ""]


def test_what_no_launch_would_take_is_refused(shop):
    shop.save_template("lacking", "note", {"text": "{{ customer.nickname }}"})
    with pytest.raises(UndefinedField):
        shop.simulate(journey(send("lacking")))


def test_other_workspaces_are_no_part_of_it(shop, new_database, recorder):
    from crmcore import CRM

    plugins = {"recorder": recorder}
    with CRM(new_database("crm.db"), workspace="other", clock=shop._opened.clock, plugins=plugins) as other:
        people(other, "zoe")
    assert {one.customer for one in shop.simulate(DRIP).messages} == {"ada", "bob", "cyd"}


def test_the_copy_is_gone_afterwards_whatever_happens(shop, monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    seen = []

    def interrupt(done, total):
        seen.append(list((tmp_path / "tmp").iterdir()))
        if done >= total - 27:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shop.simulate(DRIP, progress=interrupt)
    assert all(seen)
    assert list((tmp_path / "tmp").iterdir()) == []
