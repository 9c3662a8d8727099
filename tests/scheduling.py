"""Which worker of pytest-xdist runs which tests, and in which order.

A file's tests stay together, because they share what was made for their module. A slow test that
shares nothing of the kind is handed out by itself. What is likely to take longest begins first, so
that the last minutes are filled with short ones and no worker is left alone with a long one.
"""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.shared import folder, make_once

_APART = "apart.json"


class FileScheduling(LoadScopeScheduling):
    """Hands out file by file, and by themselves the tests that the workers wrote down as apart."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        config.option.loadscopereorder = False
        self._apart: set[str] | None = None

    def _split_scope(self, nodeid: str) -> str:
        if self._apart is None:
            self._apart = set(json.loads((folder() / _APART).read_text()))
        return nodeid if nodeid in self._apart else _file_of(nodeid)


def order_for_workers(items: list[pytest.Item]) -> None:
    """Put the longest units first, and write down which tests are units of their own."""
    units = {
        item.nodeid: item.nodeid if _is_apart(item) else _file_of(item.nodeid) for item in items
    }
    seconds: Counter[str] = Counter()
    for item in items:
        seconds[units[item.nodeid]] += _guess_tenths(item)
    items.sort(key=lambda item: (-seconds[units[item.nodeid]], units[item.nodeid]))
    apart = [item.nodeid for item in items if units[item.nodeid] == item.nodeid]
    make_once(_APART, lambda path: _write(path, apart))


def begin_elsewhere(report: pytest.CollectReport, worker: int, workers: int) -> None:
    """Let each worker begin to read a folder at another place.

    Whoever reads a file first rewrites its assertions and stores the result for the others; if all
    read in the same order, all of them do the same work at the same time.
    """
    first = len(report.result) * worker // workers
    report.result = report.result[first:] + report.result[:first]


def _file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def _is_apart(item: pytest.Item) -> bool:
    if item.get_closest_marker("slow") is None:
        return False
    # Fixtures of plugins, which belong to no folder, share nothing of ours.
    return not any(
        fixture.baseid and fixture.scope in {"class", "module", "package"}
        for found in item._fixtureinfo.name2fixturedefs.values()  # type: ignore[attr-defined]
        for fixture in found
    )


def _guess_tenths(item: pytest.Item) -> int:
    """Return roughly how long a test takes, in tenths of a second."""
    slow = item.get_closest_marker("slow")
    if slow is not None:
        return 10 * int(slow.kwargs.get("seconds", 20))
    if item.get_closest_marker("browser") is not None:
        return 40
    database = item.get_closest_marker("django_db")
    if database is not None and database.kwargs.get("transaction"):
        return 10
    return 3 if database is not None else 1


def _write(path: Path, apart: list[str]) -> None:
    path.write_text(json.dumps(apart))
