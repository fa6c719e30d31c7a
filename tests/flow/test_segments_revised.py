"""Segments across a schema revision taken back and made again, with data."""

from __future__ import annotations

from crmcore import migrations
from crmcore.model.building import event
from tests.flow.test_live_segments import keys, told


def revised(open_crm):
    crm = open_crm()
    crm.define_segment("buyers", event("bought").did())
    for at in (-1, 0, 86_400_000_000 - 1, -86_400_000_000):
        crm.track("bought", "1", at=at, quantity=2, amount=5, currency="EUR")
    crm.track("bought", "1", amount=2**61, currency="EUR")
    crm.identify("2")
    crm.upload_segment("press", ["1"])
    before = (keys(crm, "buyers"), crm.days("1"), crm.customer("1").sums)
    engine = crm._opened.engine
    migrations.downgrade(engine, "crmcore_0005")
    migrations.upgrade(engine)
    return open_crm(), before


def test_sums_and_members_are_what_they_were(open_crm):
    crm, before = revised(open_crm)
    found = [one for one in crm.days("1") if not one.name.startswith("segment_")]
    assert found == [one for one in before[1] if not one.name.startswith("segment_")]
    assert keys(crm, "buyers") == before[0]


def test_segments_that_were_there_are_told_of_after_the_revision(open_crm):
    crm, _ = revised(open_crm)
    crm.define_segment("buyers", event("bought").did())
    crm.rebuild()
    crm.track("bought", "2")
    assert keys(crm, "buyers") == ["1", "2"]
    assert told(crm, "buyers") == [("entered", "buyers", "1"), ("entered", "buyers", "2")]
