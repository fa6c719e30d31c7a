"""Campaigns as plain data for JSON and TOML, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import attrs

from crmcore.errors import InvalidCampaign
from crmcore.model.campaign import Campaign, Goal
from crmcore.model.offers import Offers
from crmcore.model.triggers import Reentry
from crmcore.model.values import to_plain
from crmcore.model.verbs import purpose_of
from crmcore.store.plain import to_data, to_tree
from crmcore.store.plain_steps import (
    happens_data,
    happens_of,
    step_data,
    step_of,
    table_of,
    trigger_data,
    trigger_of,
)
from crmcore.store.plain_tables import list_of, near, typed, values_of

#: What every campaign has to say.
NEEDED = tuple(field.name for field in attrs.fields(Campaign) if field.default is attrs.NOTHING)


def campaign_of(plain: Mapping[str, Any]) -> Campaign:
    """Return the campaign of plain data; raise InvalidCampaign, InvalidName or InvalidCondition naming the place."""
    name = str(plain.get("name", ""))
    for unknown in sorted(set(plain) - _TYPES.keys()):
        raise InvalidCampaign(name=name, problem=f"{unknown!r} is no part of a campaign{near(unknown, _TYPES)}")
    if missing := [one for one in NEEDED if one not in plain]:
        raise InvalidCampaign(name=name, problem=f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    return Campaign(**{key: _read(key, value, f"{name}.{key}") for key, value in plain.items()})


def _read(field: str, plain: Any, place: str) -> Any:
    return _READ[field](plain, place) if field in _READ else typed(_TYPES[field], plain, place)


def _audience(plain: Any, place: str) -> Any:
    return plain if isinstance(plain, str) else to_tree(plain, place)


def _maybe(kind: type[Any]) -> Callable[[Any, str], Any]:
    return lambda plain, place: None if plain is None else table_of(kind, plain, place)


_TYPES: dict[str, Any] = {field.name: field.type for field in attrs.fields(attrs.resolve_types(Campaign))}
_READ: dict[str, Callable[[Any, str], Any]] = {
    "audience": _audience,
    "purpose": purpose_of,
    "goal": _maybe(Goal),
    "goals": list_of(partial(table_of, Goal)),
    "offers": _maybe(Offers),
    "reentry": partial(table_of, Reentry),
    "fields": values_of,
    "steps": list_of(step_of),
    "trigger": trigger_of,
    "exits": list_of(happens_of),
}


def data_of(campaign: Campaign) -> dict[str, Any]:
    """Return a campaign as plain data; `campaign_of` gives it back. What nobody has said is left out of what came later."""
    plain = attrs.asdict(
        campaign,
        recurse=True,
        filter=lambda field, value: field.name not in _WRITTEN and value not in (None, (), _UNSAID.get(field.name)),
    )
    written = {
        name: write(value) for name, write in _WRITTEN.items() if (value := getattr(campaign, name)) or name in _ALWAYS
    }
    return plain | written


#: What a definition of before says by saying nothing.
_UNSAID = {"reentry": Reentry(), "policy": "ignore"}
_ALWAYS = ("audience", "purpose", "fields")
_WRITTEN: dict[str, Callable[[Any], Any]] = {
    "audience": lambda audience: audience if isinstance(audience, str) else to_data(audience),
    "purpose": lambda purpose: purpose.value,
    "fields": lambda fields: to_plain(fields, "fields"),
    "steps": lambda steps: [step_data(one) for one in steps],
    "trigger": trigger_data,
    "exits": lambda exits: [happens_data(one) for one in exits],
}
