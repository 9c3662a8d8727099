"""From the names in a data file to the files: found, missing, of the wrong kind, and inside it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.datasets import (
    AttachedFiles,
    ImportedItem,
    KnownFile,
    import_data,
)
from tasks_app.datasets.media import MediaLimits
from tasks_app.definitions import parse_definition
from tests.media_files import data_url, image, wav

DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages:
    - role: user
      content: [{image: "{photo}"}, {audio: "{sound}", optional: true}, {text: "{id}"}]
scorers: [{type: exact}]
"""
PNG = KnownFile("1" * 64, "image/png", 100)
OTHER = KnownFile("2" * 64, "image/jpeg", 100)
WAV = KnownFile("3" * 64, "audio/wav", 100)
FILES = {
    "red.png": PNG,
    "set/one/blue.jpg": OTHER,
    "set/beep.wav": WAV,
    "left/twice.png": PNG,
    "right/twice.png": OTHER,
}


@pytest.fixture
def take(
    written: Callable[[bytes, str], Path], scratch: Path
) -> Callable[..., tuple[list[ImportedItem], list[str]]]:
    def run(*rows: dict[str, Any], definition: str = DEFINITION, **given: Any) -> Any:
        text = "\n".join(
            json.dumps({"id": f"i{n}", "answer": "a", "sound": "", **row})
            for n, row in enumerate(rows)
        )
        path = written(text.encode(), "data.jsonl")
        attached = AttachedFiles(**{"files": FILES, **given})
        parsed = parse_definition(definition)
        with import_data(path, name="data.jsonl", definition=parsed, attached=attached) as found:
            items = list(found)
            inside = {key: value.read_bytes() for key, value in found.inline_files.items()}
            return items, found.warnings, dict(found.files), inside

    return run


def refused(take: Callable[..., Any], *rows: dict[str, Any], **given: Any) -> Problem:
    with pytest.raises(InvalidInput) as error:
        take(*rows, **given)
    return error.value.problems[0]


def test_names_lead_to_files_with_or_without_their_folders(take: Callable[..., Any]) -> None:
    items, warnings, used, _ = take(
        {"photo": "red.png", "sound": "beep.wav"},
        {"photo": "blue.jpg"},
        {"photo": "one/blue.jpg"},
        {"photo": " left/twice.png "},
    )

    assert [one["name"] for one in items[0].attachments] == ["red.png", "beep.wav"]
    assert items[0].attachments[1] == {
        "name": "beep.wav",
        "sha256": "3" * 64,
        "media_type": "audio/wav",
        "bytes": 100,
    }
    assert [item.attachments[0]["sha256"][0] for item in items] == ["1", "2", "2", "1"]
    assert used["one/blue.jpg"] == OTHER
    assert warnings == []


@pytest.mark.parametrize(
    ("photo", "says"),
    [
        ("rd.png", "no attached file is called 'rd.png'; did you mean 'red.png'?"),
        ("twice.png", "several attached files are called 'twice.png'; write the folder too"),
        ("beep.wav", "'beep.wav' is audio/wav; here the definition has image"),
        ("", "names no image; where some items have none, write optional: true"),
        (None, "names no image"),
        (["red.png"], "must be the name of one file"),
        ("data:image/png;base64,####", "the data: URL is no base64"),
        ("data:image/png,red", "must read data:<type>;base64,<data>"),
        (data_url(b"<svg onload=alert(1)>"), "what the data: URL holds is an SVG drawing"),
        (data_url(wav(), "image/png"), "is audio/wav; here the definition has image"),
    ],
)
def test_what_leads_nowhere_is_told_with_line_and_column(
    take: Callable[..., Any], photo: Any, says: str
) -> None:
    problem = refused(take, {"photo": "red.png"}, {"photo": photo})

    assert says in problem.message
    assert (problem.line, problem.path) == (2, "photo")


def test_without_any_files_that_is_said(take: Callable[..., Any]) -> None:
    problem = refused(take, {"photo": "red.png"}, files={})

    assert problem.message == (
        "the file 'red.png' is not there: no images and audio are attached yet"
    )


def test_files_that_no_row_names_are_told(take: Callable[..., Any]) -> None:
    _, warnings, *_ = take({"photo": "red.png"})

    # Of equal content with a file that is used, the second name is no loss.
    assert warnings == [
        "3 attached files named by no row: 'right/twice.png', 'set/beep.wav', 'set/one/blue.jpg'"
    ]


def test_a_file_inside_the_data_file_gets_a_name_and_is_kept_once(take: Callable[..., Any]) -> None:
    red = image()
    items, _, used, inside = take({"photo": data_url(red)}, {"photo": data_url(red, "x/y")})

    (name,) = used
    assert name.startswith("inline-")
    assert name.endswith(".png")
    assert items[0].input["photo"] == items[1].input["photo"] == name
    assert list(inside.values()) == [red]
    assert [one["sha256"] for one in items[0].attachments] == list(inside)


def test_files_inside_the_data_file_have_bounds_too(take: Callable[..., Any]) -> None:
    red, blue = image(), image(colour="blue")
    one_too_many = refused(
        take, {"photo": data_url(red)}, {"photo": data_url(blue)}, total_bytes=len(red) + 5
    )
    too_large = refused(
        take, {"photo": data_url(red)}, limits=MediaLimits(file_bytes=50, pixels=100)
    )

    assert "images and audio have" in one_too_many.message
    assert "at most 50 are taken" in too_large.message


def test_a_name_may_be_made_of_columns(take: Callable[..., Any]) -> None:
    definition = DEFINITION.replace('"{photo}"', '"set/{folder}/{stem}.jpg"')
    items, *_ = take({"folder": "one", "stem": "blue"}, definition=definition)

    assert items[0].attachments[0]["name"] == "set/one/blue.jpg"
    with_url = DEFINITION.replace('"{photo}"', '"data:image/png;base64,{photo}"')
    problem = refused(take, {"photo": "abcd"}, definition=with_url)
    assert "must stand in its column whole" in problem.message
