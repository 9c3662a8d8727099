"""Files of many formats, each written by a program of its kind, read as the same rows."""

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from PIL import Image

from plumbmark.common.errors import InvalidInput
from tasks_app.datasets.rows import DataLimits
from tasks_app.tables.sources import SourceTable, TableOptions, read_table

Read = Callable[..., tuple[SourceTable, list[dict[str, Any]]]]
PICTURE = io.BytesIO()
Image.new("RGB", (4, 3), "red").save(PICTURE, "PNG")


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def read_it(
        content: bytes | Path, name: str = "table.csv", **given: Any
    ) -> tuple[SourceTable, list[dict[str, Any]]]:
        path = content if isinstance(content, Path) else tmp_path / "file"
        if isinstance(content, bytes):
            path.write_bytes(content)
        limits = given.pop("limits", DataLimits())
        table = read_table(path, name=name, limits=limits, options=TableOptions(**given))
        return table, [dict(row.values) for row in table.rows]

    return read_it


@pytest.fixture
def workbook(tmp_path: Path) -> Callable[..., Path]:
    def write(build: Callable[[Any], None]) -> Path:
        path = tmp_path / "book.xlsx"
        with xlsxwriter.Workbook(str(path)) as book:
            build(book)
        return path

    return write


ROWS = [{"question": "Größe?", "answer": "ä"}, {"question": "Über; unter", "answer": "ö,ü"}]


@pytest.mark.parametrize(
    ("text", "encoding", "name"),
    [
        ('question,answer\nGröße?,ä\nÜber; unter,"ö,ü"\n', "utf-8", "a.csv"),
        ('question,answer\nGröße?,ä\nÜber; unter,"ö,ü"\n', "utf-8-sig", "a.csv"),
        ('question;answer\r\nGröße?;ä\r\n"Über; unter";ö,ü\r\n', "cp1252", "a.csv"),
        ("question\tanswer\nGröße?\tä\nÜber; unter\tö,ü\n", "utf-16", "a.txt"),
        ("question\tanswer\nGröße?\tä\nÜber; unter\tö,ü\n", "utf-16-le", "a.tsv"),
        ("question|answer\nGröße?|ä\nÜber; unter|ö,ü\n", "utf-8", "a.csv"),
        ("| question | answer |\n|:--|--:|\n| Größe? | ä |\n| Über; unter | ö,ü |\n", "utf-8", "a"),
        (json.dumps(ROWS), "utf-8", "a.json"),
        (json.dumps({"version": 1, "data": ROWS}, indent=1), "utf-8", "a.json"),
        ("\n".join(map(json.dumps, ROWS)), "utf-8", "a.jsonl"),
        (
            "<p>Hi<table><tr><th>question<th>answer<tr><td><b>Gr&ouml;&szlig;e?</b><td>ä"
            "<tr><td>Über; unter<script>x</script><td>ö,ü</table><table><tr><td>no</table>",
            "utf-8",
            "a.html",
        ),
    ],
)
def test_the_same_rows_in_many_forms(read: Read, text: str, encoding: str, name: str) -> None:
    _table, rows = read(text.encode(encoding), name)

    assert rows == ROWS


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("cp1251", "вопрос;ответ\nСтолица России?;Москва\n"),
        ("cp932", "質問,答え\n日本の首都はどこですか,東京\n"),
        ("gb18030", "问题,答案\n中国的首都是哪里？,北京\n"),
        ("cp949", "질문,답\n한국의 수도는 어디입니까?,서울\n"),
        ("cp1253", "ερώτηση;απάντηση\nΠοια είναι η πρωτεύουσα;Αθήνα\n"),
        ("mac_roman", "Frage;Antwort\nWie heißt die Hauptstadt von Österreich?;Wien für über\n"),
        ("cp1250", "otázka;odpověď\nŽluťoučký kůň, město České republiky?;Praha\n"),
    ],
)
def test_encodings_are_found_by_their_letters(read: Read, encoding: str, text: str) -> None:
    table, rows = read(text.encode(encoding))
    head, values = (line.split(table.separator) for line in text.strip().split("\n"))

    assert rows == [dict(zip(head, values, strict=True))]
    assert any("not UTF-8" in note for note in table.notes)


