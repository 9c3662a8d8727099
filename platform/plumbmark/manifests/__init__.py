"""Canonical JSON, content hashes and their verification. Pure: with `strict_json` it ships alone as
a verifier."""

from plumbmark.manifests.hashes import content_hash
from plumbmark.strict_json.canonical import canonical_json

__all__ = ["canonical_json", "content_hash"]
