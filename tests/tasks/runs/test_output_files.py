"""Submitted outputs: every id once, every repeat, nothing else."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.datasets import DataLimits, SubmittedOutput, read_outputs
from tasks_app.runs.output_files import outputs_from

POSITIONS = {"a": 0, "b": 1}
A, B = {"id": "a", "output": "x"}, {"id": "b", "output": "y"}

Written = Callable[[bytes, str], Path]


def jsonl(rows: Sequence[object]) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def refused_rows(rows: Sequence[object], repeats: int = 1) -> list[Problem]:
    with pytest.raises(InvalidInput) as raised:
        outputs_from(iter(rows), positions=POSITIONS, repeats=repeats)
    return raised.value.problems


def refused_file(path: Path, repeats: int = 1) -> list[Problem]:
    with pytest.raises(InvalidInput) as raised:
        read_outputs(path, name=path.name, positions=POSITIONS, repeats=repeats)
    return raised.value.problems


def test_outputs_come_in_the_order_of_the_items_from_files_and_rows(
    written: Written, scratch: Path
) -> None:
    expected = [SubmittedOutput(0, "x\n"), SubmittedOutput(1, "")]
    rows = [{"id": "b", "output": ""}, {"id": "a", "output": "x\n"}]
    files = {
        "o.jsonl": jsonl(rows),
        "o.csv": b'output,id\n,b\n"x\n",a\n',
        "o.tsv": b'\xef\xbb\xbfid\toutput\nb\t\na\t"x\n"\n',
    }

    assert outputs_from(iter(rows), positions=POSITIONS, repeats=1) == expected
    for name, content in files.items():
        path = written(content, name)
        assert read_outputs(path, name=name, positions=POSITIONS, repeats=1) == expected


def test_numbers_name_items_whose_ids_are_digits() -> None:
    found = outputs_from(iter([{"id": 7, "output": "x"}]), positions={"7": 0}, repeats=1)

    assert found == [SubmittedOutput(0, "x")]


def test_repeats_are_counted_from_one(written: Written, scratch: Path) -> None:
    path = written(b"id,repeat,output\na,1,p\na,2,q\nb,2,s\nb,1,r\n", "o.csv")

    found = read_outputs(path, name="o.csv", positions=POSITIONS, repeats=2)

    assert [one.output for one in found] == ["p", "q", "r", "s"]
    assert [one.ordinal for one in found] == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("rows", "line", "path", "message"),
    [
        ([A, {"id": "c", "output": "x"}], 2, "id", "no item has the id 'c'"),
        ([A, {"id": "a\u200b", "output": "x"}], 2, "id", "no item has the id 'a\\u200b'"),
        ([A, B, A], 3, "id", "this id is in line 1 already"),
        ([A], None, "id", "1 of 2 outputs are missing: b. An empty output is a row with"),
        ([A, {"id": "b", "output": None}], 2, "output", "an empty answer is an empty text"),
        ([A, {"id": "b", "output": 5}], 2, "output", "must be text"),
        ([A, {"id": "b", "output": "\x00"}], 2, "output", "null character"),
        ([A, {"id": "b", "output": "\ud800"}], 2, "output", "surrogate"),
        ([A, {"id": True, "output": "x"}], 2, "id", "must be the id of an item"),
        ([A, {"id": None, "output": "x"}], 2, "id", "must be the id of an item"),
        ([A, {**B, "repeat": 2}], 2, "repeat", "from 1 to 1, not '2'"),
        ([A, {"id": "b", "answer": "x"}], 2, "", "'answer' is not known; there are id, output"),
        ([A, {**B, "outputs": "x"}], 2, "", "'outputs' is not known; did you mean 'output'?"),
        ([A, {"id": "b"}], 2, "", "the column 'output' is missing"),
        ([A, {"output": "x"}], 2, "", "the column 'id' is missing"),
        ([], None, "", "no rows"),
    ],
)
def test_each_fault_is_told_alike_of_rows_and_files(
    written: Written, rows: list[object], line: int | None, path: str, message: str
) -> None:
    (of_rows,) = refused_rows(rows)
    (of_file,) = refused_file(written(jsonl(rows) or b"\n", "o.jsonl"))

    assert (of_rows.line, of_rows.path) == (line, path)
    assert message in of_rows.message
    assert of_file.line == line


def test_faults_of_csv_have_the_line_where_their_row_begins(written: Written) -> None:
    path = written(b'id,output\na,"x\ny\nz"\nc,x\n', "o.csv")

    (problem,) = refused_file(path)

    assert (problem.line, problem.path) == (5, "id")


@pytest.mark.parametrize("repeat", [0, 3, -1, 1.0, "1.0", "x", "٢", "1_0", "9" * 5000, True, [1]])
def test_a_wrong_repeat_is_refused(repeat: object) -> None:
    rows = [{**A, "repeat": 1}, {**A, "repeat": repeat}]

    (problem,) = refused_rows(rows, repeats=2)

    assert (problem.line, problem.path) == (2, "repeat")
    assert "must be a whole number from 1 to 2" in problem.message


def test_a_repeat_must_be_told_where_there_are_several() -> None:
    (problem,) = refused_rows([A, {**A, "repeat": ""}], repeats=2)

    assert (problem.line, problem.path) == (1, "repeat")
    assert problem.message == (
        "say which repeat this is, from 1 to 2 (2 rows have this problem: lines 1, 2)"
    )


def test_a_missing_or_doubled_repeat_is_named() -> None:
    rows = [{**A, "repeat": 1}, {**A, "repeat": 2}, {**B, "repeat": 1}]

    (missing,) = refused_rows(rows, repeats=2)
    (twice,) = refused_rows([*rows, {**A, "repeat": 2}], repeats=2)

    assert "1 of 4 outputs are missing: b (repeat 2)" in missing.message
    assert (twice.line, twice.message) == (4, "this id and repeat is in line 2 already")


def test_of_many_missing_outputs_the_first_are_named() -> None:
    positions = {f"i{number}": number for number in range(100)}

    with pytest.raises(InvalidInput) as raised:
        outputs_from(iter([{"id": "i0", "output": ""}]), positions=positions, repeats=1)

    (problem,) = raised.value.problems
    assert "99 of 100 outputs are missing: i1, i2," in problem.message
    assert "and 89 more" in problem.message


def test_rows_that_are_no_objects_and_long_outputs_are_refused() -> None:
    (no_object,) = refused_rows(["a"])
    with pytest.raises(InvalidInput) as raised:
        outputs_from(
            iter([{"id": "a", "output": "x" * 11}]),
            positions=POSITIONS,
            repeats=1,
            limits=DataLimits(field_characters=10),
        )

    assert (no_object.line, no_object.message) == (1, "must be an object with id and output")
    assert "11 characters; at most 10" in raised.value.problems[0].message


def test_the_same_fault_of_many_rows_is_told_once() -> None:
    (problem,) = refused_rows([{"id": f"c{number}", "output": ""} for number in range(50)])

    assert problem.message == (
        "no item has the id 'c0' (50 rows have this problem: lines 1, 2, 3, …)"
    )


_ROWS: st.SearchStrategy[Any] = st.lists(
    st.none()
    | st.dictionaries(
        st.sampled_from(["id", "output", "repeat", "x"]),
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("a"),
    ),
    max_size=4,
)


@given(_ROWS)
def test_no_rows_make_the_reader_fail_in_another_way(rows: list[Any]) -> None:
    try:
        found = outputs_from(iter(rows), positions={"a": 0}, repeats=1)
    except InvalidInput as error:
        assert error.problems  # noqa: PT017 - either outcome is fine, but for other errors
    else:
        assert [one.ordinal for one in found] == [0]
