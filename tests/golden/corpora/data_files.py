"""Data files and files of outputs: those that are taken and those that are not."""

# ruff: noqa: E501 - a line is a case

import base64
import codecs
import json
from typing import Any, NamedTuple

from tests.golden.corpora.valid_definitions import definition, prompt, scored

WAV = (
    b"RIFF\x2c\x00\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\x40\x1f\x00\x00\x80\x3e\x00\x00"
    b"\x02\x00\x10\x00data\x08\x00\x00\x00\x00\x00\x01\x00\x02\x00\x03\x00"
)
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


class DataFile(NamedTuple):
    content: bytes
    definition: str = ""
    name: str = "items.jsonl"
    limits: dict[str, int] = {}


def jsonl(*rows: Any) -> bytes:
    """Return rows as JSON; texts as they are."""
    lines = (row if isinstance(row, str) else json.dumps(row) for row in rows)
    return "".join(f"{line}\n" for line in lines).encode()


def row(**values: Any) -> dict[str, Any]:
    return {"id": "a", "question": "q?", "answer": "x", **values}


def csv(text: str, definition: str = "", name: str = "items.csv", **limits: int) -> DataFile:
    return DataFile(text.encode(), definition, name, limits)


PLAIN = definition()
NO_ID = definition(data="{target: answer}")
SPLIT = definition(data="{id: id, target: answer, split: {column: split, private: [held, secret]}}")
MANY = definition(
    data="{id: id, target: answer, cluster: group, slices: [level, topic]}",
    prompt=prompt('"{question} {topic}"'),
)
TARGETS = definition(data="{id: id, target: {columns: [answer, other], after: '####'}}")
PATTERN = definition(data="{id: id, target: {column: answer, pattern: 'is (\\w*)'}}")
WHOLE_PATTERN = definition(data="{id: id, target: {column: answer, pattern: '[0-9]+'}}")
UNSTRIPPED = definition(data="{id: id, target: {column: answer, strip: false}}")
OPTIONS = scored("type: multiple_choice", data="{id: id, target: answer, choices: options}")
COLUMNS = scored(
    "type: multiple_choice, target_is: number",
    data="{id: id, target: answer, choices: [a, b, c]}",
    prompt=prompt('"{question} {choices}"', choice_order="shuffled"),
)
NUMBERS = scored("type: numeric", "type: exact")
NUMERIC = scored("type: numeric")
PROGRAM = scored(
    "type: python, source: 'def score(a, b, c): pass', columns: [level]", data="{id: id}"
)
FILES = definition(
    prompt=prompt('[{text: "{question}"}, {image: "{photo}"}, {audio: "{sound}", optional: true}]')
)
EXAMPLE = definition(prompt=prompt(few_shot="[{user: [{image: red.png}], assistant: red}]"))
GOOD = row()

