"""Canonical JSON, content hashes and their verification. Pure: ships alone as a verifier."""

from plumbmark.manifests.canonical import canonical_json
from plumbmark.manifests.hashes import content_hash

__all__ = ["canonical_json", "content_hash"]
