"""One campaign, two engines: half of the customers get the offers of one, half those of the other."""

from __future__ import annotations

from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.offers import Offers
from crmcore.model.steps import Arm, Send, Split

TEMPLATES = {
    "picks": {
        "subject": "For you",
        "text": "{% for one in offers %}{{ one.item }}\n{% endfor %}",
    }
}


def picks(first: str, second: str) -> Campaign:
    """Return the campaign that compares two engines, by their names: which they are is a setting of the host's."""
    return Campaign(
        name="picks",
        purpose="cross_sell",
        audience=everyone(),
        holdout=0.2,
        goal=Goal(event="item_ordered", within="14d"),
        steps=[
            Split(name="engine", arms=[Arm(name=first, then="by_first"), Arm(name=second, then="by_second")]),
            _send("by_first", first),
            _send("by_second", second),
        ],
    )


def _send(name: str, engine: str) -> Send:
    return Send(
        name=name,
        template="picks",
        channels="email",
        offers=Offers(engine=engine, k=3, repeat="allow"),
        then="end",
    )
