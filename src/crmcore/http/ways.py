"""The settings of the driver, made ready: secrets revealed, certificates read, and who may be called."""

from __future__ import annotations

import ssl
from collections.abc import Callable

import attrs

from crmcore.errors import SettingsError
from crmcore.http.addresses import Address, is_anywhere, is_public
from crmcore.model.http import Http, proxy_problem
from crmcore.settings import secret

PLACE = "the table [http]"
_REFERENCES = ("env:", "file:")


@attrs.frozen(kw_only=True)
class Ways:
    """How to get out: `allowed` tells whom a guarded request may reach, `trusted` is None for the machine's own authorities."""

    timeout: float
    allowed: Callable[[Address], bool]
    proxy: str | None = attrs.field(default=None, repr=False)
    trusted: str | None = None

    def context(self, *protocols: str) -> ssl.SSLContext:
        """Return a TLS context that offers protocols by ALPN."""
        made = ssl.create_default_context(cafile=self.trusted)
        made.set_alpn_protocols(list(protocols))
        return made


def ways(settings: Http) -> Ways:
    """Return the settings made ready; raise SettingsError where a secret or a file is not there."""
    made = Ways(
        timeout=settings.timeout,
        allowed=is_anywhere if settings.allow_private else is_public,
        proxy=_proxy(settings.proxy),
        trusted=settings.ca_file,
    )
    if made.trusted is not None:
        _check_trusted(made)
    return made


def _proxy(given: str | None) -> str | None:
    if given is None or not given.startswith(_REFERENCES):
        return given
    revealed = secret(given, "http.proxy").reveal()
    if problem := proxy_problem(revealed):
        raise SettingsError(key="http.proxy", place=given, problem=problem)
    return revealed


def _check_trusted(made: Ways) -> None:
    try:
        made.context()
    except (OSError, ssl.SSLError) as error:
        problem = f"no certificates can be read from {made.trusted!r} ({type(error).__name__})"
        raise SettingsError(key="http.ca_file", place=PLACE, problem=problem) from error
