"""Content hashes: `h1:` and the SHA-256 of the canonical JSON.

The prefix names the recipe, so that a later recipe can live beside this one.
"""

import hashlib
import hmac
import re
from collections.abc import Iterable

from plumbmark.manifests.canonical import canonical_json

PREFIX = "h1:"
_FORM = re.compile(r"h1:[0-9a-f]{64}")


def content_hash(value: object, *, salt: bytes | str | None = None) -> str:
    """Return `h1:` and 64 hex digits for `value`.

    With a salt it is the HMAC-SHA256 under that salt. Private items use one: an unsalted hash of a
    short text is found by trying likely texts.
    """
    return bytes_hash(canonical_json(value), salt=salt)


def bytes_hash(content: bytes, *, salt: bytes | str | None = None) -> str:
    """Return the hash of raw bytes, for files and for canonical JSON already at hand."""
    if salt is None:
        return PREFIX + hashlib.sha256(content).hexdigest()
    key = salt.encode("utf-8") if isinstance(salt, str) else salt
    if not key:
        raise ValueError("an empty salt hides nothing")
    return PREFIX + hmac.new(key, content, hashlib.sha256).hexdigest()


def is_content_hash(text: str) -> bool:
    """Return whether `text` has the form of a hash made here."""
    return _FORM.fullmatch(text) is not None


class ListHasher:
    """The hash of a long list of hashes, one at a time and in flat memory.

    Equal to `content_hash([first, second, …])`, so anybody can check it without this class.
    """

    def __init__(self) -> None:
        self._digest = hashlib.sha256(b"[")
        self.count = 0

    def add(self, item_hash: str) -> None:
        """Append one hash; the order counts."""
        if not is_content_hash(item_hash):
            raise ValueError(f"{item_hash!r} is no content hash")
        separator = "," if self.count else ""
        self._digest.update(f'{separator}"{item_hash}"'.encode())
        self.count += 1

    def hash(self) -> str:
        """Return the hash of the list so far; more may be added afterwards."""
        digest = self._digest.copy()
        digest.update(b"]")
        return PREFIX + digest.hexdigest()


def list_hash(item_hashes: Iterable[str]) -> str:
    """Return the hash of a list of hashes, read from a stream."""
    hasher = ListHasher()
    for item_hash in item_hashes:
        hasher.add(item_hash)
    return hasher.hash()
