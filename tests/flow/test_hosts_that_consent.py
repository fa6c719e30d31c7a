"""A host's transaction that consents meets somebody who consents for the same customer: it is never the victim of a deadlock."""

from __future__ import annotations

from threading import Thread

import pytest
from sqlalchemy import text


@pytest.mark.parametrize("purpose", ["retention", "news"])
def test_a_host_that_says_two_things_of_a_customer_is_not_deadlocked(open_crm, store, purpose):
    if store == "sqlite":
        pytest.skip("whoever writes is alone")
    crm = open_crm()
    crm.track("seen", "1")

    def say(writer, what):
        (writer.subscribe if what == "news" else writer.consent)("1", what)

    with crm._opened.engine.connect() as connection, connection.begin():
        writer = crm.using(connection)
        writer.consent("1", "newsletter")
        ours = Thread(target=say, args=(crm, purpose), daemon=True)
        ours.start()
        wait_for_a_waiter(crm)
        say(writer, purpose)
    ours.join(30)
    assert not ours.is_alive()
    view = crm.customer("1")
    assert {one.purpose for one in view.consents} | {one.topic for one in view.subscriptions} == {"newsletter", purpose}


def wait_for_a_waiter(crm):
    # Each look is a transaction of its own: within one, PostgreSQL shows who was active when it was first asked.
    with crm._opened.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        for _ in range(200):
            waiting = connection.execute(
                text(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
                )
            ).scalar_one()
            if waiting:
                # Whoever waits looks for a deadlock after a second, once: from then on the other one finds it.
                connection.execute(text("SELECT pg_sleep(1.3)"))
                return
            connection.execute(text("SELECT pg_sleep(0.05)"))
    raise AssertionError("nobody waits")
