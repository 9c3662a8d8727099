"""Processes that are forked from one that has loaded the platform, and their supervisor."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.stack import ROOT
from tests.waiting import wait_until

PARENT = """
import os, sys, threading
sys.path.insert(0, os.getcwd())
import loaded
from plumbmark.config.processes import supervise
if sys.argv[1] == "beside a thread":
    threading.Thread(target=threading.Event().wait, daemon=True).start()
loaded.by = os.getpid()
supervise({name: [sys.executable, "-m", "child", name] for name in ("a", "b")}, grace_seconds=5)
"""
CHILD = """
import json, os, sys, time
import loaded
with open("started.jsonl", "a") as file:
    told = {"name": sys.argv[1], "pid": os.getpid(), "by": loaded.by, "group": os.getpgrp()}
    file.write(json.dumps(told) + "\\n")
time.sleep(600)
"""


class Parent:
    def __init__(self, folder: Path, case: str) -> None:
        for name, text in (("parent", PARENT), ("child", CHILD), ("loaded", "by = None\n")):
            (folder / f"{name}.py").write_text(text)
        self._started = folder / "started.jsonl"
        self.process = subprocess.Popen(
            [sys.executable, "parent.py", case],
            cwd=folder,
            env={
                "PYTHONPATH": f"{ROOT / 'platform'}:{ROOT}",
                "DJANGO_SETTINGS_MODULE": "plumbmark.config.settings",
                "PLUMBMARK_STATE_DIR": str(folder),
            },
            stderr=subprocess.DEVNULL,
        )

    def children(self) -> list[dict[str, Any]]:
        text = self._started.read_text() if self._started.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def wait_for_children(self, number: int) -> list[dict[str, Any]]:
        wait_until(lambda: len(self.children()) == number)
        return self.children()


def is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


@pytest.fixture
def parent(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Parent]:
    parent = Parent(tmp_path, getattr(request, "param", "alone"))
    yield parent
    parent.process.kill()
    parent.process.wait()


def test_children_have_what_their_parent_loaded_and_groups_of_their_own(parent: Parent) -> None:
    children = parent.wait_for_children(2)

    assert {child["name"] for child in children} == {"a", "b"}
    assert {child["by"] for child in children} == {parent.process.pid}
    assert all(child["group"] == child["pid"] for child in children)
    names = [Path(f"/proc/{child['pid']}/comm").read_text().strip() for child in children]
    assert sorted(names) == ["pmk-a", "pmk-b"]


def test_the_parent_becomes_a_supervisor_that_starts_again_what_ends(parent: Parent) -> None:
    first = parent.wait_for_children(2)[0]
    os.kill(first["pid"], signal.SIGKILL)

    again = parent.wait_for_children(3)[2]
    assert again["name"] == first["name"]
    assert again["by"] is None

    parent.process.terminate()
    assert parent.process.wait(timeout=60) == 0
    assert not any(is_running(child["pid"]) for child in parent.children())


def test_no_child_outlives_a_parent_that_is_killed(parent: Parent) -> None:
    children = parent.wait_for_children(2)
    parent.process.kill()

    wait_until(lambda: not any(is_running(child["pid"]) for child in children))


@pytest.mark.parametrize("parent", ["beside a thread"], indirect=True)
def test_beside_a_thread_nothing_is_forked(parent: Parent) -> None:
    """A thread would be missing in the child, with the locks that it had."""
    assert [child["by"] for child in parent.wait_for_children(2)] == [None, None]
