"""Columns of messages are prompts, and what looks like one and is not is told."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from plumbmark.common.errors import InvalidInput
from tasks_app.datasets import import_data
from tasks_app.definitions import Definition, VersionHashes, parse_definition, render_messages

Written = Callable[[bytes, str], Path]
DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages:
%s
scorers: [{type: exact}]
"""
WHOLE = '    - {role: user, content: "{input}"}'
TALK = [
    {"role": "system", "content": "Answer briefly."},
    {"role": "user", "content": "2 + 2?"},
    {"role": "assistant", "content": "4"},
    {"role": "user", "content": "And {input} + 3?"},
]


def definition_of(turns: str = WHOLE) -> Definition:
    return parse_definition(DEFINITION % turns)


@pytest.fixture
def read(written: Written) -> Callable[..., Any]:
    """Import rows with these values of `input`; the definition as read, the items, the warnings."""

    def run(*values: Any, turns: str = WHOLE) -> tuple[Definition, list[Any], list[str]]:
        rows = [
            {"id": f"i{n}", "input": value, "answer": "7", "note": "n"}
            for n, value in enumerate(values)
        ]
        data = "".join(f"{json.dumps(row)}\n" for row in rows).encode()
        path = written(data, "data.jsonl")
        with import_data(path, name="data.jsonl", definition=definition_of(turns)) as imported:
            return imported.definition, list(imported), imported.warnings

    return run


def problem_of(read: Callable[..., Any], *values: Any, **more: Any) -> tuple[int | None, str, str]:
    with pytest.raises(InvalidInput) as caught:
        read(*values, **more)
    [problem] = caught.value.problems
    return problem.line, problem.path, problem.message


def test_a_column_of_messages_is_the_prompt(read: Callable[..., Any]) -> None:
    definition, [item], warnings = read(TALK)

    assert render_messages(definition, item) == TALK
    assert warnings == []


def test_messages_of_a_column_stand_between_those_of_the_definition(
    read: Callable[..., Any],
) -> None:
    turns = (
        '    - {role: system, content: "Be kind."}\n'
        "    - role: user\n"
        "      content: |\n"
        "        {input}\n"
        '    - {role: user, content: "Note: {note}"}'
    )
    ends_with_an_answer = TALK[:3]

    definition, [item], _ = read(ends_with_an_answer, turns=turns)

    assert render_messages(definition, item) == [
        {"role": "system", "content": "Be kind."},
        *ends_with_an_answer,
        {"role": "user", "content": "Note: n"},
    ]


def test_items_may_have_a_text_or_messages(read: Callable[..., Any]) -> None:
    definition, [first, second], warnings = read("2 + 2?", TALK)

    assert render_messages(definition, first) == [{"role": "user", "content": "2 + 2?"}]
    assert render_messages(definition, second) == TALK
    assert warnings == []


@pytest.mark.parametrize(
    ("message", "content"),
    [
        ({"role": "user", "text": "Hi {x}"}, "Hi {x}"),
        ({"role": "user", "parts": [{"text": "Hi"}]}, "Hi"),
        ({"role": "user", "content": [{"type": "text", "text": "Hi"}]}, "Hi"),
        (
            {"role": "user", "content": ["a", {"type": "text", "text": "b"}]},
            [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        ),
        ({"role": "user", "content": "Hi", "tool_calls": None, "name": None}, "Hi"),
    ],
)
def test_a_message_has_a_text_or_parts(
    read: Callable[..., Any], message: dict[str, Any], content: Any
) -> None:
    definition, [item], warnings = read([message])

    assert render_messages(definition, item) == [{"role": "user", "content": content}]
    assert warnings == []


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ([{"role": "human", "content": "x"}], "the role of message 1 is 'human'; write 'user'"),
        ([{"role": "developer", "content": "x"}], "message 1 is 'developer'; write 'system'"),
        ([{"role": "tool", "content": "x"}], "'tool'; write system, user or assistant"),
        ([{"role": 3, "content": "x"}], "the role of message 1 is 3; write system, user or"),
        ([*TALK, {"content": "x"}], "the role of message 5 is missing; write system, user or"),
        ([TALK[0], "x", TALK[1]], "message 2 must be an object with role and content"),
        ([{"role": "user"}], "message 1 has no content; give it one text"),
        ([{"role": "user", "content": "a", "text": "b"}], "has both content and text"),
        ([{"role": "user", "content": 3}], "content of message 1 must be a text or a list"),
        ([{"role": "user", "content": [{"type": "text"}]}], "must be a text or a list of text"),
        ([{"role": "user", "content": " \n"}], "message 1 is empty; leave it out"),
        ([{"role": "user", "content": []}], "message 1 is empty; leave it out"),
        (
            [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}],
            "message 1 has a part of type 'image_url', and only text is read from a column; name "
            'images and audio in parts of the definition ({image: "{column}"})',
        ),
        (
            [{"role": "assistant", "content": "", "tool_calls": [{"id": "a"}]}, TALK[1]],
            "message 1 calls tools, which a prompt cannot repeat",
        ),
        (TALK[:3], "the last message must be the user's, because it is what the model answers"),
        (TALK[1:2] * 201, "has 201 messages; at most 200 are taken"),
    ],
)
def test_messages_that_cannot_be_sent_are_refused_with_their_line(
    read: Callable[..., Any], value: Any, says: str
) -> None:
    line, path, message = problem_of(read, TALK, value)

    assert (line, path) == (2, "input")
    assert says in message


