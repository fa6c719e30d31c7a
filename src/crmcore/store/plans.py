"""Campaigns as plain data for JSON and TOML, and back."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from crmcore.errors import CRMError, InvalidCampaign
from crmcore.model.campaign import Campaign
from crmcore.model.triggers import Reentry
from crmcore.model.values import from_plain, to_plain
from crmcore.store.plain import to_data, to_tree
from crmcore.store.plain_nodes import strict_converter
from crmcore.store.plain_steps import happens_data, happens_of, step_data, step_of, trigger_data, trigger_of

#: What every campaign has to say.
NEEDED = tuple(field.name for field in attrs.fields(Campaign) if field.default is attrs.NOTHING)


def campaign_of(plain: Mapping[str, Any]) -> Campaign:
    """Return the campaign of plain data; raise InvalidCampaign or InvalidCondition naming the place."""
    from cattrs import transform_error

    name = str(plain.get("name", ""))
    unknown = sorted(set(plain) - {field.name for field in attrs.fields(Campaign)})
    if unknown:
        raise InvalidCampaign(name=name, problem=f"{unknown[0]!r} is no part of a campaign")
    if missing := [one for one in NEEDED if one not in plain]:
        raise InvalidCampaign(name=name, problem=f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    try:
        return Campaign(**{key: _read(key, value, f"{name}.{key}") for key, value in plain.items()})
    except CRMError:
        raise
    except Exception as error:
        raise InvalidCampaign(name=name, problem="; ".join(transform_error(error))) from error


def _read(field: str, plain: Any, place: str) -> Any:
    if field in _READ:
        return _READ[field](plain, place)
    return strict_converter().structure(plain, _TYPES[field])


def _list_of(read: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    def listed(plain: Any, place: str) -> list[Any]:
        if not isinstance(plain, list | tuple):
            raise InvalidCampaign(name=place, problem=f"{plain!r} is no list")
        return [read(one, f"{place}[{index}]") for index, one in enumerate(plain)]

    return listed


_TYPES: dict[str, Any] = {field.name: field.type for field in attrs.fields(attrs.resolve_types(Campaign))}
_READ: dict[str, Callable[[Any, str], Any]] = {
    "audience": lambda plain, place: to_tree(plain, place) if isinstance(plain, Mapping) else plain,
    "purpose": lambda plain, _: plain,
    "fields": lambda plain, _: from_plain(plain),
    "steps": _list_of(step_of),
    "trigger": trigger_of,
    "exits": _list_of(happens_of),
}


def data_of(campaign: Campaign) -> dict[str, Any]:
    """Return a campaign as plain data; `campaign_of` gives it back. What nobody has said is left out of what came later."""
    plain = attrs.asdict(
        campaign,
        recurse=True,
        filter=lambda field, value: field.name not in _WRITTEN and value not in (None, (), *_UNSAID),
    )
    written = {
        name: write(value) for name, write in _WRITTEN.items() if (value := getattr(campaign, name)) or name in _ALWAYS
    }
    return plain | written


#: What a definition of before says by saying nothing.
_UNSAID = (Reentry(), "ignore")
_ALWAYS = ("audience", "purpose", "fields")
_WRITTEN: dict[str, Callable[[Any], Any]] = {
    "audience": lambda audience: audience if isinstance(audience, str) else to_data(audience),
    "purpose": lambda purpose: purpose.value,
    "fields": lambda fields: to_plain(fields, "fields"),
    "steps": lambda steps: [step_data(one) for one in steps],
    "trigger": trigger_data,
    "exits": lambda exits: [happens_data(one) for one in exits],
}
