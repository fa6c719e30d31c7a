"""What a plugin does beside its task: sleeping, talking, opening sockets."""

from __future__ import annotations

import base64
import io
import logging
import socket
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from types import FrameType
from typing import Any, NoReturn
from unittest import mock
from urllib.parse import quote

import attrs

_SLEEP = time.sleep
_TIME, _TIME_NS = time.time, time.time_ns
#: A group of base64: three bytes in four letters.
_BYTES, _LETTERS = 3, 4


@attrs.define
class Watch:
    """What was noticed: who slept, and what was said to logs, stdout and stderr."""

    slept: list[str] = attrs.field(factory=list)
    _said: io.StringIO = attrs.field(factory=io.StringIO)

    def said(self) -> str:
        """Return all that was said."""
        return self._said.getvalue()


@contextmanager
def watched(package: str) -> Iterator[Watch]:
    """Notice what a package does. Its sleeps are noted and not slept: those of its libraries and threads too."""
    watch = Watch()
    handler = logging.StreamHandler(watch._said)  # noqa: SLF001 - our own
    root, level = logging.getLogger(), logging.getLogger().level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with _sleepless(package, watch.slept), redirect_stdout(watch._said), redirect_stderr(watch._said):  # noqa: SLF001
            yield watch
    finally:
        root.setLevel(level)
        root.removeHandler(handler)


@contextmanager
def unheard() -> Iterator[None]:
    """Let nothing be logged: what logs keep is kept by nobody else."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        yield
    finally:
        logging.disable(level)


@contextmanager
def _sleepless(package: str, slept: list[str]) -> Iterator[None]:
    sleep = _SLEEP

    def noted(seconds: float) -> None:
        who = next((one for one in _callers() if _is_in(one, package)), None)
        if who is None:
            sleep(seconds)
        else:
            slept.append(f"{who} slept for {seconds} s")

    holders = [
        (module, name)
        for key, module in list(sys.modules.items())
        if key == "time" or (_is_in(key, package) and key != __name__)
        for name, value in list(vars(module).items())
        if value is sleep
    ]
    for module, name in holders:
        setattr(module, name, noted)
    try:
        yield
    finally:
        for module, name in holders:
            setattr(module, name, sleep)


def _callers() -> Iterator[str]:
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - the documented way to the caller
    while frame is not None:
        yield str(frame.f_globals.get("__name__", ""))
        frame = frame.f_back


def _is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


@contextmanager
def no_sockets() -> Iterator[None]:
    """Let nobody open a socket or look up a name: a dry run does neither. Raise AssertionError where one was tried."""
    tried: list[str] = []

    def refused(*_: object, **__: object) -> NoReturn:
        tried.append(next((one for one in _callers() if one not in (__name__, "socket")), ""))
        raise OSError("no network here")

    with mock.patch.object(socket.socket, "__init__", refused), mock.patch.object(socket, "getaddrinfo", refused):
        yield
    if tried:
        raise AssertionError(f"{tried[0]} opened a socket, or looked up a name, where no network is to be used")


@contextmanager
def much_later(seconds: float) -> Iterator[None]:
    """Let the machine's clock, as the module `time` tells it, be so many seconds ahead."""

    def later() -> float:
        return _TIME() + seconds

    def later_ns() -> int:
        return _TIME_NS() + int(seconds * 10**9)

    with mock.patch.object(time, "time", later), mock.patch.object(time, "time_ns", later_ns):
        yield


def forms_of(secret: str) -> frozenset[str]:
    """Return how a secret may look in a text: as it is, quoted for a URL, in hexadecimal, somewhere inside base64."""
    raw = secret.encode()
    disguised = (quote(secret, safe=""), raw.hex(), *(_inside_base64(raw, shift) for shift in range(_BYTES)))
    return frozenset({secret, *(one for one in disguised if len(one) > _LETTERS)})


def _inside_base64(raw: bytes, shift: int) -> str:
    """Return the letters that do not depend on what stands before (`shift` bytes, modulo 3) and after."""
    whole = base64.b64encode(b"\0" * shift + raw).decode()
    first = -(-shift * _LETTERS // _BYTES)
    last = (shift + len(raw)) // _BYTES * _LETTERS
    return whole[first:last]


def told(error: BaseException | None) -> str:
    """Return an error as a log would show it: its text, its causes, the lines it came by."""
    return "" if error is None else "".join(traceback.format_exception(error))


def shown(secrets: Sequence[str], text: str) -> list[str]:
    """Return the secrets that can be read in a text."""
    return [one for one in secrets if any(form in text for form in forms_of(one))]


def within(seconds: float, work: Callable[[], None]) -> bool:
    """Do some work in a thread; tell whether it ended in time. `work` catches its own errors."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    return not thread.is_alive()


def eventually(holds: Callable[[], Any], seconds: float = 1.0) -> bool:
    """Wait until something holds that another thread brings about; tell whether it came to hold."""
    until = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > until:
            return False
        _SLEEP(0.002)
    return True
