"""How plugins are told: the settings, and how long one that keeps failing is left alone."""

from __future__ import annotations

import pytest

from crmcore.errors import SettingsError
from crmcore.model.telling import KEYS, PATIENCE, Telling, failed, pause, telling_of
from crmcore.model.time import DAY, HOUR, MINUTE, SECOND


def test_nothing_need_be_said():
    assert telling_of({}, "crm.toml") == Telling(budget=5 * SECOND, keep=30 * DAY)


def test_both_are_durations():
    assert telling_of({"budget": "2m", "keep": "1w"}, "crm.toml") == Telling(budget=2 * MINUTE, keep=7 * DAY)


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("value", ["", "soon", "0s", 5, True, None])
def test_what_is_no_time_that_lasts_is_refused_by_its_name_and_place(key, value):
    with pytest.raises(SettingsError, match=rf"notices\.{key}.*crm\.toml"):
        telling_of({key: value}, "crm.toml")


def test_a_budget_beyond_an_hour_is_refused():
    with pytest.raises(SettingsError, match="an hour is the most"):
        telling_of({"budget": "61m"}, "crm.toml")


def test_a_setting_that_is_none_is_refused():
    with pytest.raises(SettingsError, match="known are budget, keep"):
        telling_of({"patience": 3}, "crm.toml")


def test_an_answer_that_does_not_come_counts_for_all_the_patience_there_is():
    assert [failed(before, overdue=True) for before in (0, 2, 3)] == [PATIENCE, PATIENCE, 4]
    assert [failed(before, overdue=False) for before in (0, 2, 3)] == [1, 3, 4]


def test_the_pause_doubles_up_to_an_hour():
    seconds = [pause(failures) for failures in range(1, 14)]
    expected = [None, None, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]
    assert seconds == [one and one * SECOND for one in expected]
    assert pause(10**6) == HOUR
