"""How two customers agree, and what that comes to."""

from __future__ import annotations

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmcore.errors import MissingExtra
from crmcore.flow.duplicates.comparing import compared
from crmcore.flow.duplicates.profiles import packed, profile, unpacked
from crmcore.flow.duplicates.weighing import Shares, reasons, weighed

WORDS = st.sampled_from(["Anna", "Ana", "A.", "Peter", "Petr", "Müller", "Mueller", "Миша", "佐藤"])
FACTS = st.fixed_dictionaries(
    {},
    optional={
        "name": st.lists(WORDS, max_size=3).map(" ".join),
        "email": st.sampled_from(["anna@x.com", "ana@x.com", "anna@y.com", "peter.muller@x.com", "info@x.com"]),
        "phone": st.sampled_from(["+49 30 1234567", "0301234567", "0301234568", "12"]),
        "birth_date": st.sampled_from(["1980-02-01", "1980-01-02", "1981-02-01", "1955-05-05", "unknown"]),
        "street": st.sampled_from(["Hauptstraße 12", "Hauptstr. 12", "12a Mill Lane", "12a Main Lane"]),
        "postcode": st.sampled_from(["10115", "10116", "SE1 2AB"]),
        "city": st.sampled_from(["Berlin", "Brelin", "Köln"]),
    },
)


def person(number=1, **facts):
    return profile(number, {name: [value] for name, value in facts.items()})


def levels(one, other):
    return {each.field: each.level for each in compared(person(1, **one), person(2, **other))}


STRANGERS = [person(name=f"n{number} m{number}") for number in range(200)]


def shares(*profiles):
    counted = Shares()
    for one in (*profiles, *STRANGERS):
        counted.add(one)
    return counted


def score(one, other):
    both = person(1, **one), person(2, **other)
    return weighed(compared(*both), shares(*both))


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("Anna Weber", "Weber, Anna", "same"),
        ("Anna Weber", "Anna Maria Weber", "same"),
        ("Anna Weber", "Anna Wbeer", "similar"),
        ("Anna Weber", "A. Weber", "similar"),
        ("Maximilian Weber", "Max Weber", "similar"),
        ("Anna Lena Weber", "Annalena Weber", "similar"),
        ("Anna Weber", "Weber", "same single word"),
        ("Kasia Nowak", "Katarzyna Nowak", "partly the same, the rest begins alike"),
        ("Anna Weber", "Peter Weber", "partly the same"),
        ("Anna Weber", "Peter Koch", "differs"),
        ("佐藤 花子", "花子 佐藤", "same"),
        ("Анна Смирнова", "Анна Смирнрва", "similar"),
    ],
)
def test_names(one, other, level):
    assert levels({"name": one}, {"name": other}) == {"name": level}


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("ada@example.com", "Ada+news@example.com", "same"),
        ("bluestone7@example.com", "bleustone7@example.com", "similar"),
        ("bluestone7@gmail.com", "bluestone7@gmial.com", "similar"),
        ("bluestone7@example.com", "bluestone8@example.com", "differs"),
        ("ada.king@example.com", "aking@example.org", "both made of the name"),
    ],
)
def test_emails(one, other, level):
    assert levels({"name": "Ada King", "email": one}, {"name": "Ada King", "email": other})["email"] == level


def test_addresses_of_two_names_that_are_like_one_another_are_no_slip():
    one = {"name": "John Radden", "email": "john.radden@example.com"}
    other = {"name": "John Radton", "email": "john.radton@example.com"}
    assert levels(one, other)["email"] == "both made of the name"


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("+49 30 1234567", "030/1234567", "same"),
        ("+49 30 1234567", "0049 30 1234576", "similar"),
        ("+49 30 1234567", "+49 30 7654321", "differs"),
    ],
)
def test_phones(one, other, level):
    assert levels({"phone": one}, {"phone": other}) == {"phone": level}


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ("1980-02-01", "1980-02-01", "same"),
        ("1980-02-01", "1980-01-02", "similar"),
        ("1980-02-01", "1980-02-11", "similar"),
        ("1980-02-01", "1955-07-21", "differs"),
    ],
)
def test_birth_dates(one, other, level):
    assert levels({"birth_date": one}, {"birth_date": other}) == {"birth_date": level}


