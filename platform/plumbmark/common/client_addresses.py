"""The address that a request comes from, where reverse proxies stand in front."""

import ipaddress

_ONE_CUSTOMER = 64
"""Bits of an IPv6 address that name a customer; the rest a customer chooses."""


def client_address(peer: str, forwarded_for: str, *, proxies: int) -> str:
    """Return the client's address.

    `peer` is the other end of the connection, `forwarded_for` the header, to which each of
    `proxies` proxies has added the address that it saw. Everything before these is the client's own
    writing and proves nothing.
    """
    if proxies <= 0:
        return peer
    addresses = [address.strip() for address in forwarded_for.split(",") if address.strip()]
    # With fewer entries, the request did not come through all proxies.
    return addresses[-proxies] if len(addresses) >= proxies else peer


def network_of(address: str) -> str:
    """Return what one client cannot easily change: an IPv4 address, or the network of an IPv6
    one.
    """
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    if found.ipv4_mapped is not None:
        return str(found.ipv4_mapped)
    return str(ipaddress.ip_network((found, _ONE_CUSTOMER), strict=False))