@pytest.mark.parametrize(
    ("turns", "value", "says"),
    [
        ('    - {role: user, content: "Q: {input}"}', TALK, "sent as JSON where other text is"),
        (
            '    - {role: system, content: "{input}"}\n    - {role: user, content: "{note}"}',
            TALK,
            'write a message of the user whose content is "{input}" alone',
        ),
        (WHOLE, json.dumps(TALK), "messages written as text, which is sent as it is; use JSONL"),
        (WHOLE, str(TALK), "messages written as text"),
        (WHOLE, [{"from": "human", "value": "x"}], "objects, which are sent as JSON; a prompt is"),
        (WHOLE, {"messages": TALK}, "objects, which are sent as JSON"),
        (WHOLE, [{"text": "a", "label": "A"}], "options, which are sent as JSON; name it in data."),
        (
            '    - {role: user, content: "Pick: {input}"}',
            {"text": ["a", "b"], "label": ["A", "B"]},
            "name it in data.choices and put {choices} into the prompt",
        ),
    ],
)
def test_what_only_looks_like_a_prompt_is_told(
    read: Callable[..., Any], turns: str, value: Any, says: str
) -> None:
    definition, [_, item], [warning] = read("plain", value, turns=turns)

    assert "the column 'input' contains " in warning
    assert says in warning
    assert "first in line 2" in warning
    assert definition == definition_of(turns)
    assert all(isinstance(one["content"], str) for one in render_messages(definition, item))


@pytest.mark.parametrize("value", [[1, 2], ["a", "b"], [], "[the role of x]", 3, None, True])
def test_other_values_are_text_as_ever(read: Callable[..., Any], value: Any) -> None:
    definition, [item], warnings = read(value)

    shown = "" if value is None else value if isinstance(value, str) else json.dumps(value)
    assert render_messages(definition, item) == [{"role": "user", "content": shown}]
    assert warnings == []


def test_what_messages_say_besides_is_told(read: Callable[..., Any]) -> None:
    _, _, [warning] = read([{"role": "user", "content": "Hi", "name": "Ada", "id": None}])

    assert warning == "messages in 'input' have 'name', which is not sent (1x, first in line 1)"


def test_a_version_from_before_sends_what_it_sent(read: Callable[..., Any]) -> None:
    """Its stored document does not name the column, so its text and its hashes stay."""
    read_definition, [item], _ = read(TALK)
    before = Definition.from_document(definition_of().as_document())

    assert "message_columns" not in before.as_document()["prompt"]
    assert render_messages(before, item) == [{"role": "user", "content": json.dumps(TALK)}]
    stored = Definition.from_document(read_definition.as_document())
    assert stored == read_definition
    assert render_messages(stored, item) == TALK
    hashes = []
    for definition in (before, stored):
        of_version = VersionHashes(definition, salt="s")
        of_version.add(item)
        hashes.append(of_version.question)
    assert hashes[0] != hashes[1]
    assert hashes[0] == "h1:a28e004b127f4e124aab59d0aafe4e22ea93f582f961533fe4be4e6455dc52ca"
