"""A CRM built before the process forks: parent and children write to one file, no id is given twice, nothing is lost.

Each fork happens in a process of its own, since this one may have threads.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest
from sqlalchemy import create_engine, text

from crmcore import CRM
from tests.examples.running import free_port, serving

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")

#: The parent and each of its children run `place`; a child that fails ends with a status that is not 0.
FORKING = """
import os, sys, threading
from sqlalchemy import create_engine
from crmcore import CRM, adopt

def place(who):
    for number in range(30):
        with engine.connect() as connection:
            crm.using(connection).track("order_placed", "42", ref=f"{who}-{number}")
            connection.commit() if number % 3 else connection.rollback()

def fork(work):
    pid = os.fork()
    if pid:
        return pid
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)

def ended_well(children):
    return [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * len(children)
"""

ON_THE_HOSTS_ENGINE = """
engine = create_engine(f"sqlite:///{sys.argv[1]}", connect_args={"timeout": 60})
crm = CRM(engine)
engine.dispose()
children = [fork(lambda: place(number)) for number in range(3)]
place("parent")
assert ended_well(children)
"""

SENDING = """
engine = create_engine(f"sqlite:///{sys.argv[1]}", connect_args={"timeout": 60})
crm = CRM(engine)
crm.save_template("receipt", "email", {"subject": "Paid", "text": "Thank you"})
engine.dispose()

def pay(who):
    for number in range(12):
        with engine.connect() as connection:
            crm.using(connection).send("receipt", to=f"{who}-{number}")
            crm.using(connection).send("receipt", to="all", key=str(number))
            connection.commit() if number % 3 else connection.rollback()

children = [fork(lambda: pay(number)) for number in range(3)]
pay("parent")
assert ended_well(children)
crm.close()
"""

ON_OUR_OWN_ENGINE = """
import sqlite3
crm = CRM(sys.argv[1])
crm.track("order_placed", "42", ref="before")

def visit(who):
    lent = sqlite3.connect(sys.argv[1], timeout=60)
    for number in range(30):
        crm.track("order_placed", "42", ref=f"{who}-own-{number}")
        crm.using(adopt(lent, "sqlite")).track("order_placed", "42", ref=f"{who}-lent-{number}")
        lent.commit()
        assert crm.customer("42").sums
    lent.close()

children = [fork(lambda: visit(number)) for number in range(3)]
visit("parent")
assert ended_well(children)
crm.close()
"""

LOOKING_FOR_CONNECTIONS = """
import gc, sqlite3
crm = CRM(sys.argv[1])
crm.track("order_placed", "42", ref="before")

def look():
    assert not [one for one in gc.get_objects() if isinstance(one, sqlite3.Connection)]

assert ended_well([fork(look)])
"""

WHILE_ANOTHER_THREAD_IS_AT_WORK = """
crm = CRM(sys.argv[1])
held, over = threading.Event(), threading.Event()

def hold():
    with crm._opened.ids._lock, crm._opened.reading():
        held.set()
        over.wait()

crm.track("order_placed", "42", ref="before")
thread = threading.Thread(target=hold)
thread.start()
held.wait()
child = fork(lambda: crm.track("order_placed", "42", ref="child"))
over.set()
thread.join()
assert ended_well([child])
"""


def run(script, database):
    # Newer Pythons warn of a fork beside threads: that this is done is the point of one of these.
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKING + script, str(database)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def refs(database):
    engine = create_engine(f"sqlite:///{database}")
    with engine.connect() as connection:
        assert connection.execute(text("PRAGMA integrity_check")).scalars().all() == ["ok"]
        events = Counter(connection.execute(text("SELECT ref FROM crm_event")).scalars())
        payloads = connection.execute(text("SELECT payload ->> '$.ref' FROM crm_pending")).scalars()
        found = events + Counter(payloads)
    engine.dispose()
    return found


WHO = ("0", "1", "2", "parent")


def test_parent_and_children_append_on_the_hosts_engine(database):
    run(ON_THE_HOSTS_ENGINE, database)
    assert refs(database) == Counter(f"{who}-{number}" for who in WHO for number in range(30) if number % 3)


def test_parent_and_children_write_on_our_own_engine(database):
    run(ON_OUR_OWN_ENGINE, database)
    written = Counter(f"{who}-{way}-{number}" for who in WHO for way in ("own", "lent") for number in range(30))
    assert refs(database) == written + Counter(["before"])


def test_parent_and_children_send_and_what_each_committed_is_one_message(database):
    run(SENDING, database)
    with CRM(str(database)) as crm:
        sent = Counter(one.key for one in crm.deliveries("send:receipt:email"))
    kept = [number for number in range(12) if number % 3]
    assert sent == Counter([f"{who}-{number}" for who in WHO for number in kept] + ["all"] * len(kept))


def test_a_child_inherits_no_connection_of_ours(database):
    """Closing one in the child would break the parent's locks."""
    run(LOOKING_FOR_CONNECTIONS, database)


def test_a_child_does_not_wait_for_a_thread_that_only_its_parent_has(database):
    run(WHILE_ANOTHER_THREAD_IS_AT_WORK, database)
    assert refs(database) == Counter(["before", "child"])


SHOP = """
import os
from sqlalchemy import create_engine
from crmcore import CRM

engine = create_engine(f"sqlite:///{os.environ['SHOP']}", connect_args={"timeout": 60})
crm = CRM(engine)
engine.dispose()  # before the workers are forked: each opens connections of its own
MASTER = os.getpid()

def application(environ, start_response):
    assert os.getpid() != MASTER
    with engine.connect() as connection:
        if environ["REQUEST_METHOD"] == "POST":
            crm.using(connection).track("order_placed", "42", ref=environ["PATH_INFO"])
        connection.rollback() if environ["QUERY_STRING"] == "refuse" else connection.commit()
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [b"done"]
"""


def test_workers_of_a_preloaded_gunicorn_append_what_they_commit(database, tmp_path):
    (tmp_path / "shop.py").write_text(SHOP)
    address = f"127.0.0.1:{free_port()}"
    gunicorn = str(Path(sys.executable).with_name("gunicorn"))
    command = [gunicorn, "--preload", "--workers", "2", "--bind", address, "shop:application"]
    paths = [f"/{number}{'' if number % 3 else '?refuse'}" for number in range(60)]
    with (
        serving(command, tmp_path, f"http://{address}/", {"SHOP": str(database)}),
        httpx.Client(base_url=f"http://{address}", timeout=30) as client,
        ThreadPoolExecutor(8) as pool,
    ):
        answers = list(pool.map(client.post, paths))
    assert {answer.status_code for answer in answers} == {200}
    assert refs(database) == Counter(f"/{number}" for number in range(60) if number % 3)