BERLIN = {"postcode": "10115", "city": "Berlin"}


@pytest.mark.parametrize(
    ("one", "other", "level"),
    [
        ({"street": "Hauptstraße 12", **BERLIN}, {"street": "Hauptstr. 12", **BERLIN}, "same house"),
        ({"street": "12 Church Road", **BERLIN}, {"street": "12 Church Rd", "city": "Brelin"}, "same house"),
        ({"street": "12 Mill Lane", **BERLIN}, {"street": "12 Manor Lane", **BERLIN}, "same postcode"),
        ({"street": "12 Mill Lane", **BERLIN}, {"street": "13 Mill Lane", **BERLIN}, "same postcode"),
        ({"street": "12 Mill Lane", **BERLIN}, {"postcode": "10999", "city": "Berlin"}, "same city"),
        ({"street": "Am Ring 1", **BERLIN}, {"street": "Am Ring 1", "postcode": "50667", "city": "Köln"}, "differs"),
    ],
)
def test_addresses(one, other, level):
    assert levels(one, other) == {"address": level}


def test_what_is_missing_says_nothing():
    assert levels({"name": "Anna Weber", "phone": "12"}, {"birth_date": "1980-01-01", "phone": "12"}) == {}


@given(FACTS, FACTS)
def test_it_does_not_matter_who_is_compared_with_whom(one, other):
    a, b = person(1, **one), person(2, **other)
    counted = shares(a, b)
    forth, back = weighed(compared(a, b), counted), weighed(compared(b, a), counted)
    assert (forth.score, forth.household, reasons(forth)) == (back.score, back.household, reasons(back))


@given(FACTS, FACTS)
def test_a_score_is_a_probability(one, other):
    found = score(one, other)
    assert 0 <= found.score <= 1
    assert 0 <= found.household <= 1
    assert found.score + found.household <= 1 + 1e-9


@given(FACTS)
def test_a_profile_is_unpacked_as_it_was_packed(facts):
    assert unpacked(1, packed(person(1, **facts))) == person(1, **facts)


def test_more_that_agrees_is_more_probable():
    one = {"name": "Anna Weber", "birth_date": "1980-02-01", "phone": "+49 30 1234567"}
    scores = [score({"name": one["name"], **dict(list(one.items())[:count])}, one).score for count in (1, 2, 3)]
    assert scores == sorted(scores)


def test_a_rare_name_says_more_than_a_common_one():
    one, other = person(1, name="Anna Weber"), person(2, name="Anna Weber")
    rare = weighed(compared(one, other), shares(one, other))
    common = weighed(compared(one, other), shares(one, other, *[person(name="Anna Weber")] * 200))
    assert rare.score > common.score


def test_people_of_one_household_are_told_from_one_person():
    home = {"phone": "+49 30 1234567", "street": "Hauptstraße 12", **BERLIN}
    found = score({"name": "Anna Weber", **home}, {"name": "Peter Weber", **home})
    assert found.household > 0.9
    assert found.score < 0.1


def test_reasons_begin_with_what_says_most():
    found = reasons(score({"name": "Anna Weber", **BERLIN}, {"name": "Anna Weber", "city": "Berlin"}))
    assert [one.field for one in found] == ["name", "address"]
    assert found[0].bits > found[1].bits > 0


def test_without_its_package_the_error_names_the_extra(monkeypatch):
    monkeypatch.delitem(sys.modules, "crmcore.flow.duplicates.comparing")
    monkeypatch.setitem(sys.modules, "rapidfuzz.distance", None)
    monkeypatch.setitem(sys.modules, "rapidfuzz", None)
    with pytest.raises(MissingExtra, match=r"crmcore\[duplicates\]"):
        __import__("crmcore.flow.duplicates.comparing")
