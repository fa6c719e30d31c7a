"""Identities have a normal form, and what cannot be one is refused."""

import pytest

from crmcore.errors import InvalidIdentity
from crmcore.model.identity import Identity, hint, identities, identity


@pytest.mark.parametrize(
    ("kind", "value", "normal"),
    [
        ("key", " 42 ", "42"),
        ("email", " Ada@Example.COM", "ada@example.com"),
        ("phone", "+62 (812) 345-678", "+62812345678"),
        ("anonymous", "a b", "a b"),
    ],
)
def test_a_value_gets_its_normal_form(kind, value, normal):
    assert identity(kind, value) == Identity(kind, normal)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("email", "ada@example.com\r\nBcc: all@example.com"),
        ("email", "ada"),
        ("email", "a da@example.com"),
        ("email", "<ada@example.com>"),
        ("key", ""),
        ("key", "a\0b"),
        ("key", "x" * 2049),
        ("key", "\N{SNOWMAN}" * 683),
        ("key", 42),
        ("Bad Kind", "x"),
    ],
)
def test_what_cannot_be_an_identity_is_refused(kind, value):
    with pytest.raises(ValueError, match=r"identity|text|value"):
        identity(kind, value)


@pytest.mark.parametrize("who", [None, 42, [], {}, ["42"]])
def test_what_names_nobody_is_refused(who):
    with pytest.raises(InvalidIdentity):
        identities(who)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("", ""),
        ("phone", "phone"),
        ("ada@example.com", "ada@….com"),
        ("+4915112345678", "+491…5678"),
        ("ab" * 32, "abab…abab"),
        ("https://push.example/send/0123456789 KEY AUTH", "push.example…6789"),
    ],
)
def test_a_hint_tells_addresses_apart_and_leads_to_none(value, shown):
    assert hint(value) == shown
