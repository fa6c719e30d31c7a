"""Which addresses may be called where somebody else says whom to call.

Nothing is sent to private, loopback, link-local, multicast or reserved addresses, nor to those of clouds: whoever may write a campaign, or sign a
browser up, shall not reach what only this machine can
(https://cheatsheetseries.owasp.org/cheatsheets/Server_Side_Request_Forgery_Prevention_Cheat_Sheet.html).
"""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from urllib.parse import urlsplit

import attrs

Address = IPv4Address | IPv6Address
#: An IPv6 address that stands for an IPv4 one (RFC 6052).
_NAT64 = IPv6Network("64:ff9b::/96")
#: Networks of old kept these to themselves, and some still do (RFC 3879); Python takes them for global.
_SITE_LOCAL = IPv6Network("fec0::/10")
#: Where clouds tell a machine its secrets, whatever network the address is of: links' own (169.254.0.0/16, fe80::/10) are
#: never called anyway.
_METADATA = frozenset(
    map(
        ip_address,
        (
            "168.63.129.16",  # Azure's host, a public address: https://learn.microsoft.com/azure/virtual-network/what-is-ip-address-168-63-129-16
            "100.100.100.200",  # Alibaba Cloud, in the shared space of carriers
            "192.0.0.192",  # Oracle Cloud, in the space of the IETF
            "fd00:c1::a9fe:a9fe",  # Oracle Cloud
            "fd00:ec2::254",  # AWS
            "fd00:ec2::23",  # AWS, credentials of containers
            "fd20:ce::254",  # Google Cloud
            "fd00:42::42",  # Scaleway
        ),
    )
)
PORTS = {"http": 80, "https": 443}


class Refused(Exception):
    """Nothing is sent there, now or later; the text says why, and not where."""


@attrs.frozen(kw_only=True)
class Target:
    """Where an address leads: `path` has the query with it."""

    scheme: str
    host: str
    port: int
    path: str = attrs.field(repr=False)


def target(url: str) -> Target:
    """Return where a URL leads; raise Refused."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Refused("it is no valid address") from None
    if parts.scheme not in PORTS:
        raise Refused("only http and https are spoken")
    if not parts.hostname or parts.username is not None:
        raise Refused("an address is https://HOST/PATH, without a user or a password")
    path = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
    if not path.isascii() or not path.isprintable() or " " in path:
        raise Refused("its path has signs that have to be written as %XX")
    return Target(scheme=parts.scheme, host=_ascii(parts.hostname), port=port or PORTS[parts.scheme], path=path)


def _ascii(host: str) -> str:
    """Return a host's name as it is written on the wire (RFC 5890)."""
    try:
        return host if host.isascii() else host.encode("idna").decode()
    except UnicodeError:
        raise Refused("its host is no valid name") from None


def is_public(address: Address) -> bool:
    """Tell whether everybody may be sent to an address."""
    inner = _embedded(address)
    if inner is not None:
        return is_public(inner)
    barred = address.is_multicast or address.is_reserved or address.is_unspecified or address in _SITE_LOCAL
    return address.is_global and not barred and not _is_metadata(address)


def is_near(address: Address) -> bool:
    """Tell whether an address is of this machine or of a private network; those of links, and of clouds' own, are not."""
    inner = _embedded(address)
    if inner is not None:
        return is_near(inner)
    barred = address.is_link_local or address.is_multicast or address.is_unspecified or address.is_reserved
    return address.is_loopback or (address.is_private and not barred and not _is_metadata(address))


def is_anywhere(address: Address) -> bool:
    """Tell whether an address is public or near."""
    return is_public(address) or is_near(address)


def _is_metadata(address: Address) -> bool:
    """Whatever interface it is said to be behind."""
    return (IPv6Address(int(address)) if isinstance(address, IPv6Address) else address) in _METADATA


def _embedded(address: Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 one leads to."""
    if isinstance(address, IPv4Address):
        return None
    teredo = address.teredo
    nat64 = IPv4Address(int(address) & 0xFFFFFFFF) if address in _NAT64 else None
    return address.ipv4_mapped or address.sixtofour or (teredo[1] if teredo else None) or nat64
