"""What a sink does at a certain step: it counts the steps, and springs once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import attrs


@attrs.frozen(kw_only=True)
class Armed:
    """At the `step`-th time a conversation comes to `stage` (to any, where it is empty), `act`; its answer is the sink's."""

    stage: str
    step: int
    act: Callable[[], Any]


class Trap:
    """A script for a sink; not armed, it lets everything pass."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._armed: Armed | None = None
        self._seen = 0

    def arm(self, armed: Armed) -> None:
        """Wait for a step."""
        with self._lock:
            self._armed, self._seen = armed, 0

    @property
    def is_armed(self) -> bool:
        """Tell whether it waits for a step still."""
        with self._lock:
            return self._armed is not None

    def disarm(self) -> bool:
        """Wait no more; tell whether it had not sprung."""
        with self._lock:
            armed, self._armed = self._armed, None
            return armed is not None

    def __call__(self, stage: str, _whom: str) -> Any:
        """Let a conversation pass, or not."""
        armed = self._counted(stage)
        return None if armed is None else armed.act()

    def _counted(self, stage: str) -> Armed | None:
        with self._lock:
            armed = self._armed
            if armed is None or armed.stage not in ("", stage):
                return None
            self._seen += 1
            if self._seen < armed.step:
                return None
            self._armed = None
            return armed
