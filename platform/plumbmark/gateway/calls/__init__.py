"""Calls: policy, retries, concurrency and outcomes."""
