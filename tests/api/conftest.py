"""The world that is fuzzed, and what no request may cause."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection

from plumbmark.gateway.calls import runtime
from tests.api.fuzz_world import FuzzWorld
from tests.shared import make_once


@pytest.fixture(scope="session")
def _worlds() -> Iterator[list[FuzzWorld]]:
    """The world that this process loaded, once it has."""
    loaded: list[FuzzWorld] = []
    yield loaded
    for world in loaded:
        world.close()


@pytest.fixture
def fuzz_world(db: None, settings: Any, _worlds: list[FuzzWorld]) -> Iterator[FuzzWorld]:
    settings.API_REQUESTS_PER_MINUTE = settings.API_ANONYMOUS_REQUESTS_PER_MINUTE = 10**9
    if connection.vendor != "sqlite":
        yield FuzzWorld()
    else:
        if not _worlds:
            # Making it takes as long as fuzzing a part.
            saved = make_once("fuzz-world", lambda path: FuzzWorld().save(path))
            _worlds.append(FuzzWorld.load(saved))
        _worlds[0].begin_anew()
        yield _worlds[0]
    runtime.shutdown()


@pytest.fixture
def errors() -> Iterator[list[str]]:
    """Return what is logged as an error, which no request may cause."""
    found: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    handler = Keep(logging.ERROR)
    logging.getLogger().addHandler(handler)
    yield found
    logging.getLogger().removeHandler(handler)
