"""A year of a shop with five campaigns, on a clock that is turned: what `journeys.year` measures.

A welcome in three messages, carts that were left, customers dormant by time alone, birthdays, and news each quarter: with
10,000 customers, 95,000 events and some 70,000 messages, each rendered, judged by the gates and kept to be read.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import attrs

from crmcore.model.building import event, everyone, field, in_segment
from crmcore.model.campaign import Campaign
from crmcore.model.happens import Happens, entered
from crmcore.model.steps import Branch, Send, Wait
from crmcore.model.triggers import OnDate, OnSchedule, Reentry
from crmcore.testing.simulation import Simulation

DAYS, ORDERS, CARTS = 365, 4, 3
TEMPLATES = ("hello", "tips", "favourites", "cart", "miss", "offer", "birthday", "news")


def mail(name: str) -> Send:
    """Return the step that sends a template by e-mail."""
    return Send(name=name, template=name, channels="email")


def campaign(name: str, **given: Any) -> Campaign:
    return Campaign(**{"name": name, "purpose": "retention", "audience": everyone(), **given})


CAMPAIGNS = (
    campaign(
        "welcome",
        trigger="signed_up",
        exits=["order_placed"],
        steps=[
            mail("hello"),
            Wait(name="w3", lasting="3d"),
            mail("tips"),
            Wait(name="w4", lasting="4d"),
            mail("favourites"),
        ],
    ),
    campaign(
        "cart",
        trigger=Happens(event="cart_updated", where=[field("items") > 0], key="ref"),
        policy="restart",
        exits=[Happens(event="order_placed", key="cart")],
        steps=[Wait(name="hour", lasting="1h"), mail("cart")],
    ),
    campaign(
        "winback",
        audience=in_segment("dormant"),
        trigger=entered("dormant"),
        reentry=Reentry(when="every", gap="180d"),
        exits=["order_placed"],
        steps=[
            mail("miss"),
            Wait(name="week", lasting="7d"),
            Branch(name="away", condition=event("order_placed").did_not(within="7d"), otherwise="end"),
            mail("offer"),
        ],
    ),
    campaign("birthday", trigger=OnDate(attribute="birth_date"), steps=[mail("birthday")]),
    campaign("news", trigger=OnSchedule(cron="0 9 1 */3 *"), reentry=Reentry(when="every"), steps=[mail("news")]),
)


@attrs.frozen(kw_only=True)
class Lived:
    """What came of a year: how many events, and how many messages that went."""

    events: int
    sent: int


def live(path: Path, customers: int, seed: int = 1) -> Lived:
    """Let a year pass: customers sign up, fill carts and order day by day, and are written to."""
    drawn = random.Random(seed)
    with Simulation(path, seed=seed) as crm:
        for name in TEMPLATES:
            crm.save_template(name, "email", {"subject": name, "text": "Hello {{ customer.name }}"})
        crm.define_segment("dormant", event("order_placed").last().older_than("90d"))
        for one in CAMPAIGNS:
            crm.launch(one)
        signing = [[] for _ in range(DAYS)]
        days = list(happening(drawn, customers, signing))
        events = sent = 0
        for who, happened in zip(signing, days, strict=True):
            crm.identify_many(joined(drawn, one) for one in who)
            crm.consent_many({"customer": f"c{one}", "purpose": "retention"} for one in who)
            events += crm.track_many(happened).new
            sent += crm.turn("1d").sent
    return Lived(events=events, sent=sent)


def joined(drawn: random.Random, one: int) -> dict[str, Any]:
    born = date(1950, 1, 1) + timedelta(days=drawn.randrange(20_000))
    return {
        "customer": f"c{one}",
        "attributes": {"email": f"c{one}@example.com", "name": f"C{one}", "birth_date": born},
    }


def happening(drawn: random.Random, customers: int, signing: list[list[int]]) -> Iterator[list[dict[str, Any]]]:
    """Yield what happens on each day; `signing` takes who signs up."""
    days: list[list[dict[str, Any]]] = [[] for _ in range(DAYS)]
    for one in range(customers):
        first = drawn.randrange(DAYS)
        signing[first].append(one)
        days[first].append({"name": "signed_up", "customer": f"c{one}"})
        for number in range(CARTS):
            day, ref = drawn.randrange(first, DAYS), f"cart-{one}-{number}"
            cart = {"name": "cart_updated", "customer": f"c{one}", "ref": ref, "properties": {"items": 2}}
            days[day].append(cart)
            if drawn.random() < 0.5:
                days[day].append({"name": "order_placed", "customer": f"c{one}", "properties": {"cart": ref}})
        for _ in range(ORDERS):
            days[drawn.randrange(first, DAYS)].append({"name": "order_placed", "customer": f"c{one}"})
    yield from days
