"""`crm channels`: the media there are, what each can do, and what carries it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs
import click

from crmcore.cli.output import Context, pass_context, show, table
from crmcore.hooks.channel import Capabilities
from crmcore.hooks.provider import Carriage, HttpProvider, LimitHint, Provider
from crmcore.registry import Registry


@attrs.frozen(kw_only=True)
class Carrier:
    """What carries a channel; `speaks` is a protocol of the core's driver, or "its own"."""

    speaks: str
    carriage: Carriage


@attrs.frozen(kw_only=True)
class Medium:
    """A channel, and its carriers by name."""

    channel: str
    capabilities: Capabilities
    carriers: Mapping[str, Carrier]


@click.command()
@pass_context
def channels(context: Context) -> None:
    """List the channels, what each can do, and what carries it.

    \b
    crm --db shop.db channels
    crm --db shop.db --json channels
    """
    found = media(context.registry())
    show(context, [_sorted(one) for one in found] if context.as_json else found, _human)


def media(registry: Registry) -> list[Medium]:
    """Return the channels by name, each with its carriers."""
    return [
        Medium(
            channel=name,
            capabilities=one.capabilities,
            carriers={
                key.partition("/")[2]: _carrier(provider)
                for key, provider in sorted(registry.providers.items())
                if key.partition("/")[0] == name
            },
        )
        for name, one in sorted(registry.channels.items())
    ]


def _carrier(provider: Provider | HttpProvider) -> Carrier:
    speaks = provider.carriage.protocol if isinstance(provider, HttpProvider) else "its own"
    return Carrier(speaks=speaks, carriage=provider.carriage)


def _human(found: Sequence[Medium]) -> None:
    columns = ("channel", "addresses", "content", "length", "answers freely", "each address", "consent", "inbound")
    table("Channels", columns, [_channel_row(one) for one in found])
    heads = ("carrier", "speaks", "receipts", "repeats", "batch", "limits")
    rows = [_carrier_row(f"{one.channel}/{name}", carrier) for one in found for name, carrier in one.carriers.items()]
    table("Carriers", heads, rows)


def _channel_row(one: Medium) -> Sequence[object]:
    can = one.capabilities
    window = "always" if can.session_window is None else f"{can.session_window // 3600} h"
    marks = ("yes" if mark else "no" for mark in (can.each_address, can.consent_needed, can.inbound))
    length = can.content_length or (f"{can.max_bytes:,} bytes" if can.max_bytes else "any")
    return one.channel, _listed(can.address_kinds), _listed(can.content_kinds), length, window, *marks


def _carrier_row(name: str, one: Carrier) -> Sequence[object]:
    can = one.carriage
    limits = ", ".join(map(_limit, can.limits)) or "none"
    return name, one.speaks, _listed(can.receipts), can.idempotency, can.batch, limits


def _limit(one: LimitHint) -> str:
    return f"{one.count:,} in {one.per:g} s a {one.scope}"


def _listed(names: frozenset[str]) -> str:
    return ", ".join(sorted(names))


def _sorted(value: Any) -> Any:
    """Sets have no order, and what is printed twice shall be the same."""
    if attrs.has(type(value)):
        return {field.name: _sorted(getattr(value, field.name)) for field in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        return {name: _sorted(one) for name, one in value.items()}
    if isinstance(value, tuple):
        return [_sorted(one) for one in value]
    return sorted(value) if isinstance(value, frozenset) else value
