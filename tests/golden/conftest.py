"""One world for all tests of pages and answers, made once: nothing here changes it."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import caches
from django.test import override_settings

from plumbmark.gateway import runtime
from tests.emptying import empty
from tests.fake_provider.process import FakeProvider
from tests.golden.world import World, number_rows_from_one


@pytest.fixture(scope="module")
def world(
    django_db_setup: None,
    django_db_blocker: Any,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("golden")
    with (
        django_db_blocker.unblock(),
        override_settings(SPOOL_DIR=folder / "spool", MEDIA_ROOT=folder / "files"),
        FakeProvider() as provider,
    ):
        provider.configure()
        number_rows_from_one()
        try:
            yield World(provider)
        finally:
            runtime.shutdown()
            empty()
            for name in ("default", "rates"):
                caches[name].clear()
