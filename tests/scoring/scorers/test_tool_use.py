"""Checks of the tools that a model called, read from a transcript."""

import json
from typing import Any

import pytest

from plumbmark.scoring.json_values import covers, fill_columns
from plumbmark.scoring.scorers import ScorerContext, build_scorer
from plumbmark.scoring.tool_calls import MadeCall, calls_made
from plumbmark.scoring.verdicts import Verdict


def conversation(*calls: tuple[str, Any] | tuple[str, Any, str]) -> list[dict[str, Any]]:
    """Return messages with these calls; a third part is the error that one was answered with."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": "?"}]
    for number, (tool, arguments, *error) in enumerate(calls):
        written = arguments if isinstance(arguments, str) else json.dumps(arguments)
        function = {"name": tool, "arguments": written}
        part = {"id": f"c{number}", "type": "function", "function": function}
        messages.append({"role": "assistant", "content": None, "tool_calls": [part]})
        answer = {"role": "tool", "tool_call_id": f"c{number}", "content": "".join(error) or "ok"}
        messages.append(answer | ({"is_error": True} if error else {}))
    return messages


def verdict(entry: dict[str, Any], *calls: Any, values: dict[str, Any] | None = None) -> Verdict:
    context = ScorerContext(tool_calls=calls_made(conversation(*calls)), values=values or {})
    return build_scorer({"type": "tool_use", **entry}).score("", None, context)


LOOK = {"tool": "look"}
PARIS = {"tool": "look", "arguments": {"city": "{city}"}}


@pytest.mark.parametrize(
    ("entry", "calls", "value"),
    [
        ({"required": [LOOK]}, [("look", {})], 1),
        ({"required": [LOOK]}, [], 0),
        ({"required": [LOOK]}, [("other", {})], 0),
        ({"required": [LOOK]}, [("look", {}, "no such city")], 0),
        ({"required": [LOOK]}, [("look", {}, "no such city"), ("look", {})], 1),
        ({"required": [PARIS]}, [("look", {"city": "Paris", "more": 1})], 1),
        ({"required": [PARIS]}, [("look", {"city": "Rome"})], 0),
        ({"required": [{**LOOK, "times": 2}]}, [("look", {})] * 2, 1),
        ({"required": [{**LOOK, "times": 2}]}, [("look", {})] * 3, 0),
        ({"required": [{**LOOK, "times": [2, None]}]}, [("look", {})] * 3, 1),
        ({"required": [{**LOOK, "times": [0, 1]}]}, [], 1),
        ({"forbidden": [PARIS]}, [("look", {"city": "Rome"})], 1),
        ({"forbidden": [PARIS]}, [("look", {"city": "Paris"}, "even an error")], 0),
        ({"max_calls": 1}, [("a", {}), ("b", {})], 0),
        ({"max_calls": 2}, [("a", {}), ("b", {})], 1),
        ({"max_calls": 0}, [], 1),
        (
            {"required": [{"tool": "a"}, {"tool": "b"}], "order": "strict"},
            [("a", {}), ("x", {}), ("b", {})],
            1,
        ),
        (
            {"required": [{"tool": "a"}, {"tool": "b"}], "order": "strict"},
            [("b", {}), ("a", {})],
            0,
        ),
        ({"required": [{"tool": "a"}, {"tool": "b"}]}, [("b", {}), ("a", {})], 1),
        ({"required": [{"tool": "a"}, {"tool": "b"}], "partial": True}, [("b", {})], 0.5),
    ],
)
def test_the_checks(entry: dict[str, Any], calls: list[Any], value: float) -> None:
    assert verdict(entry, *calls, values={"city": "Paris"}).value == value


def test_every_check_is_told() -> None:
    found = verdict(
        {"required": [PARIS, {"tool": "b"}], "forbidden": [{"tool": "x"}], "max_calls": 5},
        ("look", {"city": "Paris"}),
        ("x", {}),
        values={"city": "Paris"},
    )
    assert found.explanation == (
        "2 of 4 checks hold: ✓ look with city called once; ✗ b called never; ✗ x called; "
        "✓ 2 calls, at most 5."
    )
    assert found.details["checks"][1] == {"holds": False, "check": "b called never"}  # type: ignore[index]


def test_calls_that_nobody_recorded_are_not_taken_for_none() -> None:
    scorer = build_scorer({"type": "tool_use", "max_calls": 0})
    assert scorer.score("", None, ScorerContext()).value is None


@pytest.mark.parametrize(
    ("given", "wanted", "is_so"),
    [
        ({"a": 1, "b": 2}, {"a": 1}, True),
        ({"a": {"b": 1, "c": 2}}, {"a": {"b": 1}}, True),
        ({}, {"a": None}, False),
        (1.0, 1, True),
        ("1.0", 1, True),
        (5, "5", True),
        (" Paris ", "Paris", True),
        ("paris", "Paris", False),
        (True, 1, False),
        (None, None, True),
        ("", None, False),
        ([1, 2], [1, 2], True),
        ([1, 2, 3], [1, 2], False),
        ("nan", "nan", True),
        (float("nan"), "x", False),
        ({"a": 1}, "a", False),
        ("9" * 400, 9, False),
        (10**400, "1e400", False),
    ],
)
def test_what_equals_what_was_wanted(given: Any, wanted: Any, is_so: bool) -> None:
    assert covers(given, wanted) is is_so


def test_a_column_alone_keeps_its_type() -> None:
    columns = {"n": 3, "t": "x", "l": [1]}
    value = {"a": "{n}", "b": "{n} {t}", "c": ["{l}"], "d": "{{n}}", "e": 1}
    assert fill_columns(value, columns) == {"a": 3, "b": "3 x", "c": [[1]], "d": "{n}", "e": 1}


def test_a_transcript_of_any_form_is_read() -> None:
    messages = [
        *conversation(("a", "{half"), ("b", "[1]")),
        {"role": "assistant", "content": None, "tool_calls": [{"id": "z"}, None, 5]},
        {
            "role": "assistant",
            "tool_calls": [{"id": "y", "function": {"name": "c", "arguments": "{}"}}],
        },
    ]
    assert calls_made(messages) == [
        MadeCall("a", {"arguments": "{half"}, "ok", False),
        MadeCall("b", {"arguments": "[1]"}, "ok", False),
        MadeCall("c", {}, None, False),
    ]
