"""Rows of a data set in the SDK's files: items where the score is their mean, else nothing."""

from pathlib import Path
from typing import Any

from tasks_app.code_tasks.definition import CodeDefinition, build_definition
from tasks_app.code_tasks.output.results import read_outcome
from tasks_app.code_tasks.settings import CodeSettings
from tasks_app.code_tasks.source.inspection import inspect_code
from tasks_app.code_tasks.source.notebook import Script
from tests.tasks.code_tasks.files import run, store, task

CODE = """\
import kaggle_benchmarks as kbench

@kbench.task(name="Row")
def row(llm, q) -> bool:
    return True

@kbench.task(name="Main")
def main(llm, data) -> float:
    runs = row.evaluate(llm=[llm], evaluation_data=data)
    return 0.75

main.run(kbench.llm, data=None)
"""


def definition() -> CodeDefinition:
    built = build_definition(
        file_name="task.py",
        script=Script(CODE, (), "Main"),
        inspection=inspect_code(CODE, chosen="Main"),
        settings=CodeSettings(),
    )
    assert built.definition is not None, built.findings
    return built.definition


def rows(*right: Any, ids: tuple[str, ...] = ()) -> list[tuple[str, dict[str, Any]]]:
    """Return runs of rows with the names of their files; None is a row that failed."""
    found = []
    for number, value in enumerate(right, start=1):
        id_ = ids[number - 1] if ids else f"row-{number}"
        file = f"Row-run_param_id_{id_}_maker_modelv1.run.json"
        if value is None:
            document = run(name="Row", number=number, state="ERRORED", errorMessage="E: x")
        else:
            document = run({"booleanResult": value}, name="Row", returns="bool", number=number)
        found.append((file, document))
    return found


def details_of(folder: Path, parts: list[tuple[str, dict[str, Any]]], value: float) -> Any:
    store(folder, task())
    store(folder, task("Row"))
    for file, document in parts:
        store(folder, document, file)
    store(
        folder,
        run({"numericResult": {"value": value}}, subruns=[document for _, document in parts]),
        "Main-run_id_Run_1_maker_modelv1.run.json",
    )
    (item,) = read_outcome(folder, definition(), result_file=None, log="").items
    assert item.value == value, item.error
    return item.details


def test_rows_whose_mean_is_the_score_are_items_under_the_data_sets_own_ids(
    tmp_path: Path,
) -> None:
    details = details_of(tmp_path, rows(True, True, True, False), 0.75)

    assert details["scores"] == [
        ["Row/row-1", 1.0],
        ["Row/row-2", 1.0],
        ["Row/row-3", 1.0],
        ["Row/row-4", 0.0],
    ]


def test_a_failed_row_is_unscored_or_wrong_as_its_author_counts_it(tmp_path: Path) -> None:
    for folder in ("left out", "wrong"):
        (tmp_path / folder).mkdir()
    left_out = details_of(tmp_path / "left out", rows(True, None, True), 1.0)
    wrong = details_of(tmp_path / "wrong", rows(True, None, True), 2 / 3)

    assert left_out["scores"][1] == ["Row/row-2", None]
    assert wrong["scores"][1] == ["Row/row-2", 0.0]


def test_a_score_that_is_no_mean_of_its_rows_has_no_items(tmp_path: Path) -> None:
    assert "scores" not in details_of(tmp_path, rows(True, True, False), 0.9)


def test_rows_without_ids_are_no_items(tmp_path: Path) -> None:
    parts = [(f"Row-run_id_Run_{n}_x.run.json", one) for n, (_, one) in enumerate(rows(True, True))]

    assert "scores" not in details_of(tmp_path, parts, 1.0)
