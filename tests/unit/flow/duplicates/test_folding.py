"""What is written differently and means the same is compared in one form."""

from __future__ import annotations

import pytest
from hypothesis import given

from crmcore.flow.duplicates import folding
from crmcore.testing.strategies import texts


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("José Muñoz", "JOSE MUNOZ"),
        ("Müller", "Mueller"),
        ("Groß", "gross"),
        ("Łukasz", "lukasz"),
        ("O'Brien", "OBrien"),
        ("Фёдоров", "ФЕДОРОВ"),
        ("Dr. Anna Weiß", "Anna Weiss"),
        ("Smith, John", "smith john"),
    ],
)
def test_a_name_has_one_form(one, other):
    assert folding.name_words(one) == folding.name_words(other)


def test_a_name_that_is_only_a_title_stays():
    assert folding.name_words("Prof.") == ("prof",)


@pytest.mark.parametrize(("one", "other"), [("meyer", "maier"), ("catherine", "katherine"), ("smith", "smyth")])
def test_what_sounds_alike_has_one_sound(one, other):
    assert folding.sound(one) == folding.sound(other)


def test_what_sounds_different_has_another_sound():
    assert folding.sound("smith") != folding.sound("jones")


def test_an_email_is_what_it_is_delivered_by():
    assert folding.email(" Ada+shop@Example.com ") == "ada@example.com"


@pytest.mark.parametrize("address", ["info@example.com", "no-reply@example.com", "example.com", "@example.com", ""])
def test_an_address_of_an_office_or_none_is_nobodys(address):
    assert folding.email(address) == ""


def test_digits_are_read_in_every_script():
    assert folding.digits("+49 (0)30 ١٢٣") == "49030123"


@given(texts())
def test_folding_twice_is_folding_once(text):
    assert folding.folded(folding.folded(text)) == folding.folded(text)
