"""What the readers of plain data ask of it: tables, lists, words and values of a type; InvalidCampaign says where one is not."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, get_args, get_origin

from crmcore.errors import InvalidCampaign
from crmcore.model.values import from_plain
from crmcore.store.plain_nodes import strict_converter

Reading = Callable[[Any, str], Any]


def near(said: str, known: Iterable[str]) -> str:
    """Return how a sentence about an unknown word goes on: with the word that may be meant, if any is like it."""
    found = difflib.get_close_matches(said, list(known), 1)
    return f"; did you mean {found[0]}?" if found else ""


def table(plain: Any, place: str) -> Mapping[str, Any]:
    """Return a table as it is."""
    if not isinstance(plain, Mapping):
        raise InvalidCampaign(name=place, problem=f"{plain!r} is no table")
    return plain


def values_of(plain: Any, place: str) -> Any:
    """Return the values of a table by name."""
    return from_plain(table(plain, place))


def list_of(read: Reading) -> Callable[[Any, str], list[Any]]:
    """Return what reads a list of what `read` reads."""

    def listed(plain: Any, place: str) -> list[Any]:
        if not isinstance(plain, list | tuple):
            raise InvalidCampaign(name=place, problem=f"{plain!r} is no list")
        return [read(one, f"{place}[{index}]") for index, one in enumerate(plain)]

    return listed


def words(plain: Any, place: str) -> tuple[str, ...]:
    """Return texts, of which one may stand alone."""
    given = [plain] if isinstance(plain, str) else plain
    if not isinstance(given, list | tuple) or not all(isinstance(one, str) for one in given):
        raise InvalidCampaign(name=place, problem=f"{plain!r} is neither a text nor a list of texts")
    return tuple(given)


def typed(kind: Any, plain: Any, place: str) -> Any:
    """Return a value of a type, or one of the words of a Literal; nothing is turned into another type."""
    from cattrs import transform_error

    if get_origin(kind) is Literal and plain not in get_args(kind):
        known = get_args(kind)
        raise InvalidCampaign(name=place, problem=f"{plain!r} is none of {', '.join(known)}{near(str(plain), known)}")
    try:
        return strict_converter().structure(plain, kind)
    except Exception as error:
        raise InvalidCampaign(name=place, problem="; ".join(transform_error(error))) from error
