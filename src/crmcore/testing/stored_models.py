"""Stored models: what they may hold, what can be read in them, and how they may have been spoilt."""

from __future__ import annotations

import base64
import binascii
import json
import pickletools
from array import array
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

#: Shorter than this, nothing is worth pickling; and any letter might be one.
PICKLED = 4
ID_BYTES = 8
#: What may stand where something else is to be.
ODD: tuple[Any, ...] = ("suite", None, [[]], {"suite": 1}, 1.5)


def raw(value: object) -> bytes:
    """Return a value's bytes; raise TypeError where it is neither text nor numbers in a row."""
    if isinstance(value, str):
        return value.encode()
    view = memoryview(value)  # type: ignore[arg-type]
    if "O" in view.format:
        raise TypeError("it holds Python's objects")
    return view.tobytes()


def oddities(stored: object) -> Iterator[str]:
    """Yield what a stored model may not be."""
    if not isinstance(stored, Mapping) or not stored:
        yield f"It is a {type(stored).__name__}, no mapping of names to what is stored."
        return
    for name, value in stored.items():
        try:
            if is_pickled(raw(value)):
                yield f"{name!r} is pickled."
        except (TypeError, BufferError) as error:
            yield f"{name!r} is a {type(value).__name__}, neither text nor an array of numbers: {error}."
    if not any("format" in one for one in objects(stored).values()):
        yield "No text in it is a JSON object that states its `format`."


def is_pickled(given: bytes) -> bool:
    """Tell whether bytes are a pickle, as they are or in base64."""
    try:
        return _is_pickle(given) or _is_pickle(base64.b64decode(given, validate=True))
    except binascii.Error:
        return False


def objects(stored: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the JSON objects among what is stored."""
    read = {name: _json(value) for name, value in stored.items() if isinstance(value, str)}
    return {name: value for name, value in read.items() if isinstance(value, dict)}


def traces(stored: Mapping[str, Any], ids: Collection[int]) -> list[str]:
    """Return the names of what holds one of the ids: in digits, in hexadecimal, or as eight bytes."""
    forms = {form for one in ids for form in _forms(one)}
    return [name for name, value in stored.items() if any(form in raw(value) for form in forms)]


def spoilt(stored: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what somebody might have made of a stored model, with what it is."""
    yield "nothing", {}
    for name, value in stored.items():
        yield f"without {name!r}", {key: one for key, one in stored.items() if key != name}
        others: list[Any] = [None, 7, [], "", "{", "[]", "null", "[" * 100_000, b"\x80\x04N."]
        for other in [*others, *(_texts(value) if isinstance(value, str) else _arrays(value))]:
            shown = f"{type(other).__name__} {str(other)[:80]!r}"
            yield f"{name!r} replaced by {shown}", {**stored, name: other}


def _is_pickle(given: bytes) -> bool:
    if len(given) < PICKLED:
        return False
    try:
        *_, (_, _, end) = pickletools.genops(given)
    except (ValueError, IndexError, TypeError, UnicodeDecodeError):
        return False
    return end == len(given) - 1


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _forms(one: int) -> tuple[bytes, ...]:
    return (
        str(one).encode(),
        f"{one:x}".encode(),
        one.to_bytes(ID_BYTES, "little"),
        one.to_bytes(ID_BYTES, "big"),
    )


def _texts(text: str) -> Iterator[str]:
    """Yield a text cut in half, and a JSON object of a newer format, with less in it, and with other things."""
    yield text[: len(text) // 2]
    read = _json(text)
    if not isinstance(read, dict):
        return
    yield json.dumps(read | {"format": read.get("format", 0) + 1})
    for key, value in read.items():
        yield json.dumps({name: one for name, one in read.items() if name != key})
        for other in ODD:
            if type(other) is not type(value):
                yield json.dumps(read | {key: other})


def _arrays(value: Any) -> Iterator[object]:
    """Yield an array of one number less, with a bit turned, of another type, of objects."""
    if not len(raw(value)):
        return
    if hasattr(value, "astype"):
        yield from _of_numpy(value)
        return
    remade: Callable[[bytes], Any] = (
        (lambda given: array(value.typecode, given)) if isinstance(value, array) else type(value)
    )
    yield value[:-1]
    yield remade(bytes([raw(value)[0] ^ 1]) + raw(value)[1:])


def _of_numpy(value: Any) -> Iterator[object]:
    turned = value.copy().reshape(-1)
    turned.view("uint8")[0] ^= 1
    yield turned.reshape(value.shape)
    yield value.astype("float32" if str(value.dtype) != "float32" else "float64")
    yield value.astype(object)
    if value.ndim:
        yield value[:-1]
