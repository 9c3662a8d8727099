"""The gateway's fixtures, for the providers' own APIs that are built on it."""

from tests.gateway.conftest import sqlite_config, store

__all__ = ["sqlite_config", "store"]
