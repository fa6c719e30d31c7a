"""Of what lines of a file say of a customer, only what changes something, and the last of equal ones, is written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from crmcore.flow.importing.running import telling
from crmcore.model.identity import identities
from crmcore.model.statement import Identify


def said(*ages: object) -> list[Identify]:
    return [Identify(customer=identities("1", "test"), at=at, attributes={"age": age}) for at, age in enumerate(ages)]


def test_of_equal_lines_the_first_and_the_last_are_told():
    lines = said(41, 41, 41, 41)
    assert telling(lines) == [lines[0], lines[-1]]


@pytest.mark.parametrize("other", [True, Decimal(1)])
def test_a_value_of_another_kind_between_is_told(other):
    lines = said(1, other, 1)
    assert telling(lines) == lines
