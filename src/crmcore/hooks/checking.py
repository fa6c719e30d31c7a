"""Whether what a plugin brings fits the hooks: found when it is loaded, before any of it is called."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Collection, Iterator
from typing import Any

import attrs

from crmcore.errors import HookMismatch
from crmcore.hooks.marker import PROJECT

PREFIX = "crm_"


@attrs.frozen
class Implementation:
    """A function of a plugin, and the hook it implements."""

    hook: str
    function: Callable[..., Any]


def check(plugin: str, brought: Any, hooks: Collection[str]) -> None:
    """Raise HookMismatch where a plugin has no hooks, or one that cannot be called as hooks are."""
    found = list(_implementations(plugin, brought, hooks))
    if not found:
        problem = "it implements no hook; mark a function with @implements(hook), as in docs/howto/plugin.md"
        raise HookMismatch(plugin=plugin, problem=problem)
    for one in found:
        if problem := _problem(one):
            raise HookMismatch(plugin=plugin, problem=f"{one.hook} {problem}")


def _implementations(plugin: str, brought: Any, hooks: Collection[str]) -> Iterator[Implementation]:
    for name in dir(brought):
        function = getattr(brought, name, None)
        marked = getattr(function, f"{PROJECT}_impl", None)
        is_spec = hasattr(function, f"{PROJECT}_spec")
        if not callable(function) or is_spec or (marked is None and not name.startswith(PREFIX)):
            continue
        hook = (marked or {}).get("specname") or name
        if hook not in hooks:
            raise HookMismatch(plugin=plugin, problem=f"there is no hook {hook}{meant(hook, hooks)}")
        if marked is None:
            raise HookMismatch(plugin=plugin, problem=f"{name} is not marked; write @implements({hook}) above it")
        if marked.get("wrapper") or marked.get("hookwrapper"):
            raise HookMismatch(plugin=plugin, problem=f"{hook} is a wrapper, and nobody wraps what another plugin does")
        yield Implementation(hook, function)


def meant(name: str, known: Collection[str]) -> str:
    """Return the question after a name that is wrong; nothing where there is none like it."""
    near = difflib.get_close_matches(name, known, 1)
    return f"; did you mean {near[0]}?" if near else ""


def _problem(one: Implementation) -> str:
    if inspect.iscoroutinefunction(one.function) or inspect.isasyncgenfunction(one.function):
        return "is async, and nobody awaits it; write def instead of async def"
    if inspect.isgeneratorfunction(one.function):
        return "is a generator; return a list instead of yielding"
    try:
        inspect.signature(one.function).bind(object())
    except TypeError as error:
        return f"does not take the one argument that it is called with: {error}"
    return ""
