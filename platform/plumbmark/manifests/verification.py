"""Checking a document against its hash, with nothing but the standard library."""

import hmac

from plumbmark.manifests.hashes import PREFIX, content_hash, is_content_hash
from plumbmark.strict_json.canonical import CanonicalError


def matches(value: object, expected: str, *, salt: bytes | str | None = None) -> bool:
    """Return whether `value` has the hash `expected`. A value without a canonical form has none.

    Raises `ValueError` if `expected` is not of this recipe: "unknown" must not read as "wrong".
    """
    if not is_content_hash(expected):
        raise ValueError(f"{expected!r} is not a hash of the recipe {PREFIX}")
    try:
        found = content_hash(value, salt=salt)
    except CanonicalError:
        return False
    return hmac.compare_digest(found, expected)
