"""Campaigns as plain data for JSON and TOML, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from crmcore.errors import CRMError, InvalidCampaign
from crmcore.model.campaign import Campaign
from crmcore.model.values import from_plain, to_plain
from crmcore.store.plain import to_data, to_tree
from crmcore.store.plain_nodes import strict_converter

#: What every campaign has to say.
NEEDED = tuple(field.name for field in attrs.fields(Campaign) if field.default is attrs.NOTHING)


def campaign_of(plain: Mapping[str, Any]) -> Campaign:
    """Return the campaign of plain data; raise InvalidCampaign or InvalidCondition naming the place."""
    from cattrs import transform_error

    name = str(plain.get("name", ""))
    audience = plain.get("audience", "")
    whom = to_tree(audience, f"{name}.audience") if isinstance(audience, Mapping) else audience
    rest = {key: value for key, value in plain.items() if key not in ("audience", "fields")}
    unknown = sorted(set(rest) - {field.name for field in attrs.fields(Campaign)})
    if unknown:
        raise InvalidCampaign(name=name, problem=f"{unknown[0]!r} is no part of a campaign")
    if missing := [one for one in NEEDED if one not in plain]:
        raise InvalidCampaign(name=name, problem=f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} missing")
    try:
        made = {
            field.name: strict_converter().structure(rest[field.name], field.type or object)
            for field in attrs.fields(attrs.resolve_types(Campaign))
            if field.name in rest and field.name != "purpose"
        }
        return Campaign(
            **made, purpose=rest.get("purpose", ""), audience=whom, fields=from_plain(plain.get("fields", {}))
        )
    except CRMError:
        raise
    except Exception as error:
        raise InvalidCampaign(name=name, problem="; ".join(transform_error(error))) from error


def data_of(campaign: Campaign) -> dict[str, Any]:
    """Return a campaign as plain data; `campaign_of` gives it back."""
    audience = campaign.audience
    plain = attrs.asdict(
        campaign, recurse=True, filter=lambda field, value: field.name != "audience" and value is not None
    )
    plain |= {"purpose": campaign.purpose.value, "fields": to_plain(campaign.fields, "fields")}
    return plain | {"audience": audience if isinstance(audience, str) else to_data(audience)}
