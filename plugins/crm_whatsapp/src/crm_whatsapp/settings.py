"""What crm.toml may say under [channels.whatsapp]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from crmcore.errors import SettingsError
from crmcore.hooks.setup import Secret
from crmcore.settings import secret

PLACE = "channels.whatsapp.cloud"
_SECTION = ("provider", "cloud")


@attrs.frozen(kw_only=True)
class CloudSettings:
    """One phone number at Meta; `token`, `app_secret` and `verify_token` are references (env:NAME or file:PATH).

    `throughput` is how many messages a second Meta lets the number send (80, 1,000 once it has been raised, 20 for a
    number that is used in the app too), `burst` how many may go at once after a pause (0: a quarter of that);
    `portfolio` how many users a day its messaging limit allows (0: as many as one likes).
    """

    phone_number_id: str = ""
    token: str = attrs.field(default="", repr=False)
    app_secret: str = attrs.field(default="", repr=False)
    verify_token: str = attrs.field(default="", repr=False)
    version: str = "v25.0"
    base_url: str = "https://graph.facebook.com"
    throughput: int = 80
    burst: int = 0
    portfolio: int = 0

    def secret(self, name: str) -> Secret:
        """Return what one of the references leads to, as it is now; raise SettingsError."""
        return secret(getattr(self, name), f"{PLACE}.{name}")


def checked_section(section: Mapping[str, Any]) -> None:
    """Raise SettingsError for a key that does not belong to the channel."""
    for key in section:
        if key not in _SECTION:
            problem = f"there is no such setting; known are {', '.join(_SECTION)}"
            raise SettingsError(key=key, place="[channels.whatsapp]", problem=problem)


def cloud_settings(section: Mapping[str, Any]) -> CloudSettings:
    """Return the settings of [channels.whatsapp.cloud]; raise SettingsError naming the key and the fix."""
    settings = CloudSettings(**_read(section.get("cloud", {})))
    if not urlsplit(settings.base_url).hostname:
        raise _refused("base_url", f"{settings.base_url!r} is no URL")
    if settings.throughput < _LEAST:
        raise _refused("throughput", f"{settings.throughput} a second carries nothing; {_LEAST} is the least")
    if settings.burst < 0:
        raise _refused(
            "burst", f"{settings.burst} at once is less than none; 1 is the least, and 0 a quarter of throughput"
        )
    if settings.portfolio != 0 and settings.portfolio < _LEAST:
        raise _refused(
            "portfolio", f"{settings.portfolio} is no messaging limit; 0 is without one, 250 the least of Meta's"
        )
    return attrs.evolve(settings, base_url=settings.base_url.rstrip("/"))


#: A limit is a burst and a rate, one a piece at least.
_LEAST = 2


def _read(given: object) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise SettingsError(key="cloud", place="[channels.whatsapp]", problem="it is no table")
    types = {field.name: type(field.default) for field in attrs.fields(CloudSettings)}
    for key in given:
        if key not in types:
            raise _refused(key, f"there is no such setting; known are {', '.join(types)}")
    return {key: _value(types[key], value, key) for key, value in given.items()}


def _value(kind: type[Any], value: object, key: str) -> Any:
    """An environment variable is text, and an id of digits a number in TOML: each is read as what is meant."""
    if isinstance(value, str | int) and not isinstance(value, bool):
        try:
            return value if isinstance(value, kind) else kind(value)
        except ValueError:
            pass
    raise _refused(key, f"it is no {'text' if kind is str else 'whole number'}")


def _refused(key: str, problem: str) -> SettingsError:
    return SettingsError(key=key, place=f"[{PLACE}]", problem=problem)
