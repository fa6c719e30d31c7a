"""How requests go out over HTTP: by which proxy, whom to trust, and how long a step on the wire may take."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from crmcore.errors import SettingsError

#: Seconds, at most: whoever waits longer keeps a whole process waiting.
LONGEST = 300.0
_REFERENCES = ("env:", "file:")


@attrs.frozen(kw_only=True)
class Http:
    """Settings of the HTTP driver.

    Attributes: `proxy` (http://HOST:PORT, or a reference to one; None for none); `ca_file` (whose certificates are
    trusted, PEM; None for the machine's); `timeout` (seconds for connecting, and again for a request and its whole
    answer); `allow_private` (addresses that come from users may lead to this machine and to private networks).
    """

    proxy: str | None = attrs.field(default=None, repr=False)
    ca_file: str | None = None
    timeout: float = 10.0
    allow_private: bool = False


def http_of(table: Mapping[str, Any], place: str) -> Http:
    """Return the settings that the table `http` holds; raise SettingsError."""
    given: dict[str, Any] = {}
    for key, value in table.items():
        if key not in _READ:
            raise _wrong(key, place, f"there is no such setting; known are {', '.join(KEYS)}")
        given[key] = _READ[key](value, place)
    return Http(**given)


def proxy_problem(address: str) -> str:
    """Return what is wrong with the address of a proxy, without showing it; empty where nothing is."""
    try:
        parts = urlsplit(address)
        is_whole = bool(parts.hostname) and parts.port is not None
    except ValueError:
        is_whole = False
    is_plain = address.isascii() and address.isprintable() and " " not in address
    if not is_plain or not is_whole or parts.scheme != "http" or parts.path not in ("", "/") or parts.query:
        return "it is no http://HOST:PORT"
    return ""


def _proxy(value: object, place: str) -> str:
    """The address of a proxy may hold a password: it is never shown, and then it is given by reference."""
    if not isinstance(value, str) or not value:
        raise _wrong("proxy", place, "it is no text")
    if value.startswith(_REFERENCES):
        return value
    if problem := proxy_problem(value):
        raise _wrong("proxy", place, problem)
    if "@" in value:
        raise _wrong("proxy", place, "a password is given by reference: env:NAME or file:PATH, which holds the address")
    return value


def _text(value: object, place: str) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong("ca_file", place, f"{value!r} is no path")
    return value


def _seconds(value: object, place: str) -> float:
    """Return seconds; the environment has them as text."""
    try:
        seconds = math.nan if isinstance(value, bool) else float(str(value))
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= LONGEST:
        raise _wrong("timeout", place, f"{value!r} is no number of seconds above 0, and up to {LONGEST:.0f}")
    return seconds


def _flag(value: object, place: str) -> bool:
    said = {"true": True, "false": False}.get(str(value).lower())
    if said is None:
        raise _wrong("allow_private", place, "it is true or false")
    return said


def _wrong(key: str, place: str, problem: str) -> SettingsError:
    return SettingsError(key=f"http.{key}", place=place, problem=problem)


_READ: Mapping[str, Callable[[object, str], object]] = {
    "allow_private": _flag,
    "ca_file": _text,
    "proxy": _proxy,
    "timeout": _seconds,
}
KEYS = tuple(sorted(_READ))
