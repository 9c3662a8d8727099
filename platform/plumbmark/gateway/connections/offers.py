"""Providers that could be connected at once, because this machine has their key or serves them.

Only the names of variables are told; a key is read when staff connect the provider with it.
"""

import os
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.utils.translation import gettext_lazy as _

from plumbmark.accounts.models import Namespace
from plumbmark.accounts.permissions import Visitor
from plumbmark.accounts.profile_sections import ProfileSection
from plumbmark.gateway.connections.providers import KINDS, ProviderKind
from plumbmark.gateway.models import ProviderConnection
from plumbmark.gateway.permissions import can_manage_deployments

VARIABLES = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "google": "GEMINI_API_KEY",
}
"""The environment variables in which the providers' own clients expect a key, by kind."""
_SERVERS = ("ollama",)
"""Kinds that are looked for at their usual address on this machine."""
_PROBE_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class ProviderOffer:
    """A provider that was found here and is not connected."""

    kind: ProviderKind
    variable: str
    """Has its key; empty for a server on this machine."""


def variable_of(kind: ProviderKind) -> str:
    """Return the environment variable that has a key for this kind here; empty without one."""
    variable = VARIABLES.get(kind.name, "")
    return variable if variable and os.environ.get(variable, "").strip() else ""


def find_offers() -> list[ProviderOffer]:
    """Return what was found on this machine and is not connected for the platform yet."""
    connected = set(
        ProviderConnection.objects.filter(owner=None, kind__in=[*VARIABLES, *_SERVERS])
        .values_list("kind", flat=True)
        .distinct()
    )
    found = [
        ProviderOffer(KINDS[name], variable)
        for name in _missing(VARIABLES, connected)
        if (variable := variable_of(KINDS[name]))
    ]
    servers = [KINDS[name] for name in _missing(_SERVERS, connected)]
    return [*found, *(ProviderOffer(kind, "") for kind in servers if _is_served(kind))]


def _missing(names: Iterable[str], connected: set[str]) -> list[str]:
    return [name for name in names if name not in connected]


def _is_served(kind: ProviderKind) -> bool:
    """Return whether something listens at the kind's usual address."""
    at = urlsplit(kind.address)
    try:
        with socket.create_connection((at.hostname or "", at.port or 80), _PROBE_SECONDS):
            return True
    except OSError:
        return False


def offers_section(namespace: Namespace, viewer: Visitor) -> ProfileSection | None:
    """Show staff, on their own profile, what could be connected, until something is."""
    if namespace.user_id is None or namespace.user_id != viewer.pk:
        return None
    if not can_manage_deployments(viewer):
        return None
    if ProviderConnection.objects.filter(owner=None).exists():
        return None
    offers = find_offers()
    return ProfileSection(
        title=_("Models to connect"),
        template="gateway/providers/_offers.html",
        context={"offers": offers},
    )
