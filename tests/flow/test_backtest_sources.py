"""What any store holds of the past is played: the copy it is played on is the same."""

from __future__ import annotations

from crmcore.model.building import account, in_segment, subscribed
from tests.flow.journeys.travelling import journey, people, send, templates, wait

HOUR = 3_600_000_000
DAY = 24 * HOUR


def test_accounts_lists_wishes_and_suppressions_count_as_they_were(crm, clock):
    shop = crm
    templates(shop, "hello", "tips")
    people(shop, "ada", "bob")
    began = shop.now()
    shop.group("firm", attributes={"tier": "gold"}, customer="ada")
    shop.upload_segment("listed", ["ada"])
    clock.turn("1d")
    shop.subscribe("ada", "news")
    clock.turn("1d")
    shop.suppress("ada", reason="manual")
    clock.turn("9d")
    everything = (account("tier") == "gold") & in_segment("listed") & subscribed("news")
    found = shop.backtest(journey(send("hello"), wait("12h"), send("tips"), audience=everything), began + DAY + HOUR)
    assert [(one.customer, one.step, one.reason) for one in found.messages] == [
        ("ada", "hello", ""),
        ("ada", "tips", ""),
    ]
    later = shop.backtest(journey(wait("2d"), send("hello"), audience=everything), began + DAY + HOUR)
    assert [one.reason for one in later.messages] == ["suppressed"]