def test_the_author_has_the_last_word_on_encoding_and_separator(read: Read) -> None:
    _table, rows = read("a;b,c\nЖ;1,2\n".encode("koi8_r"), encoding="koi8_r", separator=",")

    assert rows == [{"a;b": "Ж;1", "c": "2"}]


def test_a_table_without_a_head_gets_names(read: Read) -> None:
    _table, rows = read(b"What?,42\nWho?,7\n", has_head=False)

    assert rows == [
        {"column 1": "What?", "column 2": "42"},
        {"column 1": "Who?", "column 2": "7"},
    ]


def test_a_head_with_faults_is_mended_and_that_is_noted(read: Read) -> None:
    table, rows = read(" q\u200b ;a;a;;{x}\n1;2;3;;4\n".encode())

    assert rows == [{"q": "1", "a": "2", "a 2": "3", "(x)": "4"}]
    assert any("renamed" in note and "'a 2'" in note for note in table.notes)


def test_short_rows_are_filled_and_counted(read: Read) -> None:
    table, rows = read(b"a;b;c\n1;2\n3;4;5\n6\n")

    assert rows[0] == {"a": "1", "b": "2", "c": ""}
    assert any(note.startswith("2 rows have fewer fields") for note in table.notes)


def test_long_rows_are_refused_with_their_line(read: Read) -> None:
    with pytest.raises(InvalidInput) as raised:
        read(b"a;b\n1;2\n3;4;5\n")

    assert raised.value.problems[0].line == 3
    assert "3 fields where the head has 2" in raised.value.problems[0].message


def test_numbers_of_json_stay_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"n": 1.50, "m": 9007199254740991},\n {"n": 2}]')
    table = read_table(path, name="a.json", limits=DataLimits())

    assert [row.text for row in table.rows] == ['{"n": 1.50, "m": 9007199254740991}', '{"n": 2}']


def test_a_long_json_array_is_read_piece_by_piece(read: Read) -> None:
    rows = [{"id": n, "text": "é" * 3000} for n in range(500)]
    _table, found = read(json.dumps(rows, ensure_ascii=False).encode(), "a.json")

    assert found == rows


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "empty"),
        (b'[{"a": 1}, {"a": 2}', "ends within the JSON array, after 2"),
        (b'[{"a": 1} {"a": 2}]', "comma is missing after element 1"),
        (b'[{"a": 1}, {"a": }]', "element 2 of the JSON array is not JSON"),
        (b"[1, 2]", "element 1 must be an object"),
        (b'{\n"a": 1\n}', "exactly one list of objects"),
        (b'a;b\n"x;1\n', "not closed before the file ends"),
        (b"\x1f\x8b" + b"x" * 50, "gzip-compressed"),
        (b"PK\x03\x04" + b"x" * 50, "zip archive is damaged"),
        (b"PAR1" + b"x" * 50, "Parquet file cannot be read"),
        (b"\x00\x01\x02\xff" * 50, "null bytes"),
        (b"a,b\n", ""),
    ],
)
def test_what_is_no_table_is_refused_in_words(read: Read, content: bytes, message: str) -> None:
    if not message:
        assert read(content)[1] == []
        return
    with pytest.raises(InvalidInput) as raised:
        read(content)

    assert message in raised.value.problems[0].message


def test_a_sheet_is_read_with_its_formulas_dates_and_merged_cells(
    read: Read, workbook: Callable[..., Path]
) -> None:
    def build(book: Any) -> None:
        hidden, items, _other = (book.add_worksheet(name) for name in ("Old", "Items", "Notes"))
        hidden.write(0, 0, "secret")
        hidden.hide()
        items.activate()
        items.set_first_sheet()
        items.write_row(1, 1, ["id", "question", "answer", "day", "ok"])
        items.write_row(2, 1, ["a", "What?", 18])
        items.write_formula(3, 3, "=1+1", None, 2)
        items.write_row(3, 1, ["b", "Who?"])
        items.write_datetime(
            3, 4, __import__("datetime").datetime(2026, 1, 2), book.add_format({"num_format": 14})
        )
        items.write_boolean(3, 5, True)
        items.merge_range(4, 2, 5, 2, "Both")
        items.write_row(4, 3, [1.25])
        items.write_row(5, 3, [-3])

    table, rows = read(workbook(build), "a.xlsx")

    assert rows == [
        {"id": "a", "question": "What?", "answer": 18, "day": "", "ok": ""},
        {"id": "b", "question": "Who?", "answer": 2, "day": "2026-01-02", "ok": True},
        {"id": "", "question": "Both", "answer": 1.25, "day": "", "ok": ""},
        {"id": "", "question": "Both", "answer": -3, "day": "", "ok": ""},
    ]
    assert table.sheets == ["Items", "Notes"]
    notes = " ".join(table.notes)
    assert "'Old'" in notes
    assert "1 cell is a formula" in notes
    assert "1 merged cell has" in notes


