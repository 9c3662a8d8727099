"""Content hashes: `h1:` and the SHA-256 of the canonical JSON.

The prefix names the recipe, so that a later recipe can live beside this one.
"""

import hashlib
import hmac
import re

from plumbmark.strict_json.canonical import canonical_json

PREFIX = "h1:"
_FORM = re.compile(r"h1:[0-9a-f]{64}")


def content_hash(value: object, *, salt: bytes | str | None = None) -> str:
    """Return `h1:` and 64 hex digits for `value`.

    With a salt it is the HMAC-SHA256 under that salt. Private items are hashed so: an unsalted
    hash of a short text is found by trying likely texts.
    """
    return bytes_hash(canonical_json(value), salt=salt)


def bytes_hash(content: bytes, *, salt: bytes | str | None = None) -> str:
    """Return the hash of bytes as they are, for files and for canonical JSON already at hand."""
    if salt is None:
        return PREFIX + hashlib.sha256(content).hexdigest()
    key = salt.encode("utf-8") if isinstance(salt, str) else salt
    if not key:
        raise ValueError("an empty salt hides nothing")
    return PREFIX + hmac.new(key, content, hashlib.sha256).hexdigest()


def is_content_hash(text: str) -> bool:
    """Return whether `text` has the form of a hash made here."""
    return _FORM.fullmatch(text) is not None
