"""The same tests of jobs, on PostgreSQL: in a process of their own."""

import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from tests import postgres

_FOLDER = Path(__file__).parent

# Few, since each begins with a process that loads everything.
_TESTS = {
    # The first file divides the tables; the others find them so.
    "tables in partitions": [
        "runs/test_partitions.py",
        "runs/test_life_cycle.py",
        "runs/test_recovery.py",
        "scorings/test_rescoring.py",
        "judges/test_labels.py",
        "code_tasks/test_boards.py::test_samples_with_ids_are_the_items_and_are_compared_by_their_ids",
    ],
    # What depends on the database: races, batches that break off, conditions in SQL, order.
    "labels, claims, recovery, retention and search": [
        "judges/test_labels.py",
        "judges/test_carried_labels.py",
        "runs/test_as_written.py",
        "runs/test_claims.py",
        "runs/test_recovery.py",
        "scorings/test_rescoring.py",
        "datasets/test_retention.py",
        "runs/test_retention.py::test_an_exchange_of_two_samples_is_missing_on_both",
        "../common/test_retention.py::test_a_batch_that_breaks_off_leaves_rows_and_counts_as_they_were",
        "../common/test_retention.py::test_two_purges_at_once_count_every_row_once",
        "../common/test_retention.py::test_rows_that_are_used_again_before_their_batch_stay",
        "../leaderboards/test_retention.py::test_states_between_go_and_the_first_the_last_of_a_day_and_the_newest_stay",
        "../leaderboards/test_retention.py::test_what_somebody_made_on_purpose_stays",
        "../leaderboards/test_retention.py::test_what_a_correction_names_stays",
        "../leaderboards/test_model_pages.py",
        "../leaderboards/test_search.py",
    ],
    "runs, programs, boards of theirs and pages of authoring": [
        "runs/test_life_cycle.py",
        "code_tasks/test_runs.py::test_a_program_asks_the_model_and_its_result_is_the_score",
        "code_tasks/test_runs.py::test_a_program_that_fails_says_where",
        "code_tasks/test_boards.py::test_samples_with_ids_are_the_items_and_are_compared_by_their_ids",
        "code_tasks/test_boards.py::test_a_count_has_wilsons_interval_and_tells_nobody_apart",
        "code_tasks/test_pages.py::test_a_long_output_is_shown_by_its_ends_and_read_page_by_page",
        "../pages/test_queries_of_pages.py",
        "preflight/test_preflight.py",
        "version_changes/test_changes.py",
    ],
}


@pytest.mark.postgres
@pytest.mark.slow(seconds=130)
@pytest.mark.parametrize("tests", _TESTS.values(), ids=_TESTS)
def test_the_same_holds_on_postgresql(tests: list[str]) -> None:
    if os.environ.get("PLUMBMARK_DATABASE_URL"):
        pytest.skip("the tests run on a database of the caller's choice already")
    if postgres.binaries() is None:
        pytest.skip("there are no PostgreSQL binaries; install the dev extra")
    name = uuid.uuid4().hex
    # Django's name for the tests' own database beside one of this name.
    with postgres.new_database(f"test_{name}") as url:
        done = subprocess.run(
            [
                *[sys.executable, "-m", "pytest", "-q", "--reuse-db"],
                *(str(_FOLDER / test) for test in tests),
            ],
            cwd=_FOLDER.parents[1],
            env={**os.environ, "PLUMBMARK_DATABASE_URL": url.replace(f"test_{name}", name)},
            capture_output=True,
            text=True,
            timeout=3600,
            check=False,
        )
    assert done.returncode == 0, done.stdout[-6000:]
    assert " passed" in done.stdout
