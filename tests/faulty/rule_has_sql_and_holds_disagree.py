"""Compares text by LIKE, for which an A is an a on SQLite; for holds it is not, nor on PostgreSQL."""

from __future__ import annotations

from hypothesis import strategies as st
from sqlalchemy import select

from crmcore.hooks.rule import Touches
from crmcore.store import schema
from tests.testing import test_rule_suite as sound

BREAKS = "test_sql_finds_whom_it_holds_for_on_sqlite"


class Liking:
    """Something has happened whose name begins with a word."""

    name = "liking"
    contract = 1

    def sql(self, scope, params):
        event = scope.table(schema.event).c
        return select(event.customer_id).where(event.name.like(f"{params['word']}%"))

    def holds(self, history, params, now):
        return any(one.name.startswith(params["word"]) for one in history.events)

    def touches(self, params):
        return Touches(events=frozenset({"bought", "seen"}))

    def next_change(self, history, params, now):
        return None


class TestLiking(sound.RuleSuite):
    examples = 10
    customers = 30

    def rule(self):
        return Liking()

    def params(self):
        return st.fixed_dictionaries({"word": st.sampled_from(["bou", "Bou"])})
