"""Which base URLs a deployment may have.

The platform's own deployments, set up by staff, may be anywhere. A user's must be on the public
internet: otherwise a deployment could be used to reach the platform's neighbours. The name is
checked here when it is entered, and what it resolves to at every connection (`providers.http`).
"""

import socket
from urllib.parse import urlsplit

from django.conf import settings

from plumbmark.common.errors import DomainError
from plumbmark.gateway.providers.addresses import (
    AddressRules,
    is_public_address,
    parse_address,
    read_rules,
)


class BadBaseUrl(DomainError):
    status = 422
    code = "bad-base-url"


def address_rules() -> AddressRules:
    """Return where users' deployments may be (`ALLOWED_PROVIDER_ADDRESSES` and
    `ALLOW_PRIVATE_PROVIDERS`).
    """
    return read_rules(
        settings.ALLOWED_PROVIDER_ADDRESSES, allows_private=settings.ALLOW_PRIVATE_PROVIDERS
    )


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
    if is_users:
        _check_host(parts.hostname, port or (443 if parts.scheme == "https" else 80), parts.scheme)
    return url


def _check_host(host: str, port: int, scheme: str) -> None:
    rules = address_rules()
    if rules.allows_host(host):
        return
    if parse_address(host) is not None:
        found = {host}
    else:
        try:
            found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, port)}
        except (OSError, UnicodeError) as error:
            raise BadBaseUrl(f"The host {host} cannot be found.") from error
    if not all(rules.allows_address(address) for address in found):
        raise BadBaseUrl(
            f"The host {host} is in a private network; use a public address. An operator can allow "
            "it in the setting PLUMBMARK_ALLOWED_PROVIDER_ADDRESSES."
        )
    if scheme != "https" and any(is_public_address(address) for address in found):
        raise BadBaseUrl("The base URL must start with https://: a key must not travel in clear.")
