"""What modules know of a customer stands in the timeline among the events."""

from __future__ import annotations

import json

import pytest
from sqlalchemy import text

from crmcore.errors import UnknownCustomer
from crmcore.hooks.module import TimelineEntry
from crmcore.migrations import modules
from tests.flow.modules.wallet import Wallet, give


class Talking(Wallet):
    """A module that says of everybody what it is told to."""

    def __init__(self, name, timeline):
        super().__init__(schema=None)
        self.name, self.timeline = name, timeline


def entry(at, title="x", **detail):
    return TimelineEntry(at=at, kind="noted", title=title, detail=detail)


def given(crm, key, at, note):
    crm.in_tables(lambda tables: give(tables, crm.customer(key).id, at, note))


def test_entries_stand_among_the_events_newest_first(crm, clock):
    crm.track("seen", "42", at=clock.now() - 10)
    crm.track("bought", "42", at=clock.now() - 30)
    given(crm, "42", clock.now() - 20, "welcome")
    lines = crm.timeline("42")
    assert [(one.name, one.module, one.title) for one in lines] == [
        ("seen", "", ""),
        ("coin_given", "wallet", "welcome"),
        ("bought", "", ""),
    ]


@pytest.mark.parametrize("limit", [0, 1, 2, 3, 4, 9])
def test_the_limit_counts_both(crm, clock, limit):
    for ago in (10, 30):
        crm.track("seen", "42", at=clock.now() - ago)
        given(crm, "42", clock.now() - ago - 10, "coin")
    names = [one.name for one in crm.timeline("42", limit)]
    assert names == ["seen", "coin_given", "seen", "coin_given"][:limit]


def test_only_those_of_the_customer_and_the_workspace_are_shown(crm, opening, wallet):
    other = opening(wallet, workspace="other")
    for one in (crm, other):
        one.identify("42")
        one.identify("43")
    given(crm, "43", 5, "another's")
    other.in_tables(lambda tables: give(tables, crm.customer("42").id, 5, "elsewhere"))
    assert crm.timeline("42") == []


def test_the_details_are_text_in_json(opening):
    crm = opening(Talking("talking", lambda tables, _: [entry(5, stars=3, words="gut")]))
    crm.identify("42")
    [line] = crm.timeline("42")
    assert (json.loads(line.properties), line.id) == ({"stars": 3, "words": "gut"}, 0)


def broken(tables, _):
    yield entry(9)
    raise RuntimeError("ada@example.com")


def wrong(tables, _):
    tables.run(text("SELECT nothing FROM nowhere"))


def ending(_tables, _):
    raise SystemExit


ODD = {
    "raises": broken,
    "ends_the_process": ending,
    "breaks_the_transaction": wrong,
    "is_no_list": lambda tables, _: None,
    "has_no_entries": lambda tables, _: ["a line"],
    "has_no_time": lambda tables, _: [entry(None)],
    "is_no_json": lambda tables, _: [entry(5, what=object())],
}


@pytest.mark.parametrize("way", ODD)
def test_a_module_that_fails_is_left_out_and_logged_and_the_others_are_shown(engine, opening, caplog, way):
    wallet = Wallet()
    modules.upgrade(engine, wallet)
    crm = opening(Talking("bad", ODD[way]), wallet)
    crm.track("seen", "42")
    given(crm, "42", 5, "welcome")
    assert [one.name for one in crm.timeline("42")] == ["seen", "coin_given"]
    assert "module bad is left out of a timeline" in caplog.text
    assert "ada@example.com" not in caplog.text


def test_who_is_unknown_is_unknown_to_modules_too(crm):
    with pytest.raises(UnknownCustomer):
        crm.timeline("nobody")
