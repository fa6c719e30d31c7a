"""Write tests/house/public_api.txt, what a release promises to keep: `python tools/write_public_api.py`.

Public is what `crmcore` exports, and every name without an underscore that a documented module of crmcore.hooks or crmcore.testing
defines: documented is one that the docs or a README name. docs/explanation/stability.md says what may change when.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
FILE = ROOT / "tests" / "house" / "public_api.txt"
PAGES = ("docs/**/*.md", "README.md", "plugins/*/README.md")
_NAMED = re.compile(r"\bcrmcore\.(?:hooks|testing)(?:\.[a-z_]+)+")
#: In which order a set is, and where something stands in memory, is no part of a signature.
_SET = re.compile(r"\{([^{}]*)\}")
_PLACE = re.compile(r" at 0x[0-9a-f]+")


def lines() -> list[str]:
    """Return the public names with their signatures, in order."""
    exported = importlib.import_module("crmcore")
    found = {line for name in exported.__all__ for line in _described(f"crmcore.{name}", getattr(exported, name))}
    for module in modules():
        found.update(line for name, one in _defined(module) for line in _described(f"{module.__name__}.{name}", one))
    return sorted(found)


def modules() -> list[ModuleType]:
    """Return the documented modules of crmcore.hooks and crmcore.testing."""
    named = {name for page in PAGES for path in ROOT.glob(page) for name in _NAMED.findall(path.read_text())}
    return [importlib.import_module(name) for name in sorted(named) if _is_module(name)]


def _is_module(name: str) -> bool:
    place = ROOT / "src" / name.replace(".", "/")
    return place.with_suffix(".py").is_file() or (place / "__init__.py").is_file()


def _defined(module: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield what a module exports, or else defines itself: constants, classes, functions."""
    names = getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]
    for name in names:
        one = getattr(module, name)
        is_imported = getattr(one, "__module__", module.__name__) != module.__name__ or inspect.ismodule(one)
        if not is_imported or hasattr(module, "__all__"):
            yield name, one


def _described(name: str, one: Any) -> Iterator[str]:
    if inspect.isclass(one):
        yield f"class {name}{_signature(one)}"
        yield from (f"{name}.{line}" for line in _members(one))
    elif callable(one) and hasattr(one, "__name__"):
        yield f"{name}{_signature(one)}"
    else:
        yield name


def _members(one: type) -> Iterator[str]:
    ours = [each for each in one.__mro__ if each.__module__.startswith("crmcore")]
    for each in ours:
        fields = inspect.get_annotations(each)
        yield from (f"{name}: {said}" for name, said in fields.items() if not name.startswith("_"))
        for name, member in vars(each).items():
            if name.startswith("_") or name in fields:
                continue
            function = getattr(member, "__func__", member)
            yield f"{name}{_signature(function)}" if inspect.isfunction(function) else name


def _signature(one: Any) -> str:
    """Return a signature as it is on every machine; nobody makes a protocol, and how an enum is made is Python's business."""
    if inspect.isclass(one) and (issubclass(one, Enum) or getattr(one, "_is_protocol", False)):
        return ""
    try:
        return _SET.sub(_in_order, _PLACE.sub("", str(inspect.signature(one))))
    except (TypeError, ValueError):
        return ""


def _in_order(found: re.Match[str]) -> str:
    return f"{{{', '.join(sorted(found[1].split(', ')))}}}"


if __name__ == "__main__":
    FILE.write_text("\n".join(lines()) + "\n")
