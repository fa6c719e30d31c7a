"""Codes that can be read out on the phone."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from crm_operational import is_code
from crm_operational.coupons import ALPHABET, LENGTH, CheckedCodes, with_check

CODES = st.text(alphabet=ALPHABET, min_size=LENGTH - 1, max_size=LENGTH - 1).map(with_check)
PLACES = st.integers(0, LENGTH - 1)


def test_codes_differ_and_follow_from_the_seed():
    codes = CheckedCodes().codes(500, 7)
    assert len(set(codes)) == 500
    assert codes == CheckedCodes().codes(500, 7)
    assert not set(codes) & set(CheckedCodes().codes(500, 8))


def test_every_code_is_one():
    assert all(map(is_code, CheckedCodes().codes(200, 1)))


def test_no_sign_looks_like_another():
    assert not set("0O1IL2Z5S8BUV") & set(ALPHABET)


@settings(max_examples=100, deadline=None)
@given(CODES, PLACES, st.sampled_from(ALPHABET))
def test_one_sign_that_is_wrong_is_found_out(code, place, sign):
    wrong = code[:place] + sign + code[place + 1 :]
    assert is_code(wrong) == (wrong == code)


@settings(max_examples=100, deadline=None)
@given(CODES, PLACES, PLACES)
def test_two_signs_that_are_exchanged_are_found_out(code, one, other):
    signs = list(code)
    signs[one], signs[other] = signs[other], signs[one]
    assert is_code("".join(signs)) == ("".join(signs) == code)


def test_a_code_may_be_written_as_people_write_it():
    [code] = CheckedCodes().codes(1, 3)
    assert is_code(f" {code[:4].lower()}-{code[4:8]} {code[8:]}")
    assert not is_code(code[:-1])
    assert not is_code("")
