"""A person who has been everywhere, and a search for what is left of them: that erasure erases.

`plant(crm)` lets one person go by every verb: by name, e-mail, phone and devices, merged, in accounts, lists and
segments, consenting, importing, in quarantine, in campaigns by every channel there is, with receipts. After
`crm.erase(planted.customer, compact=True)` the occurrences of what was planted have to be 0.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs
from sqlalchemy import Engine, text

from crmcore.errors import CRMError
from crmcore.flow.importing.mapping import map_of
from crmcore.hooks.provider import Feedback
from crmcore.model import building
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.happens import Happens
from crmcore.model.identity import Identity, identities
from crmcore.model.money import Money
from crmcore.model.offers import Offers
from crmcore.model.steps import AddToSegment, Emit, Send, Split, Update, Wait, Webhook
from crmcore.model.steps import Arm as Way
from crmcore.model.tracking import Source
from crmcore.model.triggers import OnDate
from crmcore.store import persons

if TYPE_CHECKING:
    from crmcore.app import CRM

KEY, OTHER_KEY = "planted-key-4711", "planted-key-0815"
COOKIE, DEVICE = "planted-cookie-9b1f", "planted-device-token-77aa"
EMAIL, OTHER_EMAIL = "adaline.planted@example.com", "a.planted@example.org"
PHONE = "+4930047110815"
NAME, CITY, SAID = "Adaline Plantagenet", "Plantedshire", "Plantagenet confided a secret"
REF, MESSAGE_ID, CODES = "planted-order-31337", "planted-message-2718", "planted_codes"
FILE_NAME, FILE_CITY = "Adaline Of The File", "Plantedville"
TOLD = "Dear Adaline Plantagenet"
MARK = "planted"
#: What an address of a device, or of a service, may look like: the first that its channel takes. The keys of a browser are
#: those of RFC 8291, section 5.
ADDRESSES = (
    "planted-token-5a5a5a5a5a5a5a5a",
    "5ada4711" * 8,
    "DE.4711081547110815",
    (
        "https://push.example.com/planted BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4 "
        "BTBZMqHH6r4Tts7J_aSIgg"
    ),
)
#: What may be a template's parts, the first of them that a channel takes.
PARTS: tuple[dict[str, str], ...] = (
    {"text": "Dear {{ customer.name }}"},
    {"subject": "For {{ customer.name }}", "text": "Dear {{ customer.name }}"},
    {"title": "For {{ customer.name }}", "body": "Dear {{ customer.name }}"},
)
WORDS = (KEY, OTHER_KEY, COOKIE, DEVICE, EMAIL, OTHER_EMAIL, PHONE, NAME, CITY, SAID, REF, FILE_NAME, FILE_CITY, TOLD)


@attrs.frozen(kw_only=True)
class Planted:
    """Who was planted: what must not be found once they are erased, and the key they are known by.

    `channels` are those they were written to by.
    """

    identifiers: tuple[bytes, ...]
    customer: str
    channels: tuple[str, ...]


def plant(crm: CRM) -> Planted:
    """Let a person go everywhere in a CRM, whichever plugins it has."""
    _say(crm)
    _append(crm)
    _quarantine(crm)
    _import(crm)
    channels = tuple(_write(crm))
    crm.work()
    _hear(crm)
    crm.work()
    crm.export(KEY)
    _send(crm, channels)
    with crm._opened.reading() as scope:  # noqa: SLF001 - what the rows are called nobody says in public
        person = persons.find(scope, identities(KEY))
    assert person is not None
    numbers = [str(one).encode() for one in person.ids]
    words = [word.encode() for word in (*WORDS, *_devices(crm).values())]
    return Planted(identifiers=(*words, *numbers), customer=KEY, channels=channels)


def occurrences_in_file(path: Path, identifiers: Iterable[bytes]) -> int:
    """Return how often these stand in a SQLite file or in the files beside it, whatever for."""
    wanted = tuple(identifiers)
    files = [path, *(path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal"))]
    held = [one.read_bytes() for one in files if one.exists()]
    return sum(content.count(word) for content in held for word in wanted)


def occurrences_in_postgresql(engine: Engine, identifiers: Iterable[bytes]) -> int:
    """Return how often these stand in the tables named crm_*, or in what PostgreSQL knows of their columns."""
    wanted = [form for word in identifiers for form in (word.decode(), word.hex())]
    with engine.connect() as connection:
        return sum(row.count(word) for row in _rows(connection) for word in wanted)


def _rows(connection: Any) -> Iterator[str]:
    named = r"SELECT c.oid::regclass::text FROM pg_class c WHERE relkind = 'r' AND relname LIKE 'crm\_%'"
    for table in connection.execute(text(named)).scalars().all():
        yield from connection.execute(text(f"SELECT held::text FROM {table} AS held")).scalars()
    yield from connection.execute(text(r"SELECT s::text FROM pg_stats s WHERE tablename LIKE 'crm\_%'")).scalars()


def _devices(crm: CRM) -> dict[str, str]:
    """Return an address of each kind that some channel sends to, beside those that everybody has."""
    kinds = {kind for some in crm.registry.address_kinds.values() for kind in some} - {"email", "phone", "key"}
    fitting = {kind: [one for one in ADDRESSES if _is_valid(crm, Identity(kind, one))] for kind in sorted(kinds)}
    return {kind: forms[0] for kind, forms in fitting.items() if forms}


def _is_valid(crm: CRM, address: Identity) -> bool:
    channels = [one for one in crm.registry.channels.values() if address.kind in one.capabilities.address_kinds]
    try:
        return all(one.validate_address(address) for one in channels)
    except CRMError:
        return False


def _say(crm: CRM) -> None:
    about = {"name": NAME, "email": EMAIL, "phone": PHONE, "city": CITY, "mark": MARK, "born": date(1961, 7, 9)}
    crm.identify({"key": KEY, "device": DEVICE, **_devices(crm)}, about, tags=["planted_tag"])
    crm.identify({"anonymous": COOKIE}, {"city": CITY})
    crm.identify({"key": OTHER_KEY, "email": OTHER_EMAIL}, {"name": NAME})
    crm.merge({"anonymous": COOKIE}, KEY, reason=SAID)
    crm.merge(OTHER_KEY, KEY, force=True, reason=SAID)
    crm.merge("planted-neighbour", KEY, force=True)
    crm.unmerge("planted-neighbour", KEY, reason=SAID)
    crm.offer("planted-item", title="An item", price=Money.of(3, "EUR"))
    crm.add_coupons(CODES, [f"SAVE-{number}" for number in range(9)])
    crm.group("planted-works", customer=KEY, role="owner")
    crm.declare_source(Source(MARK))
    for name in ("order_placed", "page_viewed", "complaint_raised"):
        said = {"text": SAID, "email": EMAIL}
        crm.track(name, KEY, ref=REF, amount=Money.of(12, "EUR"), properties=said, message_id=f"{MESSAGE_ID}-{name}")
    crm.track("page_viewed", {"anonymous": COOKIE}, properties={"page": SAID})
    crm.track("order_placed", OTHER_KEY, item="planted-item")
    for purpose in ("newsletter", "retention", "service"):
        crm.consent(KEY, purpose, proof={"said": SAID, "email": EMAIL})
    crm.request_consent(KEY, "survey", proof={"said": SAID})
    crm.subscribe(KEY, "planted_topic")
    crm.suppress({"key": OTHER_KEY, "email": OTHER_EMAIL}, channel="letter")
    crm.define_segment("planted_ones", building.attribute("mark") == MARK)
    crm.define_segment("planted_buyers", building.event("order_placed").did())
    crm.upload_segment("planted_list", [KEY])


def _append(crm: CRM) -> None:
    """Let a transaction leave something to be folded."""
    with crm._opened.engine.begin() as connection:  # noqa: SLF001 - whose engine nobody else has
        crm.using(connection).track("page_viewed", KEY, properties={"page": SAID})


def _quarantine(crm: CRM) -> None:
    crm.declare_source(Source("planted_source", events={}))
    crm.track("undeclared", KEY, source="planted_source", properties={"text": SAID, "name": NAME})
    crm.track("undeclared", {"email": EMAIL}, source="planted_source", properties={"text": SAID})


def _import(crm: CRM) -> None:
    """Import a line that is taken, and one that is not."""
    mapping = {
        "kind": "customers",
        "source": "planted_file",
        "columns": {"customer": "key", "attributes": {"email": "email", "full": "full", "town": "town"}},
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "people.csv"
        lines = ["key,email,full,town", f"{KEY},{EMAIL},{FILE_NAME},{FILE_CITY}", f"{KEY},no address,{FILE_NAME},"]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        crm.import_file(path, map_of(mapping, path))


def _write(crm: CRM) -> Iterator[str]:
    """Begin campaigns by every channel that takes some template; yield those channels."""
    for channel in sorted(crm.registry.channels):
        if not any(_is_saved(crm, channel, parts) for parts in PARTS):
            continue
        try:
            crm.launch(_broadcast(channel, _offers(crm)))
            crm.launch(_way(channel))
            crm.launch(_birthday(channel))
        except CRMError:  # what its carrier needs is not set
            continue
        yield channel
        for _ in "twice":  # the second is refused
            crm.track("planted_began", KEY, ref=REF)


def _is_saved(crm: CRM, channel: str, parts: dict[str, str]) -> bool:
    try:
        crm.save_template("planted", channel, parts)
    except CRMError:
        return False
    return True


def _offers(crm: CRM) -> Offers | None:
    """Return what an engine that needs no settings has, where there is one."""
    return Offers(engine="popular", k=1, repeat="allow") if "popular" in crm.registry.recommenders else None


def _broadcast(channel: str, offers: Offers | None) -> Campaign:
    return Campaign(
        name=f"planted_{channel}",
        purpose="newsletter",
        audience="planted_ones",
        channel=channel,
        template="planted",
        goal=Goal(event="order_placed"),
        offers=offers,
    )


def _way(channel: str) -> Campaign:
    steps = (
        Split(name="half", arms=(Way(name="one"), Way(name="other"))),
        Update(name="note", attributes={"noted": "yes"}),
        Emit(name="tell", event="planted_told", properties={"by": "a step"}),
        AddToSegment(name="list", segment="planted_list"),
        Webhook(name="post", url="https://127.0.0.1:9/planted", fields={"kind": "hello"}),
        Send(name="say", template="planted", channels=channel, coupon=CODES),
        Wait(name="rest", lasting="30d"),
    )
    trigger = Happens(event="planted_began")
    name = f"planted_way_{channel}"
    return Campaign(name=name, purpose="newsletter", audience="planted_ones", trigger=trigger, steps=steps)


def _birthday(channel: str) -> Campaign:
    steps = [Send(name="say", template="planted", channels=channel)]
    trigger, name = OnDate(attribute="born"), f"planted_day_{channel}"
    return Campaign(name=name, purpose="newsletter", audience="planted_ones", trigger=trigger, steps=steps)


def _hear(crm: CRM) -> None:
    """Let carriers say what became of the messages, in words that name the person."""
    raw = f'{{"to": "{EMAIL}", "text": "{SAID}"}}'
    for campaign in crm.campaigns():
        for one in crm.deliveries(campaign) if campaign.startswith("planted") else ():
            some: dict[str, Any] = {"delivery_id": one.id, "at": crm.now(), "raw": raw}
            crm.feedback(
                [Feedback(key=f"{EMAIL}:{one.id}:{kind}", type=kind, **some) for kind in ("delivered", "opened")]
            )
    crm.feedback([Feedback(key="planted-unknown", type="bounced", at=crm.now(), address=Identity("email", EMAIL))])


def _send(crm: CRM, channels: Iterable[str]) -> None:
    """Leave messages that wait, and plugins to be told."""
    crm.track("page_viewed", KEY, ref=REF)
    for channel in channels:
        crm.send("planted", to=KEY, channel=channel, purpose="service", key=REF, fields={"said": SAID})
