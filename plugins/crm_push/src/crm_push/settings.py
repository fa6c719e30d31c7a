"""What crm.toml may say under [channels.push]."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping
from typing import Any, Final

import attrs

from crm_push.address import APNS, FCM, KINDS, WEBPUSH
from crmcore.errors import InvalidTime, SettingsError
from crmcore.model.time import SECOND, duration

PLACE: Final = "channels.push"
WEEKS: Final = 4 * 7 * 24 * 3600
APNS_HOSTS: Final = {"production": "https://api.push.apple.com", "sandbox": "https://api.sandbox.push.apple.com"}


@attrs.frozen(kw_only=True)
class PushSettings:
    """The channel: `ttl` is for how many seconds a message is kept for a device that is off; `kinds` who can be reached.

    `report_url` is that of Web Push: it takes room in a message.
    """

    ttl: int = WEEKS
    kinds: frozenset[str] = frozenset()
    report_url: str = ""


@attrs.frozen(kw_only=True)
class WebPushSettings:
    """`private_key` is a reference (file:PATH, env:NAME) to the VAPID key, `subject` a mailto: or https: of who sends.

    `report_url` is where browsers tell what they have shown; empty: they are not asked to.
    """

    private_key: str
    subject: str
    report_url: str = ""


@attrs.frozen(kw_only=True)
class FcmSettings:
    """`service_account` is a reference to the JSON file that Firebase gives; `project` outweighs the one in it.

    With `dry_run` Firebase checks messages and sends none.
    """

    service_account: str
    project: str = ""
    dry_run: bool = False
    url: str = "https://fcm.googleapis.com"


@attrs.frozen(kw_only=True)
class ApnsSettings:
    """`key` is a reference to the .p8 file of Apple, `key_id` and `team_id` name it; `topic` is the app's bundle id.

    `environment` is production or sandbox; `url` outweighs it.
    """

    key: str
    key_id: str
    team_id: str
    topic: str
    environment: str = "production"
    url: str = ""

    @property
    def host(self) -> str:
        """Where messages go."""
        return self.url or APNS_HOSTS[self.environment]


def push_settings(section: Mapping[str, Any]) -> PushSettings:
    """Return the channel's settings; raise SettingsError for a key that does not belong there."""
    for key in section:
        if key not in KINDS | {"provider", "ttl"}:
            raise _unknown(key, PLACE, KINDS | {"provider", "ttl"})
    kinds = frozenset(KINDS & section.keys())
    return PushSettings(ttl=_ttl(section.get("ttl", WEEKS)), kinds=kinds, report_url=_report_url(section))


def _report_url(section: Mapping[str, Any]) -> str:
    """What is wrong with a carrier is for the carrier to say: the channel is there for the others."""
    try:
        return web_push_settings(section).report_url if WEBPUSH in section else ""
    except SettingsError:
        return ""


def web_push_settings(section: Mapping[str, Any]) -> WebPushSettings:
    """Return the settings of [channels.push.webpush]."""
    settings: WebPushSettings = _made(WebPushSettings, section, WEBPUSH)
    if not settings.subject.startswith(("mailto:", "https:")):
        raise _wrong("subject", WEBPUSH, f"{settings.subject!r} is neither mailto:ADDRESS nor https://PAGE")
    _check_url(settings.report_url, "report_url", WEBPUSH)
    return settings


def fcm_settings(section: Mapping[str, Any]) -> FcmSettings:
    """Return the settings of [channels.push.fcm]."""
    settings: FcmSettings = _made(FcmSettings, section, FCM)
    _check_url(settings.url, "url", FCM)
    return settings


def apns_settings(section: Mapping[str, Any]) -> ApnsSettings:
    """Return the settings of [channels.push.apns]."""
    settings: ApnsSettings = _made(ApnsSettings, section, APNS)
    if settings.environment not in APNS_HOSTS:
        raise _wrong("environment", APNS, f"{settings.environment!r} is none of {', '.join(APNS_HOSTS)}")
    _check_url(settings.url, "url", APNS)
    return settings


def _made(kind: type[Any], section: Mapping[str, Any], name: str) -> Any:
    given = section.get(name, {})
    if not isinstance(given, Mapping):
        raise SettingsError(key=name, place=f"[{PLACE}]", problem="it is no table")
    fields = {field.name: field for field in attrs.fields(kind)}
    for key in given:
        if key not in fields:
            raise _unknown(key, f"{PLACE}.{name}", fields)
    missing = [key for key, field in fields.items() if field.default is attrs.NOTHING and not given.get(key)]
    if missing:
        raise _wrong(missing[0], name, "it is missing")
    return kind(**{key: _read(fields[key].default, value, key, name) for key, value in given.items()})


def _read(default: Any, value: Any, key: str, name: str) -> Any:
    """An environment variable is text, also where a setting is true or false."""
    if isinstance(default, bool):
        found = _TRUTHS.get(str(value).lower())
        if found is None:
            raise _wrong(key, name, f"{value!r} is neither true nor false")
        return found
    if not isinstance(value, str):
        raise _wrong(key, name, f"{value!r} is no text")
    return value


_TRUTHS = {"true": True, "1": True, "false": False, "0": False}


def _ttl(value: Any) -> int:
    try:
        found = seconds(str(value))
    except InvalidTime:
        found = -1
    if not 0 <= found <= WEEKS:
        raise SettingsError(key="ttl", place=f"[{PLACE}]", problem=f"{value!r} is no time from 0s to 4w, such as '3d'")
    return found


def seconds(text: str) -> int:
    """Return a duration such as 3d, or a number of seconds, in seconds; raise InvalidTime."""
    return duration(f"{text}s" if text.isdecimal() else text, "ttl") // SECOND


def _check_url(url: str, key: str, name: str) -> None:
    if url and not _URL.fullmatch(url):
        raise _wrong(key, name, f"{url!r} is no URL")


_URL = re.compile(r"https?://[^\s/]+\S*")


def _wrong(key: str, name: str, problem: str) -> SettingsError:
    return SettingsError(key=key, place=f"[{PLACE}.{name}]", problem=problem)


def _unknown(key: str, place: str, known: Any) -> SettingsError:
    near = difflib.get_close_matches(key, known, 1)
    meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known))}"
    return SettingsError(key=key, place=f"[{place}]", problem=f"there is no such setting; {meant}")
