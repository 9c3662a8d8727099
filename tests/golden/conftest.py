"""One world for all tests of pages and answers, made once: no test changes it."""

import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.db import connection
from django.test import override_settings

from plumbmark.rest.throttling import counters
from tests.emptying import empty
from tests.fake_provider.process import FakeProvider
from tests.golden.world import World, number_rows_from_one

_COPY: dict[str, Any] = {}
"""The world and, on SQLite, its database, for the next module that asks for them."""


@pytest.fixture(scope="module")
def world(
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    if "folder" not in _COPY:
        _COPY["folder"] = tmp_path_factory.mktemp("golden")
    folder = _COPY["folder"]
    with (
        django_db_blocker.unblock(),
        override_settings(SPOOL_DIR=folder / "spool", MEDIA_ROOT=folder / "files"),
    ):
        try:
            yield _made() if "world" not in _COPY else _as_it_was()
        finally:
            empty()
            caches["default"].clear()
            counters().clear()


def _made() -> World:
    number_rows_from_one()
    with FakeProvider() as provider:
        provider.configure()
        made = World(provider)
    if connection.vendor == "sqlite":
        copy = sqlite3.connect(":memory:")
        connection.ensure_connection()
        connection.connection.backup(copy)
        _COPY.update(world=made, database=copy)
    return made


def _as_it_was() -> World:
    connection.ensure_connection()
    _COPY["database"].backup(connection.connection)
    world: World = _COPY["world"]
    return world


@pytest.fixture(scope="session", autouse=True)
def _copies_are_closed() -> Iterator[None]:
    yield
    if "database" in _COPY:
        _COPY.pop("database").close()
    _COPY.clear()
