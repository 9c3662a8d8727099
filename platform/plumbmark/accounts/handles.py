"""Handles: which are allowed, which are free, and what to suggest instead."""

import re
import secrets

from django.core.cache import cache
from django.core.exceptions import ValidationError

from plumbmark.accounts.models import Namespace
from plumbmark.common.errors import Conflict, InvalidInput, Problem

_RESERVED_WORDS = """
about abuse account accounts admin administrator anonymous api app assets auth baseline
baselines benchmark benchmarks blog board boards bot catalogue compare compat contact contender
contenders dashboard demo deployment deployments docs download downloads edit entries errors
everyone explore export exports favicon feed files gallery gateway health help home host import
imports index info items job jobs kaggle leaderboard leaderboards legal local login logout mail
maintainer me media metrics mod moderator model models namespace namespaces new news nobody none
null official openapi operator org organisation organization organizations owner people person
platform plumbmark policy postmaster privacy public register robots root run runs samples schema
scorings search security settings setup share sign-in sign-out sign-up signin signout signup
site sitemap staff standings static status submit support system task tasks team teams terms
test theme tos undefined user users v1 verify version versions webhook webhooks well-known www
you
"""
RESERVED = frozenset(_RESERVED_WORDS.split())

_HELD_FOR_SECONDS = 3 * 24 * 3600
_MAX_LENGTH = 39


def normal_handle(raw: str) -> str:
    """Return the handle in lower case: handles are unique regardless of case."""
    return raw.strip().lower()


def check_handle(handle: str) -> None:
    """Raise InvalidInput where the handle cannot be one, Conflict where it is not free."""
    field = Namespace._meta.get_field("handle")
    try:
        field.run_validators(handle)
    except ValidationError as error:
        raise InvalidInput(
            [Problem(message, path="handle") for message in error.messages]
        ) from error
    if not handle:
        raise InvalidInput([Problem("Choose a handle.", path="handle")])
    if not is_free(handle):
        suggestion = suggest_handle(handle)
        raise Conflict(f"“{handle}” is taken. “{suggestion}” is free.", code="handle-taken")


def is_free(handle: str) -> bool:
    return (
        handle not in RESERVED
        and not Namespace.objects.filter(handle=handle).exists()
        and cache.get(_reservation_key(handle)) is None
    )


def suggest_handle(handle: str) -> str:
    """Return a free handle near `handle`."""
    stem = re.sub(r"-?\d+\Z", "", handle)[: _MAX_LENGTH - 5] or "user"
    for number in range(2, 12):
        candidate = f"{stem}-{number}"
        if is_free(candidate):
            return candidate
    return f"{stem}-{secrets.randbelow(9000) + 1000}"


def hold_handle(handle: str) -> None:
    """Keep a handle from others for as long as an unconfirmed account would.

    Somebody who signs up with an address that has an account already gets no account and no word
    of it; if the handle stayed free, that would tell.
    """
    cache.set(_reservation_key(handle), True, _HELD_FOR_SECONDS)


def _reservation_key(handle: str) -> str:
    return f"accounts:held-handle:{handle}"
