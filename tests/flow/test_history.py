"""What was ever said of a customer can be seen: when, by whom, what it was before."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmcore.errors import UnknownCustomer
from crmcore.model import verbs

NUMBERS = count()
NOW = 1_000_000


def told(crm, who="1", **options):
    return [(one.at, one.kind, one.name, one.detail, one.old, one.new) for one in crm.history(who, **options)]


def test_an_attribute_is_told_with_time_source_and_what_was_there_before(crm, clock):
    crm.identify("1", {"city": "Bandung"}, at=10, source="web")
    clock.turn("1h")
    crm.identify("1", {"city": "Jakarta"}, at=20, source="desk")
    last, first = crm.history("1")
    assert (first.old, first.new, first.source, first.at) == (None, "Bandung", "web", 10)
    assert (last.old, last.new, last.source, last.at) == ("Bandung", "Jakarta", "desk", 20)
    assert last.received_at - first.received_at == 3_600_000_000
    assert last.received_at == crm.now()


def test_what_comes_in_late_stands_where_it_belongs(crm):
    crm.identify("1", {"city": "a"}, at=10)
    crm.identify("1", {"city": "c"}, at=30)
    crm.identify("1", {"city": "b"}, at=20)
    assert [(old, new) for *_, old, new in told(crm)] == [("b", "c"), ("a", "b"), (None, "a")]


def test_values_keep_their_types(crm):
    crm.identify("1", {"age": 36, "vip": True, "none": None}, at=10)
    assert [(name, new) for _, _, name, _, _, new in told(crm)] == [("age", 36), ("none", None), ("vip", True)]


def test_tags_wishes_memberships_and_consents_are_told(crm):
    crm.identify("1", tags=["vip"], at=1)
    crm.identify("1", untags=["vip"], at=2)
    crm.subscribe("1", "news", channel="email", at=3)
    crm.group("a:b", customer="1", role="buyer", at=4)
    crm.consent("1", "retention", basis="contract", text_version="2026", at=5)
    crm.consent("1", "retention", granted=False, at=6)
    assert told(crm) == [
        (6, "consent", "retention", "*", True, False),
        (5, "consent", "retention", "*", None, True),
        (4, "membership", "a:b", "buyer", None, True),
        (3, "wish", "news", "email", None, True),
        (2, "tag", "vip", "", True, False),
        (1, "tag", "vip", "", None, True),
    ]
    assert crm.history("1", "retention")[-1].note == "contract 2026"


def test_a_merge_brings_the_history_of_both_together_and_unmerging_parts_them(crm):
    crm.identify("1", {"city": "a"}, at=1)
    crm.identify("2", {"city": "b"}, at=2, source="import")
    crm.merge("2", "1", at=3, reason="same person", force=True)
    merged, second, first = crm.history("1")
    assert (merged.kind, merged.name, merged.new, merged.note) == ("merged", "key", True, "same person")
    assert (second.old, second.new, second.source, second.identity.value) == ("a", "b", "import", "2")
    assert (first.new, first.identity.value) == ("a", "1")
    assert crm.history("2") == crm.history("1")
    crm.unmerge("2", "1", at=4)
    assert told(crm, "2") == [
        (4, "unmerged", "key", "1", None, False),
        (3, "merged", "key", "1", None, True),
        (2, "attribute", "city", "", None, "b"),
    ]


def test_a_refused_link_is_told_on_both_sides(crm):
    crm.identify({"key": "1", "device": "d"}, at=1)
    crm.identify({"key": "2", "device": "d"}, at=2)
    assert (2, "named", "device", "d", None, False) in told(crm, "2")
    assert (2, "named", "key", "2", None, False) in told(crm, "1")
    assert [one.note for one in crm.history("2")] == ["refused"]


@pytest.mark.parametrize(
    ("name", "kinds"),
    [
        ("city", ["attribute"]),
        ("vip", ["tag"]),
        ("news", ["wish"]),
        ("a:b", ["membership"]),
        ("retention", ["consent"]),
        ("email", ["attribute", "named"]),
        ("nothing", []),
    ],
)
def test_one_name_can_be_asked_for(crm, name, kinds):
    crm.identify("1", {"city": "x", "email": "ada@example.com"}, tags=["vip"], at=1)
    crm.subscribe("1", "news", at=2)
    crm.group("a:b", customer="1", at=3)
    crm.consent("1", "retention", at=4)
    assert sorted(one.kind for one in crm.history("1", name)) == kinds


def test_no_more_is_told_than_asked_for(crm):
    for number in range(5):
        crm.identify("1", {"number": number}, at=number)
    assert [new for *_, new in told(crm, limit=2)] == [4, 3]


def test_what_a_host_has_committed_is_told(crm):
    with crm._opened.engine.begin() as connection:
        crm.using(connection).identify("1", {"city": "x"}, at=1)
    assert told(crm) == [(1, "attribute", "city", "", None, "x")]


def test_an_import_is_named(crm, tmp_path):
    (tmp_path / "people.csv").write_text("id,town\n1,x\n")
    (tmp_path / "map.toml").write_text(
        'kind = "customers"\nsource = "sheet"\n[columns]\ncustomer = "id"\nattributes = { city = "town" }\n'
    )
    from crmcore.flow.importing.mapping import read_map

    done = crm.import_file(tmp_path / "people.csv", read_map(tmp_path / "map.toml"))
    [line] = crm.history("1", "city")
    assert (line.source, line.import_id) == ("sheet", done.id)


def test_nobody_has_no_history(crm):
    with pytest.raises(UnknownCustomer):
        crm.history("nobody")


times = st.integers(1, 9)
who = st.sampled_from(["1", "2"])
said = st.lists(
    st.one_of(
        st.builds(
            lambda key, value, at: verbs.identify(NOW, key, {"city": value}, at=at), who, st.sampled_from("abc"), times
        ),
        st.builds(lambda key, at: verbs.identify(NOW, key, tags=["vip"], at=at), who, times),
        st.builds(lambda key, at: verbs.identify(NOW, key, untags=["vip"], at=at), who, times),
        st.builds(lambda at, into: verbs.merge(NOW, "1", "2", force=True, at=at), times, who),
        st.builds(lambda at: verbs.unmerge(NOW, "1", "2", at=at), times),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(said)
def test_the_history_ends_with_what_is_known_and_each_line_begins_where_the_one_before_ended(open_crm, said):
    crm = open_crm(f"history-{next(NUMBERS)}.db")
    for one in [verbs.identify(NOW, "1", at=0), verbs.identify(NOW, "2", at=0), *said]:
        crm._say([one])
    for key in ("1", "2"):
        view = crm.customer(key)
        cities, tags = crm.history(key, "city"), crm.history(key, "vip")
        assert [one.new for one in cities[:1]] == [view.attributes[name] for name in ("city",) if cities]
        assert [one.new for one in tags[:1]] == (["vip" in view.tags] if tags else [])
        for lines in (cities, tags):
            befores = [one.new for one in lines[1:]]
            assert [one.old for one in lines] == ([*befores, None] if lines else [])
