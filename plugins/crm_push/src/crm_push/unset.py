"""What stands in for a carrier whose settings are wrong, so that the others carry on."""

from __future__ import annotations

from typing import NoReturn

from crmcore.errors import SettingsError
from crmcore.hooks.provider import Carriage


class Unset:
    """A carrier that cannot be opened: the messages it would carry wait, and whoever opens it is told the setting."""

    channel = "push"
    contract = 1

    def __init__(self, name: str, wrong: SettingsError) -> None:
        self.name = name
        self.carriage = Carriage(address_kinds=frozenset({name}))
        self._wrong = wrong.fields

    def open(self) -> NoReturn:
        """Raise SettingsError, as it was raised when the settings were read."""
        raise SettingsError(**self._wrong)
