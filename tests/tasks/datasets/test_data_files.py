"""Data files, good and bad: what is said, at which line, and that nothing stays behind."""

import gzip
import io
import json
import sqlite3
import string
import time
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.datasets import DataLimits, ImportedItem, ImportResult, import_data
from tasks_app.definitions import Definition, parse_definition

TAIL = 'prompt: {messages: [{role: user, content: "{question}"}]}\nscorers: [{type: exact}]\n'
PLAIN = parse_definition(f"plumbmark: 1\ndata: {{id: id, target: answer}}\n{TAIL}")
NO_ID = parse_definition(f"plumbmark: 1\ndata: {{target: answer}}\n{TAIL}")
NUMERIC = parse_definition(
    f'plumbmark: 1\ndata: {{target: {{column: answer, after: "####"}}}}\n{TAIL}'.replace(
        "exact", "numeric"
    )
)
UNMARKED = parse_definition(
    f"plumbmark: 1\ndata: {{target: answer}}\n{TAIL}".replace("exact", "numeric")
)
FULL = parse_definition(
    """\
plumbmark: 1
data:
  id: id
  target: answer
  cluster: doc
  slices: [level]
  split: {column: part, private: [test]}
  choices: [a, b, c]
prompt: {messages: [{role: user, content: "{question} {choices}"}]}
scorers: [{type: multiple_choice}]
"""
)
FULL_HEAD = b"id,question,a,b,c,answer,doc,level,part\n"
SMALL = DataLimits(file_bytes=2000, line_bytes=500, field_characters=100, rows=5, columns=8)
GOOD = {"id": "x", "question": "q", "answer": "a"}

Read = Callable[..., list[ImportedItem]]
Refused = Callable[..., list[Problem]]
Written = Callable[[bytes, str], Path]


