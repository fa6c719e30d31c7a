"""What crm.toml may say under [modules.relay]."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import attrs

from crmcore.errors import SettingsError
from crmcore.hooks.setup import Secret, Setup
from crmcore.settings import secret

#: What can be relayed: the notice hooks, without their prefix.
KINDS = (
    "customer_changed",
    "customer_merged",
    "customer_erased",
    "event_tracked",
    "segment_changed",
    "campaign_changed",
    "delivery_changed",
)


@attrs.frozen(kw_only=True)
class RelaySettings:
    """Where notices go; `secret` is a reference (env:NAME or file:PATH). `url` and `secret` have to be said.

    `kinds` are those that are relayed, all of them by default; `seconds` is how long one request may take as a whole;
    `batch` how many notices it holds at most; `keep_days` for how long a notice is tried.
    """

    url: str = ""
    secret: str = attrs.field(default="", repr=False)
    kinds: tuple[str, ...] = KINDS
    seconds: float = 10.0
    batch: int = 100
    keep_days: int = 30

    def key(self) -> Secret:
        """Return what the secret's reference leads to, as it is now; raise SettingsError."""
        return secret(self.secret, "modules.relay.secret")


def relay_settings(setup: Setup) -> RelaySettings:
    """Return the settings of [modules.relay]; raise SettingsError naming the key and the fix."""
    given = setup.section("modules.relay")
    known = {field.name for field in attrs.fields(RelaySettings)}
    for key in given:
        if key not in known:
            raise _refused(key, f"there is no such setting; known are {', '.join(sorted(known))}")
    return _checked(RelaySettings(**{key: _value(key, value) for key, value in given.items()}))


def _value(key: str, value: Any) -> Any:
    if key == "kinds":
        return _kinds(value)
    kinds: Mapping[str, tuple[type, ...]] = {"seconds": (int, float), "batch": (int,), "keep_days": (int,)}
    if isinstance(value, bool) or not isinstance(value, kinds.get(key, (str,))):
        raise _refused(key, f"{value!r} is of the wrong type")
    return value


def _kinds(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        raise _refused("kinds", "it is no list of names")
    for one in value:
        if one not in KINDS:
            raise _refused("kinds", f"there is no notice {one!r}; known are {', '.join(KINDS)}")
    return tuple(value)


def _checked(settings: RelaySettings) -> RelaySettings:
    parts = urlsplit(settings.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _refused("url", f"{settings.url!r} is no http or https address")
    if not settings.secret:
        raise _refused("secret", "it is missing: what is relayed is signed; write secret = 'env:NAME'")
    for name in ("seconds", "batch", "keep_days"):
        if getattr(settings, name) <= 0:
            raise _refused(name, "it has to be more than 0")
    return settings


def _refused(key: str, problem: str) -> SettingsError:
    return SettingsError(key=f"modules.relay.{key}", place="crm.toml", problem=problem)
