"""Bases of the REST API: problem+json, cursor pages, idempotency, entity tags, rate limits."""
