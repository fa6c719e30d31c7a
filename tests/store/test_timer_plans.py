"""What lets in by time reads those that are due, however many wait: whether databases know their tables or not."""

from __future__ import annotations

import pytest

from crmcore.model.building import tag
from crmcore.model.triggers import OnDate, OnSchedule, Reentry
from crmcore.store.timers import KINDS
from tests.flow.journeys.test_dates import TOMORROW
from tests.flow.journeys.travelling import journey, people, wait
from tests.store.planning import planned, statements
from tests.store.populating import _NUMBERS, DUE, LATER, populate

pytestmark = pytest.mark.untouched

#: Tables that have many rows, and what finds the few that are asked for.
FINDING = {
    "crm_timer": ({"due_at"}, {"kind", "subject_id", "customer_id"}),
    "crm_enrolment": ({"customer_id"}, {"id"}, {"run_id"}),
    "crm_attribute": ({"customer_id", "name"}, {"customer_id"}),
    "crm_attribute_log": ({"customer_id", "name"},),
    "crm_identity": ({"customer_id"}, {"value"}, {"origin_id"}, {"kind", "value"}),
    "crm_contact_state": ({"customer_id"},),
    "crm_listener": ({"name"}, {"run_id"}),
}


@pytest.fixture
def waiting(crm):
    """Runs by each kind of timer."""
    people(crm, "ada", "bob", birth_date=TOMORROW)
    for key in ("ada", "bob"):
        crm.identify(key, {}, tags=["vip"])
    triggers = {
        "dates": {"trigger": OnDate(attribute="birth_date")},
        "digest": {"trigger": OnSchedule(cron="0 9 * * *"), "reentry": Reentry(when="every")},
        "again": {"reentry": Reentry(when="interval", gap="3d")},
    }
    for name, changes in triggers.items():
        crm.launch(journey(wait("1d"), name=name, audience=tag("vip"), **changes))
    return crm


def populate_timers(connection, workspace_id, *, is_analysed) -> None:
    """Write timers of two runs, a few of which are due."""
    for kind in KINDS:
        connection.exec_driver_sql(
            f"INSERT INTO crm_timer (workspace_id, kind, subject_id, customer_id, due_at) {_NUMBERS} "
            f"SELECT {workspace_id}, '{kind}', g - g / 2 * 2, g, CASE WHEN g <= {DUE} THEN g ELSE {LATER} + g END FROM numbers"
        )
    if is_analysed:
        connection.exec_driver_sql("ANALYZE crm_timer")


@pytest.mark.parametrize("is_analysed", [True, False], ids=["analysed", "never analysed"])
def test_whoever_is_let_in_by_time_is_found_by_an_index(waiting, clock, is_analysed):
    with statements(waiting) as seen:
        waiting.work()
        waiting.identify("ada", {"time_zone": "Asia/Tokyo"})
        clock.turn("3d")
        waiting.work()
    with waiting._opened.engine.connect() as connection:
        populate(connection, waiting._opened.workspace.id, is_analysed=is_analysed)
        populate_timers(connection, waiting._opened.workspace.id, is_analysed=is_analysed)
        found = planned(connection, list(dict(seen).items()))
    assert {step.table for _, step in found} >= FINDING.keys()
    strayed = {
        f"{step}: {run}"
        for run, step in found
        if step.table in FINDING and not any(columns <= step.columns for columns in FINDING[step.table])
    }
    assert not strayed, "\n".join(sorted(strayed))
