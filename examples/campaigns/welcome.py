"""A welcome in three messages: at once, after three days, after a week; whoever orders needs no more of them."""

from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.steps import Send, Wait

WELCOME = Campaign(
    name="welcome",
    purpose="retention",
    audience=everyone(),
    trigger="signed_up",
    exits=["order_placed"],
    goal=Goal(event="order_placed", within="14d"),
    steps=[
        Send(name="hello", template="hello", channels="email"),
        Wait(name="until_day_3", lasting="3d"),
        Send(name="tips", template="tips", channels="email"),
        Wait(name="until_day_7", lasting="4d"),
        Send(name="favourites", template="favourites", channels="email"),
    ],
)
TEMPLATES = {
    "hello": {"subject": "Welcome", "text": "Good to have you, {{ customer.name }}."},
    "tips": {"subject": "Three tips", "text": "How others use it, {{ customer.name }}."},
    "favourites": {"subject": "Favourites", "text": "What others like, {{ customer.name }}."},
}
