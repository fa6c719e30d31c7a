"""Settings: what a caller gives outweighs the environment, the environment outweighs crm.toml."""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from crmcore.errors import SettingsError
from crmcore.hooks.setup import Secret
from crmcore.model.http import Http, http_of
from crmcore.model.limits import Limits, limits_of
from crmcore.model.prices import prices_of, without_prices
from crmcore.model.retention import Retention, retention_of
from crmcore.model.sending import Sending, sending_of
from crmcore.model.telling import Telling, telling_of

FILE = "crm.toml"
PREFIX = "CRM_"
#: How a secret is given.
REFERENCES = ("env:", "file:")
#: Tables that are handed over as they are, to plugins and to what reads the send policy.
OPEN_TABLES = frozenset({"channels", "modules", "policy", "recommend", "webhooks"})
#: Tables of the core's own, checked key by key.
CORE_TABLES = frozenset({"http", "limits", "notices", "retention", "sending"})
TABLES = OPEN_TABLES | CORE_TABLES


@attrs.frozen(kw_only=True)
class Settings:
    """The core's settings.

    Attributes: `database` (URL, or path of a SQLite file); `workspace`; `public_url` (where the host serves the links in
    messages, such as https://shop.example/crm); `actor` (who acts, for the audit log; the user of the operating system where
    empty); `blocked` (plugins to leave out); `limits` (how many messages may go); `sending` (how many are under way at
    once); `http` (how requests of carriers go out); `notices` (how plugins are told); `prices` (what a message costs, by
    channel); `retention` (how long things are kept); `tables` (the plugins' own, `policy`, and `webhooks`).
    """

    database: str = "sqlite:///crm.db"
    workspace: str = "default"
    public_url: str = "http://localhost/crm"
    actor: str = ""
    blocked: tuple[str, ...] = ()
    limits: Limits = attrs.field(factory=Limits)
    sending: Sending = attrs.field(factory=Sending)
    http: Http = attrs.field(factory=Http)
    notices: Telling = attrs.field(factory=Telling)
    retention: Retention = attrs.field(factory=Retention)
    prices: Mapping[str, Decimal] = attrs.field(factory=dict)
    tables: Mapping[str, Any] = attrs.field(factory=dict, repr=False)


KEYS = frozenset(field.name for field in attrs.fields(Settings)) - {"tables", "prices"} - CORE_TABLES


