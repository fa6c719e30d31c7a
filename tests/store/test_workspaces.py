"""Two workspaces in one database: whatever is said in one, the other neither changes nor shows."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, create_engine, select

from crmcore import CRM
from crmcore.errors import CRMError, WorkspaceUnguarded
from crmcore.flow import links
from crmcore.flow.importing.mapping import map_of
from crmcore.flow.links import Link
from crmcore.hooks.provider import Feedback, RawRequest
from crmcore.loader import installed
from crmcore.model.building import attribute, event, everyone
from crmcore.model.campaign import Campaign
from crmcore.model.happens import Happens
from crmcore.model.money import Money
from crmcore.model.steps import AddToSegment, Branch, Emit, Send, Update, Wait
from crmcore.model.tracking import Source
from crmcore.segment import Segment
from crmcore.store import schema
from crmcore.store.isolation import tables
from crmcore.testing.fakes import Notes
from crmcore.testing.postbox import Postbox, posted
from tests.conftest import NOON

#: What only the data of one workspace hold; everything else, keys and names, is the same in both.
MINE, THEIRS = "alpha", "zulu"
NUMBERS = count()
WHO = [{"key": "1"}, {"key": "2"}, {"email": "1@example.com"}, {"email": "2@example.com", "anonymous": "cookie"}]
COLUMNS = ("customer", "ref", "item", "quantity", "price", "at")
ORDERED = map_of(
    {
        "kind": "orders",
        "source": "shop",
        "currency": "EUR",
        "formats": {"at": "epoch"},
        "columns": dict(zip(COLUMNS, COLUMNS, strict=True)),
    },
    Path("orders.toml"),
)


@attrs.frozen(kw_only=True)
class Turn:
    """One draw: a customer and another, a number, the ids of the other workspace, and where files go."""

    who: dict[str, str]
    other: dict[str, str]
    number: int
    ids: Ids
    folder: Path

    def file(self, word: str) -> Path:
        path = self.folder / "orders.csv"
        lines = [f"1,order-{word},{word},1,1.50,100000000", f"2,order-{self.number},item,{word},1.50,100000000"]
        path.write_text("\n".join([",".join(COLUMNS), *lines]))
        return path


@attrs.frozen(kw_only=True)
class Ids:
    """Ids and tokens of a workspace that somebody in another might come to know."""

    import_id: int
    confirmation: str
    deliveries: tuple[int, ...]
    tokens: tuple[str, ...]


def campaign(**given: Any) -> Campaign:
    return Campaign(name="c", purpose="service", audience=everyone(), channel="note", template="hello", **given)


def way(number: int) -> Campaign:
    """A campaign of steps: of a page that is seen something is said a day later, and done at once."""
    steps = (
        Update(name="note", attributes={"seen": number}),
        Emit(name="tell", event="told"),
        AddToSegment(name="list", segment="uploaded"),
        Branch(name="ask", condition=event("page_viewed").did(), otherwise="end"),
        Wait(name="rest", lasting="1d"),
        Send(name="say", template="hello", channels="note"),
    )
    return Campaign(
        name="way",
        purpose="service",
        audience=everyone(),
        trigger=Happens(event="page_viewed"),
        exits=["seen"],
        steps=steps,
        priority=number,
    )


def begun(crm: CRM, word: str, folder: Path) -> Ids:
    """Fill a workspace: the same keys and names as any other, with a word of its own in every value."""
    for number in ("1", "2"):
        crm.identify({"key": number, "email": f"{number}@example.com"}, {"city": word}, tags=[word])
        crm.track("page_viewed", number, properties={"page": word}, message_id=f"m-{number}")
        crm.consent(number, "retention", proof={"form": word})
        crm.subscribe(number, "news")
        crm.subscribe(number, word)
    crm.identify({"anonymous": "cookie"}, {"city": word})
    crm.group("firm", name=word, attributes={"branch": word}, customer="1", role=word)
    crm.group(word, customer="2")
    crm.merge({"key": "1"}, {"key": "3"}, force=True, reason=word)
    crm.suppress({"key": "4", "phone": "+4912345"}, reason="manual")
    crm.offer("item", title=word, price=Money(100, "EUR"), attributes={"colour": word})
    crm.define_segment(word, attribute("city") == word)
    crm.upload_segment("uploaded", ["2"])
    crm.define_segment("s", attribute("city") == word)
    crm.declare_source(Source("web", events={}))
    crm.declare_source(Source(word))
    crm.track("seen", "1", source="web", properties={"page": word}, message_id="q")
    crm.save_template("hello", "note", {"text": word})
    crm.launch(campaign())
    crm.launch(way(0))
    for _ in "two":
        crm.enter("way", "2")
    crm.track("page_viewed", "1", properties={"page": word})
    crm.work()
    turn = Turn(who=WHO[0], other=WHO[1], number=0, ids=None, folder=folder)
    imported = crm.import_file(turn.file(word), ORDERED)
    crm.launch(campaign())
    deliveries = tuple(one.id for one in crm.deliveries("c"))
    workspace = crm._opened.workspace
    made = [Link(kind="unsubscribe", workspace_id=workspace.id, row_id=one) for one in deliveries]
    tokens = tuple(links.token(one, workspace.secret) for one in made)
    asked = crm.request_consent("1", "newsletter", proof={"form": word})
    crm.send("hello", to="1", key="k", fields={"page": word})
    return Ids(import_id=imported.id, confirmation=asked, deliveries=deliveries, tokens=tokens)


def exported(crm: CRM, turn: Turn) -> str:
    kind = ("customers", "events", "deliveries")[turn.number % 3]
    crm.export_file(kind, turn.folder / "out.csv")
    return (turn.folder / "out.csv").read_text()


def said_of(crm: CRM, turn: Turn) -> list[Feedback]:
    kinds = ("delivered", "bounced", "complained", "opened", "read")
    some = {"type": kinds[turn.number % len(kinds)], "at": crm.now()}
    by_id = [Feedback(key=f"k{one}", delivery_id=one, **some) for one in turn.ids.deliveries]
    return by_id + [Feedback(key=f"p{one}", provider_id=f"p-{one}", **some) for one in turn.ids.deliveries]


def settled(crm: CRM, turn: Turn) -> list[str]:
    return [foreign(lambda: crm.settle(one, "again", MINE)).replace(str(one), "") for one in turn.ids.deliveries]  # noqa: B023


def told(crm: CRM, turn: Turn) -> None:
    """Feedback on what is another's is none."""
    for provider in ("recorder", "host"):
        assert crm.feedback(said_of(crm, turn), provider) == 0


