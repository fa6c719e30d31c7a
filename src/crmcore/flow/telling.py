"""One plugin is told one batch: on a thread of its own, for so long and no longer, whatever it does."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from threading import Thread
from typing import Any, Protocol

import attrs

from crmcore.hooks.notices import Notices
from crmcore.hooks.setup import Setup
from crmcore.hooks.tables import InTables
from crmcore.store.notices import Notice

Listeners = Mapping[str, Sequence[Callable[..., Any]]]
OVERDUE = "no answer in time"
log = logging.getLogger("crmcore.notices")


@attrs.define
class Came:
    """How far a plugin has come: up to which position it was told, and what went wrong (the kind alone, never its words)."""

    position: int | None = None
    problem: str | None = None
    overdue: bool = False


class Telephone(Protocol):
    """How plugins are called."""

    def hangs(self, plugin: str) -> bool:
        """Tell whether a plugin has not come back yet from an earlier call."""

    def call(self, call: Callable[[], None], plugin: str, seconds: float) -> bool:
        """Make a call; return True where it is still going on after so many seconds."""


@attrs.frozen
class Part:
    """Notices of one hook that follow one another, as listeners are told of them; the last has the position."""

    hook: str
    told: Notices[Any]
    position: int


def parts(workspace: str, batch: Sequence[Notice], setup: Setup, write: InTables) -> list[Part]:
    """Return a batch as it is told, in order."""
    runs = (list(run) for _, run in groupby(batch, attrgetter("hook")))
    return [
        Part(
            run[0].hook,
            Notices(workspace=workspace, entries=tuple(one.entry for one in run), setup=setup, write=write),
            run[-1].position,
        )
        for run in runs
    ]


def tell(hooks: Listeners, parts: Sequence[Part], came: Came) -> None:
    """Call the listeners of one plugin, in order; whatever they raise or return ends it, and is noted."""
    try:
        for part in parts:
            for listener in hooks[part.hook]:
                if (answer := listener(part.told)) is not None:
                    came.problem = f"{part.hook} returned {type(answer).__name__}, where nothing is asked for"
                    return
            came.position = part.position
    except BaseException as error:
        log.debug("a plugin failed on a notice", exc_info=True)
        came.problem = type(error).__name__


class Threads:
    """A thread of its own for each call; those that did not come back are remembered."""

    def __init__(self) -> None:
        self._left: dict[str, Thread] = {}

    def hangs(self, plugin: str) -> bool:
        """Tell whether a plugin has not come back yet from an earlier call."""
        return plugin in self._left and self._left[plugin].is_alive()

    def call(self, call: Callable[[], None], plugin: str, seconds: float) -> bool:
        """Make a call on a thread that keeps no process alive, and wait for it for so long."""
        thread = Thread(target=call, name=f"crmcore-notices-{plugin}", daemon=True)
        thread.start()
        thread.join(seconds)
        if hangs := thread.is_alive():
            self._left[plugin] = thread
        return hangs


class Here:
    """The caller's own thread, without a limit: where another thread would see another database."""

    def hangs(self, plugin: str) -> bool:  # noqa: ARG002 - it would be the caller that hangs
        """Nobody who is here hangs."""
        return False

    def call(self, call: Callable[[], None], plugin: str, seconds: float) -> bool:  # noqa: ARG002 - no limit can be kept
        """Make a call to its end."""
        call()
        return False
