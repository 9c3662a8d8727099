"""A guest to run programs in, through each back end and as each kind of user."""

import functools
import json
import os
import pickle
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from plumbmark.sandbox.backends import examine
from plumbmark.sandbox.contract import ExecutionReport, Limits, SandboxJob
from tests.sandbox import driver

ROOT = Path(__file__).resolve().parents[2]
ORDINARY_USER = 54321
PUBLIC_PYTHON = "/usr/bin/python3"
PATIENT = Limits(wall_seconds=120, cpu_seconds=60, memory_bytes=512 * 1024**2)
"""Far above what any needs on a busy machine: reached only where something is wrong."""
BACK_ENDS = ["bubblewrap", "landlock"]
VARIANTS = [(back_end, user) for back_end in BACK_ENDS for user in ("own", "ordinary")]


@dataclass(frozen=True)
class Guest:
    """Runs programs of Python text in one back end, as the tests' user or as an ordinary one."""

    back_end: str
    python: str
    execute: Callable[[SandboxJob], ExecutionReport]
    limits: Limits = PATIENT

    def run(
        self, program: str, *, job: dict[str, Any] | None = None, **limits: Any
    ) -> ExecutionReport:
        given = SandboxJob(
            argv=[self.python, "-I", "-c", program], limits=replace(self.limits, **limits)
        )
        return self.execute(replace(given, **(job or {})))

    def facts(self, program: str, *, job: dict[str, Any] | None = None, **limits: Any) -> Any:
        """Return what the program prints as JSON, after it ended well."""
        report = self.run(program, job=job, **limits)
        assert report.succeeded, f"{report.detail}\n{report.stderr.decode(errors='replace')}"
        return json.loads(report.stdout)


@functools.cache
def unavailable(name: str) -> str:
    """Return why this back end cannot be tried here; empty if it can."""
    return examine([(name, lambda: driver.back_end(name))]).reason


@pytest.fixture(scope="session")
def public_checkout() -> Iterator[Path]:
    """Return the sandbox's code where every user can read it; the checkout itself may be
    private.
    """
    folder = Path(tempfile.mkdtemp(prefix="plumbmark-public-"))
    folder.chmod(0o755)
    source = ROOT / "platform/plumbmark"
    shutil.copytree(source / "sandbox", folder / "plumbmark/sandbox")
    shutil.copytree(source / "engine", folder / "plumbmark/engine")
    shutil.copy(source / "__init__.py", folder / "plumbmark")
    shutil.copy(driver.__file__, folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=VARIANTS, ids=lambda variant: f"{variant[0]}-{variant[1]}-user")
def guest(request: pytest.FixtureRequest) -> Guest:
    back_end, user = request.param
    if reason := unavailable(back_end):
        pytest.skip(reason)
    python = driver.back_end(back_end).python
    if user == "own":
        return Guest(back_end, python, lambda job: driver.run(back_end, job))
    if os.getuid() != 0:
        pytest.skip("not applicable: the tests themselves run as an ordinary user")
    checkout = request.getfixturevalue("public_checkout")

    def as_ordinary_user(job: SandboxJob) -> ExecutionReport:
        done = subprocess.run(
            [PUBLIC_PYTHON, "-B", checkout / "driver.py"],
            input=pickle.dumps((back_end, job)),
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(checkout)},
            cwd="/",
            capture_output=True,
            timeout=600,
            check=False,
            user=ORDINARY_USER,
            group=ORDINARY_USER,
            extra_groups=[],
        )
        assert done.returncode == 0, done.stderr.decode()
        report = pickle.loads(done.stdout)
        assert isinstance(report, ExecutionReport)
        return report

    return Guest(back_end, python, as_ordinary_user)


@pytest.fixture
def work(guest: Guest) -> Iterator[Path]:
    """Return a folder for the guest, of whoever starts it and closed to others."""
    from plumbmark.sandbox.folders import remove_work_folder

    folder = Path(tempfile.mkdtemp(prefix="plumbmark-work-"))
    if "ordinary" in os.environ.get("PYTEST_CURRENT_TEST", ""):
        os.chown(folder, ORDINARY_USER, ORDINARY_USER)
    yield folder
    remove_work_folder(folder)
