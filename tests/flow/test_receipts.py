"""Receipts come in any order, again and again, before their carrier's answer and after it: they come to the same."""

from __future__ import annotations

from itertools import count, pairwise

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.hooks.provider import Accepted, Feedback, InDoubt, Permanent, Retry
from crmcore.model.building import attribute
from crmcore.model.time import HOUR, MINUTE, SECOND
from tests.flow.test_campaign import made
from tests.store.planning import statements

#: What a carrier may answer that has had the message in its hands.
ANSWERS = {
    "accepted": lambda one: Accepted(delivery_id=one.delivery_id, provider_id=f"p-{one.delivery_id}"),
    "refused": lambda one: Permanent(delivery_id=one.delivery_id, fault="address", code="550"),
    "in doubt": lambda one: InDoubt(delivery_id=one.delivery_id),
    "later": lambda one: Retry(delivery_id=one.delivery_id, after=3600),
}
TYPES = ("accepted", "failed", "delivered", "bounced", "read", "complained", "opened", "replied")
SAID = st.lists(
    st.builds(
        lambda kind, at, reason, after: (kind, at, reason, after if kind == "failed" else None),
        st.sampled_from(TYPES),
        st.integers(0, 2),
        st.sampled_from(["", "a", "b"]),
        st.sampled_from([None, 7200.0, 9000.0]),
    ),
    max_size=5,
)
NUMBERS = count()


def receipts(crm, delivery_id, said):
    return [
        Feedback(
            key=f"{delivery_id}-{place}",
            type=kind,
            at=crm.now() + at * SECOND,
            delivery_id=delivery_id,
            reason=reason,
            after=after,
        )
        for place, (kind, at, reason, after) in enumerate(said)
    ]


def sent(crm, recorder, answer, said_before, purpose, keys):
    """Send to customers; each hears some receipts before its carrier answers."""
    name = f"c{next(NUMBERS)}"
    crm.save_template("hello", "note", {"text": "Hello"})
    crm.identify_many({"customer": one, "attributes": {"email": f"{one}@example.com", "of": name}} for one in keys)
    crm.consent_many({"customer": one, "purpose": "retention"} for one in keys)

    def answered(message):
        key = message.address.value.partition("@")[0]
        for batch in said_before.get(key, lambda _: [])(message.delivery_id):
            crm.feedback(batch, provider="recorder")
        return ANSWERS[answer](message)

    recorder.answer = answered
    crm.launch(made(name=name, audience=attribute("of") == name, purpose=purpose))
    crm.work()
    return {one.key: one for one in crm.deliveries(name)}


def ends(crm, key, name):
    [row] = [one for one in crm.deliveries(name) if one.key == key]
    events = sorted((line.name, line.at) for line in crm.timeline(key) if line.name.startswith("message"))
    return row.state, row.reason, crm.customer(key).suppressed, events


def waiting(crm, key, name):
    """When what waits is due; what a receipt has not let go again waits for a time of chance."""
    return {one.due_at for one in crm.deliveries(name) if one.key == key and one.state == "planned"}


@given(
    data=st.data(),
    answer=st.sampled_from(sorted(ANSWERS)),
    purpose=st.sampled_from(["service", "retention"]),
    said=SAID,
)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_in_any_order_repeated_and_in_any_batches_receipts_come_to_the_same(crm, recorder, data, answer, purpose, said):
    plain, mixed = (f"k{next(NUMBERS)}" for _ in range(2))
    order = data.draw(
        st.permutations(
            [*range(len(said)), *data.draw(st.lists(st.sampled_from(range(len(said))), max_size=3))] if said else []
        )
    )
    cuts = sorted(data.draw(st.lists(st.integers(0, len(order)), max_size=3)))
    is_before = data.draw(st.integers(0, len(cuts) + 1))

    def batches(delivery_id):
        every = receipts(crm, delivery_id, said)
        edges = [0, *cuts, len(order)]
        return [[every[place] for place in order[start:end]] for start, end in pairwise(edges)]

    rows = sent(crm, recorder, answer, {mixed: lambda one: batches(one)[:is_before]}, purpose, [plain, mixed])
    for batch in batches(rows[mixed].id)[is_before:]:
        crm.feedback(batch, provider="recorder")
    crm.feedback(receipts(crm, rows[plain].id, said), provider="recorder")
    name = rows[plain].campaign
    assert ends(crm, mixed, name) == ends(crm, plain, name)
    if any(after is not None for *_, after in said):
        assert waiting(crm, mixed, name) == waiting(crm, plain, name)


