"""Data files and files of outputs: the items that come of them, and what is said of faults."""

from pathlib import Path
from typing import Any

from plumbmark.common.errors import InvalidInput
from tasks_app.datasets import (
    AttachedFiles,
    DataLimits,
    KnownFile,
    SubmittedOutput,
    import_data,
    read_outputs,
)
from tasks_app.definitions import VersionHashes, parse_definition
from tasks_app.runs.output_files import outputs_from
from tests.golden.corpora.data_files import (
    INVALID,
    OUTPUTS,
    PLAIN,
    POSITIONS,
    SENT,
    VALID,
    DataFile,
)
from tests.golden.golden import check

ATTACHED = AttachedFiles(
    {
        "red.png": KnownFile("1" * 64, "image/png", 100),
        "deep/in/blue.png": KnownFile("2" * 64, "image/png", 200),
        "a/green.png": KnownFile("3" * 64, "image/jpeg", 300),
        "a/two.png": KnownFile("4" * 64, "image/png", 400),
        "b/two.png": KnownFile("5" * 64, "image/png", 500),
        "beep.wav": KnownFile("6" * 64, "audio/wav", 600),
    }
)


def problems_of(error: InvalidInput) -> dict[str, Any]:
    return {
        "problems": [
            f"{one.line}:{one.column} {one.path} | {one.message}" for one in error.problems
        ]
    }


def imported(file: DataFile, folder: Path) -> dict[str, Any]:
    path = folder / "file"
    path.write_bytes(file.content)
    definition = parse_definition(file.definition or PLAIN)
    attached = ATTACHED if definition.prompt.media_parts else AttachedFiles()
    try:
        with import_data(
            path,
            name=file.name,
            definition=definition,
            limits=DataLimits(**file.limits),
            attached=attached,
        ) as found:
            hashes = VersionHashes(definition, salt="a fixed salt")
            items = [{**item.as_row(), "hash": hashes.add(item)} for item in found]
            return {
                "count": found.count,
                "private": found.private_count,
                "warnings": found.warnings,
                "items": items,
                "question hash": hashes.question,
                "marking hash": hashes.marking,
                "files": {name: list(_plain(one)) for name, one in sorted(found.files.items())},
                "inside": sorted(found.inline_files),
            }
    except InvalidInput as error:
        return problems_of(error)


def _plain(file: KnownFile) -> tuple[str, str, int]:
    return file.sha256, file.media_type, file.size


def plain_outputs(found: list[SubmittedOutput]) -> dict[str, Any]:
    return {"outputs": [[one.ordinal, one.output] for one in found]}


def test_items_of_valid_files_stay_as_they_are(tmp_path: Path) -> None:
    found = {name: imported(file, tmp_path) for name, file in VALID.items()}

    assert [name for name, told in found.items() if "problems" in told] == []
    check("data/valid.json", found)


def test_problems_of_invalid_files_stay_word_for_word(tmp_path: Path) -> None:
    found = {name: imported(file, tmp_path) for name, file in INVALID.items()}

    assert [name for name, told in found.items() if "problems" not in told] == []
    check("data/invalid.json", found)


def test_the_first_rows_alone_are_read_for_a_preview(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(VALID["values of every kind"].content + b"nonsense\n")

    with import_data(path, name="x.jsonl", definition=parse_definition(PLAIN), first=2) as found:
        assert [item.key for item in found] == ["a", "b"]


def test_files_of_outputs_stay_as_they_are(tmp_path: Path) -> None:
    found = {}
    for name, (file, repeats) in OUTPUTS.items():
        path = tmp_path / "file"
        path.write_bytes(file.content)
        try:
            found[name] = plain_outputs(
                read_outputs(
                    path,
                    name=file.name,
                    positions=POSITIONS,
                    repeats=repeats,
                    limits=DataLimits(**file.limits),
                )
            )
        except InvalidInput as error:
            found[name] = problems_of(error)

    check("data/outputs.json", found)


def test_outputs_that_a_program_sends_stay_as_they_are() -> None:
    found = {}
    for name, (rows, repeats) in SENT.items():
        try:
            found[name] = plain_outputs(
                outputs_from(iter(rows), positions=POSITIONS, repeats=repeats)
            )
        except InvalidInput as error:
            found[name] = problems_of(error)

    check("data/sent.json", found)
