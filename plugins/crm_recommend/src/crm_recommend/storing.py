"""Models as arrays and JSON text, never pickle; what does not fit is refused before it is used."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
import numpy.typing as npt
from scipy import sparse

from crmcore.errors import IncompatibleModel
from crmcore.hooks.recommender import Model

FORMAT = 1
PARTS = ("data", "indices", "indptr")
#: What reading a manifest that somebody made up can raise.
UNSOUND = (KeyError, ValueError, TypeError, AttributeError, IndexError, OverflowError, RecursionError)


def dump(engine: str, model: Model) -> dict[str, Any]:
    """Return a model's arrays by name, and the JSON text `manifest`; numpy.savez takes it as it is."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    numbers: dict[str, Any] = {}
    kind: Any = type(model)
    for field in attrs.fields(kind):
        value = getattr(model, field.name)
        if isinstance(value, sparse.csr_array):
            arrays |= {f"{field.name}.{part}": getattr(value, part) for part in PARTS}
            arrays[f"{field.name}.shape"] = np.array(value.shape, dtype=np.int64)
        elif isinstance(value, np.ndarray):
            arrays[field.name] = value
        else:
            numbers[field.name] = value
    seals = {name: _seal(array) for name, array in arrays.items()}
    manifest = {"format": FORMAT, "engine": engine, "numbers": numbers, "arrays": seals}
    return arrays | {"manifest": json.dumps(manifest, sort_keys=True)}


def load(engine: str, kind: type[Any], stored: Mapping[str, Any]) -> Model:
    """Return the model of what `dump` gave, read back from any mapping of arrays; raise IncompatibleModel."""
    try:
        manifest = json.loads(str(stored["manifest"]))
        _same(manifest, engine)
        arrays = {name: _sealed(name, stored[name], seal) for name, seal in manifest["arrays"].items()}
        values = {field.name: _value(field.name, manifest["numbers"], arrays) for field in attrs.fields(kind)}
        model: Model = kind(**values)
    except UNSOUND as error:
        raise IncompatibleModel(engine=engine, problem=f"{type(error).__name__}: {error}") from error
    return model


def _same(manifest: Mapping[str, Any], engine: str) -> None:
    said, version = manifest["engine"], manifest["format"]
    if said != engine or version != FORMAT:
        raise ValueError(f"it is of {said!r} in format {version!r}; this reads {engine!r} in format {FORMAT}")


def _seal(array: npt.NDArray[Any]) -> dict[str, Any]:
    digest = hashlib.sha256(np.ascontiguousarray(array).data).hexdigest()
    return {"dtype": str(array.dtype), "shape": list(array.shape), "sha256": digest}


def _sealed(name: str, array: object, seal: Mapping[str, Any]) -> npt.NDArray[Any]:
    if not isinstance(array, np.ndarray) or array.dtype.hasobject or _seal(array) != seal:
        raise ValueError(f"array {name!r} is not what was stored")
    return array


def _value(name: str, numbers: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    if name in numbers:
        return numbers[name]
    if name in arrays:
        return arrays[name]
    parts = tuple(arrays[f"{name}.{part}"] for part in PARTS)
    return sparse.csr_array(parts, shape=tuple(arrays[f"{name}.shape"].tolist()))