#: What receipts come to where the carrier has taken the message over: the last by rank, whatever came last by time.
COMES_TO = [
    ("accepted", "accepted", ""),
    ("failed", "failed", "failed: why"),
    ("failed accepted", "failed", "failed: why"),
    ("delivered failed", "delivered", ""),
    ("failed delivered", "delivered", ""),
    ("delivered bounced", "failed", "bounced: why"),
    ("bounced delivered failed", "failed", "bounced: why"),
    ("read bounced", "read", ""),
    ("failed read delivered", "read", ""),
]


@pytest.mark.parametrize(("types", "state", "reason"), COMES_TO)
def test_the_receipt_of_the_highest_rank_counts(crm, recorder, types, state, reason):
    rows = sent(crm, recorder, "accepted", {}, "service", ["one"])
    said = [(kind, place, "why", None) for place, kind in enumerate(types.split())]
    crm.feedback(receipts(crm, rows["one"].id, said), provider="recorder")
    assert ends(crm, "one", rows["one"].campaign)[:2] == (state, reason)


def test_of_two_failures_the_earlier_says_why(crm, recorder):
    rows = sent(crm, recorder, "accepted", {}, "service", ["one"])
    for said in receipts(crm, rows["one"].id, [("failed", 1, "later", None), ("failed", 0, "first", None)]):
        crm.feedback([said], provider="recorder")
    assert ends(crm, "one", rows["one"].campaign)[1] == "failed: first"


def failed_for_now(crm, row):
    return Feedback(key="k", type="failed", at=crm.now(), delivery_id=row.id, reason="throttled", after=60)


def test_what_failed_for_now_is_sent_again_when_the_carrier_says(crm, recorder, clock):
    row = sent(crm, recorder, "accepted", {}, "service", ["one"])["one"]
    crm.feedback([failed_for_now(crm, row)], provider="recorder")
    assert (crm.deliveries(row.campaign)[0].state, crm.deliveries(row.campaign)[0].due_at) == (
        "planned",
        crm.now() + MINUTE,
    )
    assert "message_failed" not in {line.name for line in crm.timeline("one")}
    crm.work()
    assert len(recorder.sent) == 1
    clock.turn("1m")
    crm.work()
    assert [one.attempt for one in recorder.sent] == [1, 2]
    assert crm.deliveries(row.campaign)[0].state == "accepted"


def test_what_failed_for_now_is_not_sent_again_once_it_has_arrived(crm, recorder, clock):
    row = sent(crm, recorder, "accepted", {}, "service", ["one"])["one"]
    crm.feedback([failed_for_now(crm, row)], provider="recorder")
    crm.feedback([Feedback(key="d", type="delivered", at=crm.now(), delivery_id=row.id)], provider="recorder")
    clock.turn("1h")
    crm.work()
    assert len(recorder.sent) == 1
    assert crm.deliveries(row.campaign)[0].state == "delivered"


def test_what_failed_for_now_is_not_sent_again_once_it_has_come_back(crm, recorder, clock):
    row = sent(crm, recorder, "accepted", {}, "service", ["one"])["one"]
    crm.feedback([failed_for_now(crm, row)], provider="recorder")
    crm.feedback([Feedback(key="b", type="bounced", at=crm.now(), delivery_id=row.id, reason="why")], "recorder")
    clock.turn("1h")
    crm.work()
    assert len(recorder.sent) == 1
    assert (crm.deliveries(row.campaign)[0].state, crm.deliveries(row.campaign)[0].reason) == ("failed", "bounced: why")


def test_what_would_have_expired_by_then_has_failed(crm, recorder):
    row = sent(crm, recorder, "accepted", {}, "service", ["one"])["one"]
    late = attrs.evolve(failed_for_now(crm, row), after=365 * 86_400)
    crm.feedback([late], provider="recorder")
    assert crm.deliveries(row.campaign)[0].state == "failed"
    assert "message_failed" in {line.name for line in crm.timeline("one")}


