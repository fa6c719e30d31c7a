"""Segments over a plugin's rule, kept by several processes of which one lacks the plugin."""

from __future__ import annotations

from threading import Thread

import pytest
from sqlalchemy import select

from crmcore import CRM
from crmcore.hooks.marker import hookimpl
from crmcore.hooks.rule import Touches
from crmcore.loader import installed
from crmcore.model.building import attribute, event, rule, tag
from crmcore.store import schema


class Fresh:
    """Customers whose attribute `until` (microseconds) is yet to come."""

    name, contract = "fresh", 1

    def sql(self, scope, params):
        row = schema.attribute.c
        return select(row.customer_id).where(
            row.workspace_id == scope.workspace_id, row.name == "until_at", row.number > scope.now
        )

    def holds(self, history, params, now):
        return history.attributes.get("until_at", 0) > now

    def touches(self, params):
        return Touches(attributes=frozenset({"until_at"}), time=True)

    def next_change(self, history, params, now):
        until = history.attributes.get("until_at", 0)
        return until if until > now else None


class Rules:
    @hookimpl
    def crm_register_rules(self, setup):
        return [Fresh()]


def keys(crm, name):
    return sorted(member.key for member in crm.segment(name).members())


@pytest.fixture
def two(new_database, clock):
    def opened(**plugins):
        return CRM(new_database("crm.db"), clock=clock, plugins=plugins, blocked=installed())

    with opened(rules=Rules()) as able, opened() as unable:
        yield able, unable


def test_one_that_lacks_it_defines_another_segment(two, clock):
    able, unable = two
    able.define_segment("fresh", rule("fresh"))
    able.identify("1", {"until_at": 2**62})
    assert keys(able, "fresh") == ["1"]
    unable.define_segment("vips", tag("vip"))
    clock.turn("1s")
    unable.identify("1", {"until_at": 0})
    unable.identify("2", {"until_at": 2**62}, tags=["vip"])
    assert keys(unable, "vips") == ["2"]
    assert keys(able, "vips") == ["2"]
    assert keys(able, "fresh") == ["2"]


def test_many_are_due_for_one_that_lacks_it(two, clock):
    able, unable = two
    able.define_segment("fresh", rule("fresh"))
    able.define_segment("buyers", event("bought").did())
    at = able.now() + 10_000_000
    for number in range(1001):
        able.identify(str(number), {"until_at": at})
    assert len(keys(able, "fresh")) == 1001
    clock.turn("1h")

    done = Thread(target=keys, args=(unable, "buyers"), daemon=True)
    done.start()
    done.join(20)
    is_stuck = done.is_alive()
    assert keys(able, "fresh") == []  # which ends it
    done.join(20)
    assert not is_stuck


def test_a_guard_beside_it(two):
    able, unable = two
    able.define_segment("fresh_vips", rule("fresh") & tag("vip"))
    able.define_segment("vips_of_u", tag("vip") & (attribute("city") == "u"))
    able.identify("1", {"until_at": 2**62, "city": "u"})
    unable.identify("1", tags=["vip"])
    assert keys(unable, "vips_of_u") == ["1"]
    assert keys(able, "fresh_vips") == ["1"]
    unable.identify("1", untags=["vip"])
    unable.identify("1", tags=["vip"])
    assert keys(able, "fresh_vips") == ["1"]
    unable.rebuild()
    assert keys(able, "fresh_vips") == ["1"]
    assert keys(able, "vips_of_u") == ["1"]
