"""How long things are kept, as settings say it."""

from __future__ import annotations

import pytest

from crmcore.errors import SettingsError
from crmcore.model.retention import Retention, retention_of
from crmcore.model.time import DAY
from crmcore.settings import settings

MIXED = {"events": {"*": "400d", "page_*": "90d", "page_viewed": "10d", "order_placed": "forever"}}


@pytest.mark.parametrize(
    ("table", "name", "kept"),
    [
        ({}, "seen", None),
        ({"events": "400d"}, "seen", 400 * DAY),
        ({"events": {"page_*": "90d"}}, "seen", None),
        (MIXED, "seen", 400 * DAY),
        (MIXED, "page_left", 90 * DAY),
        (MIXED, "page_viewed", 10 * DAY),
        (MIXED, "order_placed", None),
    ],
)
def test_an_event_is_kept_as_its_name_says_or_the_longest_pattern_that_fits(table, name, kept):
    assert retention_of(table, "crm.toml").of_event(name) == kept


def test_other_kinds_have_one_time_each():
    found = retention_of({"receipts": "90d", "webhooks": "forever"}, "crm.toml")
    assert (found.receipts, found.webhooks, found.contexts) == (90 * DAY, None, None)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"event": "9d"}, "did you mean events"),
        ({"zebras": "9d"}, "known are contexts, events"),
        ({"receipts": "soon"}, "a time such as '400d', or 'forever'"),
        ({"receipts": 90}, "a time such as '400d', or 'forever'"),
        ({"receipts": "0d"}, "keeps nothing"),
        ({"receipts": "40000d"}, "a time such as '400d', or 'forever'"),
        ({"events": {"page_*": "soon"}}, "retention.events.page_*"),
    ],
)
def test_what_is_no_time_is_refused_by_name(table, said):
    with pytest.raises(SettingsError) as refused:
        retention_of(table, "crm.toml")
    assert said in str(refused.value)
    assert "crm.toml" in str(refused.value)


def test_the_environment_has_a_say():
    found = settings({}, file=None, environment={"CRM_RETENTION__EVENTS": "30d", "CRM_RETENTION__WEBHOOKS": "1d"})
    assert found.retention == Retention(events={"*": 30 * DAY}, webhooks=DAY)
