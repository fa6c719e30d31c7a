"""Whether a module may be taken in: what it brings is as the contract says, and its tables are at its head."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

from sqlalchemy import Engine

from crmcore.errors import LoadError, SchemaBehind
from crmcore.flow.modules import tables
from crmcore.hooks.module import Job, Module, Route
from crmcore.migrations import modules
from crmcore.model.names import checked_name

#: Raises an error of ours for a module, of a plugin, that may not be taken in.
Admit = Callable[[str, Module], None]
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def anyone(plugin: str, module: Module) -> None:
    """Take every module in: no database is asked."""


def in_form(plugin: str, module: Module) -> None:
    """Raise LoadError where a module's tables, jobs, commands or routes are not as the contract says."""
    if module.schema is not None:
        _refuse(plugin, tables.problems(module.name, module.schema))
    _refuse(plugin, _strangers(module))
    _refuse(plugin, _of_jobs(module))
    _refuse(plugin, _of_commands(module))
    _refuse(plugin, _of_routes(module))


def at_head(engine: Engine) -> Admit:
    """Return what raises SchemaBehind for a module whose tables are not at the revision its code is written for."""

    def admit(plugin: str, module: Module) -> None:
        if module.schema is None:
            return
        with engine.connect() as connection:
            found = modules.current(connection, module.name)
        if found != module.schema.head:
            raise SchemaBehind(plugin=plugin, found=found, needed=module.schema.head)

    return admit


def made_ready(engine: Engine) -> Admit:
    """Return what brings a module's tables to its head, for a database that nobody has used yet."""

    def admit(plugin: str, module: Module) -> None:
        modules.upgrade(engine, module)
        at_head(engine)(plugin, module)

    return admit


def _refuse(plugin: str, problems: Iterator[str]) -> None:
    if found := "; ".join(problems):
        raise LoadError(plugin=plugin, problem=found)


def _of_jobs(module: Module) -> Iterator[str]:
    for one in module.jobs:
        checked_name(one.name, "job", f"module {module.name}")
        if not (math.isfinite(one.every) and one.every > 0):
            yield f"its job {one.name!r} is due every {one.every} seconds"
    yield from _twice("job", [one.name for one in module.jobs])


def _of_commands(module: Module) -> Iterator[str]:
    names = [one.name for one in module.commands]
    yield from ("one of its commands has no name" for name in names if not name)
    yield from _twice("command", names)


def _of_routes(module: Module) -> Iterator[str]:
    for one in module.routes:
        if one.method not in METHODS:
            yield f"its route {one.path!r} answers {one.method!r}, none of {', '.join(METHODS)}"
        if not one.path.startswith("/"):
            yield f"the path of its route {one.path!r} does not begin with /"
    yield from _twice("route", [f"{one.method} {one.path}" for one in module.routes])


def _strangers(module: Module) -> Iterator[str]:
    brought: list[tuple[str, Sequence[object], type]] = [("job", module.jobs, Job), ("route", module.routes, Route)]
    if module.commands:
        from click import Command

        brought.append(("command", module.commands, Command))
    for kind, found, form in brought:
        yield from (
            f"a {kind} of it is no {form.__name__}, but {_type(one)}" for one in found if not isinstance(one, form)
        )


def _type(one: object) -> str:
    return type(one).__name__


def _twice(kind: str, names: Sequence[Any]) -> Iterator[str]:
    yield from (f"it has the {kind} {one!r} twice" for one in sorted({*_repeated(names)}))


def _repeated(names: Collection[Any]) -> Iterator[str]:
    seen: set[Any] = set()
    for one in names:
        if one in seen:
            yield str(one)
        seen.add(one)