VALID: dict[str, DataFile] = {
    "the least": DataFile(jsonl(GOOD)),
    "without ids": DataFile(jsonl(row(), row(answer="y")), NO_ID),
    "whole numbers as ids": DataFile(jsonl(row(id=1), row(id=-2), row(id="3"))),
    "a mark in front": DataFile(codecs.BOM_UTF8 + jsonl(GOOD)),
    "blank lines and no end": DataFile(
        b"\n  \n" + jsonl(GOOD) + b"\r\n\t\n" + jsonl(row(id="b"))[:-1]
    ),
    "windows line ends": DataFile(jsonl(GOOD, row(id="b")).replace(b"\n", b"\r\n")),
    "another ending": DataFile(jsonl(GOOD), name="x.NDJSON"),
    "ends in json": DataFile(jsonl(GOOD), name="x.json"),
    "the format is declared": DataFile(
        jsonl(GOOD), definition(data="{format: jsonl, id: id, target: answer}"), "x.txt"
    ),
    "values of every kind": DataFile(
        jsonl(
            row(question=None, answer=1, extra=[1, {"a": [None, True]}]),
            row(id="b", question=1.50, answer=2.5),
            row(id="c", question=True, answer=["x", 1, 2.0, "  y "]),
            row(id="d", question=["a", {"b": 1}], answer=True),
            row(id="e", question={"k": "é"}, answer=9007199254740992),
            '{"id": "f", "question": 1e2, "answer": -0.0}',
            '{"id": "g", "question": 0.1000000000000000, "answer": 1E400, "x": "\\ud83d\\ude00"}',
        )[:-1].replace(b"1E400", b"1E4")
    ),
    "cluster and slices": DataFile(
        jsonl(row(group=" g ", level=1, topic=None), row(id="b", group=True, level="x", topic="y")),
        MANY,
    ),
    "split": DataFile(
        jsonl(row(split="open"), row(id="b", split=" held "), row(id="c", split=1)), SPLIT
    ),
    "every private word": DataFile(jsonl(row(split="secret"), row(id="b", split="held")), SPLIT),
    "targets of two columns": DataFile(
        jsonl(
            row(answer="so #### 5 ", other=None),
            row(id="b", answer="#### a #### b", other=["#### c"]),
        ),
        TARGETS,
    ),
    "targets by a pattern": DataFile(
        jsonl(row(answer="it is so"), row(id="b", answer=["is a", "is b"])), PATTERN
    ),
    "a number through a pattern": DataFile(jsonl(row(answer=125.0)), WHOLE_PATTERN),
    "targets with their spaces": DataFile(jsonl(row(answer=" x ")), UNSTRIPPED),
    "options": DataFile(
        jsonl(
            row(options=["x", "y"]),
            row(id="b", options=[1, 2.5, None, True, {"a": 1}][:2], answer="A"),
            row(id="c", options=["x", "x", "y"], answer="y"),
            row(id="d", options=["p", "q"], answer=1),
        ),
        OPTIONS,
    ),
    "options in columns": DataFile(
        jsonl(row(a="p", b="q", c="r", answer=3), row(id="b", a="p", b="q", c="", answer="2")),
        COLUMNS,
    ),
    "numbers": DataFile(
        jsonl(row(answer=5), row(id="b", answer="1,000.5"), row(id="c", answer=[1, "2"])), NUMERIC
    ),
    "columns of a program": DataFile(jsonl(row(level={"a": 1})), PROGRAM),
    "invisible characters": DataFile(
        jsonl(row(question="a\u200bb\u200b"), row(id="b", question="\u2066", answer="\u200b!"))
    ),
    "a prompt that shows its answer": DataFile(
        jsonl(GOOD), definition(prompt=prompt('"{answer}"'))
    ),
    "files": DataFile(
        jsonl(
            row(photo="red.png", sound=""),
            row(id="b", photo=" in/blue.png ", sound="beep.wav"),
            row(id="c", photo="green.png", sound=None),
        ),
        FILES,
    ),
    "files inside": DataFile(
        jsonl(
            row(
                photo="data:image/png;base64," + base64.b64encode(PNG).decode(),
                sound="data:audio/wav;base64," + base64.b64encode(WAV).decode(),
            )
        ),
        FILES,
    ),
    "files of the examples": DataFile(jsonl(GOOD), EXAMPLE),
    "csv": csv('id,question,answer\na,q?,x\nb,"say ""hi"",\nnow",y\n\nc,é,1\n'),
    "csv with a mark and CRLF": DataFile(
        codecs.BOM_UTF8 + b"id,question,answer\r\na,q,x\r\n", name="x.CSV"
    ),
    "csv with options": csv("id,question,answer,a,b,c\n1,q,2,x,y,\n2,q,3,x,y,z\n", COLUMNS),
    "tsv": csv("id\tquestion\tanswer\na\tq, r\tx\n", name="x.tsv"),
    "blank lines before the head": csv("\n\nid,question,answer\na,q,x\n"),
    "the last row without an end": csv("id,question,answer\na,q,x"),
}


