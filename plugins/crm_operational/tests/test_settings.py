"""What crm.toml may say under [modules.operational]."""

from __future__ import annotations

import pytest

import crm_operational
from crm_operational.settings import OperationalSettings, operational_settings
from crm_operational.step import LeadScore
from crmcore.errors import SettingsError
from crmcore.hooks.setup import Setup
from crmcore.hooks.step import Due
from crmcore.model.time import TurnedClock


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ({}, OperationalSettings()),
        ({"sla_hours": 24}, OperationalSettings(sla_hours=24.0)),
        ({"sla_hours": "0.5"}, OperationalSettings(sla_hours=0.5)),
        ({"scored": ["plan", "score"]}, OperationalSettings(scored=frozenset({"plan", "score"}))),
        ({"scored": "plan, score"}, OperationalSettings(scored=frozenset({"plan", "score"}))),
    ],
)
def test_settings_are_read(section, expected):
    assert operational_settings(section) == expected


@pytest.mark.parametrize(
    ("section", "named"),
    [
        ({"sla_hour": 24}, "did you mean sla_hours"),
        ({"sla_hours": 0}, "sla_hours"),
        ({"sla_hours": True}, "sla_hours"),
        ({"sla_hours": "soon"}, "sla_hours"),
        ({"scored": ["No Name"]}, "scored"),
        ({"scored": 7}, "scored"),
    ],
)
def test_what_is_wrong_is_named(section, named):
    with pytest.raises(SettingsError, match=named):
        operational_settings(section)


def test_the_step_reads_what_the_settings_name():
    setup = Setup(clock=TurnedClock(0), settings={"modules": {"operational": {"scored": ["plan"]}}})
    [step] = crm_operational.steps(setup)
    assert step.reads == {"plan"}


def test_points_for_what_is_not_read_are_refused():
    step, due = LeadScore(frozenset({"plan"})), [Due(enrolment_id=1, customer_id=2, entered_at=3)]
    with pytest.raises(SettingsError, match="'city', which is not among them"):
        step.advance(due, {"points": {"city": {"Berlin": 1}}, "hot": 1}, now=4)
