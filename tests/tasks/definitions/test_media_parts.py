"""Images and audio in definitions: their form, their faults, and what is hashed of them."""

from dataclasses import replace
from typing import Any

import pytest

from plumbmark.common.errors import InvalidInput
from tasks_app.datasets import ImportedItem
from tasks_app.definitions import (
    Definition,
    VersionHashes,
    parse_definition,
    render_messages,
)

TEXT = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  few_shot:
    - user: [{text: "{literally}"}, {image: "{shot}.png"}]
      assistant: white
  messages:
    - role: user
      content:
        - text: "{question}"
        - image: "{photo}"
        - {audio: "{sound}.wav", optional: true}
scorers: [{type: exact}]
"""


def file(name: str, digit: str, media_type: str = "image/png") -> dict[str, Any]:
    return {"name": name, "sha256": digit * 64, "media_type": media_type, "bytes": 10}


ITEM = ImportedItem(
    position=0,
    key="a",
    input={"question": "What?", "photo": "red.png", "sound": "beep"},
    target="red",
    attachments=[
        file("{shot}.png", "1"),
        file("red.png", "2"),
        file("beep.wav", "3", "audio/wav"),
    ],
)


def sides(text: str = TEXT, item: ImportedItem = ITEM) -> tuple[str, str]:
    hashes = VersionHashes(parse_definition(text), salt="salt")
    hashes.add(item)
    return hashes.question, hashes.marking


def test_parts_stand_in_their_order_and_name_their_content() -> None:
    messages = render_messages(parse_definition(TEXT), ITEM)

    assert messages[0]["content"] == [
        {"type": "text", "text": "{literally}"},
        {
            "type": "image",
            "sha256": "1" * 64,
            "media_type": "image/png",
            "bytes": 10,
            "name": "{shot}.png",
        },
    ]
    assert [part.get("name", part.get("text")) for part in messages[2]["content"]] == [
        "What?",
        "red.png",
        "beep.wav",
    ]


def test_what_is_stored_reads_back_equal() -> None:
    definition = parse_definition(TEXT)

    assert Definition.from_document(definition.as_document()) == definition


def test_a_list_of_one_text_is_that_text() -> None:
    parts = '[{text: "{literally}"}, {image: "{shot}.png"}]'
    listed = parse_definition(TEXT.replace(parts, "[{text: a}]"))

    assert listed.prompt.few_shot[0].user == "a"
    assert listed == parse_definition(TEXT.replace(parts, "a"))


def test_of_a_file_its_content_is_hashed_and_not_its_name() -> None:
    renamed = replace(
        ITEM,
        input={**ITEM.input, "photo": "rot.png"},
        attachments=[ITEM.attachments[0], file("rot.png", "2"), ITEM.attachments[2]],
    )
    other_bytes = replace(
        ITEM, attachments=[ITEM.attachments[0], file("red.png", "4"), ITEM.attachments[2]]
    )
    other_example = replace(ITEM, attachments=[file("{shot}.png", "5"), *ITEM.attachments[1:]])
    text, photo = '        - text: "{question}"\n', '        - image: "{photo}"\n'
    swapped = TEXT.replace(text + photo, photo + text)

    assert sides(item=renamed) == sides()
    assert sides(item=other_bytes)[0] != sides()[0]
    assert sides(item=other_example)[0] != sides()[0]
    assert sides(swapped)[0] != sides()[0]
    assert {sides(item=other_bytes)[1], sides(swapped)[1]} == {sides()[1]}


def test_definitions_of_before_keep_their_hashes() -> None:
    from tests.tasks.definitions.test_hashes import ITEM as PLAIN_ITEM
    from tests.tasks.definitions.test_hashes import TEXT as PLAIN_TEXT

    hashes = VersionHashes(parse_definition(PLAIN_TEXT), salt="s")

    assert hashes.add(PLAIN_ITEM) == (
        "h1:84ea6a9e2f0fc11e35dd6cf42807379220d4f508b80e685a8322c4be443601d7"
    )
    assert hashes.question == (
        "h1:cbd332e48e173eeebd2c13824cf3d77e52c38272f56b37a4599b645e196a7015"
    )
    assert hashes.marking == "h1:58d0edc6e8bd08874a975e91ea2dacf1deabd063ec2dd066a82f2c60641868f1"


@pytest.mark.parametrize(
    ("content", "says", "line", "path"),
    [
        ("[]", "needs at least 1", 6, "prompt.messages[0].content"),
        ("3", "Content is text, or a list of parts", 6, "prompt.messages[0].content"),
        ('[{image: ""}]', "must not be empty", 6, "prompt.messages[0].content[0].image"),
        ("[{picture: a}]", "the key is not known", 6, "prompt.messages[0].content[0].picture"),
        ("[{}]", "one of text, image and audio", 6, "prompt.messages[0].content[0]"),
        ("[{text: a, image: b}]", "one of text, image", 6, "prompt.messages[0].content[0]"),
        (
            "[{text: a, optional: true}]",
            "needs a part that is not optional",
            6,
            "prompt.messages[0].content",
        ),
        (
            "[{image: a}, {text: a, optional: true}]",
            "only images and audio are optional",
            6,
            "prompt.messages[0].content[1].optional",
        ),
        (
            '[{image: "{photo"}]',
            "a single { is alone",
            6,
            "prompt.messages[0].content[0].image",
        ),
        (
            "[{image: a, optional: perhaps}]",
            "must be a boolean",
            6,
            "prompt.messages[0].content[0].optional",
        ),
    ],
)
def test_a_wrong_part_is_told_with_its_place(content: str, says: str, line: int, path: str) -> None:
    text = f"""\
plumbmark: 1
data: {{target: answer}}
prompt:
  messages:
    - role: user
      content: {content}
scorers: [{{type: exact}}]
"""
    with pytest.raises(InvalidInput) as error:
        parse_definition(text)

    problem = error.value.problems[0]
    assert says in problem.message
    assert (problem.line, problem.path) == (line, path)


def test_only_the_user_shows_images() -> None:
    said = TEXT.replace("- role: user\n", "- role: assistant\n")

    with pytest.raises(InvalidInput, match="only messages of the user hold images and audio"):
        parse_definition(said)
