"""Laws of messages over several channels, whatever customers and carriers do: books balance, nothing comes twice, a reply ends it."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Sequence
from tempfile import TemporaryDirectory
from typing import Any

import attrs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.hooks.provider import Accepted, InDoubt, Permanent
from crmcore.model.reaching import Fallback, Order, Reaction, words_of
from crmcore.testing.clock import TurnedClock
from tests.conftest import NOON
from tests.flow.journeys.channelling import ALL, Shop

laws = settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
KEYS = ("ada", "bob")
ANSWERS = {
    "takes": lambda message: Accepted(delivery_id=message.delivery_id),
    "refuses": lambda message: Permanent(delivery_id=message.delivery_id, fault="content", code="550"),
    "is silent": lambda message: InDoubt(delivery_id=message.delivery_id, evidence="cut"),
}
SAID = ("delivered", "read", "opened", "clicked", "bounced", "failed", "replied")
channels, keys = st.sampled_from(ALL), st.sampled_from(KEYS)
subsets = st.lists(channels, unique=True).map(tuple)
acts = st.one_of(
    st.tuples(st.just("turn"), st.sampled_from(("30m", "1h", "5h"))),
    st.tuples(st.just("hear"), channels, st.sampled_from(SAID)),
    st.tuples(st.just("write"), keys),
    st.tuples(st.just("answer"), channels, st.sampled_from(tuple(ANSWERS))),
    st.tuples(st.just("withdraw"), keys, channels),
    st.tuples(st.just("prefer"), keys, channels),
    st.tuples(st.just("retry")),
)
people = st.fixed_dictionaries(
    {key: st.fixed_dictionaries({"addresses": subsets, "consents": subsets}) for key in KEYS}
)
fallbacks = st.builds(Fallback, after=st.sampled_from(("", "1h")), unless=st.sampled_from(words_of(Reaction)))


@attrs.define
class Played:
    """A shop, what its carriers took over (and lost) by customer and channel, and who has answered after how many."""

    shop: Shop
    taken: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    lost: Counter[tuple[str, str]] = attrs.field(factory=Counter)
    answered: dict[str, int] = attrs.field(factory=dict)

    def __attrs_post_init__(self) -> None:
        for name in ALL:
            self.answer(name, "takes")

    def answer(self, channel: str, how: str) -> None:
        def answer(message: Any) -> Any:
            if how != "refuses":
                self.taken[message.body.decode().split()[1], channel] += 1
            return ANSWERS[how](message)

        self.shop.carriers[channel].answer = answer

    def hear(self, channel: str, said: str) -> None:
        if not (sent := self.shop.carriers[channel].sent):
            return
        before = self.failed(sent[-1].delivery_id)
        self.shop.hear(channel, said)
        key = sent[-1].body.decode().split()[1]
        self.lost[key, channel] += self.failed(sent[-1].delivery_id) - before
        if said == "replied":
            self.note(key)

    def failed(self, delivery_id: int) -> bool:
        return any(one.id == delivery_id and one.state == "failed" for one in self.shop.crm.deliveries("journey"))

    def write(self, key: str) -> None:
        self.shop.crm.track("message_received", key, properties={"channel": "email"})
        if any(key in one for one in self.shop.got):
            self.note(key)

    def note(self, key: str) -> None:
        self.answered.setdefault(key, self.count(key))

    def count(self, key: str) -> int:
        return sum(count for (one, _), count in self.taken.items() if one == key)

    def withdraw(self, key: str, channel: str) -> None:
        self.shop.crm.consent(key, "retention", channel=channel, granted=False)

    def prefer(self, key: str, channel: str) -> None:
        self.shop.crm.identify(key, {"preferred_channel": channel})

    def retry(self) -> None:
        """What is tried again by hand may go to whoever has answered before."""
        self.answered.clear()
        self.shop.crm.retry("journey")

    def turn(self, by: str) -> None:
        self.shop.clock.turn(by)


def check(played: Played) -> None:
    report = played.shop.crm.report("journey")
    failed, skipped = sum(report.failed.values()), sum(report.skipped.values())
    assert report.eligible == len(KEYS) == report.sent + report.waiting + report.in_doubt + failed + skipped
    assert all(played.taken[one] - played.lost[one] <= 1 for one in played.taken)
    assert {key: played.count(key) for key in played.answered} == played.answered


@laws
@given(order=st.sampled_from(words_of(Order)), fallback=fallbacks, who=people, script=st.lists(acts, max_size=12))
def test_books_balance_nothing_comes_twice_and_a_reply_ends_it(
    empty_database, order: str, fallback: Fallback, who: dict[str, Any], script: Sequence[tuple[str, ...]]
):
    with TemporaryDirectory() as folder:
        url = f"sqlite:///{shutil.copy(empty_database, folder)}"
        shop = Shop(url, TurnedClock(NOON))
        with shop.crm:
            played = Played(shop)
            for key, known in who.items():
                shop.customer(key, **known)
            shop.launch(order=order, fallback=fallback)
            for act, *given_ in (("turn", "30m"), *script, *[("turn", "1h")] * 4):
                getattr(played, act)(*given_)
                shop.crm.work()
                check(played)
