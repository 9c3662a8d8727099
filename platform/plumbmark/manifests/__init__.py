"""Canonical JSON, content hashes and their verification. Pure: ships alone as a verifier."""
