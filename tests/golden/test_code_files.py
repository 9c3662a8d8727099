"""Settings of code tasks, files that programs leave, notebooks: what is read, what is told."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from plumbmark.common.errors import InvalidInput
from plumbmark.manifests import content_hash
from tasks_app.code_tasks.definition import (
    AttachedFileSpec,
    CodeDefinition,
    build_definition,
)
from tasks_app.code_tasks.output.artifacts import read_artifacts
from tasks_app.code_tasks.output.result_file import read_result
from tasks_app.code_tasks.output.results import read_outcome
from tasks_app.code_tasks.settings import parse_settings
from tasks_app.code_tasks.source.inspection import inspect_code
from tasks_app.code_tasks.source.magics import statement_lines, without_magics
from tasks_app.code_tasks.source.notebook import notebook_of, script_of
from tests.golden.corpora.code_files import (
    FILES_WITH_CELLS,
    FULL_RESULT,
    FULL_RUN,
    MAGICS,
    NOTEBOOKS,
    PROGRAMS,
    RESULTS,
    RETURNS,
    RUN_TEXTS,
    SETTINGS,
    STORED,
)
from tests.golden.corpora.mutations import changed_documents
from tests.golden.golden import check, check_changes, plain


def problems_of(error: InvalidInput) -> dict[str, Any]:
    return {
        "problems": [
            f"{one.line}:{one.column} {one.path} | {one.message}" for one in error.problems
        ]
    }


def describe(findings: Any) -> list[str]:
    """Return findings as lines."""
    return [
        f"{one.severity.value} {one.code} {one.file} {one.line} {one.path} | {_plain(one.message)}"
        f"{f' | {one.remedy}' if one.remedy else ''}"
        for one in findings
    ]


def _plain(message: str) -> str:
    """Leave out the words that each Python has of its own for what it cannot read."""
    return re.sub(r"(?<=Python cannot read the code: ).*", "{why}", message)


def test_settings_of_code_tasks_stay_as_they_are() -> None:
    found: dict[str, Any] = {}
    for name, text in SETTINGS.items():
        try:
            found[name] = plain(parse_settings(text))
        except InvalidInput as error:
            found[name] = problems_of(error)

    check("code/settings.json", found)


def test_result_files_stay_as_they_are() -> None:
    found = {}
    for name, data in RESULTS.items():
        read = read_result(data)
        found[name] = {"result": _short(plain(read.result)), "findings": describe(read.findings)}

    check("code/results.json", found)


def _short(value: Any) -> Any:
    """Return long texts by their lengths alone."""
    if isinstance(value, str) and len(value) > 200:
        return f"{value[:20]}… {len(value)} characters"
    if isinstance(value, float) and abs(value) > 1e20:
        return repr(value)
    if isinstance(value, dict):
        return {key: _short(inner) for key, inner in value.items()}
    return [_short(inner) for inner in value] if isinstance(value, list) else value


def test_result_files_with_one_changed_value_stay_as_they_are() -> None:
    found: dict[str, dict[str, Any]] = {}
    for place, change, document in changed_documents(FULL_RESULT):
        if change in {"10^9", "long", "list of two", "object of one"}:
            continue
        read = read_result(json.dumps(document).encode())
        found.setdefault(place, {})[change] = [
            "no result" if read.result is None else json.dumps(plain(read.result.score)),
            *describe(read.findings),
        ]

    check_changes("code/changed-results.txt", found)


def artifacts_of(folder: Path, data: bytes, name: str = "Main-x.run.json") -> dict[str, Any]:
    for old in folder.iterdir():
        old.unlink()
    (folder / name).write_bytes(data)
    read = read_artifacts(folder, roots=["/usr/lib"])
    return {
        "tasks": plain(read.tasks),
        "runs": plain(read.runs),
        "findings": describe(read.findings),
    }


def test_files_of_runs_stay_as_they_are(tmp_path: Path) -> None:
    found = {name: artifacts_of(tmp_path, data) for name, data in RUN_TEXTS.items()}
    found["everything"] = artifacts_of(tmp_path, json.dumps(FULL_RUN).encode())
    found["a task"] = artifacts_of(
        tmp_path, json.dumps(FULL_RUN["taskVersion"]).encode(), "Main.task.json"
    )

    check("code/runs.json", found)


def test_results_of_runs_stay_as_they_are(tmp_path: Path) -> None:
    found: dict[str, dict[str, Any]] = {}
    for returns, definition in RETURNS.items():
        for stored, result in STORED.items():
            document = {
                "state": "BENCHMARK_TASK_RUN_STATE_COMPLETED",
                "results": [result],
                "taskVersion": {"name": "Main", "definition": definition},
            }
            read = artifacts_of(tmp_path, json.dumps(document).encode())
            found.setdefault(returns, {})[stored] = [
                json.dumps({key: value for key, value in one.items() if value is not None})
                for one in read["runs"][0]["results"]
            ] + read["findings"]

    check_changes("code/results-of-runs.txt", found)


def test_files_of_runs_with_one_changed_value_stay_as_they_are(tmp_path: Path) -> None:
    """Only what is told beyond what the unchanged file leads to."""
    found: dict[str, dict[str, Any]] = {}
    always = set(artifacts_of(tmp_path, json.dumps(FULL_RUN).encode())["findings"])
    for place, change, document in changed_documents(FULL_RUN):
        if change in {"null", "-1", "text", "list of one", "left out"}:
            read = artifacts_of(tmp_path, json.dumps(document).encode())
            found.setdefault(place, {})[change] = [
                one for one in read["findings"] if one not in always
            ]

    check_changes("code/changed-runs.txt", found)


def test_notebooks_stay_as_they_are() -> None:
    found: dict[str, Any] = {}
    for name, (file, data) in NOTEBOOKS.items():
        try:
            script = script_of(file, data)
        except InvalidInput as error:
            found[name] = problems_of(error)
            continue
        found[name] = {
            "code": script.code,
            "cells": plain(script.cells),
            "chosen": script.chosen,
            "findings": describe(script.findings),
            "places": [str(script.place_of(line)) for line in range(1, 12)],
        }

    check("code/notebooks.json", found)


@pytest.mark.parametrize("reads_comments", [False, True])
def test_notebook_commands_stay_as_they_are(reads_comments: bool) -> None:
    found = {}
    for source in MAGICS:
        read = without_magics(source, read_comments=reads_comments)
        found[source] = {
            "lines": read.lines,
            "chosen": read.chosen,
            "findings": describe(read.findings),
            "statements": list(statement_lines(source)),
        }

    check(f"code/magics{'-of-files' if reads_comments else ''}.json", found)


def test_notebooks_of_files_stay_as_they_are() -> None:
    check("code/written-notebooks.json", {text: notebook_of(text) for text in FILES_WITH_CELLS})


BUILT_WITH = {
    "nothing": "",
    "everything": SETTINGS["everything"].replace("main: Capitals", "main: a"),
    "private": "private: true\njudge: z/j\nmodels: [b/m, a/m]\n",
    "another environment": "environment: bare\ntimeout_minutes: 1\n",
}
ATTACHED = [AttachedFileSpec("data.csv", "1" * 64), AttachedFileSpec("b.json", "2" * 64)]


def built(code: str, settings: str) -> CodeDefinition | None:
    script = script_of("task.py", code.encode())
    return build_definition(
        file_name="task.py",
        script=script,
        inspection=inspect_code(script.code, chosen=script.chosen),
        settings=parse_settings(settings),
        files=ATTACHED,
    ).definition


def test_code_tasks_and_their_hashes_stay_what_they_are() -> None:
    found: dict[str, Any] = {}
    for name, code in PROGRAMS.items():
        for settings, text in BUILT_WITH.items():
            definition = built(code, text)
            if definition is None:
                found[f"{name}, {settings}"] = None
                continue
            document = definition.as_document()
            assert CodeDefinition.from_document(document) == definition
            found[f"{name}, {settings}"] = {
                "document": {key: value for key, value in document.items() if key != "script"},
                "document hash": content_hash(document),
                "question hash": definition.question_hash(salt="a fixed salt"),
                "marking hash": definition.marking_hash(),
            }

    check("code/definitions.json", found)


def test_what_programs_came_to_stays_what_it_is(tmp_path: Path) -> None:
    found = {}
    own = built(PROGRAMS["of our own"], "")
    bounded = built(PROGRAMS["of our own"], "metric: {lower: 0, upper: 1}\n")
    sdk = built(PROGRAMS["of the SDK"], "")
    several = built(PROGRAMS["of several tasks"], "main: a\n")
    assert own is not None
    assert bounded is not None
    assert sdk is not None
    for name, data in RESULTS.items():
        for which, definition in (("", own), (", bounded", bounded)):
            outcome = read_outcome(tmp_path, definition, result_file=data, log="")
            found[f"{name}{which}"] = _short(plain(outcome.items))
    found["nothing left"] = plain(read_outcome(tmp_path, own, result_file=None, log="x").items)
    for name, files in {
        "no run": {},
        "one run": {"A-x.run.json": {**FULL_RUN, "taskVersion": {"name": "A"}}},
        "a run that failed": {
            "A-x.run.json": {
                "taskVersion": {"name": "A"},
                "state": "BENCHMARK_TASK_RUN_STATE_ERRORED",
                "errorMessage": 'Traceback:\n  File "/w/task.py", line 3, in a\nE: no',
            }
        },
        "another task": {"B-x.run.json": {**FULL_RUN, "taskVersion": {"name": "B"}}},
        "two runs": {
            f"A-{n}.run.json": {**FULL_RUN, "taskVersion": {"name": "A"}, "pyRunId": f"{n}"}
            for n in range(2)
        },
        "a table": {
            "A-x.run.json": {
                "taskVersion": {"name": "A", "definition": "def a() -> dict: ..."},
                "state": "BENCHMARK_TASK_RUN_STATE_COMPLETED",
                "results": [{"dictResult": {"k": 1}}],
            }
        },
    }.items():
        for old in tmp_path.iterdir():
            old.unlink()
        for file, document in files.items():
            (tmp_path / file).write_text(json.dumps(document))
        for which, definition in (("", sdk), (", of several", several)):
            if definition is None:
                continue
            outcome = read_outcome(
                tmp_path, definition, result_file=None, log="Failed to store run A: NaN.\n"
            )
            found[f"SDK, {name}{which}"] = {
                "items": plain(outcome.items),
                "findings": describe(outcome.findings),
            }

    check("code/outcomes.json", found)


def test_what_is_seen_in_code_stays_as_it_is() -> None:
    found = {}
    for name, code in PROGRAMS.items():
        for chosen in (None, "a"):
            inspection = inspect_code(code, chosen=chosen)
            found[f"{name}, chosen {chosen}"] = {
                "kinds": plain(inspection.kinds()),
                "tasks": [task.name for task in inspection.tasks],
                "runs": [[call.task, call.line] for call in inspection.runs],
                "judge": inspection.judge_line,
                "findings": describe(inspection.findings),
            }

    check("code/inspections.json", found)