def lines(*rows: object) -> bytes:
    return "".join(
        (row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n"
        for row in rows
    ).encode()


@pytest.fixture
def imported(written: Written, scratch: Path) -> Callable[..., ImportResult]:
    def run(
        content: bytes,
        name: str = "data.jsonl",
        definition: Definition = PLAIN,
        limits: DataLimits | None = None,
        first: int | None = None,
    ) -> ImportResult:
        path = written(content, name)
        return import_data(path, name=name, definition=definition, limits=limits, first=first)

    return run


@pytest.fixture
def read(imported: Callable[..., ImportResult]) -> Read:
    def run(*given: Any, **more: Any) -> list[ImportedItem]:
        with imported(*given, **more) as found:
            items = list(found)
            assert len(items) == found.count
            return items

    return run


@pytest.fixture
def refused(imported: Callable[..., ImportResult]) -> Refused:
    def run(*given: Any, **more: Any) -> list[Problem]:
        with pytest.raises(InvalidInput) as raised:
            imported(*given, **more)
        return raised.value.problems

    return run


# --- What is taken ----------------------------------------------------------------------------


def test_a_row_becomes_an_item_with_all_its_parts(read: Read) -> None:
    content = (
        b"id,question,a,b,c,answer,doc,level,part,unused\n"
        b'one,"Which, then?",x,y,z,B,d1,hard,test,u\n'
        b'two,"Two\nlines",x,y,,A,,,dev,\n'
    )

    first, second = read(content, "data.csv", FULL)

    assert first == ImportedItem(
        position=0,
        key="one",
        input={"question": "Which, then?"},
        target="B",
        choices=["x", "y", "z"],
        cluster="d1",
        slices={"level": "hard"},
        split="private",
    )
    assert (second.input["question"], second.choices) == ("Two\nlines", ["x", "y"])
    assert (second.cluster, second.slices, second.split) == ("", {"level": ""}, "public")


def test_items_without_ids_are_numbered_and_blank_lines_are_passed_over(read: Read) -> None:
    rows = read(b"\n" + lines(GOOD, "", "  ", GOOD), definition=NO_ID)
    from_csv = read(b"\nquestion,answer\n\nq,a\n\nq,a\n\n", "data.csv", NO_ID)

    assert [item.key for item in rows] == [item.key for item in from_csv] == ["1", "2"]


def test_a_byte_order_mark_is_taken_in_both_formats(read: Read) -> None:
    assert read(b"\xef\xbb\xbf" + lines(GOOD))[0].key == "x"
    assert read(b"\xef\xbb\xbfid,question,answer\nx,q,a\n", "data.csv")[0].key == "x"


def test_tabs_separate_the_columns_of_a_tsv(read: Read) -> None:
    assert read(b"id\tquestion\tanswer\nx\tq, r\ta\n", "data.tsv")[0].input == {"question": "q, r"}


def test_a_target_may_be_a_list_any_of_which_is_right(read: Read) -> None:
    assert read(lines({**GOOD, "answer": ["a", 2]}))[0].target == ["a", 2]


def test_a_number_stays_one_so_that_a_decimal_comma_does_not_misread_it(read: Read) -> None:
    definition = parse_definition(
        f"plumbmark: 1\ndata: {{target: answer}}\n{TAIL}".replace(
            "type: exact", "type: numeric, decimal_sign: comma"
        )
    )

    assert read(lines({**GOOD, "answer": 1.125}), definition=definition)[0].target == 1.125


def test_the_target_is_what_follows_the_last_mark(read: Read) -> None:
    row = {"question": "q", "answer": "#### 1 then\n#### 1,000 "}

    assert read(lines(row), definition=NUMERIC)[0].target == "1,000"


def test_a_preview_reads_no_further_than_it_must(imported: Callable[..., ImportResult]) -> None:
    content = lines(GOOD, {**GOOD, "id": "y"}, "broken")

    with imported(content, first=2) as found:
        assert [item.key for item in found] == ["x", "y"]
    with pytest.raises(InvalidInput):
        imported(content, first=3)


@pytest.mark.real_data
def test_gsm8k_is_imported_whole_with_its_targets(read: Read) -> None:
    from tests import gsm8k

    items = read(gsm8k.problems(), "test.jsonl", parse_definition(gsm8k.DEFINITION))

    assert len(items) == 1319
    assert items[0].target == "18"
    assert all(float(item.target.replace(",", "")) is not None for item in items)


# --- Warnings ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("character", "name"),
    [
        ("\u200b", "zero width space"),
        ("\u202e", "right-to-left override"),
        ("\u2066", "left-to-right isolate"),
        ("\U000e0041", "tag latin capital letter a"),
    ],
)
def test_invisible_characters_in_a_text_are_kept_and_reported_once(
    imported: Callable[..., ImportResult], character: str, name: str
) -> None:
    odd = {**GOOD, "question": f"a{character}b"}
    content = lines(GOOD, {**odd, "id": "y"}, {**odd, "id": "z"})

    with imported(content) as found:
        assert list(found)[1].input["question"] == f"a{character}b"
        assert found.warnings == [
            f"column 'question' holds the invisible character {name} (2x, first in line 2)"
        ]


def test_right_to_left_scripts_and_joined_emoji_are_no_reason_for_a_warning(
    imported: Callable[..., ImportResult],
) -> None:
    with imported(lines({**GOOD, "question": "שלום مرحبا 👩‍🔬"})) as found:
        assert found.warnings == []


def test_warnings_do_not_grow_with_the_file(imported: Callable[..., ImportResult]) -> None:
    rows = [{**GOOD, "id": str(n), f"column {n}": "\u200b"} for n in range(500)]

    with imported(lines(*rows)) as found:
        assert len(found.warnings) == 50


def test_a_definition_that_looks_like_a_mistake_is_warned_of(
    imported: Callable[..., ImportResult],
) -> None:
    definition = parse_definition(
        f"plumbmark: 1\ndata: {{target: answer, choices: options}}\n{TAIL}".replace(
            "{question}", "{answer}\\u200b"
        ).replace("exact", "multiple_choice")
    )
    row = {"answer": "A", "options": ["x", "y"]}

    with imported(lines(row), definition=definition) as found:
        assert found.warnings == [
            "the prompt shows the column 'answer', which holds the right answer",
            "the prompt does not show the options; put {choices} into it",
            "the prompt holds the invisible character zero width space",
        ]


