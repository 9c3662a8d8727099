"""Documents with one value changed: what the published schema allows and what it does not."""

import json
from collections.abc import Iterator
from typing import Any

Path = tuple[str | int, ...]

_PROMPT = {"messages": [{"role": "user", "content": "{q}"}]}
_EXACT = [{"type": "exact"}]
_FUNCTION = {"type": "function", "name": "f", "description": "d"}


def _whole(**parts: Any) -> dict[str, Any]:
    return {"plumbmark": 1, "data": {"target": "t"}, "prompt": _PROMPT, "scorers": _EXACT, **parts}


def _scorer(kind: str, **options: Any) -> dict[str, Any]:
    return {"scorers": [{"type": kind, **options}]}


def _tool(**options: Any) -> dict[str, Any]:
    return {"tools": [options]}


FULL: dict[str, dict[str, Any]] = {
    "data": {
        "data": {
            "format": "jsonl",
            "id": "id",
            "target": {"column": "a", "after": "#", "pattern": "x", "strip": True},
            "cluster": "c",
            "slices": ["s"],
            "split": {"column": "s", "private": ["p"]},
            "choices": ["x", "y"],
        }
    },
    "the rest": {
        "description": "d",
        "language": "en",
        "sampling": {
            "temperature": 1,
            "top_p": 0.5,
            "seed": 1,
            "stop": ["x"],
            "max_output_tokens": 5,
        },
        "repeats": 2,
        "main": "exact",
    },
    "prompt": {
        "prompt": {
            "system": "s",
            "messages": [{"role": "user", "content": [{"text": "t"}, {"image": "{i}"}]}],
            "few_shot": [{"user": "u", "assistant": "a"}],
            "follow_ups": ["f"],
            "output_schema": {"type": "object"},
            "choice_order": "shuffled",
            "choice_seed": 1,
            "scored": "last",
            "reasoning": "keep",
        },
        "limits": {
            "max_steps": 5,
            "max_tool_calls": 5,
            "max_tool_result_bytes": 256,
            "max_output_tokens_total": 5,
            "max_cost_usd": 1,
        },
    },
    "simulated user": {
        "prompt": {
            **_PROMPT,
            "simulated_user": {
                "model": "a/b",
                "instructions": "i",
                "stop": "S",
                "max_turns": 2,
                "max_output_tokens": 99,
            },
        }
    },
    "exact": _scorer(
        "exact",
        name="e",
        after=["x"],
        without_marker="wrong",
        normalise=["trim"],
        metric={"name": "n", "direction": "higher", "unit": "u", "bounds": [0, 1]},
    ),
    "includes": _scorer("includes", after="x", whole_words=True),
    "regex": _scorer(
        "regex",
        pattern="(x)",
        group=1,
        compare="target",
        take="last",
        ignore_case=True,
        dot_all=True,
        full_match=True,
    ),
    "numeric": _scorer(
        "numeric",
        take="last",
        decimal_sign="point",
        thousands_separator="comma",
        fractions=True,
        percent="ignore",
        absolute_tolerance=1,
        relative_tolerance="0.1",
    ),
    "multiple_choice": _scorer("multiple_choice", target_is="letter", accept_text=True),
    "json": _scorer("json", field="a", normalise=["trim"], schema={"type": "object"}),
    "python": _scorer(
        "python", source="def score(a, b, c): pass", columns=["c"], timeout_seconds=1
    ),
    "code_execution": _scorer(
        "code_execution", program="{output}", take="block", timeout_seconds=1
    ),
    "model_judge": _scorer(
        "model_judge",
        judges=["a/b"],
        rubric="{output}",
        mode="grade",
        scale=[0, 1],
        combine="mean",
        max_output_tokens=16,
    ),
    "tool_use": {
        **_tool(type="calculator"),
        **_scorer(
            "tool_use",
            required=[
                {"tool": "calculator", "arguments": {"a": "x"}, "times": 1},
                {"tool": "calculator", "times": [0, None]},
            ],
            forbidden=[{"tool": "calculator", "arguments": {"a": 1}}],
            order="strict",
            max_calls=3,
            partial=True,
        ),
    },
    "calculator": _tool(type="calculator", name="c", description="d"),
    "python tool": _tool(type="python", timeout_seconds=1, memory_mib=64),
    "function": _tool(
        **_FUNCTION,
        parameters={"type": "object", "properties": {"a": {}}},
        answers=[{"when": {"a": "x"}, "return": 1}],
        otherwise=2,
    ),
    "script": _tool(**_FUNCTION, script="def call(a, b): pass", columns=["c"], timeout_seconds=1),
}
"""Each in a small document of its own: what else stands there is not changed."""

CHANGES: dict[str, Any] = {
    "null": None,
    "true": True,
    "-1": -1,
    "1.0": 1.0,
    "10^9": 10**9,
    "text": "texxt",
    "empty": "",
    "long": "y" * 4200,
    "list": [],
    "list of one": [7],
    "list of two": ["z", "z"],
    "object": {},
    "object of one": {"kez": 1},
}
"""Every value is tried at every place; where it changes nothing, no problem is told."""


def mutations() -> Iterator[tuple[str, str, str]]:
    """Return the place, what was put there, and the document as text."""
    for name, parts in FULL.items():
        document = _whole(**parts)
        yield name, "nothing", json.dumps(document, indent=1)
        for path, change, changed in changed_documents(document, parts):
            yield f"{name}: {path}", change, json.dumps(changed, indent=1)


def changed_documents(document: Any, parts: Any = None) -> Iterator[tuple[str, str, Any]]:
    """Return the path, what was put there, and the document; only of those `parts` of it, if
    given.
    """
    for path in _paths(document if parts is None else parts):
        shown = ".".join(map(str, path))
        for change, value in CHANGES.items():
            yield shown, change, _with(document, path, value)
        yield shown, "left out", _without(document, path)


def _paths(value: Any, path: Path = ()) -> Iterator[Path]:
    if path:
        yield path
    inner = value.items() if isinstance(value, dict) else ()
    if isinstance(value, list):
        inner = enumerate(value)
    for step, one in inner:
        yield from _paths(one, (*path, step))


def _with(document: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    step, *further = path
    if isinstance(document, list):
        changed = list(document)
        changed[int(step)] = _with(document[step], tuple(further), value)
        return changed
    return {
        key: _with(inner, tuple(further), value) if key == step else inner
        for key, inner in document.items()
    }


def _without(document: Any, path: Path) -> Any:
    step, *further = path
    if further:
        return _with(document, path[:1], _without(document[step], tuple(further)))
    if isinstance(document, list):
        return [one for index, one in enumerate(document) if index != step]
    return {key: inner for key, inner in document.items() if key != step}