def webhook(crm: CRM, turn: Turn) -> RawRequest:
    """Everything a webhook may hold, some of it about what is another's."""
    at, address = crm.now() + turn.number, ["phone", f"+{turn.number}"]
    named = {"key": f"w{turn.number}", "at": at}
    return posted(
        feedback=[named | {"type": "read", "delivery_id": one} for one in turn.ids.deliveries],
        inbound=[
            named | {"identities": [address], "text": MINE, "reply_to": f"p-{one}"} for one in turn.ids.deliveries
        ],
        choices=[named | {"addresses": [address], "wanted": turn.number % 2 == 0}],
        addresses=[named | {"old": address, "new": [["phone", f"+1{turn.number}"]]}],
        templates=[named | {"name": MINE, "may_be_sent": turn.number % 2 == 0}],
    )


def foreign(act: Callable[[], Any]) -> str:
    """What is another's is refused, as what does not exist is."""
    with pytest.raises(CRMError) as refused:
        act()
    return str(refused.value)


def inside(crm: CRM, turn: Turn) -> None:
    with crm._opened.engine.begin() as connection:
        writer = crm.using(connection)
        writer.track("page_viewed", turn.who, properties={"page": MINE}, message_id="m-1")
        writer.consent(turn.who, "retention", granted=turn.number % 2 == 0)
        writer.suppress(turn.other)


