"""What a plugin is given when it registers: its settings, the clock, and secrets by reference."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmcore.errors import SettingsError
from crmcore.model.time import Clock


@attrs.frozen(repr=False)
class Secret:
    """A value that no log, repr or error shows."""

    _value: str

    def reveal(self) -> str:
        """Return the value itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret(...)"

    __str__ = __repr__


@attrs.frozen(kw_only=True)
class Setup:
    """What every register hook takes."""

    clock: Clock
    settings: Mapping[str, Any] = attrs.field(factory=dict, repr=False)

    def section(self, path: str) -> Mapping[str, Any]:
        """Return one table of the settings, such as `channels.email`; empty where there is none."""
        table = self.settings
        for name in path.split("."):
            inner = table.get(name, {})
            if not isinstance(inner, Mapping):
                raise SettingsError(key=path, place="crm.toml", problem="it is no table")
            table = inner
        return table