# --- JSONL ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "path", "message"),
    [
        ('{"id": 1,}', "", "is not JSON: "),
        ("[1]", "", "must be an object"),
        ('"text"', "", "not a text"),
        ("null", "", "not null"),
        ("7", "", "not a number"),
        ("true", "", "not true or false"),
        ('{"id": "y", "question": NaN}', "", "NaN is not a number in JSON"),
        ('{"id": "y", "question": -Infinity}', "", "-Infinity is not a number"),
        ('{"id": "y", "question": 1e400, "answer": "a"}', "question", "too large"),
        ('{"id": "y", "question": [{"a": -1e400}], "answer": "a"}', "question", "too large"),
        ('{"id": 9007199254740993}', "", "9007199254740993 is beyond 2^53"),
        ('{"a": 9007199254740993.0}', "", "9007199254740993.0 has more digits"),
        ('{"a": 1e16}', "", "1e16 is beyond 2^53"),
        ('{"a": 3.14159265358979323846}', "", "would become 3.141592653589793; quote it"),
        ('{"a": [{"b": 1e-400}]}', "", "1e-400 has more digits"),
        ('{"id": -9007199254740993}', "", "-9007199254740993 is beyond 2^53"),
        ('{"id": ' + "9" * 1_000_000 + "}", "", "99999999999999999999… is beyond 2^53"),
        ('{"id": "y", "id": "z"}', "", "the key 'id' appears twice"),
        ('{"id": "y", "question": {"a": 1, "a": 2}}', "", "the key 'a' appears twice"),
        ('{"id": "y", "question": "\\u0000", "answer": "a"}', "question", "null character"),
        ('{"id": "y", "question": "\\ud800", "answer": "a"}', "question", "surrogate"),
        ('{"id": "y", "question": "a\tb", "answer": "a"}', "", "control character"),
        ('{"a":' * 90_000, "", "nested deeper than 200 levels"),
        ("[" * 1_000_000, "", "nested deeper than 200 levels"),
        ('{"x":' + "[" * 21 + "]" * 21 + "}", "x", "deeper than 20"),
        (GOOD, "id", "the id 'x' is in line 1 already"),
        ({**GOOD, "id": ""}, "id", "the id is empty"),
        ({**GOOD, "id": " y"}, "id", "begins or ends with white space"),
        ({**GOOD, "id": "y\u200b"}, "id", "invisible character U+200B; remove it"),
        ({**GOOD, "id": "y\u202ez"}, "id", "invisible character U+202E"),
        ({**GOOD, "id": "\u3164y"}, "id", "invisible character U+3164"),
        ({**GOOD, "id": "y\nz"}, "id", "control character U+000A"),
        ({**GOOD, "id": 1.5}, "id", "text or a whole number"),
        ({**GOOD, "id": True}, "id", "text or a whole number"),
        ({**GOOD, "id": "i" * 201}, "id", "201 characters"),
        ({"id": "y", "answer": "a"}, "", "'question', named in prompt.messages[0].content, is mis"),
        ({"id": "y", "question": "q"}, "", "'answer', named in data.target, is missing"),
        ({**GOOD, "id": "y", "answer": None}, "answer", "no right answer"),
        ({**GOOD, "id": "y", "answer": " "}, "answer", "no right answer"),
        ({**GOOD, "id": "y", "answer": []}, "answer", "no right answer"),
        ({**GOOD, "id": "y", "answer": {}}, "answer", "text, a number or a list"),
        ({**GOOD, "id": "y", "a\u202eb": 1}, "", "a column's name 'a\\u202eb' holds the invisible"),
        ({**GOOD, "id": "y", "": 1}, "", "a column's name is empty"),
    ],
)
def test_a_bad_row_is_told_with_its_line(
    refused: Refused, row: object, path: str, message: str
) -> None:
    (problem,) = refused(lines(GOOD, "", row, {**GOOD, "id": "last"}))

    assert (problem.line, problem.path) == (3, path)
    assert message in problem.message


def test_every_bad_row_is_told_up_to_twenty(refused: Refused) -> None:
    found = refused(lines(GOOD, "null", {**GOOD, "id": "y"}, "{", "7"))

    assert [problem.line for problem in found] == [2, 4, 5]
    assert found[1].column == 2


def test_the_same_problem_of_many_rows_is_told_once_with_its_lines(refused: Refused) -> None:
    (problem,) = refused(lines(GOOD, *["null"] * 50))

    assert problem.line == 2
    assert problem.message.endswith(" (50 rows have this problem: lines 2, 3, 4, …)")


def test_the_same_problem_with_other_values_is_the_same_one(refused: Refused) -> None:
    rows = [{**GOOD, "id": name} for name in "abcdabcd"]

    (problem,) = refused(lines(*rows))

    assert problem.message == (
        "the id 'a' is in line 1 already (4 rows have this problem: lines 5, 6, 7, …)"
    )


