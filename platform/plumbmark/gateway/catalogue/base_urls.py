"""Which base URLs a deployment may have.

The platform's own deployments, set up by staff, may be anywhere. A user's must be on the public
internet: otherwise a deployment could be used to reach the platform's neighbours. The name is
checked here when it is entered, and what it resolves to at every connection (`providers.http`).
"""

import ipaddress
import socket
from urllib.parse import urlsplit

from django.conf import settings

from plumbmark.common.errors import DomainError
from plumbmark.gateway.providers.http import is_public_address


class BadBaseUrl(DomainError):
    status = 422
    code = "bad-base-url"


def may_be_private() -> bool:
    """Return whether users' deployments may be in private networks (`ALLOW_PRIVATE_PROVIDERS`)."""
    return bool(getattr(settings, "ALLOW_PRIVATE_PROVIDERS", False))


def check_base_url(raw: str, *, is_users: bool) -> str:
    """Return the base URL without a trailing slash; raise `BadBaseUrl` with the reason if it is
    invalid.
    """
    url = raw.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise BadBaseUrl(f"{raw!r} is no URL: {error}.") from error
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise BadBaseUrl(
            f"The base URL must start with https:// and name a host, not {raw!r}; for example "
            "https://api.example.com/v1."
        )
    if parts.username or parts.password or parts.query or parts.fragment:
        raise BadBaseUrl(
            "The base URL must not contain a user, password, query or fragment; a "
            "key is a credential."
        )
    if is_users and not may_be_private():
        if parts.scheme != "https":
            raise BadBaseUrl("The base URL must start with https://.")
        _check_host(parts.hostname, port or 443)
    return url


def _check_host(host: str, port: int) -> None:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        try:
            found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port)}
        except (OSError, UnicodeError) as error:
            raise BadBaseUrl(f"The host {host} cannot be found.") from error
    else:
        found = {host}
    if not all(is_public_address(address) for address in found):
        raise BadBaseUrl(f"The host {host} is in a private network; use a public address.")
