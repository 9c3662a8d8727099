"""Opaque public ids: short, unguessable, safe in a URL and readable aloud."""

import secrets

_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"  # no 0/o, 1/l/i
_LENGTH = 14


def new_public_id() -> str:
    """Return a new id of 14 characters, about 69 bits: nobody can guess an existing one."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(_LENGTH))
