"""Whoever is erased while others say something of them is gone, or is somebody new: nothing is left half way."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from crmcore import CRM
from crmcore.loader import installed
from crmcore.model.building import everyone
from crmcore.model.campaign import Campaign
from crmcore.store import schema
from crmcore.testing.fakes import Recorder

ROUNDS = 8
#: Rows of these belong to a customer who is there.
OWNED = ("identity", "attribute", "attribute_log", "event", "consent", "consent_state", "contact_state", "tag")


@pytest.fixture
def opening(new_database, clock):
    def opened() -> CRM:
        plugins = {"recorder": Recorder()}
        return CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=installed())

    return opened


def speaking(crm: CRM) -> None:
    for number in range(ROUNDS):
        crm.identify({"key": "ada", "email": "ada@example.com"}, {"name": "Ada"}, tags=["vip"])
        crm.track("seen", "ada", ref=str(number))
        crm.consent("ada", "newsletter")
        crm.merge({"anonymous": f"cookie-{number}"}, "ada")


def erasing(crm: CRM) -> None:
    for _ in range(ROUNDS):
        crm.erase("ada")


def sending(crm: CRM) -> None:
    for number in range(ROUNDS):
        name = f"news_{number}"
        crm.launch(Campaign(name=name, purpose="newsletter", audience=everyone(), channel="note", template="hello"))
        crm.work()


def orphans(crm: CRM) -> dict[str, int]:
    found = {}
    with crm._opened.reading() as scope:
        there = select(schema.customer.c.id).where(schema.customer.c.workspace_id == scope.workspace_id)
        for name in OWNED:
            row = getattr(schema, name).c
            lost = select(row.customer_id).where(row.workspace_id == scope.workspace_id, row.customer_id.not_in(there))
            found[name] = len(scope.connection.execute(lost).all())
    return {name: count for name, count in found.items() if count}


def test_nothing_is_left_half_way(opening):
    with opening() as one, opening() as other, opening() as third:
        one.save_template("hello", "note", {"text": "Dear {{ customer.name | default('you') }}"})
        one.identify({"key": "ada", "email": "ada@example.com"}, {"name": "Ada"})
        one.identify("bob", {"email": "bob@example.com", "name": "Bob"})
        one.consent("bob", "newsletter")
        with ThreadPoolExecutor(3) as pool:
            for done in [pool.submit(speaking, one), pool.submit(erasing, other), pool.submit(sending, third)]:
                done.result(timeout=120)
        one.work()
        assert orphans(one) == {}
        for campaign in one.campaigns():
            report = one.report(campaign)
            books = (report.sent, report.in_doubt, sum(report.failed.values()), sum(report.skipped.values()))
            assert report.waiting + sum(books) == report.eligible
        one.erase("ada")
        assert orphans(one) == {}
        assert one.verify_audit().broken is None
