"""What a webhook is spoilt by, to see whether it is still read: signatures that are none, and bodies that nobody expects."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from hypothesis import strategies as st

Place = tuple[str | int, ...]
#: What may stand where something else is to be.
ODD: tuple[Any, ...] = (
    None,
    True,
    7,
    -1,
    2**70,
    1.5,
    "",
    "suite",
    "\ud800",
    "9" * 30,
    [],
    {},
    [None],
    {"suite": 1},
    [[]],
    [7],
)
#: What a signature may not be: whoever compares a part of it lets it be found by trial.
SPOILT: Mapping[str, Callable[[str], str]] = {
    "end too early": lambda value: value[: len(value) * 3 // 4],
    "end otherwise": lambda value: value[: len(value) * 3 // 4] + "0" * (len(value) - len(value) * 3 // 4),
}


def from_json(body: bytes) -> Any:
    """Return what a body says in JSON; None where it is none."""
    try:
        return json.loads(body)
    except ValueError:
        return None


def changes(said: Any) -> st.SearchStrategy[bytes]:
    """Return a body with one thing in it that is something else, is gone, or is new."""
    places = list(_places(said, ()))
    return st.builds(
        lambda place, odd, how: json.dumps(_changed(said, place, odd, how)).encode(),
        st.sampled_from(places),
        st.sampled_from(ODD),
        st.sampled_from(["set", "drop", "add"]),
    )


def _places(said: Any, place: Place) -> Iterator[Place]:
    yield place
    inner = said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ()
    for name, value in inner:
        yield from _places(value, (*place, name))


def _changed(said: Any, place: Place, odd: Any, how: str) -> Any:
    if not place:
        return {**said, "suite_field": odd} if how == "add" and isinstance(said, dict) else odd
    name, *rest = place
    copied: Any = dict(said) if isinstance(said, dict) else list(said)
    if rest or how == "add":
        copied[name] = _changed(said[name], tuple(rest), odd, how)
    elif how == "drop":
        del copied[name]
    else:
        copied[name] = odd
    return copied