def test_what_failed_for_now_in_a_run_that_was_cancelled_has_failed(crm, recorder):
    row = sent(crm, recorder, "accepted", {}, "service", ["one"])["one"]
    crm.launch(made(name="other", audience=attribute("of") == "nobody", purpose="service"))
    with crm._opened.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE crm_run SET state = 'cancelled'")
    crm.feedback([failed_for_now(crm, row)], provider="recorder")
    assert crm.deliveries(row.campaign)[0].state == "failed"


def test_runs_that_are_finished_go_on_together(crm, recorder):
    """However many runs the receipts are of, they are held by one statement, and moved by one."""
    rows = [sent(crm, recorder, "accepted", {}, "service", [f"k{n}"])[f"k{n}"] for n in range(3)]
    again = [one for row in rows for one in receipts(crm, row.id, [("failed", 0, "busy", 7200.0)])]
    assert {one.state for one in crm.runs()} == {"finished"}
    with statements(crm) as seen:
        crm.feedback(again, provider="recorder")
    assert {one.state for one in crm.runs()} == {"running"}
    held = [said for said, _ in seen if "state" in said and said.startswith("SELECT") and "FROM crm_run" in said]
    assert (len(held), sum(said.startswith("UPDATE crm_run") for said, _ in seen)) == (1, 1)


def test_what_was_said_of_an_earlier_attempt_does_not_count(crm, recorder, clock):
    row = sent(crm, recorder, "accepted", {}, "service", ["one"])["one"]
    first = crm.now()
    crm.feedback([failed_for_now(crm, row)], provider="recorder")
    clock.turn("2m")
    crm.work()
    crm.feedback([Feedback(key="late", type="failed", at=first, delivery_id=row.id)], provider="recorder")
    assert crm.deliveries(row.campaign)[0].state == "accepted"
    crm.feedback([Feedback(key="now", type="failed", at=crm.now(), delivery_id=row.id)], provider="recorder")
    assert crm.deliveries(row.campaign)[0].state == "failed"


def test_a_carrier_tells_time_by_the_second(crm, recorder, clock):
    row = sent(crm, recorder, "accepted", {}, "service", ["one"])["one"]
    crm.feedback([failed_for_now(crm, row)], provider="recorder")
    clock.turn("2m")
    clock.turn(400_000)
    crm.work()
    at = crm.now() - crm.now() % SECOND
    crm.feedback([Feedback(key="d", type="delivered", at=at, delivery_id=row.id)], provider="recorder")
    assert crm.deliveries(row.campaign)[0].state == "delivered"


def test_what_is_tried_again_by_hand_is_not_undone_by_what_was_said_before(crm, recorder):
    row = sent(crm, recorder, "accepted", {}, "service", ["one"])["one"]
    crm.feedback(receipts(crm, row.id, [("failed", 0, "", None)]), provider="recorder")
    crm.retry(row.campaign)
    crm.feedback([Feedback(key="sent", type="accepted", at=crm.now(), delivery_id=row.id)], provider="recorder")
    assert crm.deliveries(row.campaign)[0].state == "planned"


def test_what_arrives_while_it_waits_for_another_try_is_not_sent_again(crm, recorder, clock):
    row = sent(crm, recorder, "in doubt", {}, "service", ["one"])["one"]
    assert row.state == "planned"
    crm.feedback(receipts(crm, row.id, [("delivered", 0, "", None)]), provider="recorder")
    clock.turn(HOUR)
    crm.work()
    assert len(recorder.sent) == 1


def test_an_answer_that_receipts_have_overtaken_still_brings_the_carriers_id(crm, recorder):
    before = {"one": lambda one: [receipts(crm, one, [("delivered", 0, "", None)])]}
    row = sent(crm, recorder, "accepted", before, "service", ["one"])["one"]
    assert row.state == "delivered"
    crm.feedback([Feedback(key="r", type="read", at=crm.now(), provider_id=f"p-{row.id}")], provider="recorder")
    assert crm.deliveries(row.campaign)[0].state == "read"
