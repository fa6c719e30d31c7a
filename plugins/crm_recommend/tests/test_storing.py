from __future__ import annotations

import hashlib
import json

import attrs
import numpy as np
import pytest
from scipy import sparse

from crm_recommend.settings import SETTINGS
from crmcore.errors import IncompatibleModel
from crmcore.hooks.recommender import Request

NAMES = sorted(SETTINGS)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def altered(stored, **arrays):
    """Arrays put in, with a manifest that vouches for them: what somebody would store who knows the format."""
    manifest = json.loads(stored["manifest"])
    for key, array in arrays.items():
        digest = hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
        manifest["arrays"][key] = {"dtype": str(array.dtype), "shape": list(array.shape), "sha256": digest}
    return {**stored, **arrays, "manifest": json.dumps(manifest)}


def said(stored, **changes):
    manifest = json.loads(stored["manifest"]) | changes
    return {**stored, "manifest": json.dumps(manifest)}


def counted(stored, **numbers):
    return said(stored, numbers=json.loads(stored["manifest"])["numbers"] | numbers)


def test_a_model_comes_back_from_a_file_without_pickle(shop, name, tmp_path):
    one, model = shop.fitted(name)
    np.savez(tmp_path / "model.npz", **one.dump(model))
    with np.load(tmp_path / "model.npz", allow_pickle=False) as stored:
        back = one.load(stored)
    requests = [Request(customer=number, k=5, repeat="allow") for number in (1, 2, None)]
    assert one.recommend(back, requests, now=shop.now) == one.recommend(model, requests, now=shop.now)
    assert one.dump(back)["manifest"] == one.dump(model)["manifest"]


def test_a_model_of_nothing_comes_back(shop, name):
    one, model = shop.fitted(name, rows=[], items=())
    back = one.load(one.dump(model))
    [ranking] = one.recommend(back, [Request(customer=1, k=2, repeat="allow")], now=shop.now)
    assert (ranking.items, ranking.shortfall) == ((), 2)


def test_a_model_cannot_be_written_to(shop, name):
    _, model = shop.fitted(name)
    values = [getattr(model, field.name) for field in attrs.fields(type(model))]
    arrays = [part for one in values if sparse.issparse(one) for part in (one.data, one.indices, one.indptr)]
    arrays += [one for one in values if isinstance(one, np.ndarray)]
    assert len(arrays) >= 6
    assert [array.flags.writeable for array in arrays] == [False] * len(arrays)


SPOILT = {
    "no manifest": lambda stored: {key: value for key, value in stored.items() if key != "manifest"},
    "broken JSON": lambda stored: {**stored, "manifest": "{"},
    "JSON without end": lambda stored: {**stored, "manifest": "[" * 100_000},
    "a manifest that is a list": lambda stored: {**stored, "manifest": "[]"},
    "a newer format": lambda stored: said(stored, format=2),
    "another engine": lambda stored: said(stored, engine="other"),
    "arrays that are a list": lambda stored: said(stored, arrays=["items"]),
    "no numbers": lambda stored: said(stored, numbers=None),
    "an array less": lambda stored: {key: value for key, value in stored.items() if key != "popularity"},
    "another type": lambda stored: {**stored, "items": stored["items"].astype(np.float32)},
    "another shape": lambda stored: {**stored, "items": stored["items"][:-1]},
    "another value": lambda stored: {**stored, "items": stored["items"] + 1},
    "objects": lambda stored: {**stored, "items": stored["items"].astype(object)},
    "text": lambda stored: {**stored, "items": "10 20 30"},
    "ids of another type": lambda stored: altered(stored, items=stored["items"].astype(np.int32)),
    "ids that do not rise": lambda stored: altered(stored, items=stored["items"][::-1].copy()),
    "an id twice": lambda stored: altered(stored, customers=stored["customers"] * 0),
    "popularity of too few": lambda stored: altered(stored, popularity=stored["popularity"][:-1]),
    "popularity that is no number": lambda stored: altered(stored, popularity=stored["popularity"] * np.nan),
    "an item out of range": lambda stored: altered(stored, **{"held.indices": stored["held.indices"] + 7}),
    "an item below 0": lambda stored: altered(stored, **{"held.indices": stored["held.indices"] - 1}),
    "rows that end too late": lambda stored: altered(stored, **{"held.indptr": stored["held.indptr"] * 2}),
    "rows that run backwards": lambda stored: altered(
        stored, **{"held.indptr": np.r_[0, 99, stored["held.indptr"][2:]].astype(np.int32)}
    ),
    "a weight below 0": lambda stored: altered(stored, **{"held.data": -stored["held.data"]}),
    "an endless weight": lambda stored: altered(stored, **{"held.data": stored["held.data"] * np.inf}),
    "a shape that lies": lambda stored: altered(stored, **{"held.shape": np.array([2**40, 8])}),
    "a shape of one": lambda stored: altered(stored, **{"held.shape": np.array([8])}),
    "a time that is text": lambda stored: counted(stored, as_of="yesterday"),
    "a time that is true": lambda stored: counted(stored, as_of=True),
    "a number for an array": lambda stored: counted(stored, items=[10, 20]),
    "a number for a matrix": lambda stored: counted(stored, held=3),
}


@pytest.mark.parametrize("spoil", SPOILT)
def test_a_stored_model_that_is_not_sound_is_refused(shop, name, spoil):
    one, model = shop.fitted(name)
    with pytest.raises(IncompatibleModel):
        one.load(SPOILT[spoil](dict(one.dump(model))))


@pytest.mark.parametrize("number", ["half_life", "alpha", "regularization"])
@pytest.mark.parametrize("value", [0, -1, float("nan"), float("inf"), "1", None, True])
def test_a_stored_number_that_makes_no_sense_is_refused(shop, number, value):
    one, model = shop.fitted("als")
    with pytest.raises(IncompatibleModel, match=number):
        one.load(counted(one.dump(model), **{number: value}))


def test_factors_of_too_few_items_are_refused(shop):
    one, model = shop.fitted("als")
    with pytest.raises(IncompatibleModel, match="factors"):
        one.load(altered(one.dump(model), factors=model.factors[:-1]))