def test_a_few_values_with_the_same_problem_are_told_one_by_one(refused: Refused) -> None:
    rows = [{**GOOD, "id": name} for name in "abcabca"]

    found = [problem.message for problem in refused(lines(*rows))]

    assert found == [
        "the id 'a' is in line 1 already (2 rows have this problem: lines 4, 7)",
        "the id 'b' is in line 2 already",
        "the id 'c' is in line 3 already",
    ]


def test_no_more_than_twenty_kinds_of_problems_are_told(refused: Refused) -> None:
    many = [json.dumps({f"{letter}{letter}": 1, letter: 2**70}) for letter in string.ascii_letters]
    (problem, *_) = found = refused(lines(GOOD, *many))

    assert len(found) <= 20
    assert problem.line == 2


def test_a_mark_before_all_answers_is_seen_and_how_to_use_it_is_told(refused: Refused) -> None:
    worked = ["2 + 2 = <<2+2=4>>4\n#### 4", "It is 1,000.\n#### 1,000", "So: 7\n#### -7", "#### 8"]
    rows = [{"question": "?", "answer": answer} for answer in worked]

    (advice, problem) = refused(lines(*rows), definition=UNMARKED)

    assert advice.message == (
        "4 rows end in `#### number`. To use what follows the mark, write "
        "data.target: {column: answer, after: '####'}"
    )
    assert "4 rows have this problem" in problem.message
    (alone,) = refused(
        lines(*[{**row, "answer": f"{number} or so"} for number, row in enumerate(rows)]),
        definition=UNMARKED,
    )
    assert "is no number" in alone.message


@pytest.mark.real_data
def test_gsm8k_without_its_mark_is_one_offer_and_one_problem(refused: Refused) -> None:
    from tests import gsm8k

    found = refused(gsm8k.problems(), "test.jsonl", UNMARKED)

    assert len(found) == 2
    assert found[0].message.startswith("1,319 rows end in `#### number`. ")
    assert "1,319 rows have this problem" in found[1].message


def test_a_preview_reads_no_further_where_every_row_is_wrong(refused: Refused) -> None:
    (problem,) = refused(lines(*["null"] * 500), first=3)

    assert "(3 rows have this problem" in problem.message


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (json.dumps([GOOD, GOOD]).encode(), 1, "one JSON array"),
        (b"\xef\xbb\xbf\n [\n" + lines(GOOD) + b"]", 2, "one JSON array"),
        (json.dumps(GOOD, indent=1).encode(), 1, "one JSON document over many lines"),
        (b"", None, "the file is empty"),
        (b"\xef\xbb\xbf", None, "no rows"),
        (b"\n \n\r\n", None, "no rows"),
        (lines(GOOD) + b'{"id": "\x00"}\n', 2, "null character"),
        (lines(GOOD) + '{"id": "ü"}\n'.encode("latin-1"), 2, "byte 0xfc is not UTF-8"),
        (lines(GOOD).decode().encode("utf-16"), None, "UTF-16"),
        (lines(GOOD).decode().encode("utf-16-le"), None, "UTF-16"),
        (lines(GOOD).decode().encode("utf-16-be"), None, "UTF-16"),
        (lines(GOOD).decode().encode("utf-32"), None, "UTF-32"),
        ('{"a": "漢字漢字漢字漢字漢字漢字漢字漢字"}'.encode("utf-16-le"), 1, "UTF-16"),
    ],
)
def test_a_file_that_is_no_jsonl_is_told_so_once(
    refused: Refused, content: bytes, line: int | None, message: str
) -> None:
    (problem,) = refused(content)

    assert problem.line == line
    assert message in problem.message


# --- CSV --------------------------------------------------------------------------------------

