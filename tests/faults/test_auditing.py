"""An audit finds each way in which a promise can be broken, and finds none where none is."""

from __future__ import annotations

from collections import Counter

import attrs
import pytest

from tests.faults.auditing import Arrival, Findings, audit, is_balanced
from tests.faults.ledger import Row

ELIGIBLE = {"offer": {"0", "1", "2", "3"}, "order": {"0", "1", "2", "3"}}
#: Nobody may write to 3.
REACHABLE = {name: {"0", "1", "2"} for name in ELIGIBLE}


def row(number, campaign="offer", customer="0", state="accepted", **more):
    values = {
        "id": number,
        "key": f"k{number}",
        "campaign": campaign,
        "unit": (campaign, customer),
        "customer": customer,
        "is_marketing": campaign == "offer",
        "state": state,
        "reason": "",
        "attempt": 1,
        "was_handed": state not in ("skipped", "planned"),
    }
    return Row(**(values | more))


ROWS = (
    row(0, "offer", "0"),
    row(1, "offer", "1", "in_doubt"),
    row(2, "offer", "2", "skipped", reason="holdout"),
    row(3, "offer", "3", "skipped", reason="suppressed"),
    row(4, "order", "0"),
    row(5, "order", "1", "delivered", attempt=2),
    row(6, "order", "2", "failed"),
    row(7, "order", "3", "skipped", reason="suppressed"),
)
ARRIVALS = tuple(Arrival(key=key, body=b"hello") for key in ("k0", "k4", "k5", "k5"))


def found(rows=ROWS, arrivals=ARRIVALS, **more):
    given = {"eligible": ELIGIBLE, "reachable": REACHABLE, "refused": 1, "strikes": 1, "exposed": 1}
    return audit(rows, arrivals, **(given | more))


def changed(number, **changes):
    return tuple(attrs.evolve(one, **changes) if one.id == number else one for one in ROWS)


def test_what_faults_explain_is_no_fault():
    assert found() == Findings(strikes=1, arrivals=4, transactional_duplicates=1, in_doubt=1, bound=1)
    assert found().is_clean


@pytest.mark.parametrize(
    ("what", "broken"),
    [
        ("lost", {"rows": ROWS[1:], "arrivals": ARRIVALS[1:]}),
        ("lost", {"arrivals": ARRIVALS[1:]}),
        ("lost", {"rows": changed(4, state="expired"), "arrivals": (ARRIVALS[0], *ARRIVALS[2:])}),
        ("lost", {"rows": changed(4, state="in_doubt")}),
        ("lost", {"rows": changed(2, reason="unsubscribed")}),
        ("lost", {"refused": 0}),
        ("duplicate_rows", {"rows": (*ROWS, row(8)), "arrivals": (*ARRIVALS, Arrival(key="k8", body=b""))}),
        ("marketing_duplicates", {"rows": changed(0, attempt=2), "arrivals": (*ARRIVALS, ARRIVALS[0])}),
        ("unaccounted", {"rows": changed(1, state="handed")}),
        ("unaccounted", {"rows": changed(1, state="gone")}),
        ("unaccounted", {"rows": changed(0, was_handed=False)}),
        ("unaccounted", {"arrivals": (*ARRIVALS, Arrival(key="k6", body=b""))}),
        ("unaccounted", {"arrivals": (*ARRIVALS, Arrival(key="k2", body=b""))}),
        ("unaccounted", {"arrivals": (*ARRIVALS, Arrival(key="of nobody", body=b""))}),
        ("unaccounted", {"rows": changed(3, state="accepted"), "arrivals": (*ARRIVALS, Arrival(key="k3", body=b""))}),
        ("unflagged", {"rows": changed(5, attempt=1)}),
        ("altered", {"arrivals": (*ARRIVALS[:3], Arrival(key="k5", body=b"other"))}),
        (
            "transactional_excess",
            {"exposed": 0, "rows": changed(1, state="accepted"), "arrivals": (*ARRIVALS, Arrival(key="k1", body=b""))},
        ),
        ("doubt_excess", {"exposed": 0, "arrivals": ARRIVALS[:3]}),
    ],
)
def test_a_broken_promise_is_found_and_no_other(what, broken):
    findings = found(**broken)
    assert getattr(findings, what) == 1
    assert not findings.is_clean
    others = ("lost", "duplicate_rows", "marketing_duplicates", "unaccounted", "unflagged", "altered")
    assert [getattr(findings, other) for other in others if other != what] == [0] * (len(others) - (what in others))


def test_a_message_that_came_before_it_was_refused_at_its_second_attempt_is_no_fault():
    rows = changed(6, attempt=2)
    assert found(rows=rows, arrivals=(*ARRIVALS, Arrival(key="k6", body=b""))).is_clean


@pytest.mark.parametrize(
    ("states", "balanced"),
    [
        ({"offer": Counter(accepted=3, handed=1), "order": Counter(planned=4)}, True),
        ({"offer": Counter(accepted=3), "order": Counter(planned=4)}, False),
        ({"offer": Counter(accepted=5), "order": Counter(planned=4)}, False),
        ({"offer": Counter(accepted=3, lost=1), "order": Counter(planned=4)}, False),
        ({"offer": Counter(accepted=4)}, False),
    ],
)
def test_the_books_balance_where_everybody_is_in_one_known_state(states, balanced):
    assert is_balanced(states, ELIGIBLE) is balanced


def test_findings_of_rounds_add_up():
    assert (found() + found()).strikes == 2
    assert (found() + found(arrivals=ARRIVALS[1:])).lost == 1
