"""The address that a request comes from, where reverse proxies stand in front."""


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