HEAD = b"id,question,answer\n"


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"", None, "the file is empty"),
        (b"\n\n", None, "blank lines alone"),
        (HEAD, 1, "a head and no rows"),
        (HEAD + b"x,q,a\ny,q\n", 3, "has 2 fields where the head has 3"),
        (HEAD + b"x,q,a,b\n", 2, "has 4 fields where the head has 3"),
        (HEAD + b'x,"a\nb\n\nc",a\n\ny,q\n', 7, "has 2 fields"),
        (HEAD + b'x,"a\nb",a\n"y\n",q,a\n', 4, "the control character U+000A"),
        (HEAD + b'x,"q\n",a\nx,q,a\n', 4, "the id 'x' is in line 2 already"),
        (HEAD + b'x,"q,a\ny,q,a\n', 2, "not closed before the file ends"),
        (HEAD + b'x,"q"z,a\n', 2, "write the mark twice"),
        (b"id,question,answer\rx,q,a\r", 1, "CR alone"),
        (b"id,question,id,answer\n", 1, "the name 'id' is above columns 1 and 3"),
        (b"id,,question,answer\n", 1, "the name of column 2 is empty"),
        (b"id, question,answer\n", 1, "begins or ends with white space"),
        ("id,que\u200bstion,answer\n".encode(), 1, "invisible character U+200B"),
        (b"id;question;answer\nx;q;a\n", 1, "separated by semicolons; save the file with commas"),
        (b"id\tquestion\tanswer\n", 1, "separated by tabs"),
        (HEAD + b"x,\x00,a\n", 2, "null character"),
        (HEAD + "x,ü,a\n".encode("latin-1"), 2, "byte 0xfc is not UTF-8"),
        (HEAD.decode().encode("utf-16"), None, "UTF-16"),
        (HEAD.decode().encode("utf-16-le"), None, "UTF-16"),
        (b"id,qestion,answer\nx,q,a\n", 1, "no column 'question'; did you mean 'qestion'?"),
        (b"id,Question,answer\nx,q,a\n", 1, "no column 'question'; did you mean 'Question'?"),
    ],
)
def test_a_bad_csv_file_is_told_with_its_line(
    refused: Refused, content: bytes, line: int | None, message: str
) -> None:
    (problem,) = refused(content, "data.csv")

    assert problem.line == line
    assert message in problem.message


def test_a_column_that_does_not_exist_is_told_once_with_what_names_it(refused: Refused) -> None:
    rows = [{"id": str(n), "qestion": "q", "answer": "a"} for n in range(50)]

    (problem,) = refused(lines(*rows))

    assert str(problem) == (
        "line 1, prompt.messages[0].content: the data has no column 'question'; did you mean "
        "'qestion'? Its columns are: answer, id, qestion"
    )


def test_faults_before_a_missing_column_are_told_too(refused: Refused) -> None:
    found = refused(lines("null", {"id": "x"}))

    assert [problem.line for problem in found] == [1, 2, 2]


# --- Kinds of files and limits ----------------------------------------------------------------


def _zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("xl/workbook.xml", "<x/>")
    return buffer.getvalue()


def _sqlite(folder: Path) -> bytes:
    path = folder / "x.sqlite3"
    with sqlite3.connect(path) as connection:
        connection.execute("create table t (a)")
    connection.close()
    return path.read_bytes()


@pytest.mark.parametrize("name", ["data.jsonl", "data.csv"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(b"x", mtime=0), "gzip-compressed; unpack it"),
        (_zip(), "zip archive or a spreadsheet"),
        (b"PAR1rest", "Parquet"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\xd0\xcf\x11\xe0rest", "old spreadsheet"),
        (b"BZh9rest", "bzip2-compressed"),
        (b"\xfd7zXZ\x00rest", "xz-compressed"),
        (b"\x28\xb5\x2f\xfdrest", "zstd-compressed"),
        (b"7z\xbc\xaf\x27\x1crest", "7-zip"),
        (b"ARROW1\x00\x00", "Arrow"),
    ],
)
def test_other_kinds_of_files_are_known_by_their_first_bytes(
    refused: Refused, content: bytes, message: str, name: str
) -> None:
    (problem,) = refused(content, name)

    assert message in problem.message


def test_a_database_and_an_unknown_ending_are_refused(refused: Refused, tmp_path: Path) -> None:
    (database,) = refused(_sqlite(tmp_path), "data.csv")
    (ending,) = refused(lines(GOOD), "data.txt")

    assert "SQLite database" in database.message
    assert "say data.format in the definition" in ending.message