def faulty(*rows: Any, definition: str = "", **limits: int) -> DataFile:
    return DataFile(jsonl(*rows), definition, "items.jsonl", limits)


INVALID: dict[str, DataFile] = {
    # The file.
    "empty": DataFile(b""),
    "blank lines alone": DataFile(b"\n\n \n"),
    "too large": faulty(GOOD, file_bytes=10),
    "of no known ending": DataFile(jsonl(GOOD), name="items.txt"),
    "without an ending": DataFile(jsonl(GOOD), name="items"),
    "gzip": DataFile(b"\x1f\x8b\x08"),
    "bzip2": DataFile(b"BZh9"),
    "xz": DataFile(b"\xfd7zXZ\x00\x00"),
    "zstd": DataFile(b"\x28\xb5\x2f\xfd\x00"),
    "7-zip": DataFile(b"7z\xbc\xaf\x27\x1c\x00"),
    "zip": DataFile(b"PK\x03\x04aaaa", name="x.csv"),
    "parquet": DataFile(b"PAR1xxxx"),
    "pdf": DataFile(b"%PDF-1.7"),
    "an old spreadsheet": DataFile(b"\xd0\xcf\x11\xe0\x00", name="x.csv"),
    "sqlite": DataFile(b"SQLite format 3\x00"),
    "arrow": DataFile(b"ARROW1\x00\x00"),
    "UTF-16": DataFile(jsonl(GOOD).decode().encode("utf-16")),
    "UTF-16 without a mark": DataFile(jsonl(GOOD).decode().encode("utf-16-le")),
    "UTF-32": DataFile(jsonl(GOOD).decode().encode("utf-32")),
    "Latin-1": DataFile(jsonl(GOOD) + '{"id": "é"}'.encode("latin-1")),
    "a cut-off character": DataFile(jsonl(GOOD) + "é".encode()[:1]),
    "an overlong character": DataFile(b'{"id": "\xc0\x80"}\n'),
    "an encoded surrogate": DataFile(b'{"id": "\xed\xa0\x80"}\n'),
    "a null character": DataFile(jsonl(GOOD) + b'{"id": "\x00"}\n'),
    "a line too long": faulty(row(question="x" * 100), line_bytes=80),
    "a JSON array": DataFile(json.dumps([GOOD]).encode()),
    "an open array": DataFile(b"[\n{}\n]"),
    "one document over lines": DataFile(json.dumps(GOOD, indent=1).encode()),
    # Rows of JSON.
    "no JSON": faulty(GOOD, "nonsense", "{", '{"a": 1', '{"a": 1}}', "{'a': 1}", '{"a": 1,}'),
    "no objects": faulty(GOOD, "5", "null", "true", '"x"', '{"id": []}', "5.5"),
    "a list in a later row": faulty(GOOD, "[1]"),
    "constants": faulty('{"id": NaN}', '{"id": Infinity}', '{"id": -Infinity}'),
    "large numbers": faulty(
        '{"id": 9007199254740993}',
        '{"id": -9007199254740993}',
        '{"id": ' + "9" * 30 + "}",
        '{"id": ' + "1" * 5000 + "}",
        row(question=1e308).__repr__().replace("'", '"').replace("1e+308", "1e999"),
    ),
    "a key twice": faulty(
        '{"id": 1, "id": 2}', '{"id": 1, "a": {"b": 1, "b": 2}}', '{"\\u0061": 1, "a": 2}'
    ),
    "too deep": faulty(
        row(x=json.loads("[" * 25 + "]" * 25)),
        row(id="b", x=json.loads('{"a":' * 25 + "1" + "}" * 25)),
    ),
    "very deep": faulty('{"id": ' + "[" * 100_000),
    "too many columns": faulty(row(**{f"c{n}": 1 for n in range(5)}), columns=5),
    "a column of a bad name": faulty(
        '{"": 1}',
        '{" a": 1}',
        '{"a\\u200b": 1}',
        '{"a\\n": 1}',
        '{"' + "n" * 201 + '": 1}',
        '{"\\ud800": 1}',
        '{"\\u0000": 1}',
    ),
    "a text too long": faulty(row(question="x" * 11), field_characters=10),
    "an escaped null": faulty('{"id": "a", "question": "\\u0000", "answer": "x"}'),
    "a lone surrogate": faulty(
        '{"id": "a", "question": "\\ud800", "answer": "x"}',
        '{"id": "b", "question": {"\\udc00": 1}, "answer": "x"}',
    ),
    "a null in a nested key": faulty('{"id": "a", "question": {"\\u0000": 1}, "answer": "x"}'),
    "too many rows": faulty(row(), row(id="b"), row(id="c"), rows=2),
    "more problems than are told": faulty(*(["x"] * 30)),
    "fewer problems told": faulty(*(["x"] * 30), problems=3),
    # Columns.
    "columns that are not there": faulty({"id": "a", "frage": "q", "anser": "x"}),
    "many columns that are not there": faulty(
        {"x": 1},
        definition=definition(
            data="{id: id, target: answer, cluster: c, slices: [s, t], split: {column: p, private: [x]}, choices: [a, b]}"
        ),
    ),
    "a column missing later": faulty(GOOD, {"id": "b", "question": "q"}),
    "an id of a wrong type": faulty(row(id=1.5), row(id=None), row(id=True), row(id=[1])),
    "a bad id": faulty(
        row(id=""), row(id=" a"), row(id="a\tb"), row(id="x" * 201), row(id="a\u200b")
    ),
    "an id twice": faulty(row(), row(id="b"), row(), row(id="b")),
    "an id twice as number and text": faulty(row(id=1), row(id="1")),
    "no target": faulty(
        row(answer=None),
        row(id="b", answer=""),
        row(id="c", answer=[]),
        row(id="d", answer=[None, " "]),
    ),
    "a target of a wrong type": faulty(row(answer={"a": 1}), row(id="b", answer=[["x"]])),
    "no mark in the target": faulty(row(answer="5", other=None), definition=TARGETS),
    "no match of the pattern": faulty(row(answer="no"), definition=PATTERN),
    "an empty match of the pattern": faulty(row(answer="is "), definition=PATTERN),
    "a target that is no number": faulty(
        row(answer="five"),
        row(id="b", answer=True),
        row(id="c", answer=["1", "x"]),
        definition=NUMERIC,
    ),
    "a target that one of two scorers cannot meet": faulty(row(answer="five"), definition=NUMBERS),
    "no such option": faulty(
        row(options=["p", "q"], answer="C"),
        row(id="b", options=["p", "q"], answer=2),
        row(id="c", options=["B", "A"], answer="A"),
        definition=OPTIONS,
    ),
    "options of a wrong type": faulty(
        row(options="a, b"), row(id="b", options={"a": 1}), definition=OPTIONS
    ),
    "options of a wrong number": faulty(
        row(options=[]),
        row(id="b", options=["x"]),
        row(id="c", options=[str(n) for n in range(30)]),
        definition=OPTIONS,
    ),
    "an empty option": faulty(
        row(options=["x", " ", "y"]), row(id="b", options=["x", None]), definition=OPTIONS
    ),
    "an empty option in columns": faulty(
        row(a="p", b="", c="r", answer=1),
        row(id="b", a="p", b="", c="", answer=1),
        definition=COLUMNS,
    ),
    "no such option by number": faulty(row(a="p", b="q", c="", answer=3), definition=COLUMNS),
    "an empty split": faulty(row(split=""), row(id="b", split=None), definition=SPLIT),
    "a bad split": faulty(row(split="a\u200b"), row(id="b", split="x" * 201), definition=SPLIT),
    "nothing private": faulty(row(split="open"), row(id="b", split="hidden"), definition=SPLIT),
    "nothing private among many": faulty(
        *(row(id=f"i{n}", split=f"s{n}") for n in range(9)), definition=SPLIT
    ),
    "a bad cluster": faulty(
        row(group="a\nb", level="", topic=""),
        row(id="b", group="", level="x\x01", topic=""),
        definition=MANY,
    ),
    # Images and audio.
    "a file that is not there": faulty(
        row(photo="rad.png", sound=""), row(id="b", photo="zzz", sound=""), definition=FILES
    ),
    "a file's name of two": faulty(row(photo="two.png", sound=""), definition=FILES),
    "no file": faulty(row(photo="", sound=""), row(id="b", photo=None, sound=""), definition=FILES),
    "a file of a wrong kind": faulty(
        row(photo="beep.wav", sound=""),
        row(id="b", photo="red.png", sound="red.png"),
        definition=FILES,
    ),
    "a file's name of a wrong type": faulty(
        row(photo=["red.png"], sound=""), row(id="b", photo=True, sound=1.5), definition=FILES
    ),
    "a bad data URL": faulty(
        row(photo="data:image/png,abc", sound=""),
        row(id="b", photo="data:", sound=""),
        row(id="c", photo="data:image/png;base64,$$", sound=""),
        row(id="d", photo="data:image/png;base64,aGVsbG8=", sound=""),
        row(id="e", photo="data:image/png;base64," + base64.b64encode(WAV).decode(), sound=""),
        row(id="f", photo="DATA:text/plain;charset=utf-8,x", sound=""),
        definition=FILES,
    ),
    "a data URL within a text": faulty(
        row(photo="data:image/png;base64,xx"),
        definition=definition(prompt=prompt('[{text: a}, {image: "{photo}.png"}]')),
    ),
    # CSV.
    "csv: empty": csv(""),
    "csv: blank lines alone": csv("\n\n\n"),
    "csv: a head alone": csv("id,question,answer\n"),
    "csv: semicolons": csv("id;question;answer\na;q;x\n"),
    "csv: tabs": csv("id\tquestion\tanswer\na\tq\tx\n"),
    "tsv: commas": csv("id,question,answer\na,q,x\n", name="x.tsv"),
    "tsv: semicolons": csv("id;question;answer\na;q;x\n", name="x.tsv"),
    "csv: an open quotation mark": csv('id,question,answer\na,"q,x\nb,q,y\n'),
    "csv: text after a quotation mark": csv('id,question,answer\na,"q"r,x\n'),
    "csv: CR alone": csv("id,question,answer\ra,q,x\r"),
    "csv: fields too few and too many": csv("id,question,answer\na,q\nb,q,x,y\nc,q,x\n"),
    "csv: names of columns": csv("id,,id, a,\u200b\na,b,c,d,e\n"),
    "csv: too many columns": csv("a,b,c\n1,2,3\n", columns=2),
    "csv: a row too long": csv('id,question,answer\na,"' + "line\n" * 30 + '",x\n', line_bytes=100),
    "csv: a field too long": csv("id,question,answer\na," + "q" * 20 + ",x\n", field_characters=10),
    "csv: a null character": csv("id,question,answer\na,\x00,x\n"),
    "csv: Latin-1": DataFile("id,question,answer\na,é,x\n".encode("latin-1"), name="x.csv"),
    "csv: columns that are not there": csv("id,frage,answer\na,q,x\n"),
    "csv: an id twice": csv('id,question,answer\na,"q\nr",x\n\na,q,x\n'),
    "csv: an empty target": csv("id,question,answer\na,q,\n"),
    "csv: options": csv("id,question,answer,a,b,c\n1,q,4,x,y,z\n2,q,1,x,,z\n", COLUMNS),
    "csv: no list of options": csv("id,question,answer,options\n1,q,a,\"['x', 'y']\"\n", OPTIONS),
}

