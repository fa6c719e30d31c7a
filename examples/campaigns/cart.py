"""Carts that were left: each cart has a way of its own, and its clock begins anew whenever it changes.

What ends a way is looked at when a message goes, not when it was planned: nobody who has bought the cart, or emptied it,
is reminded of it.
"""

from crmcore.model.building import everyone, field
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.happens import Happens
from crmcore.model.steps import Send, Wait
from crmcore.model.triggers import Reentry

CART = Campaign(
    name="cart",
    purpose="retention",
    audience=everyone(),
    trigger=Happens(event="cart_updated", where=[field("items") > 0], key="ref"),
    policy="restart",
    reentry=Reentry(when="every"),
    exits=[
        Happens(event="order_placed", key="cart"),
        Happens(event="cart_updated", where={"items": 0}, key="ref"),
    ],
    goal=Goal(event="order_placed", within="3d"),
    steps=[
        Wait(name="an_hour", lasting="1h"),
        Send(name="reminder", template="cart_reminder", channels="email"),
        Wait(name="a_day", lasting="1d"),
        Send(name="last_call", template="cart_last_call", channels="email"),
    ],
)
TEMPLATES = {
    "cart_reminder": {"subject": "Your cart", "text": "It is still there, {{ customer.name }}."},
    "cart_last_call": {"subject": "Your cart", "text": "We keep it until tonight, {{ customer.name }}."},
}
