"""Plumbmark: an open, self-hosted platform for publishing community benchmarks of AI models."""

__version__ = "0.1.0"
