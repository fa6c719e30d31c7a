"""What the data set does not hold, made up from a seed: names, addresses, consents, and how customers react."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Any

from crmcore.hooks.provider import Feedback
from crmcore.model.time import DAY, HOUR
from crmcore.store.deliveries import DeliveryView

NAMES = [
    "Ada",
    "Ben",
    "Citra",
    "Dewi",
    "Edo",
    "Farah",
    "Gita",
    "Hadi",
    "Indra",
    "Joko",
    "Kirana",
    "Lina",
    "Maya",
    "Nadia",
    "Omar",
    "Putri",
    "Raka",
    "Sari",
    "Tono",
    "Wira",
]
CONSENTING, SUPPRESSED = 0.9, 0.01
OPENING, CLICKING = 0.42, 0.28
#: How likely an order within the fortnight is: with a message, after a click, and without.
ORDERING, ORDERING_CLICKED, ORDERING_ALONE = 0.11, 0.25, 0.07


def draw_for(seed: int, key: str, what: str) -> random.Random:
    """Return a source of chance for one customer and one question, the same on every run."""
    return random.Random(f"{seed}:{what}:{key}")  # noqa: S311 - a simulation


def people(keys: Sequence[str], seed: int) -> Iterator[dict[str, Any]]:
    """Yield an address and a first name for each customer."""
    for key in keys:
        name = draw_for(seed, key, "name").choice(NAMES)
        yield {"customer": key, "attributes": {"email": f"customer-{key}@example.com", "name": name}}


def consents(keys: Sequence[str], seed: int) -> Iterator[dict[str, Any]]:
    """Yield the consent of those who gave it."""
    for key in keys:
        if draw_for(seed, key, "consent").random() < CONSENTING:
            yield {"customer": key, "purpose": "retention", "channel": "email", "proof": {"made_up": True}}


def suppressions(keys: Sequence[str], seed: int) -> Iterator[dict[str, Any]]:
    """Yield the few who must never be contacted."""
    for key in keys:
        if draw_for(seed, key, "suppressed").random() < SUPPRESSED:
            yield {"customer": key, "reason": "complaint"}


def reactions(sent: Sequence[DeliveryView], seed: int, at: int) -> Iterator[Feedback]:
    """Yield opens and clicks."""
    for one in sent:
        draw = draw_for(seed, f"{one.key}", "reaction")
        opened = at + draw.randrange(DAY)
        if draw.random() < OPENING:
            yield Feedback(key=f"open-{one.id}", type="opened", at=opened, delivery_id=one.id)
            if draw.random() < CLICKING:
                yield Feedback(key=f"click-{one.id}", type="clicked", at=opened + HOUR, delivery_id=one.id)


def orders(deliveries: Sequence[DeliveryView], seed: int, at: int) -> Iterator[dict[str, Any]]:
    """Yield orders within a fortnight: of those who got a message, and of those who were held out."""
    for one in deliveries:
        draw = draw_for(seed, f"{one.key}", "reaction")
        draw.randrange(DAY)
        clicked = draw.random() < OPENING and draw.random() < CLICKING
        likely = ORDERING_ALONE if one.held_out else (ORDERING_CLICKED if clicked else ORDERING)
        chance = draw_for(seed, f"{one.key}", "order")
        if chance.random() < likely:
            yield {
                "name": "order_placed",
                "customer": one.key,
                "at": at + DAY + chance.randrange(12 * DAY),
                "amount": chance.randrange(500, 20_000),
                "currency": "GBP",
                "ref": f"simulated-{one.id}",
                "source": "simulated",
            }
