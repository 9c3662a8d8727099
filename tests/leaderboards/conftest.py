"""A small board of submitted outputs."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.factories import publish_benchmark, publish_task, settle, submit


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


@pytest.fixture
def board(ada: Any) -> Any:
    """Return a published version with the rows best, mid <b> and low."""
    from benchmarks_app.actions.entries import enter

    version = publish_task(ada, items=60)
    made = publish_benchmark(ada, [version])
    for name, right, maker in (("best", 59, "Arbor"), ("mid <b>", 30, "Lithos"), ("low", 2, "")):
        run = submit(ada, version, name, right, maker=maker)
        enter(version=made, contender=run.contender, by=ada)
    settle()
    return made
