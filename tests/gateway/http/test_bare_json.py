"""JSON that was asked for comes without the fence that models put around it."""

import pytest

from plumbmark.gateway.http.chat_answer import bare_json


@pytest.mark.parametrize(
    "text",
    [
        '{"v": 7}',
        '```json\n{"v": 7}\n```',
        '```json\r\n{"v": 7}\r\n```\r\n',
        '~~~\n{"v": 7}\n~~~',
        '````json\n{"v": 7}\n````\n',
        '\ufeff```json\n{"v": 7}\n```',
        '```json {"v": 7} ```',
    ],
)
def test_a_fence_around_the_whole_is_taken_away(text: str) -> None:
    assert bare_json(text) == '{"v": 7}'


@pytest.mark.parametrize(
    "text",
    [
        'Here:\n```json\n{"v": 7}\n```',
        '```json\n{"v": 7}\n```\nDone.',
        '```json\n{"v": 7}\n```\n```json\n{"v": 8}\n```',
        '```json\n{"v": 7',
        "```\n```",
        "",
    ],
)
def test_anything_else_stays_as_it_is(text: str) -> None:
    assert bare_json(text) == text
