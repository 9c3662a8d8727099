"""The published JSON Schema of the result file (draft 2020-12).

It is served at `/schemas/code-result.json` and documented in docs/authors/code-tasks.md.
"""

from typing import Any

RESULT_FILE = "plumbmark.result.json"
FORMAT = 1
MAX_SAMPLES = 100_000
MAX_TEXT = 1_000_000
MAX_MESSAGES = 1_000
MAX_ASSERTIONS = 1_000
ROLES = ("assistant", "developer", "system", "tool", "user")


def _object(description: str, properties: dict[str, Any], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "required": list(required),
    }


_NUMBER = {"type": "number"}
_SCORE: dict[str, Any] = {
    "description": "A number, right or wrong, or k of n.",
    "anyOf": [
        _NUMBER,
        {"type": "boolean"},
        _object(
            "k of n.",
            {
                "passed": {"type": "integer", "minimum": 0},
                "of": {"type": "integer", "minimum": 1},
            },
            "passed",
            "of",
        ),
    ],
}
_INTERVAL: dict[str, Any] = {
    "description": "The author's own 95 % interval: its ends, or a margin on both sides.",
    "anyOf": [
        _object("Its ends.", {"low": _NUMBER, "high": _NUMBER}, "low", "high"),
        _object("A margin.", {"radius": {"type": "number", "minimum": 0}}, "radius"),
    ],
}
_MESSAGE = _object(
    "One message of a conversation.",
    {
        "role": {"enum": list(ROLES)},
        "content": {"type": "string", "maxLength": MAX_TEXT},
    },
    "role",
    "content",
)
_ASSERTION = _object(
    "One check.",
    {
        "name": {"type": "string", "minLength": 1, "maxLength": 1000},
        "passed": {"type": "boolean"},
        "message": {"type": "string", "maxLength": 10_000},
    },
    "name",
    "passed",
)
_SAMPLE = _object(
    "One item that was asked.",
    {
        "id": {"type": "string", "minLength": 1, "maxLength": 200},
        "score": {
            "description": "A number, right or wrong; null where the item has no score.",
            "anyOf": [_NUMBER, {"type": "boolean"}, {"type": "null"}],
        },
        "output": {
            "type": "string",
            "maxLength": MAX_TEXT,
            "description": "What the model answered, as it was scored.",
        },
        "messages": {"type": "array", "items": _MESSAGE, "maxItems": MAX_MESSAGES},
        "assertions": {"type": "array", "items": _ASSERTION, "maxItems": MAX_ASSERTIONS},
        "error": {
            "type": "string",
            "maxLength": 10_000,
            "description": "Why it has no score.",
        },
    },
    "id",
    "score",
)
RESULT_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Plumbmark result file",
    **_object(
        "What a program without the SDK leaves as plumbmark.result.json in its working folder.",
        {
            "plumbmark": {"const": FORMAT, "description": "The version of this format."},
            "score": _SCORE,
            "interval": _INTERVAL,
            "metric": {
                "type": "string",
                "minLength": 1,
                "maxLength": 80,
                "description": "What the score is called.",
            },
            "samples": {"type": "array", "items": _SAMPLE, "maxItems": MAX_SAMPLES},
        },
        "plumbmark",
    ),
    "anyOf": [{"required": ["score"]}, {"required": ["samples"]}],
}