def settings(
    given: Mapping[str, Any], *, file: Path | str | None = None, environment: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings of all three places; raise SettingsError naming the key, the place and the fix."""
    places = (
        _from_file(file),
        _from_environment(os.environ if environment is None else environment),
        {key: (value, "keyword argument") for key, value in given.items() if value is not None},
    )
    core: dict[str, tuple[Any, str]] = {}
    tables: dict[str, Any] = {}
    for place in places:
        for key, (value, where) in place.items():
            if key in TABLES:
                tables[key] = _deeper(tables.get(key, {}), value, key, where)
            else:
                core[_known(key, where)] = (value, where)
    limits = limits_of(tables.pop("limits", {}), _named(places, "limits"))
    sending = sending_of(tables.pop("sending", {}), _named(places, "sending"))
    http = http_of(tables.pop("http", {}), _named(places, "http"))
    notices = telling_of(tables.pop("notices", {}), _named(places, "notices"))
    retention = retention_of(tables.pop("retention", {}), _named(places, "retention"))
    prices = prices_of(tables.get("channels", {}), _named(places, "channels"))
    if prices:
        tables["channels"] = without_prices(tables["channels"])
    checked = {key: _checked(key, value, where) for key, (value, where) in core.items()}
    return Settings(
        **checked,
        tables=tables,
        limits=limits,
        sending=sending,
        http=http,
        notices=notices,
        prices=prices,
        retention=retention,
    )


def operating_user() -> str:
    """Return whom the operating system says we are run by; "" where it knows nobody."""
    import getpass

    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return ""


def _named(places: Iterable[Mapping[str, tuple[Any, str]]], key: str) -> str:
    """Return where a table was given."""
    return ", ".join(place[key][1] for place in places if key in place)


class Reference(str):
    """A reference to a secret that knows where it was given: a file, a variable or an argument."""

    __slots__ = ("where",)
    where: str

    @classmethod
    def at(cls, text: str, where: str) -> Reference:
        """Return a reference given at a place."""
        made = cls(text)
        made.where = where
        return made


def secret(reference: str, place: str, environment: Mapping[str, str] | None = None) -> Secret:
    """Return the secret that a reference such as env:SMTP_PASSWORD or file:/run/secrets/smtp leads to.

    One that is empty is none: what is signed with it anybody can sign. Raise SettingsError.
    """
    kind, _, name = reference.partition(":")
    where = reference.where if isinstance(reference, Reference) else "settings"
    if kind == "env":
        value = (os.environ if environment is None else environment).get(name)
        if value is None:
            raise SettingsError(key=place, place=where, problem=f"the environment has no {name}")
    elif kind == "file" and name:
        value = _read(Path(name), place).strip()
    else:
        problem = "a secret is given by reference: env:NAME or file:PATH"
        raise SettingsError(key=place, place=where, problem=problem)
    if not value:
        raise SettingsError(key=place, place=where, problem=f"{reference} is empty")
    return Secret(value)


def _from_file(file: Path | str | None) -> dict[str, tuple[Any, str]]:
    path = Path(FILE if file is None else file)
    if file is None and not path.exists():
        return {}
    try:
        table = tomllib.loads(_read(path, "config"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(key="config", place=str(path), problem=str(error)) from error
    return {key: (value, str(path)) for key, value in table.items()}


def _read(path: Path, key: str) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            key=key, place=str(path), problem=f"the file cannot be read ({type(error).__name__})"
        ) from error


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    found: dict[str, tuple[Any, str]] = {}
    for name, value in sorted(environment.items()):
        path = name.removeprefix(PREFIX).lower().split("__")
        if not name.startswith(PREFIX) or path[0] not in KEYS | TABLES:
            continue
        if len(path) == 1:
            found[path[0]] = (_list(value) if path[0] == "blocked" else value, name)
        else:
            table = found.get(path[0], ({}, name))[0]
            found[path[0]] = (_deeper(table, _nested(path[1:], value), path[0], name), name)
    return found


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _nested(path: list[str], value: str) -> dict[str, Any]:
    return {path[0]: value if len(path) == 1 else _nested(path[1:], value)}


def _deeper(below: Any, above: Any, key: str, where: str) -> dict[str, Any]:
    """Lay one table over another, table by table."""
    if not isinstance(above, Mapping):
        raise SettingsError(key=key, place=where, problem="it is no table")
    merged = dict(below)
    for name, value in above.items():
        held = merged.get(name, {})
        if isinstance(value, Mapping):
            merged[name] = _deeper(held if isinstance(held, Mapping) else {}, value, f"{key}.{name}", where)
        else:
            merged[name] = _placed(value, where)
    return merged


def _placed(value: Any, where: str) -> Any:
    is_reference = isinstance(value, str) and value.startswith(REFERENCES) and not isinstance(value, Reference)
    return Reference.at(value, where) if is_reference else value


def _known(key: str, where: str) -> str:
    if key not in KEYS:
        near = difflib.get_close_matches(key, KEYS | TABLES, 1)
        meant = f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(KEYS | TABLES))}"
        raise SettingsError(key=key, place=where, problem=f"there is no such setting; {meant}")
    return key


def _checked(key: str, value: Any, where: str) -> Any:
    if key == "blocked":
        if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
            raise SettingsError(key=key, place=where, problem="it is no list of plugin names")
        return tuple(value)
    if not isinstance(value, str) or not value:
        raise SettingsError(key=key, place=where, problem=f"{value!r} is no text")
    return value
