"""An offer that is for a purpose is in messages of that purpose alone."""

from __future__ import annotations

import pytest

import crm_recommend
from crmcore import CRM
from crmcore.errors import InvalidName
from crmcore.loader import installed
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.model.offers import Offers
from crmcore.testing.fakes import Recorder


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def shop(new_database, recorder, clock):
    plugins = {"recorder": recorder, "crm_recommend": crm_recommend}
    with CRM(new_database("shop.db"), clock=clock, plugins=plugins, blocked=installed()) as crm:
        crm.offer("plan", title="the larger plan", purpose="up_sell")
        crm.offer("tea", title="tea")
        crm.identify("ada", {"email": "ada@example.com"})
        crm.track("item_ordered", "bob", item="plan", quantity=1)
        crm.track("item_ordered", "bob", item="tea", quantity=1)
        for purpose in ("up_sell", "cross_sell"):
            crm.consent("ada", purpose)
        crm.save_template("hello", "note", {"text": "{% for one in offers %}[{{ one.title }}]{% endfor %}"})
        yield crm


@pytest.mark.parametrize(("purpose", "shown"), [("up_sell", {b"tea", b"the larger plan"}), ("cross_sell", {b"tea"})])
def test_only_messages_of_its_purpose_show_it(shop, recorder, purpose, shown):
    offers = Offers(engine="popular", k=2, repeat="allow")
    shop.launch(
        Campaign(name="c", purpose=purpose, audience=everyone(), channel="note", template="hello", offers=offers)
    )
    shop.work()
    assert set(recorder.sent[0].body.strip(b"[]").split(b"][")) == shown


def test_a_purpose_is_one_of_the_list(shop):
    with pytest.raises(InvalidName, match=r"offer\.purpose"):
        shop.offer("plan", purpose="upsell")
