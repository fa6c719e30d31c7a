"""One message over several channels: which the customer gets it by, and when the next one's turn comes."""

from __future__ import annotations

from collections.abc import Callable

import attrs
import pytest

from crmcore.model.reaching import Fallback
from tests.flow.journeys.channelling import ALL, EMAIL, FAILED, LATE, PUSH, WHATSAPP, Shop


@attrs.frozen
class Row:
    """What is known of a customer, what becomes of the first message within an hour, and what it goes by in a day."""

    says: str
    got: tuple[str, ...]
    channels: tuple[str, ...] = ALL
    addresses: tuple[str, ...] = ALL
    consents: tuple[str, ...] = ALL
    order: str = "given"
    preferred: str | None = None
    fallback: Fallback | None = None
    refusing: tuple[str, ...] = ()
    then: Callable[[Shop], object] = lambda _: None


def heard(said: str, **changes) -> Callable[[Shop], object]:
    return lambda shop: shop.hear("whatsapp", said, **changes)


def writes(shop: Shop) -> None:
    shop.crm.track("message_received", "ada", properties={"channel": "email"})


SINGLE = (
    Row("single channel", (PUSH,), channels=(PUSH,)),
    Row("single channel, no address there", (), channels=(PUSH,), addresses=(EMAIL,)),
    Row("single channel, no consent to it", (), channels=(PUSH,), consents=(EMAIL,)),
    Row("single channel, it fails", (PUSH,), channels=(PUSH,), refusing=(PUSH,)),
)
MULTI = (
    Row("the first of all that reach", (WHATSAPP,)),
    Row("the first with an address", (PUSH,), addresses=(PUSH, EMAIL)),
    Row("the first with a consent", (EMAIL,), consents=(EMAIL,)),
    Row("an address on one, a consent to the other", (), addresses=(PUSH,), consents=(EMAIL,)),
    Row("the first with both", (EMAIL,), addresses=(PUSH, EMAIL), consents=(WHATSAPP, EMAIL)),
    Row("the first fails, no fallback", (WHATSAPP,), refusing=(WHATSAPP,)),
    Row("the cheapest", (PUSH,), order="price"),
    Row("the cheapest that reaches", (EMAIL,), order="price", addresses=(WHATSAPP, EMAIL)),
    Row("the cheapest with a consent", (WHATSAPP,), order="price", consents=(WHATSAPP,)),
    Row("the one preferred", (EMAIL,), order="preference", preferred=EMAIL),
    Row("preferred, without an address", (WHATSAPP,), order="preference", preferred=PUSH, addresses=(WHATSAPP, EMAIL)),
    Row("preferred, without a consent", (PUSH,), order="preference", preferred=EMAIL, consents=(PUSH,)),
    Row("nothing preferred", (WHATSAPP,), order="preference"),
    Row("a channel preferred that is none", (WHATSAPP,), order="preference", preferred="fax"),
)
OMNI = (
    Row("the first fails", (WHATSAPP, PUSH), fallback=FAILED, refusing=(WHATSAPP,)),
    Row("the first two fail", ALL, fallback=FAILED, refusing=(WHATSAPP, PUSH)),
    Row("all fail", ALL, fallback=FAILED, refusing=ALL),
    Row("the first bounces later", (WHATSAPP, PUSH), fallback=FAILED, then=heard("bounced")),
    Row("it fails, the next has no address", (WHATSAPP, EMAIL), (WHATSAPP, PUSH, EMAIL), addresses=(WHATSAPP, EMAIL),
        fallback=FAILED, refusing=(WHATSAPP,)),
    Row("it fails, the next has no consent", (WHATSAPP, EMAIL), consents=(WHATSAPP, EMAIL), fallback=FAILED,
        refusing=(WHATSAPP,)),
    Row("no reaction, only failures count", (WHATSAPP,), fallback=FAILED),
    Row("no reaction", ALL, fallback=LATE),
    Row("delivered and no more", ALL, fallback=LATE, then=heard("delivered")),
    Row("delivered, which is enough", (WHATSAPP,), fallback=Fallback(after="2h", unless="delivered"), then=heard("delivered")),
    Row("read", (WHATSAPP,), fallback=LATE, then=heard("read")),
    Row("opened", (WHATSAPP,), fallback=LATE, then=heard("opened")),
    Row("opened by a machine", ALL, fallback=LATE, then=heard("opened", machine=True)),
    Row("clicked", (WHATSAPP,), fallback=LATE, then=heard("clicked")),
    Row("read, not clicked", ALL, fallback=Fallback(after="2h", unless="clicked"), then=heard("read")),
    Row("replied to", (WHATSAPP,), fallback=Fallback(after="2h", unless="clicked"), then=heard("replied")),
    Row("answered on another channel", (WHATSAPP,), fallback=LATE, then=writes),
    Row("answered, then it bounces", (WHATSAPP,), fallback=FAILED, then=lambda shop: (writes(shop), shop.hear(WHATSAPP, "bounced"))),
    Row("no reaction, cheapest first", (PUSH, EMAIL, WHATSAPP), order="price", fallback=LATE),
    Row("no reaction, preferred first", (EMAIL, WHATSAPP, PUSH), order="preference", preferred=EMAIL, fallback=LATE),
    Row("suppressed after the first", (WHATSAPP,), fallback=LATE, then=lambda shop: shop.crm.suppress("ada")),
)  # fmt: skip
TABLE = {
    f"{kind}: {row.says}": row for kind, rows in (("single", SINGLE), ("multi", MULTI), ("omni", OMNI)) for row in rows
}


@pytest.mark.parametrize("name", TABLE)
def test_a_message_goes_by_these_channels(shop, name):
    row = TABLE[name]
    preferred = {} if row.preferred is None else {"preferred_channel": row.preferred}
    shop.customer("ada", row.addresses, row.consents, **preferred)
    shop.refuse(*row.refusing)
    shop.launch(channels=row.channels, order=row.order, fallback=row.fallback)
    shop.pass_time()
    shop.clock.turn("1h")
    row.then(shop)
    shop.pass_time(*["1h"] * 10)
    assert shop.channels == row.got
    report = shop.crm.report("journey")
    assert report.eligible == 1
    assert (
        report.sent + report.waiting + report.in_doubt + sum(report.failed.values()) + sum(report.skipped.values()) == 1
    )
