"""One CRM shared by many threads, and several CRMs in one process."""

from __future__ import annotations

import random
import shutil
import threading
import weakref
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import flask
import pytest
from sqlalchemy import create_engine, event, text

from crmcore import CRM
from crmcore.errors import UnknownCustomer

THREADS = 16


@pytest.fixture
def make_engine(empty_database, tmp_path):
    """Make engines as a host has them, each on a file of its own unless a name is used again."""
    made = []

    def making(name):
        path = tmp_path / name
        if not path.exists():
            shutil.copy(empty_database, path)
        engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 60}, pool_size=THREADS + 1)
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous = OFF"))
        made.append(engine)
        return engine

    yield making
    for engine in made:
        engine.dispose()


def place(crm, engine, number):
    """Place orders of one to three statements in transactions of their own; return those that were committed."""
    draw, committed = random.Random(number), []
    for count in range(8):
        refs = [f"{number}-{count}-{one}" for one in range(draw.randint(1, 3))]
        with engine.connect() as connection:
            for ref in refs:
                crm.using(connection).track("order_placed", str(number % 4), ref=ref)
            if draw.random() < 0.4:
                connection.rollback()
            else:
                connection.commit()
                committed += refs
    return committed


def refs(engine):
    with engine.connect() as connection:
        return Counter(connection.execute(text("SELECT ref FROM crm_event")).scalars())


def fold_until(ended, crm):
    while not ended.is_set():
        crm.work()
        crm.totals()


def test_exactly_what_the_threads_committed_is_there(make_engine):
    engine = make_engine("shop.db")
    with CRM(engine) as crm, ThreadPoolExecutor(THREADS + 1) as pool:
        ended = threading.Event()
        folding = pool.submit(fold_until, ended, crm)
        committed = [
            ref for refs in pool.map(lambda number: place(crm, engine, number), range(THREADS)) for ref in refs
        ]
        ended.set()
        folding.result()
        crm.work()
    assert refs(engine) == Counter(committed)
    assert len(committed) > THREADS


def test_threads_without_a_lease_borrow_and_nothing_collides(make_engine):
    engine = make_engine("shop.db")
    with CRM(engine) as crm, ThreadPoolExecutor(THREADS) as pool:
        crm._opened.ids.forget()
        committed = [
            ref for refs in pool.map(lambda number: place(crm, engine, number), range(THREADS)) for ref in refs
        ]
        crm.work()
    assert refs(engine) == Counter(committed)


def test_threads_that_write_on_our_own_engine_wait_for_one_another(open_crm):
    crm = open_crm()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda number: crm.track("order_placed", "42", ref=str(number)), range(4 * THREADS)))
    assert crm.customer("42").sums[0].count == 4 * THREADS


def shop(engine, crm):
    """A shop as an app of its own: POST /orders/<customer>/<ref>."""
    app = flask.Flask("shop")

    @app.post("/orders/<customer>/<ref>")
    def order(customer, ref):
        with engine.begin() as connection:
            crm.using(connection).track("order_placed", customer, ref=ref)
        return {"orders": crm.customer(customer).sums[0].count}

    return app


def post(app, path):
    return app.test_client().post(path).get_json()["orders"]


def test_two_apps_in_one_process_share_a_file(make_engine):
    first, second = make_engine("shop.db"), make_engine("shop.db")
    with CRM(first) as one, CRM(second) as other:
        apps = [shop(first, one), shop(second, other)]
        assert [post(app, f"/orders/ada/{number}") for number, app in enumerate(apps * 2)] == [1, 2, 3, 4]
        with ThreadPoolExecutor(THREADS) as pool:
            list(pool.map(lambda number: post(apps[number % 2], f"/orders/bob/{number}"), range(THREADS)))
        assert one.customer("bob").sums == other.customer("bob").sums
        assert one.customer("bob").sums[0].count == THREADS


def test_two_apps_in_one_process_on_files_of_their_own_know_nothing_of_each_other(make_engine):
    first, second = make_engine("books.db"), make_engine("teas.db")
    with CRM(first) as books, CRM(second) as teas:
        assert post(shop(first, books), "/orders/ada/1") == 1
        assert post(shop(second, teas), "/orders/bob/1") == 1
        with pytest.raises(UnknownCustomer):
            teas.customer("ada")
        with pytest.raises(UnknownCustomer):
            books.customer("bob")


def test_what_is_closed_leaves_nothing_behind(database):
    threads = threading.active_count()
    crm = CRM(str(database))
    crm.track("order_placed", "42")
    crm.work()
    leased_until = crm._opened.ids._source.until_ms
    gone = weakref.ref(crm)
    crm.close()
    del crm
    assert gone() is None
    assert threading.active_count() == threads
    assert not database.with_name(f"{database.name}-wal").exists()
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        assert connection.execute(text("SELECT max(until_ms) FROM crm_node")).scalar_one() < leased_until
    engine.dispose()
