"""What a plugin registers, and what the loader says of it: looked at in a process that may hang or end.

`python -m crmcore.vetting.inventory FILE`, with an Order as JSON on its standard input, writes an Inventory to the file.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import attrs

from crmcore.hooks.provider import Listening
from crmcore.hooks.setup import Setup
from crmcore.loader import BLOCKED, GROUP, KINDS, installed, load
from crmcore.model.time import SystemClock
from crmcore.registry import Registry, version_of

#: Seconds: a plugin that takes longer to be imported keeps every command waiting.
PATIENCE = 60.0


@attrs.frozen(kw_only=True)
class Registered:
    """A contract object by its kind and name (a provider's holds its channel); `listens` where it takes webhooks."""

    kind: str
    name: str
    listens: bool = False

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"


@attrs.frozen(kw_only=True)
class Inventory:
    """What a plugin says of itself, what the loader found wrong with it, and which names others have already."""

    version: str = ""
    faults: tuple[str, ...] = ()
    taken: tuple[str, ...] = ()
    objects: tuple[Registered, ...] = ()
    hooks: tuple[str, ...] = ()


def registered(registry: Registry) -> Iterator[Registered]:
    """Yield what is registered, kind by kind."""
    for kind in KINDS:
        for name, one in sorted(getattr(registry, kind.place).items()):
            yield Registered(kind=kind.name, name=name, listens=isinstance(one, Listening))


def inventory(name: str, value: str, settings: Mapping[str, Any]) -> Inventory:
    """Return what there is, in this process."""
    setup, others = Setup(clock=SystemClock(), settings=settings), frozenset(installed())
    try:
        plugin = EntryPoint(name=name, value=value, group=GROUP).load()
    except Exception as error:  # noqa: BLE001 - whatever an import raises is what is looked for
        return Inventory(faults=(f"{type(error).__name__}: {error}",))
    alone = load(setup, plugins={name: plugin}, blocked=others)
    beside = set(registered(load(setup, blocked=frozenset({name}))))
    found = tuple(registered(alone))
    return Inventory(
        version=version_of(plugin),
        faults=tuple(one.problem for one in alone.faults if one.plugin == name and one.problem != BLOCKED),
        taken=tuple(str(one) for one in found if one in beside),
        objects=found,
        hooks=tuple(sorted(alone.listeners)),
    )


def taken_stock(
    name: str, value: str, settings: Mapping[str, Any], environment: Mapping[str, str], patience: float = PATIENCE
) -> Inventory:
    """Return what there is, looked at in a process of its own; one that hangs or ends is a fault."""
    order = json.dumps({"name": name, "value": value, "settings": settings}, default=str)
    with tempfile.TemporaryDirectory() as place:
        answer, said = Path(place) / "inventory", Path(place) / "said"
        command = [sys.executable, "-m", __name__, str(answer)]
        try:
            with said.open("wb") as output:  # no pipe: what the plugin has started, and left, may hold it open
                code = subprocess.run(  # noqa: S603 - our own program
                    command,
                    input=order.encode(),
                    stdout=output,
                    stderr=output,
                    timeout=patience,
                    check=False,
                    env=environment,
                ).returncode
        except subprocess.TimeoutExpired:
            return Inventory(faults=(f"it was not loaded after {patience:g} s",))
        if code == 0 and answer.exists():
            return _read(json.loads(answer.read_text(encoding="utf-8")))
        last = said.read_text(encoding="utf-8", errors="replace").strip().rpartition("\n")[2] or "nothing was said"
        return Inventory(faults=(f"the process that loaded it ended with {code}: {last}",))


def _read(said: Mapping[str, Any]) -> Inventory:
    lists = {name: tuple(said[name]) for name in ("faults", "taken", "hooks")}
    return Inventory(version=said["version"], objects=tuple(Registered(**one) for one in said["objects"]), **lists)


if __name__ == "__main__":
    ordered = json.load(sys.stdin)
    found_there = inventory(ordered["name"], ordered["value"], ordered["settings"])
    Path(sys.argv[1]).write_text(json.dumps(attrs.asdict(found_there)), encoding="utf-8")
