"""Postfix's smtp-sink, where it is installed: a sink that somebody else wrote, to check against.

Its own options make it fail: -q and -Q hang up at a command, -f and -r refuse one for good or for now, -w waits.
"""

from __future__ import annotations

import getpass
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from crmcore.testing.smtp_sink import Mail

PROGRAM = "smtp-sink"
#: Where Debian has it, which is in nobody's PATH but root's.
_PLACES = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"))
#: Seconds the program may take to listen, and to end.
PATIENCE = 10.0
_PAUSE = 0.02
_OWN = re.compile(
    rb"(X-.*\n)*?X-Mail-Args: <(?P<sender>.*?)>.*\n(X-.*\n)*?X-Rcpt-Args: <(?P<recipient>.*?)>.*\nReceived:.*\n(\t.*\n)*"
)


def program() -> str | None:
    """Return the path of smtp-sink; None where it is not installed."""
    return shutil.which(PROGRAM, path=_PLACES)


class PostfixSink:
    """The program, at work in a folder of its own; use it as a context manager where `program` finds it.

    `mails` are those taken, once it has ended: until then a file may hold half a mail.
    """

    def __init__(self, folder: Path, options: Sequence[str] = ()) -> None:
        self.mails: list[Mail] = []
        self._folder, self._options = folder, options
        self._process: subprocess.Popen[bytes] | None = None
        self.host, self.port = "127.0.0.1", _free_port()

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        own = ("-u", getpass.getuser()) if os.geteuid() == 0 else ()
        dump = ("-d", str(self._folder / "mail."))
        command = (program() or PROGRAM, *own, *dump, *self._options, f"{self.host}:{self.port}", "128")
        self._process = subprocess.Popen(command)  # noqa: S603 - found by name, run with the caller's own options
        _wait_for(self._process, self.host, self.port)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(PATIENCE)
        dumps = (path.read_bytes() for path in sorted(self._folder.iterdir(), key=_written_at))
        self.mails += [mail for dump in dumps if (mail := _mail(dump)) is not None]


def _mail(dump: bytes) -> Mail | None:
    """Read what the program wrote: with LF, and a line of its own at the end, which half a mail does not have."""
    own = _OWN.match(dump)
    if own is None or not dump.endswith(b"\n\n"):
        return None
    body = dump[own.end() : -1].replace(b"\n", b"\r\n")
    return Mail(own["sender"].decode(), own["recipient"].decode(), body)


def _written_at(path: Path) -> int:
    return path.stat().st_mtime_ns


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait_for(process: subprocess.Popen[bytes], host: str, port: int) -> None:
    end = time.monotonic() + PATIENCE
    while not _listens(host, port):
        if process.poll() is not None or time.monotonic() > end:
            raise OSError(f"{PROGRAM} does not listen (exit {process.poll()})")
        time.sleep(_PAUSE)


def _listens(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1).close()
    except OSError:
        return False
    return True
