"""How a plugin marks its hooks, so that a type checker compares them with their specs."""

from __future__ import annotations

from collections.abc import Callable
from typing import ParamSpec, TypeVar

import pluggy

PROJECT = "crmcore"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Arguments = ParamSpec("Arguments")
Answer = TypeVar("Answer")


def implements(
    spec: Callable[Arguments, Answer],
) -> Callable[[Callable[Arguments, Answer]], Callable[Arguments, Answer]]:
    """Mark a function as the implementation of a hook; `mypy --strict` refuses one whose signature differs."""
    return hookimpl(specname=spec.__name__)
