"""Which field of an event is meant: a column of its own, a property, or a path of names that leads into tables.

`utm.source` is what the property `utm`, a table, has under `source`. A name that holds a point itself stands in double
quotes: `"utm.source"` is one property. What leads through a list, or through anything else that is no table, is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from crmcore.errors import InvalidCondition
from crmcore.model.values import checked_text

#: So many names long a path may be.
LONGEST = 20
_NAME = re.compile(r'"([^"\\]+)"|([^"\\.]+)')
_PATH = re.compile(rf"(?:{_NAME.pattern})(?:\.(?:{_NAME.pattern}))*")


@lru_cache(maxsize=4096)
def names_of(path: str) -> tuple[str, ...]:
    """Return the names of a path, the outermost first; raise InvalidCondition where it cannot be looked up in JSON."""
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise _refused(path, "holds a quote or backslash, or is empty, or one of its names is")
    return _checked([quoted or bare for quoted, bare in _NAME.findall(path)])


def path_of(names: Iterable[str]) -> str:
    """Return the path of names, in quotes only those that hold a point; raise InvalidCondition as `names_of` does."""
    return ".".join(f'"{one}"' if "." in one else one for one in _checked(names))


def checked_field(path: str) -> str:
    """Return a path as all write it; raise InvalidCondition where it cannot be looked up in JSON."""
    return path_of(names_of(path))


def _checked(names: Iterable[str]) -> tuple[str, ...]:
    path = tuple(checked_text(one, "field") for one in names)
    for one in path:
        if not one or '"' in one or "\\" in one:
            raise _refused(one, "holds a quote or backslash, or is empty")
        if one.startswith("$"):
            raise _refused(one, "begins with $, as no property's name does")
    if len(path) > LONGEST:
        raise _refused(path[0], f"leads through more than {LONGEST} names")
    return path


def _refused(said: object, problem: str) -> InvalidCondition:
    fix = "write names joined by points, as in utm.source, and one that holds a point in double quotes"
    return InvalidCondition(place="field", problem=f"{said!r} {problem}; {fix}")


def value_in(properties: Mapping[str, Any], path: str, missing: object = None) -> Any:
    """Return what a path leads to, and `missing` where that is not there."""
    found: Any = properties
    for name in names_of(path):
        if not isinstance(found, Mapping) or name not in found:
            return missing
        found = found[name]
    return found