Driven = Callable[[CRM, Turn], Any]
VERBS: dict[str, Driven] = {
    "identify": lambda crm, it: crm.identify(it.who | it.other, {"city": MINE, "age": it.number}, untags=[MINE]),
    "group": lambda crm, it: crm.group("firm", customer=it.who, member=it.number % 2 == 0, attributes={"branch": MINE}),
    "track": lambda crm, it: crm.track("page_viewed", it.who, properties={"page": MINE}, message_id=f"m-{it.number}"),
    "merge": lambda crm, it: crm.merge(it.who, it.other, force=True),
    "unmerge": lambda crm, it: crm.unmerge(it.who, it.other),
    "consent": lambda crm, it: crm.consent(it.who, "retention", granted=it.number % 2 == 0),
    "subscribe": lambda crm, it: crm.subscribe(it.who, "news", wanted=it.number % 2 == 0),
    "suppress": lambda crm, it: crm.suppress(it.who, channel="email" if it.number % 2 else "*"),
    "offer": lambda crm, it: crm.offer("item", title=MINE, price=Money(it.number, "EUR")),
    "identify_many": lambda crm, it: crm.identify_many([{"customer": it.who, "attributes": {"city": MINE}}]),
    "group_many": lambda crm, it: crm.group_many([{"account": "firm", "parent": "holding", "customer": it.who}]),
    "track_many": lambda crm, it: crm.track_many([{"name": "seen", "customer": it.who, "message_id": "q"}] * 2),
    "merge_many": lambda crm, it: crm.merge_many([{"customer": it.who, "into": it.other}]),
    "unmerge_many": lambda crm, it: crm.unmerge_many([{"customer": it.who, "into": it.other}]),
    "consent_many": lambda crm, it: crm.consent_many([{"customer": it.who, "purpose": "newsletter"}]),
    "subscribe_many": lambda crm, it: crm.subscribe_many([{"customer": it.who, "topic": "news"}]),
    "suppress_many": lambda crm, it: crm.suppress_many([{"customer": it.other, "reason": "complaint"}]),
    "offer_many": lambda crm, it: crm.offer_many([{"item": "item", "stock": it.number}]),
    "using": inside,
    "customer": lambda crm, it: (crm.customer(it.who), crm.customer(it.other, at=NOON)),
    "contradictions": lambda crm, _: crm.contradictions(),
    "account": lambda crm, it: crm.account("firm" if it.number % 2 else THEIRS),
    "timeline": lambda crm, it: crm.timeline(it.who),
    "failing_jobs": lambda crm, _: crm.failing_jobs(),
    "in_tables": lambda crm, _: crm.in_tables(lambda tables: tables.run(select(tables.table(schema.tag))).all()),
    "history": lambda crm, it: (crm.history(it.who), crm.history(it.other, "city")),
    "duplicates": lambda crm, _: crm.duplicates(threshold=0),
    "totals": lambda crm, _: crm.totals(),
    "days": lambda crm, it: crm.days(it.who),
    "rebuild": lambda crm, _: crm.rebuild(),
    "upload_segment": lambda crm, it: crm.upload_segment("uploaded", [it.who]),
    "define_segment": lambda crm, it: crm.define_segment("s", attribute("age") >= it.number),
    "delete_segment": lambda crm, it: crm.delete_segment("s" if it.number % 2 else "uploaded"),
    "segment": lambda crm, it: crm.segment("s" if it.number % 2 else THEIRS),
    "segments": lambda crm, _: crm.segments(),
    "overlap": lambda crm, it: crm.overlap(["s", THEIRS] if it.number % 2 else ["s"]),
    "save_template": lambda crm, it: crm.save_template("hello", "note", {"text": f"{MINE} {it.number}"}),
    "launch": lambda crm, it: crm.launch(campaign(priority=it.number, topic="news" if it.number == 3 else None)),
    "enter": lambda crm, it: crm.enter("way", it.who, str(it.number)),
    "revise": lambda crm, it: crm.revise(way(it.number), moves={"rest": "rest"} if it.number % 2 else None),
    "pause": lambda crm, _: crm.pause("c"),
    "resume": lambda crm, _: crm.resume("c"),
    "cancel": lambda crm, _: crm.cancel("c"),
    "retry": lambda crm, _: crm.retry("c"),
    "settle": settled,
    "send": lambda crm, it: crm.send("hello", to=it.who, key="k" if it.number % 2 else None),
    "send_many": lambda crm, it: crm.send_many([{"template": "hello", "to": it.other, "channel": "note"}]),
    "request_consent": lambda crm, it: crm.request_consent(it.who, "newsletter") and None,
    "confirm_consent": lambda crm, it: foreign(lambda: crm.confirm_consent(it.ids.confirmation)),
    "work": lambda crm, _: crm.work(),
    "receive": lambda crm, it: crm.receive("note", "recorder", webhook(crm, it)),
    "receive_many": lambda crm, it: crm.receive_many("note", "recorder", [webhook(crm, it)] * 2),
    "report": lambda crm, _: crm.report("c"),
    "simulate": lambda crm, it: crm.simulate(way(it.number), days=1),
    "backtest": lambda crm, it: crm.backtest(way(it.number), NOON, seed=it.number),
    "add_coupons": lambda crm, it: crm.add_coupons("spring", [f"{MINE}-{it.number}"]),
    "coupons": lambda crm, _: crm.coupons(),
    "webhooks": lambda crm, _: crm.webhooks(),
    "explain": lambda crm, it: crm.explain("c", it.who),
    "outline": lambda crm, _: crm.outline("c"),
    "deliveries": lambda crm, _: crm.deliveries("c"),
    "campaigns": lambda crm, _: crm.campaigns(),
    "runs": lambda crm, _: crm.runs(),
    "templates": lambda crm, _: crm.templates(),
    "feedback": told,
    "check_unsubscribe": lambda crm, it: [foreign(lambda: crm.check_unsubscribe(one)) for one in it.ids.tokens],  # noqa: B023
    "unsubscribe": lambda crm, it: [foreign(lambda: crm.unsubscribe(one)) for one in it.ids.tokens],  # noqa: B023
    "stats": lambda crm, _: crm.stats(),
    "pin": lambda crm, it: crm.pin(crm.now() if it.number % 2 else None),
    "guess_mapping": lambda crm, it: crm.guess_mapping(it.file(MINE), "orders", currency="EUR"),
    "preview_import": lambda crm, it: crm.preview_import(it.file(MINE), ORDERED),
    "import_file": lambda crm, it: crm.import_file(it.file(MINE), ORDERED),
    "imports": lambda crm, _: crm.imports(),
    "write_refused": lambda crm, it: foreign(lambda: crm.write_refused(it.ids.import_id, it.folder / "refused.csv")),
    "undo_import": lambda crm, it: (foreign(lambda: crm.undo_import(it.ids.import_id)), undone(crm)),
    "declare_source": lambda crm, it: crm.declare_source(Source("web", events=None if it.number % 2 else {})),
    "declarations": lambda crm, _: crm.declarations(),
    "schema": lambda crm, it: crm.schema(THEIRS if it.number % 2 else None),
    "schema_diff": lambda crm, it: crm.schema_diff(THEIRS if it.number % 2 else None),
    "quarantine": lambda crm, it: (crm.quarantine(), crm.quarantine(source=THEIRS if it.number % 2 else "web")),
    "replay": lambda crm, _: crm.replay(),
    "export_file": exported,
    "export": lambda crm, it: crm.export(it.who),
    "erase": lambda crm, it: crm.erase(it.other),
    "audit": lambda crm, _: crm.audit(),
    "verify_audit": lambda crm, _: crm.verify_audit(),
    "aged": lambda crm, _: crm.aged(),
    "retention_warnings": lambda crm, _: crm.retention_warnings(),
    "delete_aged": lambda crm, _: crm.delete_aged(),
}
#: What reads and writes no row of a workspace.
LEFT = {"close": "it gives connections and ids back", "now": "it asks the clock"}


