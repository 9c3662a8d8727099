"""The gateway's fixtures, for the foreign doors that are built on it."""

from tests.gateway.conftest import (
    fake_provider,
    fake_provider_process,
    sqlite_config,
    store,
)

__all__ = ["fake_provider", "fake_provider_process", "sqlite_config", "store"]
