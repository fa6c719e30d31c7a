"""The provider `file`: one .eml file a mail, for a look, a test or another program to take on."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from crm_email.settings import FileSettings
from crmcore.hooks.provider import Accepted, Carriage, NotStarted, Outgoing, Result


class Files:
    """Mail into a directory."""

    name = "file"
    channel = "email"
    contract = 1
    carriage = Carriage(idempotency="key", batch=500)

    def __init__(self, settings: FileSettings) -> None:
        self._directory = Path(settings.directory)

    def open(self) -> FileSession:
        """Return a session; the directory is made when the first mail goes."""
        return FileSession(self._directory)


class FileSession:
    """Writes each file whole or not at all, under a name that a second try uses again."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is held open."""

    def send(self, batch: Sequence[Outgoing]) -> Iterator[Result]:
        """Yield one Result per message."""
        for message in batch:
            yield self._write(message)

    def _write(self, message: Outgoing) -> Result:
        target = self._directory / f"{message.message_key}.eml"
        part = target.with_suffix(".part")
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            part.write_bytes(message.body)
            os.replace(part, target)  # noqa: PTH105 - the call that is documented to be atomic
        except OSError:
            return NotStarted(delivery_id=message.delivery_id)
        return Accepted(delivery_id=message.delivery_id, provider_id=target.name)
