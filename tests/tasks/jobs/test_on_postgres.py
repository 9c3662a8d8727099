"""The same tests of jobs, on PostgreSQL: in a process of their own."""

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
    hold_on_postgresql(
        "test_life_cycle.py", "test_claims.py", "test_recovery.py", "test_rescoring.py"
    )


@pytest.mark.postgres
@pytest.mark.slow
def test_programs_boards_of_theirs_and_labels_hold_on_postgresql() -> None:
    hold_on_postgresql(
        "test_code_runs.py::test_a_program_asks_the_model_and_its_result_is_the_score",
        "test_code_runs.py::test_a_program_that_fails_says_where",
        "test_code_on_boards.py::test_samples_with_ids_are_the_items_and_are_compared_by_their_ids",
        "test_code_on_boards.py::test_a_count_has_wilsons_interval_and_tells_nobody_apart",
        "test_judge_labels.py",
        "test_as_written.py",
        "test_carried_labels.py",
        "test_pages_of_code_runs.py::test_a_long_output_is_shown_by_its_ends_and_read_page_by_page",
    )


def hold_on_postgresql(*tests: str) -> None:
    """The same tests, in a process of their own."""
    if os.environ.get("PLUMBMARK_DATABASE_URL"):
        pytest.skip("the tests run on a database of the caller's choice already")
    if postgres.binaries() is None:
        pytest.skip("there are no PostgreSQL binaries; install the dev extra")
    with postgres.Postgres() as server:
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", *(str(_FOLDER / name) for name in tests)],
            cwd=_FOLDER.parents[2],
            env={**os.environ, "PLUMBMARK_DATABASE_URL": server.url},
            capture_output=True,
            text=True,
            timeout=3600,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
