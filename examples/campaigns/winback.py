"""Customers who have not ordered for ninety days, found by time alone; by push, else by e-mail."""

from crmcore.model.building import event, in_segment
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.happens import entered
from crmcore.model.steps import Branch, Send, Wait
from crmcore.model.triggers import Reentry

#: Nobody has to write anything for a customer to become dormant: time does it.
DORMANT = event("order_placed").last().older_than("90d")
WINBACK = Campaign(
    name="winback",
    purpose="retention",
    audience=in_segment("dormant"),
    trigger=entered("dormant"),
    reentry=Reentry(when="every", gap="180d"),
    exits=["order_placed"],
    goal=Goal(event="order_placed", within="30d"),
    holdout=0.1,
    steps=[
        Send(name="we_miss_you", template="we_miss_you", channels=["push", "email"]),
        Wait(name="a_week", lasting="7d"),
        Branch(name="still_away", condition=event("app_opened").did_not(within="7d"), otherwise="end"),
        Send(name="an_offer", template="an_offer", channels=["push", "email"]),
    ],
)
TEMPLATES = {
    "we_miss_you": {"subject": "Still there?", "text": "It has been a while, {{ customer.name }}."},
    "an_offer": {"subject": "For you", "text": "Something for you, {{ customer.name }}."},
}
