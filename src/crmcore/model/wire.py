"""Statements as JSON text, without loss: how a host's transaction carries them until they are folded."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import attrs

from crmcore.model.event import Event
from crmcore.model.identity import Identity
from crmcore.model.purpose import Purpose
from crmcore.model.statement import Consent, Group, Identify, Merge, Offer, Revisit, Send, Subscribe, Suppress, Unmerge
from crmcore.model.values import from_plain, to_plain

Statement = Event | Identify | Group | Merge | Unmerge | Consent | Subscribe | Suppress | Offer | Send | Revisit

#: The verb each statement is stored under.
VERBS: Mapping[str, type[Statement]] = {
    "track": Event,
    "identify": Identify,
    "group": Group,
    "merge": Merge,
    "unmerge": Unmerge,
    "consent": Consent,
    "subscribe": Subscribe,
    "suppress": Suppress,
    "offer": Offer,
    "send": Send,
    "revisit": Revisit,
}
NAMES = {kind: verb for verb, kind in VERBS.items()}


def dumps(statement: Statement) -> str:
    """Return a statement as JSON text; fields at their default are left out."""
    fields = {
        field.name: _plain(value)
        for field in attrs.fields(type(statement))
        if (value := getattr(statement, field.name)) != field.default
    }
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def loads(verb: str, text: str) -> Statement:
    """Return the statement that `dumps` gave for a verb."""
    fields = {name: _READ.get(name, _same)(value) for name, value in json.loads(text).items()}
    return VERBS[verb](**fields)


def _plain(value: Any) -> Any:
    match value:
        case Identity(kind=kind, value=text):
            return [kind, text]
        case tuple():
            return [_plain(one) for one in value]
        case bytes():
            return value.hex()
        case Purpose():
            return value.value
        case Mapping():
            return to_plain(value, "statement")
    return value


def _same(value: Any) -> Any:
    return value


def _identities(pairs: list[list[str]]) -> tuple[Identity, ...]:
    return tuple(Identity(kind, value) for kind, value in pairs)


_READ: Mapping[str, Callable[[Any], Any]] = {
    "customer": _identities,
    "into": _identities,
    "removed": _identities,
    "address": lambda pair: Identity(*pair),
    "message_id": bytes.fromhex,
    "purpose": Purpose,
    "attributes": from_plain,
    "proof": from_plain,
    "fields": from_plain,
    "tags": tuple,
    "untags": tuple,
}