def undone(crm: CRM) -> Any:
    return crm.undo_import(crm.imports()[0].id)


def test_every_public_verb_is_driven():
    public = {name for name, _ in inspect.getmembers(CRM, callable) if not name.startswith("_")}
    assert set(VERBS) | set(LEFT) == public
    assert not set(VERBS) & set(LEFT)


def shown(answer: Any) -> str:
    """Return all that an answer shows."""
    if isinstance(answer, Segment):
        told = (answer.at(NOON), answer.history(0), answer.trend(NOON), answer.why("1"))
        return f"{answer.size()} {answer.members()} {answer.plain()} {told}"
    return repr(answer)


def contents(engine: Engine, workspace_id: int) -> dict[str, list[str]]:
    """Return every row of a workspace, and its own, by table."""
    every = {table.name: select(table).where(table.c.workspace_id == workspace_id) for table in tables()}
    every["crm_workspace"] = select(schema.workspace).where(schema.workspace.c.id == workspace_id)
    with engine.connect() as connection:
        return {name: sorted(map(repr, connection.execute(query))) for name, query in every.items()}


@pytest.fixture
def engine(new_database):
    engine = create_engine(new_database("crm.db"))
    yield engine
    engine.dispose()


#: Every verb once, in any order, each about somebody.
ABOUT = st.tuples(st.sampled_from(WHO), st.sampled_from(WHO), st.integers(0, 5))
TURNS = st.tuples(st.permutations(sorted(VERBS)), st.lists(ABOUT, min_size=len(VERBS), max_size=len(VERBS)))


