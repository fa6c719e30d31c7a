from __future__ import annotations

import base64
import json
import pickle
from array import array

import pytest

from crmcore.testing.stored_models import is_pickled, oddities, spoilt, traces

ID = 3_141_592_653_589_793_238
TEXT = json.dumps({"format": 1, "items": [10, 20]})
STORED = {"text": TEXT, "numbers": array("q", [10, 20]), "letters": b"abcd"}


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_is_known_as_it_is_and_in_base64(protocol):
    pickled = pickle.dumps({"items": [10, 20]}, protocol)
    assert is_pickled(pickled)
    assert is_pickled(base64.b64encode(pickled))


@pytest.mark.parametrize("given", [b"", b".", TEXT.encode(), array("d", [0.5, 2.0]).tobytes(), b"abcd", b"N.N."])
def test_what_is_no_pickle_is_let_pass(given):
    assert not is_pickled(given)


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        ([], "no mapping"),
        ({}, "no mapping"),
        ({"text": TEXT, "model": object()}, "neither text nor an array"),
        ({"text": TEXT, "model": [1, 2]}, "neither text nor an array"),
        ({"text": TEXT, "model": pickle.dumps([1, 2])}, "is pickled"),
        ({"numbers": array("q", [1])}, "states its `format`"),
        ({"text": "[]"}, "states its `format`"),
    ],
)
def test_what_a_stored_model_may_not_be_is_named(stored, said):
    assert any(said in one for one in oddities(stored))


def test_numbers_and_text_with_a_format_are_a_stored_model():
    assert list(oddities(STORED)) == []


@pytest.mark.parametrize(
    "kept",
    [
        str(ID),
        f"{ID:x}",
        f'{{"held": [{ID}]}}',
        array("q", [1, ID]),
        ID.to_bytes(8, "big"),
        b"x" + ID.to_bytes(8, "little"),
    ],
)
def test_an_id_is_found_in_whatever_form_it_is_kept(kept):
    assert traces({"kept": kept, **STORED}, [ID]) == ["kept"]
    assert traces({"kept": kept}, [ID + 1]) == []


def test_nothing_that_is_spoilt_is_the_model():
    found = list(spoilt(STORED))
    assert all(stored != STORED for _, stored in found)
    assert {name for name in STORED if any(name not in stored for _, stored in found)} == set(STORED)
    texts = [stored["text"] for _, stored in found if stored.get("text") not in (None, TEXT)]
    assert any(isinstance(one, str) and '"format": 2' in one for one in texts)
