"""What crm.toml may say under [channels.email]."""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import parseaddr
from typing import Any

import attrs

from crmcore.errors import SettingsError

PLACE = "[channels.email]"
SECURITY = ("none", "starttls", "tls")


@attrs.frozen(kw_only=True)
class EmailSettings:
    """Who the mails come from; `message_id_domain` is the sender's domain where none is given."""

    sender: str = ""
    reply_to: str = ""
    message_id_domain: str = ""


@attrs.frozen(kw_only=True)
class SmtpSettings:
    """The server; `password` is a reference (env:NAME or file:PATH), `timeout` in seconds."""

    host: str = "localhost"
    port: int = 25
    security: str = "none"
    user: str = ""
    password: str = attrs.field(default="", repr=False)
    timeout: float = 30.0
    connections: int = 1
    envelope_sender: str = ""


@attrs.frozen(kw_only=True)
class FileSettings:
    """Where the files go."""

    directory: str = "mails"


_CORE = {"provider"}
_TABLES = {"smtp": SmtpSettings, "file": FileSettings}


def email_settings(section: Mapping[str, Any]) -> EmailSettings:
    """Return the channel's settings; raise SettingsError for a key that does not belong there."""
    given = {key: value for key, value in section.items() if key not in _TABLES and key not in _CORE}
    settings: EmailSettings = _made(EmailSettings, given, "channels.email")
    if settings.sender and "@" not in parseaddr(settings.sender)[1]:
        raise SettingsError(key="sender", place=PLACE, problem=f"{settings.sender!r} holds no address")
    domain = settings.message_id_domain or parseaddr(settings.sender)[1].rpartition("@")[2]
    return attrs.evolve(settings, message_id_domain=domain)


def smtp_settings(section: Mapping[str, Any]) -> SmtpSettings:
    """Return the settings of [channels.email.smtp]."""
    settings: SmtpSettings = _made(SmtpSettings, section.get("smtp", {}), "channels.email.smtp")
    if settings.security not in SECURITY:
        problem = f"{settings.security!r} is none of {', '.join(SECURITY)}"
        raise SettingsError(key="security", place="[channels.email.smtp]", problem=problem)
    if settings.connections < 1:
        problem = f"{settings.connections} connections carry nothing; 1 or more are needed"
        raise SettingsError(key="connections", place="[channels.email.smtp]", problem=problem)
    return settings


def file_settings(section: Mapping[str, Any]) -> FileSettings:
    """Return the settings of [channels.email.file]."""
    settings: FileSettings = _made(FileSettings, section.get("file", {}), "channels.email.file")
    return settings


def _made(kind: type[Any], given: Mapping[str, Any], place: str) -> Any:
    types = {field.name: type(field.default) for field in attrs.fields(kind)}
    values: dict[str, Any] = {}
    for key, value in given.items():
        if key not in types:
            problem = f"there is no such setting; known are {', '.join(types)}"
            raise SettingsError(key=key, place=f"[{place}]", problem=problem)
        values[key] = _read(types[key], value, key, place)
    return kind(**values)


def _read(kind: type[Any], value: Any, key: str, place: str) -> Any:
    """An environment variable is text; a number in it is read as one."""
    try:
        if not isinstance(value, str | int | float) or isinstance(value, bool):
            return _refuse(value)
        return value if isinstance(value, kind) else kind(value)
    except ValueError as error:
        raise SettingsError(key=key, place=f"[{place}]", problem=f"{value!r} is no {kind.__name__}") from error


def _refuse(value: Any) -> Any:
    raise ValueError(value)
