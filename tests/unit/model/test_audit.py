"""Whatever is done to an audit log afterwards is seen, and at which place; an erasure is not taken for it."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import attrs
from hypothesis import given, settings
from hypothesis import strategies as st

from crmcore.model.audit import ERASED, GONE, AuditEntry, AuditVerdict, Seal, sealed, verify, vouched

SECRET = b"s" * 32
Log = tuple[list[Seal], list[AuditEntry]]
WORDS = st.text(alphabet="abc", min_size=1, max_size=3)


def looked_at(log: Log) -> AuditVerdict:
    seals, entries = log
    known = {one.id for one in seals}
    batches = [(one, [row for row in entries if row.seal_id == one.id]) for one in seals]
    return verify(SECRET, batches, [row for row in entries if row.seal_id not in known])


def sealed_in(entries: Sequence[AuditEntry], size: int) -> Log:
    """Seal rows, so many at a time, but for what is left over."""
    seals: list[Seal] = []
    rows = list(entries)
    for number, start in enumerate(range(0, len(rows) - size + 1, size)):
        some = [attrs.evolve(one, seal_id=100 + number) for one in rows[start : start + size]]
        rows[start : start + size] = some
        made = Seal(id=100 + number, first_id=some[0].id, last_id=some[-1].id, at=9)
        seals.append(sealed(SECRET, seals[-1].chain if seals else b"", made, some))
    return seals, rows


@st.composite
def logs(draw: st.DrawFn) -> Log:
    count, size = draw(st.integers(4, 9)), draw(st.integers(1, 2))
    entries = [
        vouched(
            SECRET,
            AuditEntry(
                id=number + 1,
                at=number,
                actor=draw(WORDS),
                action=draw(WORDS),
                subject=draw(WORDS),
                detail=json.dumps({"said": draw(WORDS)}),
            ),
        )
        for number in range(count)
    ]
    return sealed_in(entries, size)


def changed(draw: st.DrawFn, log: Log) -> Log:
    """Any field of any row becomes another, sealed or not."""
    seals, rows = log
    place = draw(st.integers(0, len(rows) - 1))
    name = draw(st.sampled_from(["id", "at", "actor", "action", "subject", "detail", "mac"]))
    former = getattr(rows[place], name)
    other = {int: lambda: former + 1000, str: lambda: former + "x", bytes: lambda: bytes([former[0] ^ 1]) + former[1:]}
    return seals, [*rows[:place], attrs.evolve(rows[place], **{name: other[type(former)]()}), *rows[place + 1 :]]


def emptied(draw: st.DrawFn, log: Log) -> Log:
    """What a row is about is taken away, as if it had been erased."""
    seals, rows = log
    place = draw(st.integers(0, len(rows) - 1))
    gone = attrs.evolve(rows[place], subject=GONE, detail=GONE)
    return seals, [*rows[:place], gone, *rows[place + 1 :]]


def removed(draw: st.DrawFn, log: Log) -> Log:
    seals, rows = log
    gone = draw(st.sampled_from([one.id for one in rows if one.seal_id is not None]))
    return seals, [one for one in rows if one.id != gone]


def swapped(draw: st.DrawFn, log: Log) -> Log:
    """Two rows take each other's place."""
    seals, rows = log
    one, other = sorted(draw(st.lists(st.integers(0, len(rows) - 1), min_size=2, max_size=2, unique=True)))
    rows = list(rows)
    rows[one], rows[other] = (
        attrs.evolve(rows[other], id=rows[one].id, seal_id=rows[one].seal_id),
        attrs.evolve(rows[one], id=rows[other].id, seal_id=rows[other].seal_id),
    )
    return seals, rows


def added(draw: st.DrawFn, log: Log) -> Log:
    """Somebody without the secret adds a row that was never written, or one once more."""
    seals, rows = log
    copied = draw(st.sampled_from(rows))
    seal_id = draw(st.sampled_from([None, *(one.id for one in seals)]))
    return seals, [*rows, attrs.evolve(copied, id=len(rows) + 1, seal_id=seal_id)]


def unsealed(draw: st.DrawFn, log: Log) -> Log:
    """A seal is taken away."""
    seals, rows = log
    gone = draw(st.sampled_from(seals))
    return [one for one in seals if one is not gone], rows


def resealed(draw: st.DrawFn, log: Log) -> Log:
    """A seal is changed."""
    seals, rows = log
    place = draw(st.integers(0, len(seals) - 1))
    name = draw(st.sampled_from(["first_id", "last_id", "at", "chain"]))
    former = getattr(seals[place], name)
    other = former + 1 if isinstance(former, int) else bytes([former[0] ^ 1]) + former[1:]
    return [*seals[:place], attrs.evolve(seals[place], **{name: other}), *seals[place + 1 :]], rows


Tampering = Callable[[st.DrawFn, Log], Log]
WAYS: Sequence[Tampering] = (changed, emptied, removed, swapped, added, unsealed, resealed)


@given(log=logs())
@settings(max_examples=50)
def test_a_log_as_it_was_written_is_found_so(log):
    found = looked_at(log)
    assert found.broken is None
    assert found.rows == len(log[1])
    assert found.seals == tuple(one.chain.hex() for one in log[0])


@given(log=logs(), way=st.sampled_from(WAYS), data=st.data())
@settings(max_examples=100)
def test_whatever_is_done_to_it_is_seen(log, way, data):
    assert looked_at(way(data.draw, log)).broken is not None


@given(log=logs(), data=st.data())
@settings(max_examples=50)
def test_the_first_place_is_named(log, data):
    seals, rows = log
    places = sorted(data.draw(st.sets(st.integers(0, len(rows) - 1), min_size=1, max_size=3)))
    for place in places:
        rows[place] = attrs.evolve(rows[place], actor=rows[place].actor + "x")
    first = rows[places[0]]
    assert (looked_at((seals, rows)).broken or "").startswith(f"row {first.id} (")


@given(log=logs(), data=st.data())
@settings(max_examples=50)
def test_rows_that_an_erasure_has_emptied_are_as_they_were_written(log, data):
    seals, rows = log
    gone = data.draw(st.sets(st.integers(0, len(rows) - 1), max_size=3))
    rows = [attrs.evolve(one, subject=GONE, detail=GONE) if place in gone else one for place, one in enumerate(rows)]
    said = json.dumps({"emptied": [rows[place].id for place in gone]})
    erasure = AuditEntry(id=len(rows) + 1, at=99, actor="a", action=ERASED, subject="erasure 1", detail=said)
    assert looked_at((seals, [*rows, vouched(SECRET, erasure)])).broken is None


def test_an_erasure_that_somebody_else_wrote_excuses_nothing():
    rows = [
        vouched(SECRET, AuditEntry(id=1, at=0, actor="a", action="b", subject="c", detail="{}")),
        vouched(
            b"t" * 32,
            AuditEntry(id=2, at=1, actor="a", action=ERASED, subject="e", detail=json.dumps({"emptied": [1]})),
        ),
    ]
    emptied_one = attrs.evolve(rows[0], subject=GONE, detail=GONE)
    assert "row 1" in (looked_at(([], [emptied_one, rows[1]])).broken or "")