def test_pictures_are_the_values_of_the_cells_they_lie_on(
    read: Read, workbook: Callable[..., Path]
) -> None:
    def build(book: Any) -> None:
        sheet = book.add_worksheet("Items")
        sheet.write_row(0, 0, ["photo", "answer"])
        sheet.write_row(1, 1, ["red"])
        sheet.insert_image(1, 0, "x.png", {"image_data": PICTURE})
        sheet.write_row(2, 1, ["blue"])

    _table, rows = read(workbook(build), "a.xlsx")

    assert rows[0]["photo"].startswith("data:image/png;base64,iVBOR")
    assert rows[1] == {"photo": "", "answer": "blue"}


def test_a_cell_at_the_end_of_the_sheet_does_not_fill_the_memory(
    read: Read, workbook: Callable[..., Path]
) -> None:
    def build(book: Any) -> None:
        sheet = book.add_worksheet("Items")
        sheet.write(0, 0, "q")
        sheet.write(1_048_575, 16_383, "far")

    with pytest.raises(InvalidInput) as raised:
        read(workbook(build), "a.xlsx")

    assert "row 1,048,576 and column 16,384" in raised.value.problems[0].message


def test_a_workbook_that_unpacks_to_far_more_is_refused(read: Read, tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b" " * (20 << 20))

    with pytest.raises(InvalidInput) as raised:
        read(path, "bomb.xlsx")

    assert "unpacks to" in raised.value.problems[0].message


def test_entities_in_a_workbook_are_refused(
    read: Read, workbook: Callable[..., Path], tmp_path: Path
) -> None:
    good = workbook(lambda book: book.add_worksheet("A").write(0, 0, "q"))
    path = tmp_path / "entities.xlsx"
    with zipfile.ZipFile(good) as source, zipfile.ZipFile(path, "w") as target:
        for part in source.infolist():
            content = source.read(part)
            if part.filename == "xl/workbook.xml":
                content = content.replace(b"<workbook", b'<!DOCTYPE x [<!ENTITY a "a">]><workbook')
            target.writestr(part.filename, content)

    with pytest.raises(InvalidInput) as raised:
        read(path, "entities.xlsx")

    assert "document type" in raised.value.problems[0].message


def test_a_sheet_is_chosen_by_its_name(read: Read, workbook: Callable[..., Path]) -> None:
    def build(book: Any) -> None:
        for name in ("One", "Two"):
            book.add_worksheet(name).write_column(0, 0, ["q", name])

    path = workbook(build)

    assert read(path, "a.xlsx", sheet="Two")[1] == [{"q": "Two"}]
    with pytest.raises(InvalidInput, match="no sheet 'Three'"):
        read(path, "a.xlsx", sheet="Three")


def test_parquet_with_nested_types_and_images(read: Read, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    rows = [
        {
            "q": "What?",
            "choices": ["a", "b"],
            "meta": {"year": 2026},
            "image": {"bytes": PICTURE.getvalue(), "path": None},
            "n": 1.5,
        }
    ]
    parquet.write_table(pyarrow.Table.from_pylist(rows), path)
    table, found = read(path, "a.parquet")

    assert table.format == "Parquet"
    assert found[0]["image"].startswith("data:image/png;base64,")
    assert {**found[0], "image": ""} == {**rows[0], "image": ""}


def test_a_parquet_file_with_too_many_rows_is_refused(read: Read, tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    path = tmp_path / "a.parquet"
    parquet.write_table(pyarrow.table({"q": list(range(11))}), path)

    with pytest.raises(InvalidInput, match="11 rows"):
        read(path, "a.parquet", limits=DataLimits(rows=10))
