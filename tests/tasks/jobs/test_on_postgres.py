"""The same tests of runs, claims and recovery, on PostgreSQL: in a process of their own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import postgres

_FOLDER = Path(__file__).parent


@pytest.mark.postgres
@pytest.mark.slow
def test_runs_claims_and_recovery_hold_on_postgresql() -> None:
    if os.environ.get("PLUMBMARK_DATABASE_URL"):
        pytest.skip("the tests run on a database of the caller's choice already")
    if postgres.binaries() is None:
        pytest.skip("there are no PostgreSQL binaries; install the dev extra")
    with postgres.Postgres() as server:
        files = ["test_life_cycle.py", "test_claims.py", "test_recovery.py", "test_rescoring.py"]
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *(str(_FOLDER / name) for name in files)],
            cwd=_FOLDER.parents[2],
            env={**os.environ, "PLUMBMARK_DATABASE_URL": server.url},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-6000:]
