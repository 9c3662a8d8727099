"""Which IP addresses the deployments of people and teams may be at. Pure.

Addresses are checked when a base URL is entered, when its name is resolved, and once more when the
socket is opened, so a name that changes what it points to gains nothing.
"""

import ipaddress
from collections.abc import Iterable
from dataclasses import dataclass

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network


class PrivateAddress(OSError):
    """The host of a user's deployment leads into a private network."""


_METADATA = tuple(
    ipaddress.ip_network(text)
    for text in (
        "169.254.0.0/16",  # AWS, Google, Azure, and others
        "100.100.100.200/32",  # Alibaba
        "168.63.129.16/32",  # Azure's own services: a public address that only its machines reach
        "192.0.0.0/24",  # Oracle
        "fd00:ec2::/32",  # AWS
        "fe80::/10",
    )
)
"""Services that tell a machine its credentials: refused even where private addresses may be used.
"""
_TRANSLATED = (
    ipaddress.IPv6Network("64:ff9b::/96"),
    ipaddress.IPv6Network("64:ff9b:1::/48"),
    ipaddress.IPv6Network("::/96"),
)
"""Ranges that carry an IPv4 address in their last 32 bits."""


def parse_address(text: str) -> IPAddress | None:
    """Return the IP address that a text is, without its zone; None if it is none."""
    try:
        return ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None


def _reached_by(address: IPAddress) -> IPAddress:
    """Return the IPv4 address that a mapped or translated IPv6 address leads to."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo and address.teredo[1])
        if inner:
            return inner
        if int(address) > 1 and any(address in network for network in _TRANSLATED):
            return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address


def is_metadata_address(text: str) -> bool:
    """Return whether a cloud's metadata service may be at this address."""
    address = parse_address(text)
    if address is None:
        return False
    return any(_reached_by(address) in network for network in _METADATA)


def is_public_address(text: str) -> bool:
    """Return whether an IP address is on the public internet; what is no address is not."""
    parsed = parse_address(text)
    if parsed is None:
        return False
    address = _reached_by(parsed)
    if isinstance(address, ipaddress.IPv6Address) and address.is_site_local:
        return False
    return (
        address.is_global
        and not address.is_multicast
        and not address.is_reserved
        and not is_metadata_address(text)
    )


@dataclass(frozen=True, slots=True)
class AddressRules:
    """The places at which deployments of people and teams may be: the public internet, and what the
    operator allows besides it.
    """

    hosts: frozenset[str] = frozenset()
    """Names, in lower case, that may lead anywhere."""
    networks: tuple[IPNetwork, ...] = ()
    allows_private: bool = False
    """All private networks, but never a cloud's metadata service."""

    def allows_host(self, host: str) -> bool:
        """Return whether the operator named this host."""
        return host.rstrip(".").lower() in self.hosts

    def allows_address(self, text: str) -> bool:
        """Return whether a deployment of a person or team may be at this IP address."""
        address = parse_address(text)
        if address is None:
            return False
        reached = _reached_by(address)
        if any(reached in network for network in self.networks):
            return True
        if self.allows_private:
            return not is_metadata_address(text)
        return is_public_address(text)


def read_rules(allowed: Iterable[str], *, allows_private: bool = False) -> AddressRules:
    """Return the rules for a list of hosts, IP addresses and networks such as `10.1.0.0/16`.

    Raises ValueError with the entry that is none of these.
    """
    hosts, networks = set(), []
    for entry in allowed:
        try:
            networks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
        except ValueError:
            if not entry or any(mark in entry for mark in "/:@ *"):
                raise ValueError(
                    f"{entry!r} is no host, no IP address and no network such as 10.1.0.0/16"
                ) from None
            hosts.add(entry.rstrip(".").lower())
    return AddressRules(frozenset(hosts), tuple(networks), allows_private)
