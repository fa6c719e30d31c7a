"""AsyncCRM: what CRM does, awaited; and inside a host's AsyncSession or AsyncConnection."""

from __future__ import annotations

import asyncio
import random
import sqlite3
import threading
from contextlib import asynccontextmanager, contextmanager

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from crmcore import CRM
from crmcore.aio import AsyncCRM, AsyncSegment
from crmcore.errors import InvalidValue, MergeConflict, UnknownCustomer
from crmcore.model.building import attribute

pytestmark = pytest.mark.anyio


@pytest.fixture
async def crm(database, clock):
    async with AsyncCRM(str(database), clock=clock) as crm:
        yield crm


def begin_immediate(engine):
    """Take transactions out of the driver's hands, as SQLAlchemy's page on SQLite says."""

    @event.listens_for(engine.sync_engine, "connect")
    def no_begin_of_its_own(connection, _record):
        connection.isolation_level = None

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


@pytest.fixture(params=["the driver's own transactions", "BEGIN IMMEDIATE"])
async def engine(database, request):
    """A host's engine on the same file, with a table of its own."""
    engine = create_async_engine(f"sqlite+aiosqlite:///{database}", connect_args={"timeout": 30})
    if request.param == "BEGIN IMMEDIATE":
        begin_immediate(engine)
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE shop_order (id INTEGER PRIMARY KEY)"))
    yield engine
    await engine.dispose()


@asynccontextmanager
async def by_session(engine):
    async with AsyncSession(engine) as session:
        yield session


@pytest.fixture(params=["AsyncConnection", "AsyncSession"])
def transaction(engine, request):
    """Open a host's transaction in either way; it is rolled back where nobody commits it."""
    return {"AsyncConnection": engine.connect, "AsyncSession": lambda: by_session(engine)}[request.param]


async def orders(engine):
    async with engine.connect() as connection:
        return (await connection.execute(text("SELECT count(*) FROM shop_order"))).scalar_one()


async def count(crm, key):
    try:
        return sum(one.count for one in (await crm.customer(key)).sums)
    except UnknownCustomer:
        return 0


# -- awaiting ---------------------------------------------------------------------------------------------------------


async def test_what_is_said_is_known(crm):
    await crm.identify("42", {"city": "Bandung"}, tags=["new"])
    await crm.track("order_placed", "42", amount=500, currency="EUR")
    known = await crm.customer("42")
    assert (known.attributes, known.tags, known.sums[0].amount) == ({"city": "Bandung"}, ("new",), 500)


async def test_an_error_is_that_of_the_crm(crm):
    await crm.identify("1")
    await crm.identify("2")
    with pytest.raises(MergeConflict):
        await crm.merge("1", into="2")
    with pytest.raises(InvalidValue):
        await crm.suppress("1", reason="boredom")


async def test_a_segment_is_awaited_too(crm):
    defined = await crm.define_segment("locals", attribute("city") == "Bandung")
    await crm.identify("42", {"city": "Bandung"})
    assert isinstance(defined, AsyncSegment)
    assert await defined.size() == 1
    assert [one.key for one in await (await crm.segment("locals")).members()] == ["42"]
    assert (defined.name, defined.plain()) == ("locals", crm.sync.segment("locals").plain())
    assert (await crm.define_segment("same", defined.text())).plain() == defined.plain()


async def test_a_crm_is_opened_without_holding_up_the_loop(tmp_path):
    crm = await AsyncCRM.open(str(tmp_path / "new.db"), workspace="shop")
    assert crm.settings.workspace == "shop"
    await crm.close()


async def test_the_loop_goes_on_while_a_call_waits(crm, database):
    with locked(database):
        said = asyncio.create_task(crm.track("order_placed", "42"))
        await asyncio.to_thread(int)
        assert not said.done()
    await said


async def test_many_tasks_share_one_crm(crm):
    await asyncio.gather(*(crm.track("order_placed", str(number % 5)) for number in range(100)))
    assert [await count(crm, str(number)) for number in range(5)] == [20] * 5