@pytest.mark.parametrize(
    ("content", "name", "line", "message"),
    [
        (b"x" * 2001, "data.jsonl", None, "2,001 bytes; at most 2,000"),
        (lines(GOOD, "x" * 600), "data.jsonl", 2, "longer than 500 bytes"),
        (lines({**GOOD, "question": "q" * 101}), "data.jsonl", 1, "101 characters; at most 100"),
        (lines({**GOOD, "question": ["q" * 101]}), "data.jsonl", 1, "101 characters"),
        (lines(*[{**GOOD, "id": n} for n in range(7)]), "data.jsonl", 6, "more than 5 items"),
        (lines({str(n): n for n in range(9)}), "data.jsonl", 1, "9 columns; at most 8"),
        (b"a,b,c,d,e,f,g,h,i\n", "d.csv", 1, "9 columns; at most 8"),
        (HEAD + b"x,q,a\n" + b'y,"' + b"q\n" * 300 + b'",a\n', "d.csv", 3, "begins here is longer"),
        (HEAD + b'x,"' + b"q" * 101 + b'",a\n', "d.csv", 2, "101 characters"),
    ],
)
def test_limits_are_kept(
    refused: Refused, content: bytes, name: str, line: int | None, message: str
) -> None:
    found = refused(content, name, limits=SMALL)

    assert found[-1].line == line
    assert message in found[-1].message


@pytest.mark.parametrize(
    ("make_content", "name", "line", "message"),
    [
        (lambda: HEAD + b"a," * 1_000_000 + b"\n", "d.csv", 2, "1,000,001 fields"),
        (lambda: HEAD + b'"\n",' * 1_100_000 + b"\n", "d.csv", 2, "longer than 4,194,304 bytes"),
        (lambda: b"a," * 1_000_000 + b"b\n", "d.csv", 1, "1,000,001 columns; at most 1,000"),
        (lambda: lines({str(n): 0 for n in range(300_000)}), "d.jsonl", 1, "300,000 columns"),
        (
            lambda: lines({str(n): 0 for n in range(1_000_000)}),
            "d.jsonl",
            1,
            "longer than 4,194,304",
        ),
        (
            lambda: lines({**GOOD, "question": "q" * 10_000_000}),
            "d.jsonl",
            1,
            "longer than 4,194,304",
        ),
        (
            lambda: lines({**GOOD, "question": "q" * 4_000_000}),
            "d.jsonl",
            1,
            "4,000,000 characters",
        ),
        (lambda: HEAD + b"x," + b"q" * 10_000_000 + b",a\n", "d.csv", 2, "longer than 4,194,304"),
        (
            lambda: HEAD + b'x,"' + b"qqqqqqqqqqqqqqqqqqq\n" * 500_000 + b'",a\n',
            "d.csv",
            2,
            "mark not closed?",
        ),
    ],
    ids=range(9),
)
def test_enormous_rows_take_neither_seconds_nor_gigabytes(
    refused: Refused, make_content: Callable[[], bytes], name: str, line: int, message: str
) -> None:
    content = make_content()
    started = time.process_time()
    found = refused(content, name)

    assert found[0].line == line
    assert message in found[0].message
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    "content", [b"a," * 2_000_000, b"," * 4_000_000, b'"' + b"q" * 4_000_000], ids=range(3)
)
def test_enormous_rows_take_no_more_memory_than_their_line(
    refused: Refused, content: bytes
) -> None:
    tracemalloc.start()
    try:
        refused(HEAD + content, "d.csv")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert peak < 150_000_000


def test_reading_long_csv_fields_leaves_readers_in_other_threads_alone(read: Read) -> None:
    import csv

    read(HEAD + b'x,"' + b"q" * 200_000 + b'",a\n', "data.csv")

    assert csv.field_size_limit() >= DataLimits().line_bytes


# --- Choices, splits and targets --------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "path", "message"),
    [
        ("x,q,x,y,z,E,,,dev", "answer", "names none of the 3 options"),
        ("x,q,x,,,A,,,dev", "a, b, c", "has 1 options; 2 to 26"),
        ("x,q,x,,z,A,,,dev", "b", "option B is empty"),
        ("x,q,x,y,z,A,,,", "part", "is empty; every row must say which split"),
        ("x,q,x,y,z,A,d\u200b,,dev", "doc", "invisible character U+200B"),
        (f"x,q,x,y,z,A,,{'l' * 201},dev", "level", "201 characters"),
    ],
)
def test_rows_of_a_full_definition_are_checked(
    refused: Refused, row: str, path: str, message: str
) -> None:
    (problem,) = refused(FULL_HEAD + row.encode() + b"\n", "d.csv", FULL)

    assert (problem.line, problem.path) == (2, path)
    assert message in problem.message


