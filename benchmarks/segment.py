"""A behavioural segment: the compiled condition beside SQL written by hand for the same question, on one SQLite file.

Two or more orders in 180 days, no mail opened in 30 days, one of three cities.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from ingest import made_events
from measuring import arguments, report, rounds, stopwatch

from crmcore import CRM
from crmcore.model.building import attribute, event
from crmcore.model.time import DAY
from crmcore.store.conditions import customer_ids, fetched

CITIES = [f"city-{number}" for number in range(50)]
CLAUSE = (
    (event("order_placed").count(within="180d") >= 2)
    & event("message_opened").did_not(within="30d")
    & attribute("city").in_(CITIES[:3])
)
BY_HAND = """
SELECT c.id FROM crm_customer AS c
WHERE c.workspace_id = :workspace AND c.merged_into IS NULL AND c.erased_at IS NULL
AND c.id IN (SELECT customer_id FROM crm_attribute WHERE workspace_id = :workspace AND name = 'city' AND kind = 'text'
             AND text IN ('city-0', 'city-1', 'city-2'))
AND c.id IN (SELECT customer_id FROM crm_event WHERE workspace_id = :workspace AND name = 'order_placed'
             AND occurred_at > :half_year AND occurred_at <= :now GROUP BY customer_id HAVING count(*) >= 2)
AND c.id NOT IN (SELECT customer_id FROM crm_event WHERE workspace_id = :workspace AND name = 'message_opened'
                 AND occurred_at > :month AND occurred_at <= :now)
"""


def fill(crm: CRM, events: int, customers: int) -> None:
    """Write the shop."""
    draw = random.Random(3)
    crm.identify_many({"customer": str(n), "attributes": {"city": draw.choice(CITIES)}} for n in range(customers))
    crm.track_many(made_events(events, customers, crm.now()))


def compiled(crm: CRM) -> tuple[float, list[int]]:
    """Return the seconds and the members by the condition."""
    with crm._opened.reading() as scope, stopwatch() as seconds:
        found = fetched(scope, customer_ids(CLAUSE.condition, scope))
        took = seconds()
    return took, sorted(one for (one,) in found)


def by_hand(crm: CRM) -> tuple[float, list[int]]:
    """Return the seconds and the members by hand-written SQL."""
    from sqlalchemy import text

    with crm._opened.reading() as scope, stopwatch() as seconds:
        values = {
            "workspace": scope.workspace_id,
            "now": scope.now,
            "month": scope.now - 30 * DAY,
            "half_year": scope.now - 180 * DAY,
        }
        found = scope.connection.execute(text(BY_HAND), values).all()
        took = seconds()
    return took, sorted(one for (one,) in found)


def main() -> None:
    """Measure, and print the figure."""
    parser = arguments(__doc__ or "")
    parser.add_argument("--events", type=int, default=500_000)
    parser.add_argument("--customers", type=int, default=50_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, CRM(str(Path(folder) / "crm.db")) as crm:
        fill(crm, given.events, given.customers)
        if compiled(crm)[1] != by_hand(crm)[1]:
            raise SystemExit("the two do not agree on the members")
        mine, hand = rounds(max(given.rounds, 5), lambda: compiled(crm)[0], lambda: by_hand(crm)[0])
    report(
        as_json=given.json,
        name="segment.sql",
        value=mine * 1000,
        unit="ms",
        against="hand-written SQL",
        ratio=mine / hand,
    )


if __name__ == "__main__":
    main()