@pytest.fixture
def recorder():
    return Postbox(notes=Notes("note", opens_session=frozenset({"text"})))


@pytest.fixture
def opening(new_database, recorder, clock):
    def opened(workspace: str) -> CRM:
        plugins, blocked = {"recorder": recorder}, installed()
        return CRM(new_database("crm.db"), workspace=workspace, clock=clock, plugins=plugins, blocked=blocked)

    return opened


@pytest.fixture
def theirs(opening, tmp_path):
    """The other workspace, filled, with its ids; its own events wait to be folded and its deliveries to be sent."""
    with opening("theirs") as crm:
        ids = begun(crm, THEIRS, tmp_path)
        with crm._opened.engine.begin() as connection:
            crm.using(connection).track("page_viewed", "1", properties={"page": THEIRS})
        yield crm._opened.workspace.id, ids


def test_the_other_workspace_has_rows_wherever_the_verbs_write(theirs, engine):
    unused = {
        "agent",
        "conversion",
        "coupon",
        "impression",
        "job",
        "limit",
        "notice",
        "notice_cursor",
        "notice_line",
    }
    unused |= {"merge", "receipt", "retention", "team", "team_member", "timer", "webhook"}
    held = contents(engine, theirs[0])
    assert {name.removeprefix("crm_") for name, rows in held.items() if not rows} == unused


@given(turns=TURNS)
@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_is_said_in_one_workspace_the_other_neither_changes_nor_shows(
    turns, opening, theirs, engine, recorder, tmp_path
):
    workspace_id, ids = theirs
    before = contents(engine, workspace_id)
    recorder.sent.clear()
    with opening(f"mine {next(NUMBERS)}") as crm:
        begun(crm, MINE, tmp_path)
        for verb, (who, other, number) in zip(*turns, strict=True):
            turn = Turn(who=who, other=other, number=number, ids=ids, folder=tmp_path)
            try:
                answer = shown(VERBS[verb](crm, turn))
            except WorkspaceUnguarded:
                raise
            except CRMError as refused:
                answer = str(refused).replace(f"{THEIRS!r}", "what was asked for", 1)
            assert THEIRS not in answer, verb
            # What a webhook of ours says it answers is shown, whoever's it may be.
            unsaid = [one for one in ids.deliveries if str(one) in answer.replace(f"p-{one}", "")]
            assert not unsaid, verb
            assert contents(engine, workspace_id) == before, verb
    assert THEIRS not in repr(recorder.sent)
    assert {message.delivery_id for message in recorder.sent}.isdisjoint(ids.deliveries)
