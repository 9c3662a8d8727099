"""A folder that a program left behind."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tasks_app.code_tasks.findings import Severity
from tasks_app.code_tasks.output.artifacts import (
    ArtifactLimits,
    main_run,
    missing_runs,
    read_artifacts,
)
from tasks_app.code_tasks.output.records import Artifacts
from tasks_app.code_tasks.source.inspection import Inspection, inspect_code
from tests.tasks.code_tasks.files import run, store, task

SCORE: dict[str, Any] = {"numericResult": {"value": 0.5}}


def codes(artifacts: Artifacts) -> list[tuple[str, str]]:
    return [(one.code, one.file) for one in artifacts.findings]


def test_tasks_and_runs_are_read_and_other_files_left_alone(tmp_path: Path) -> None:
    store(tmp_path, task())
    store(tmp_path, run(SCORE))
    (tmp_path / "notes.json").write_text("{")
    (tmp_path / "below").mkdir()

    found = read_artifacts(tmp_path)

    assert found.findings == ()
    assert [one.name for one in found.tasks] == ["Main"]
    (only,) = found.runs
    assert only.file == "Main-1.run.json"
    assert only.result is not None
    assert only.result.value == 0.5


def test_runs_within_others_are_not_told_twice(tmp_path: Path) -> None:
    rows = [run(SCORE, name="Row", number=at) for at in (1, 2, 3)]
    middle = run(SCORE, name="Middle", number=1, subruns=rows[:2])
    store(tmp_path, task())
    store(tmp_path, run(SCORE, subruns=[middle, rows[2]]))
    store(tmp_path, middle)
    for row in rows:
        store(tmp_path, row)
    store(tmp_path, run(SCORE, name="Row", number=4))
    store(tmp_path, task("Row"))

    found = read_artifacts(tmp_path)

    assert [(one.task.name, one.run_id) for one in found.runs] == [
        ("Main", "Main-Run #1"),
        ("Row", "Row-Run #4"),
    ]
    assert found.findings == ()


def test_a_failed_row_is_told_by_the_run_that_it_belongs_to(tmp_path: Path) -> None:
    row = run(name="Row", state="ERRORED", errorMessage="ValueError: x")
    store(tmp_path, task())
    store(tmp_path, run(SCORE, subruns=[row]))
    store(tmp_path, row)

    assert codes(read_artifacts(tmp_path)) == [("run-failed", "Main-1.run.json")]


def test_equal_ids_of_different_starts_are_different_runs(tmp_path: Path) -> None:
    first = run(SCORE)
    later = {**first, "startTime": "2026-11-21T00:00:00Z"}
    store(tmp_path, first)
    store(tmp_path, later, "again.run.json")
    store(tmp_path, first, "copy.run.json")

    found = read_artifacts(tmp_path)

    assert [one.file for one in found.runs] == ["Main-1.run.json", "again.run.json"]
    assert codes(found) == [("file-twice", "copy.run.json")]


def test_files_that_cannot_be_read_are_told_and_the_others_count(tmp_path: Path) -> None:
    whole = json.dumps(run(SCORE))
    for name, data in {
        "a": b"",
        "b": whole[:-20].encode(),
        "c": b'{"a": "\xff"}',
        "d": b"[" * 100_000,
        "e": b"[1, 2]",
        "f": b"null",
        "g": b"\x00\x01\x02",
    }.items():
        (tmp_path / f"{name}.run.json").write_bytes(data)
    (tmp_path / "z.run.json").write_text(whole)

    found = read_artifacts(tmp_path)

    assert [one.file for one in found.runs] == ["z.run.json"]
    assert codes(found) == [("unreadable-file", f"{name}.run.json") for name in "abcdefg"]
    assert all(one.severity is Severity.ERROR for one in found.findings)
    told = [one.message for one in found.findings]
    assert "it ends in the middle" in told[1]
    assert "not UTF-8" in told[2]
    assert "nested deeper" in told[3]


def test_links_pipes_and_folders_are_never_opened(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(json.dumps(run(SCORE)))
    work = tmp_path / "work"
    work.mkdir()
    (work / "link.run.json").symlink_to(secret)
    (work / "dangling.run.json").symlink_to(tmp_path / "nowhere")
    (work / "folder.run.json").mkdir()
    os.mkfifo(work / "pipe.run.json")

    found = read_artifacts(work)

    assert found.runs == ()
    assert {code for code, _ in codes(found)} == {"not-a-file"}
    assert len(found.findings) == 4


def test_sizes_and_numbers_are_bounded(tmp_path: Path) -> None:
    for at in range(1, 6):
        store(tmp_path, run(SCORE, number=at))
    size = (tmp_path / "Main-1.run.json").stat().st_size

    few = read_artifacts(tmp_path, limits=ArtifactLimits(files=3))
    small = read_artifacts(tmp_path, limits=ArtifactLimits(file_bytes=size - 1))
    together = read_artifacts(tmp_path, limits=ArtifactLimits(all_bytes=2 * size + 5))

    assert len(few.runs) == 3
    assert codes(few) == [("too-many-files", "")]
    assert "5 files; 3 are read" in few.findings[0].message
    assert small.runs == ()
    assert {code for code, _ in codes(small)} == {"file-too-large"}
    assert len(together.runs) == 2


def test_a_sparse_giant_costs_nothing(tmp_path: Path) -> None:
    with (tmp_path / "a.run.json").open("wb") as file:
        file.truncate(10**12)

    (finding,) = read_artifacts(tmp_path, limits=ArtifactLimits(file_bytes=1000)).findings

    assert "1,000,000,000,000 bytes" in finding.message


def test_mended_files_say_so(tmp_path: Path) -> None:
    text = json.dumps(run(SCORE))[:-1] + ', "errorMessage": "a\\u0000", "errorMessage": "b\\ud800"}'
    (tmp_path / "a.run.json").write_text(text)

    found = read_artifacts(tmp_path)

    assert found.runs[0].error == "b\ufffd"
    assert [code for code, _ in codes(found)] == ["duplicate-key", "unstorable-characters"]


def test_names_of_files_are_made_fit_for_showing(tmp_path: Path) -> None:
    name = os.fsdecode(b"a\xff.run.json")
    (tmp_path / name).write_text(json.dumps(run(SCORE)))

    (found,) = read_artifacts(tmp_path).runs

    assert found.file == "a\ufffd.run.json"
    found.file.encode()


def test_a_run_of_a_task_without_a_file_is_noted(tmp_path: Path) -> None:
    store(tmp_path, task("Other"))
    store(tmp_path, run(SCORE))

    assert codes(read_artifacts(tmp_path)) == [("task-without-file", "Main-1.run.json")]


def test_an_empty_folder_is_empty(tmp_path: Path) -> None:
    assert read_artifacts(tmp_path) == Artifacts((), (), ())


# --- What should be there ---------------------------------------------------------------------

CODE = """
import kaggle_benchmarks as kbench
@kbench.task()
def main(llm) -> float: ...
@kbench.task(store_task=False)
def row(llm) -> bool: ...
@kbench.task(name=NAME)
def computed(llm) -> float: ...
@kbench.task(store_run=False)
def silent(llm): ...
main.run(kbench.llm)
row.run(kbench.llm)
computed.run(kbench.llm)
silent.run(kbench.llm)
"""


@pytest.fixture
def inspection() -> Inspection:
    return inspect_code(CODE)


def test_runs_that_left_no_file_are_errors(tmp_path: Path, inspection: Inspection) -> None:
    store(tmp_path, run(SCORE, name="Row"))

    (finding,) = missing_runs(inspection, read_artifacts(tmp_path))

    assert (finding.code, finding.severity) == ("run-without-file", Severity.ERROR)
    assert "'Main'" in finding.message
    assert finding.line == 11


def test_the_reason_in_the_output_is_told(tmp_path: Path, inspection: Inspection) -> None:
    log = (
        "WARNING:kaggle_benchmarks.tasks:Failed to store run Run #1: Couldn't parse NaN.\n"
        "WARNING:kaggle_benchmarks.tasks:Failed to store run Run #1: cannot be serialized: str\n"
    )

    both = list(missing_runs(inspection, read_artifacts(tmp_path), log=log))
    assert "'Main' left no run file: Couldn't parse NaN." in both[0].message
    assert "'Row' left no run file: cannot be serialized: str." in both[1].message

    store(tmp_path, run(SCORE, name="Row"))
    (one,) = missing_runs(inspection, read_artifacts(tmp_path), log=log)
    assert "file." in one.message


def test_a_run_within_another_is_a_run(tmp_path: Path, inspection: Inspection) -> None:
    store(tmp_path, run(SCORE, subruns=[run(SCORE, name="Row")]))

    assert list(missing_runs(inspection, read_artifacts(tmp_path))) == []


def test_the_chosen_task_gives_the_score(tmp_path: Path, inspection: Inspection) -> None:
    for name, number in (("Main", 1), ("Main", 3), ("Main", 2), ("Row", 1)):
        store(tmp_path, run(SCORE, name=name, number=number))
    found = read_artifacts(tmp_path)

    by_variable = main_run(found, inspection, "main")
    by_name = main_run(found, inspection, "Main")

    assert by_variable == by_name
    assert by_variable.run is not None
    assert by_variable.run.run_id == "Main-Run #3"
    assert [one.code for one in by_variable.findings] == ["several-runs"]
    row = main_run(found, inspection, "row")
    assert row.run is not None
    assert row.findings == ()


def test_without_a_choice_the_only_task_gives_it(tmp_path: Path, inspection: Inspection) -> None:
    assert main_run(read_artifacts(tmp_path), inspection).run is None
    store(tmp_path, run(SCORE, subruns=[run(SCORE, name="Row")]))
    store(tmp_path, run(SCORE, name="Row"))

    found = main_run(read_artifacts(tmp_path), inspection)

    assert found.run is not None
    assert found.run.task.name == "Main"
    assert found.findings == ()


def test_several_tasks_without_a_choice_are_an_error(
    tmp_path: Path, inspection: Inspection
) -> None:
    store(tmp_path, run(SCORE))
    store(tmp_path, run(SCORE, name="Row"))
    found = read_artifacts(tmp_path)

    unclear = main_run(found, inspection)
    absent = main_run(found, inspection, "computed")

    assert unclear.run is None
    assert [one.code for one in unclear.findings] == ["no-main-task"]
    assert "%choose" in unclear.findings[0].remedy
    assert [one.code for one in absent.findings] == ["chosen-not-run"]
    assert "'Main', 'Row'" in absent.findings[0].remedy
