"""What keeps the start quick and the memory small."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plumbmark.config import static_files, supervisor
from plumbmark.config.celery import app as worker_app
from plumbmark.config.scheduler import app as scheduler_app
from tests.stack import ROOT

IN_A_PROCESS = """
import json, sys
from plumbmark.config.scheduler import app
app.loader.init_worker()
app.finalize()
from django.apps import apps
print(json.dumps([apps.ready, "tasks_app.models" in sys.modules, sorted(app.conf.beat_schedule)]))
"""


def test_the_scheduler_queues_every_job_of_the_schedule_and_loads_no_app() -> None:
    found = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'platform'}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    is_ready, has_models, names = json.loads(found.stdout)

    assert not is_ready
    assert not has_models
    assert names == sorted(worker_app.conf.beat_schedule)
    assert scheduler_app.conf.broker_url == worker_app.conf.broker_url
    assert scheduler_app.conf.task_default_queue == worker_app.conf.task_default_queue


def test_the_supervisor_needs_the_standard_library_alone() -> None:
    listed = subprocess.run(
        [
            *(sys.executable, "-I", "-c"),
            "import runpy, sys; before = set(sys.modules);"
            f"runpy.run_path({supervisor.__file__!r}, run_name='x');"
            "print(sorted({n.split('.')[0] for n in set(sys.modules) - before}"
            " - set(sys.stdlib_module_names)))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.strip() == "[]"


@pytest.fixture
def files(tmp_path: Path, settings: Any) -> Iterator[Path]:
    source = tmp_path / "source"
    source.mkdir()
    (source / "a.css").write_text("a { color: red }")
    settings.STATICFILES_DIRS = [source]
    settings.STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
    settings.STATIC_ROOT = tmp_path / "collected"
    settings.STATIC_ROOT.mkdir()
    from django.contrib.staticfiles import finders

    finders.get_finder.cache_clear()
    yield source
    finders.get_finder.cache_clear()


def test_static_files_are_collected_again_only_if_they_changed(files: Path, settings: Any) -> None:
    assert static_files.collect_static()
    assert not static_files.collect_static()
    assert (settings.STATIC_ROOT / "a.css").read_text() == "a { color: red }"

    (files / "a.css").write_text("a { color: green }")
    assert static_files.collect_static()
    assert (settings.STATIC_ROOT / "a.css").read_text() == "a { color: green }"
    (files / "b.css").write_text("b {}")
    assert static_files.collect_static()
    assert not static_files.collect_static()


def test_a_collection_that_breaks_off_is_not_taken_for_a_finished_one(
    files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert static_files.collect_static()
    (files / "b.css").write_text("b {}")

    def fail(*args: Any, **options: Any) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patched:
        patched.setattr(static_files, "call_command", fail)
        with pytest.raises(OSError, match="full"):
            static_files.collect_static()
    assert static_files.collect_static()