@contextmanager
def locked(database):
    """Hold SQLite's write lock from elsewhere."""
    connection = sqlite3.connect(database, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    yield
    connection.execute("ROLLBACK")
    connection.close()


# -- being cancelled --------------------------------------------------------------------------------------------------


def rows(begun, released, last):
    """Rows whose third is drawn once it is released: until then their transaction stands still."""
    yield {"name": "order_placed", "customer": "42"}
    yield {"name": "order_placed", "customer": "42"}
    begun.set()
    released.wait()
    yield {"name": last, "customer": "42"}


async def cancelled(crm, last):
    """Say three events, and stop waiting for them half way."""
    begun, released = threading.Event(), threading.Event()
    said = asyncio.create_task(crm.track_many(rows(begun, released, last)))
    await asyncio.to_thread(begun.wait)
    said.cancel()
    with pytest.raises(asyncio.CancelledError):
        await said
    released.set()


async def test_a_call_whose_caller_is_cancelled_commits_as_a_whole(crm, database, clock):
    await cancelled(crm, last="order_placed")
    await crm.close()
    with CRM(str(database), clock=clock) as again:
        assert again.customer("42").sums[0].count == 3


async def test_a_call_whose_caller_is_cancelled_fails_as_a_whole(crm, database, clock):
    await cancelled(crm, last="no name")
    await crm.close()
    with CRM(str(database), clock=clock) as again, pytest.raises(UnknownCustomer):
        again.customer("42")


async def test_a_write_that_waits_for_the_lock_is_made_though_its_caller_is_cancelled(crm, database, clock):
    begun = threading.Event()
    with locked(database):
        event.listen(crm.sync._opened.engine, "before_cursor_execute", lambda *_: begun.set())
        said = asyncio.create_task(crm.track("order_placed", "42"))
        await asyncio.to_thread(begun.wait)
        said.cancel()
        with pytest.raises(asyncio.CancelledError):
            await said
    await crm.close()
    with CRM(str(database), clock=clock) as again:
        assert again.customer("42").sums[0].count == 1


async def test_a_crm_goes_on_after_a_caller_was_cancelled(crm):
    await cancelled(crm, last="order_placed")
    await crm.track("order_placed", "7")
    assert await count(crm, "7") == 1


# -- inside a host's transaction --------------------------------------------------------------------------------------


async def test_a_committed_order_is_there_with_the_hosts_row(engine, transaction, crm):
    async with transaction() as joined:
        await joined.execute(text("INSERT INTO shop_order VALUES (1)"))
        await crm.using(joined).track("order_placed", "42", amount=500, currency="EUR")
        await joined.commit()
    assert (await orders(engine), await count(crm, "42")) == (1, 1)


async def test_a_rolled_back_order_leaves_no_trace(engine, transaction, crm):
    async with transaction() as joined:
        await joined.execute(text("INSERT INTO shop_order VALUES (1)"))
        await crm.using(joined).track("order_placed", "42", amount=500, currency="EUR")
        await joined.rollback()
    assert (await orders(engine), await count(crm, "42")) == (0, 0)
    assert (await crm.stats()).pending == 0


async def test_what_is_said_first_belongs_to_the_same_transaction(engine, transaction, crm):
    async with transaction() as joined:
        await crm.using(joined).identify("42", {"city": "Bandung"})
        await joined.execute(text("INSERT INTO shop_order VALUES (1)"))
        await joined.rollback()
    assert (await orders(engine), (await crm.stats()).pending) == (0, 0)


async def test_a_withdrawal_of_a_known_customer_goes_with_the_transaction(transaction, crm):
    await crm.consent("42", "retention")
    for finish, holds in (("rollback", True), ("commit", False)):
        async with transaction() as joined:
            await crm.using(joined).consent("42", "retention", granted=False)
            await getattr(joined, finish)()
        assert [one.granted for one in (await crm.customer("42")).consents] == [holds]


@pytest.mark.parametrize("engine", ["BEGIN IMMEDIATE"], indirect=True)
async def test_a_savepoint_takes_back_what_was_said_within(transaction, crm):
    async with transaction() as joined:
        inner = await joined.begin_nested()
        await crm.using(joined).track("order_placed", "42")
        await inner.rollback()
        await crm.using(joined).track("order_placed", "7")
        await joined.commit()
    assert (await count(crm, "42"), await count(crm, "7")) == (0, 1)


async def test_a_wrong_statement_raises_inside_and_the_host_decides(transaction, engine, crm):
    async with transaction() as joined:
        await joined.execute(text("INSERT INTO shop_order VALUES (1)"))
        with pytest.raises(InvalidValue):
            await crm.using(joined).suppress("42", reason="boredom")
        await joined.commit()
    assert await orders(engine) == 1


def test_nothing_but_writing_is_offered_inside(database):
    crm = AsyncCRM(str(database))
    assert not hasattr(crm.using(None), "customer")
    asyncio.run(crm.close())


async def test_a_host_that_is_cancelled_takes_what_it_said_with_it(engine, transaction, crm):
    said = asyncio.Event()

    async def order():
        async with transaction() as joined:
            await joined.execute(text("INSERT INTO shop_order VALUES (1)"))
            await crm.using(joined).track("order_placed", "42")
            said.set()
            await asyncio.Event().wait()

    placing = asyncio.create_task(order())
    await said.wait()
    placing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await placing
    assert (await orders(engine), await count(crm, "42")) == (0, 0)


async def test_a_host_that_is_cancelled_amid_a_statement_takes_it_with_it(database, engine, transaction, crm):
    begun = asyncio.Event()

    async def order():
        async with transaction() as joined:
            await crm.using(joined).track("order_placed", "42")
            await joined.commit()

    with locked(database):
        event.listen(engine.sync_engine, "before_cursor_execute", lambda *_: begun.set())
        placing = asyncio.create_task(order())
        await begun.wait()
        placing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await placing
    assert await count(crm, "42") == 0


async def test_exactly_the_committed_orders_of_many_tasks_are_there(engine, transaction, crm):
    drawn = random.Random(3)
    kept = {str(number): drawn.random() < 0.6 for number in range(60)}

    async def order(key):
        async with transaction() as joined:
            await joined.execute(text("INSERT INTO shop_order (id) VALUES (:id)"), {"id": int(key)})
            await crm.using(joined).track("order_placed", key)
            await (joined.commit() if kept[key] else joined.rollback())

    await asyncio.gather(*map(order, kept))
    assert await orders(engine) == sum(kept.values())
    assert {key: await count(crm, key) for key in kept} == {key: int(is_kept) for key, is_kept in kept.items()}