def test_a_private_value_that_no_row_has_is_refused_lest_everything_be_public(
    refused: Refused,
) -> None:
    (problem,) = refused(FULL_HEAD + b"x,q,x,y,z,A,,,tset\n", "d.csv", FULL)

    assert problem.path == "part"
    assert problem.message == (
        "no row has 'test' here, so no item would be private; the column holds 'tset'"
    )


def test_the_same_option_twice_is_warned_of(imported: Callable[..., ImportResult]) -> None:
    with imported(FULL_HEAD + b"x,q,x,x,z,C,,,test\n", "d.csv", FULL) as found:
        assert found.warnings == [
            "two options of an item are the same in 'a, b, c' (1x, first in line 2)"
        ]


def test_a_target_that_a_step_would_empty_is_warned_of(
    imported: Callable[..., ImportResult],
) -> None:
    definition = parse_definition(
        "plumbmark: 1\ndata: {id: id, target: answer}\n"
        'prompt: {messages: [{role: user, content: "{q}"}]}\n'
        "scorers: [{type: exact, normalise: [case, articles]}]\n"
    )

    with imported(b"id,q,answer\n1,q,The Who\n2,q,A\n", "d.csv", definition) as found:
        assert found.warnings == [
            "nothing of the target would be left after the step articles, so it is left as it is "
            "(1x, first in line 3)"
        ]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ("18", "the mark '####' does not occur"),
        ("#### eighteen", "“eighteen” is no number"),
        ("####", "no right answer"),
        (18, "the mark '####' does not occur"),
        (None, "no right answer"),
    ],
)
def test_a_target_that_no_answer_could_meet_is_refused(
    refused: Refused, answer: object, message: str
) -> None:
    (problem,) = refused(lines({"question": "q", "answer": answer}), definition=NUMERIC)

    assert (problem.line, problem.path) == (1, "answer")
    assert message in problem.message


# --- Properties -------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.binary(max_size=200) | st.text(max_size=200).map(lambda one: one.encode("utf-8", "ignore"))
)
def test_no_bytes_make_an_import_fail_in_another_way(written: Written, content: bytes) -> None:
    for name, start in (
        ("d.jsonl", b""),
        ("d.csv", b""),
        ("d.csv", HEAD),
        ("d.jsonl", lines(GOOD)),
    ):
        try:
            import_data(written(start + content, name), name=name, definition=PLAIN).__exit__()
        except InvalidInput as error:
            assert error.problems  # noqa: PT017 - either outcome is fine, but for other errors


_WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(_WORDS, min_size=1, max_size=5))
def test_texts_come_back_from_both_formats_as_they_went_in(
    written: Written, texts: list[str]
) -> None:
    import csv

    file = io.StringIO(newline="")
    writer = csv.writer(file, quoting=csv.QUOTE_ALL)
    writer.writerow(["question", "answer"])
    writer.writerows([text, "a"] for text in texts)
    rows = lines(*[{"question": text, "answer": "a"} for text in texts])

    for content, name in ((file.getvalue().encode(), "d.csv"), (rows, "d.jsonl")):
        with import_data(written(content, name), name=name, definition=NO_ID) as found:
            assert [item.input["question"] for item in found] == texts


@pytest.mark.slow
@pytest.mark.parametrize("name", ["data.jsonl", "data.csv"])
def test_memory_stays_flat_over_ten_thousand_rows(tmp_path: Path, scratch: Path, name: str) -> None:
    path = tmp_path / name
    with path.open("w") as file:
        if name.endswith(".csv"):
            file.write("id,question,answer\n")
            file.writelines(f"{n},{'q' * 700},a\n" for n in range(10_000))
        else:
            file.writelines(
                json.dumps({"id": n, "question": "q" * 700, "answer": "a"}) + "\n"
                for n in range(10_000)
            )

    tracemalloc.start()
    with import_data(path, name=name, definition=PLAIN) as found:
        peak = tracemalloc.get_traced_memory()[1]
        assert found.count == 10_000
    tracemalloc.stop()

    # The ids are remembered; the 7 MB of texts are not.
    assert peak < 4_000_000
