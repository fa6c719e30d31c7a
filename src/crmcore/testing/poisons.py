"""Messages that spoil what is around them, where a provider is careless: each beside the reason why."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import attrs

from crmcore.hooks.provider import Outgoing
from crmcore.model.identity import Identity

Poison = Callable[[Outgoing], Outgoing]


def _address(spoil: Callable[[str], str]) -> Poison:
    def poison(message: Outgoing) -> Outgoing:
        spoilt = Identity(message.address.kind, spoil(message.address.value))
        return attrs.evolve(message, address=spoilt)

    return poison


def _body(more: bytes) -> Poison:
    return lambda message: attrs.evolve(message, body=message.body + more + b"\r\nend\r\n")


#: The commands a line break would smuggle in are SMTP's; elsewhere they are text like any other.
_COMMANDS: Final = b"\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<smuggled@example.com>\r\nDATA\r\nsmuggled\r\n.\r\n"

POISONS: Final[Mapping[str, Poison]] = {
    "an address with a lone surrogate": _address(lambda value: f"\ud800{value}"),
    "an address outside ASCII": _address(lambda value: f"ü{value}"),
    "an address with CR LF": _address(lambda value: f"{value}>\r\nRCPT TO:<smuggled@example.com"),
    "an address with LF": _address(lambda value: f"{value}\n"),
    "an address with NUL": _address(lambda value: f"{value}\0"),
    "an address with a closing bracket": _address(lambda value: f"{value}> <smuggled@example.com"),
    "an empty address": _address(lambda _: ""),
    "a body with a line that is a dot": _body(b"\r\n." + _COMMANDS),
    "a body with a dot between LFs": _body(b"\n.\n" + _COMMANDS),
    "a body with a dot between LF and CR LF": _body(b"\n." + _COMMANDS),
    "a body with a dot between CRs": _body(b"\r.\r" + _COMMANDS),
    "a body with NUL": _body(b"\0"),
    "a body that is no UTF-8": _body(b"\xff\xfe"),
}
