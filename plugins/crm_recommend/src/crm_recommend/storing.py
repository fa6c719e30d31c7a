"""Models as arrays and JSON text, never pickle; what does not fit is refused before it is used."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import attrs
import numpy as np
from scipy import sparse

from crmcore.errors import IncompatibleModel
from crmcore.hooks.recommender import Model

FORMAT = 1


def dump(engine: str, model: Model) -> dict[str, Any]:
    """Return a model's arrays by name, and its numbers as the JSON text `manifest`."""
    arrays: dict[str, Any] = {}
    numbers: dict[str, Any] = {}
    kind: Any = type(model)
    for field in attrs.fields(kind):
        value = getattr(model, field.name)
        if isinstance(value, sparse.csr_array):
            parts = {"data": value.data, "indices": value.indices, "indptr": value.indptr}
            arrays |= {f"{field.name}.{part}": array for part, array in parts.items()}
            arrays[f"{field.name}.shape"] = np.array(value.shape, dtype=np.int64)
        elif isinstance(value, np.ndarray):
            arrays[field.name] = value
        else:
            numbers[field.name] = value
    kinds = {name: [str(array.dtype), list(array.shape)] for name, array in arrays.items()}
    manifest = {"format": FORMAT, "engine": engine, "numbers": numbers, "arrays": kinds}
    return arrays | {"manifest": json.dumps(manifest, sort_keys=True)}


def load(engine: str, kind: type[Any], stored: Mapping[str, Any]) -> Model:
    """Return the model of what `dump` gave; raise IncompatibleModel."""
    manifest = _manifest(engine, stored)
    try:
        values = {field.name: _value(field.name, manifest, stored) for field in attrs.fields(kind)}
    except (KeyError, ValueError, TypeError) as error:
        raise IncompatibleModel(engine=engine, problem=f"{type(error).__name__}: {error}") from error
    model: Model = kind(**values)
    return model


def _manifest(engine: str, stored: Mapping[str, Any]) -> dict[str, Any]:
    try:
        manifest = json.loads(stored["manifest"])
        said, version, arrays = manifest["engine"], manifest["format"], manifest["arrays"]
    except (KeyError, ValueError, TypeError) as error:
        raise IncompatibleModel(engine=engine, problem="it has no manifest") from error
    if said != engine or version != FORMAT:
        raise IncompatibleModel(engine=engine, problem=f"it is of {said!r} in format {version}, this reads {FORMAT}")
    for name, (dtype, shape) in arrays.items():
        array = stored.get(name)
        if not isinstance(array, np.ndarray) or str(array.dtype) != dtype or list(array.shape) != shape:
            raise IncompatibleModel(engine=engine, problem=f"array {name!r} is not of the type and shape it should be")
        if array.dtype.hasobject:
            raise IncompatibleModel(engine=engine, problem=f"array {name!r} holds objects")
    return dict(manifest)


def _value(name: str, manifest: Mapping[str, Any], stored: Mapping[str, Any]) -> Any:
    if name in manifest["numbers"]:
        return manifest["numbers"][name]
    if f"{name}.data" not in manifest["arrays"]:
        return stored[name]
    parts = tuple(stored[f"{name}.{part}"] for part in ("data", "indices", "indptr"))
    shape = tuple(int(one) for one in stored[f"{name}.shape"])
    return sparse.csr_array(parts, shape=shape)
