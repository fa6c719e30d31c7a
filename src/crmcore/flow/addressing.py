"""Addresses of devices come in checked by their channel, in its normal form: under any other none of them is found again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import attrs

from crmcore.errors import InvalidIdentity
from crmcore.model.identity import Identity
from crmcore.model.statement import Identify
from crmcore.model.wire import Statement
from crmcore.registry import Registry

#: By kind of address what returns it in normal form, or raises InvalidIdentity.
Checks = Mapping[str, Callable[[Identity], Identity]]
_NAMING = ("customer", "into", "removed")


def checks(registry: Registry) -> Checks:
    """Return what checks devices: the addresses of channels whose messages go to every one of them."""
    channels = [one for one in registry.channels.values() if one.capabilities.each_address]
    return {kind: one.validate_address for one in channels for kind in one.capabilities.address_kinds}


def checked(known: Checks, statements: Sequence[Statement]) -> Sequence[Statement]:
    """Return statements with devices in normal form; raise InvalidIdentity where `identify` registers what is none."""
    return [_checked(known, one) for one in statements] if known else statements


def _checked(known: Checks, statement: Statement) -> Statement:
    changed: dict[str, Any] = {}
    for field in _NAMING:
        names: tuple[Identity, ...] = getattr(statement, field, ())
        if any(one.kind in known for one in names):
            normal = _registered if isinstance(statement, Identify) and field == "customer" else _looked_up
            changed[field] = tuple(normal(known, one) for one in names)
    return attrs.evolve(statement, **changed) if changed else statement


def _registered(known: Checks, one: Identity) -> Identity:
    check = known.get(one.kind)
    return one if check is None else check(one)


def _looked_up(known: Checks, one: Identity) -> Identity:
    """What is no address is looked for as it is: it may have come in before anybody checked."""
    try:
        return _registered(known, one)
    except InvalidIdentity:
        return one