POSITIONS = {"a": 0, "b": 1, "é": 2}
OUTPUTS: dict[str, tuple[DataFile, int]] = {
    "all": (
        DataFile(
            jsonl(
                {"id": "é", "output": ""}, {"id": "a", "output": "x\n"}, {"id": "b", "output": "😀"}
            )
        ),
        1,
    ),
    "repeats": (
        DataFile(
            jsonl(
                *(
                    {"id": key, "output": f"{key}{n}", "repeat": n if n % 2 else str(n)}
                    for key in POSITIONS
                    for n in (2, 1)
                )
            )
        ),
        2,
    ),
    "csv": (csv('id,output\na,x\nb,"y\nz"\né,\n'), 1),
    "csv with repeats": (csv("id,output,repeat\na,x,1\nb,y,1\né,z,\n"), 1),
    "empty": (DataFile(b""), 1),
    "no rows": (csv("id,output\n"), 1),
    "only faults of JSON": (DataFile(b"x\n"), 1),
    "of no known ending": (DataFile(b"x", name="outputs.txt"), 1),
    "missing": (DataFile(jsonl({"id": "a", "output": "x"})), 1),
    "missing repeats": (DataFile(jsonl({"id": "a", "output": "x", "repeat": 2})), 30),
    "an unknown id": (DataFile(jsonl({"id": "c", "output": "x"}, {"id": 5, "output": "x"})), 1),
    "an id of a wrong type": (
        DataFile(
            jsonl(
                {"id": None, "output": "x"}, {"id": True, "output": "x"}, {"id": 1.5, "output": ""}
            )
        ),
        1,
    ),
    "an id twice": (DataFile(jsonl({"id": "a", "output": "x"}, {"id": "a", "output": "y"})), 1),
    "a repeat twice": (
        DataFile(
            jsonl(
                {"id": "a", "output": "x", "repeat": 1}, {"id": "a", "output": "y", "repeat": "1"}
            )
        ),
        2,
    ),
    "an unknown column": (
        DataFile(jsonl({"id": "a", "outputs": "x"}, {"id": "a", "output": "x", "zzz": 1})),
        1,
    ),
    "a missing column": (DataFile(jsonl({"id": "a"}, {"output": "x"})), 1),
    "an output of a wrong type": (
        DataFile(jsonl({"id": "a", "output": None}, {"id": "b", "output": 5})),
        1,
    ),
    "an output too long": (
        DataFile(jsonl({"id": "a", "output": "x" * 11}), limits={"field_characters": 10}),
        1,
    ),
    "a null character": (DataFile(b'{"id": "a", "output": "\\u0000"}\n'), 1),
    "a lone surrogate": (DataFile(b'{"id": "a", "output": "\\ud800"}\n'), 1),
    "no repeat": (
        DataFile(jsonl({"id": "a", "output": "x"}, {"id": "b", "output": "x", "repeat": None})),
        2,
    ),
    "a repeat of a wrong form": (
        DataFile(
            jsonl(
                *(
                    {"id": "a", "output": "x", "repeat": one}
                    for one in (0, 3, 1.0, "x", "١", -1, True, [1], "9" * 12)
                )
            )
        ),
        2,
    ),
    "a repeat where there is one": (DataFile(jsonl({"id": "a", "output": "x", "repeat": 2})), 1),
    "more problems than are told": (
        DataFile(jsonl(*({"id": f"x{n}", "output": ""} for n in range(30)))),
        1,
    ),
}
SENT: dict[str, tuple[list[Any], int]] = {
    "all": (
        [{"id": "a", "output": "x"}, {"id": "b", "output": "y"}, {"id": "é", "output": "z"}],
        1,
    ),
    "no objects": ([5, "x", None, ["a"]], 1),
    "a null character": ([{"id": "a", "output": "\x00"}], 1),
    "a lone surrogate": ([{"id": "a", "output": "\ud800"}], 1),
    "too long": ([{"id": "a", "output": "x" * (1024 * 1024 + 1)}], 1),
    "nothing": ([], 1),
    "a key that is no text": ([{"id": "a", "output": "x", 5: 1}], 1),
}
