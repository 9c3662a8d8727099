"""The published JSON Schema of task definitions (draft 2020-12).

It is served at `/schemas/task-definition.json` and documented in docs/authors/definitions.md.
"""

from typing import Any

from plumbmark.scoring.scorers import ScorerEntry
from plumbmark.shapes import published_schema
from tasks_app.definitions.tool_schemas import LIMITS, TOOLS

MAX_REPEATS = 100
MAX_OUTPUT_TOKENS = 1_000_000
DEFAULT_OUTPUT_TOKENS = 4096

_COLUMN = {"type": "string", "minLength": 1, "maxLength": 200}
_COLUMNS = {
    "type": "array",
    "items": _COLUMN,
    "minItems": 1,
    "maxItems": 50,
    "uniqueItems": True,
}
_TEXT = {"type": "string", "maxLength": 100_000}


def _object(description: str, properties: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "description": description,
        "properties": properties,
        "additionalProperties": False,
        **more,
    }


_TARGET = _object(
    "Where an item's right answer stands.",
    {
        "column": {**_COLUMN, "description": "The column that holds it."},
        "columns": {
            **_COLUMNS,
            "description": "Several columns, each holding an answer that counts as right.",
        },
        "after": {
            "type": "string",
            "minLength": 1,
            "maxLength": 100,
            "description": "Take only the text after the last occurrence of this mark.",
        },
        "pattern": {
            "type": "string",
            "minLength": 1,
            "maxLength": 1000,
            "description": "An RE2 pattern; its first group (or the whole match) is the answer.",
        },
        "strip": {
            "type": "boolean",
            "default": True,
            "description": "Remove white space around it.",
        },
    },
)

_DATA = _object(
    "How the columns of the data file are used.",
    {
        "format": {
            "enum": ["jsonl", "csv"],
            "description": "Guessed from the file's name where it is left out.",
        },
        "id": {
            **_COLUMN,
            "description": "The column of unique ids. Without it, items are numbered.",
        },
        "target": {
            "description": "The column of the right answer, or where in it the answer stands.",
            "anyOf": [_COLUMN, _TARGET],
        },
        "cluster": {
            **_COLUMN,
            "description": "Items with the same value here belong together (one passage, one "
            "source): intervals take it into account.",
        },
        "slices": {**_COLUMNS, "description": "Columns by which scores may be broken down."},
        "split": _object(
            "Which items stay private.",
            {
                "column": _COLUMN,
                "private": {
                    "type": "array",
                    "items": {"type": "string", "maxLength": 200},
                    "minItems": 1,
                    "maxItems": 50,
                    "description": "Values of the column that make an item private.",
                },
            },
            required=["column", "private"],
        ),
        "choices": {
            "description": "The options of multiple-choice items: a column with a list, or one "
            "column per option.",
            "anyOf": [_COLUMN, _COLUMNS],
        },
    },
)

_FILE = {
    "type": "string",
    "minLength": 1,
    "maxLength": 1000,
    "description": "The name of an attached file, usually `{column}`.",
}
_OPTIONAL = {
    "type": "boolean",
    "default": False,
    "description": "Leave the part out where the name is empty; otherwise that is an error.",
}
_CONTENT = {
    "description": "Content is text, or a list of parts, each {text: …}, {image: …} or {audio: …}.",
    "anyOf": [
        {**_TEXT, "minLength": 1},
        {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": {
                "type": "object",
                "description": "A part: text, or the name of an attached file.",
                "properties": {
                    "text": {**_TEXT, "minLength": 1},
                    "image": _FILE,
                    "audio": _FILE,
                    "optional": _OPTIONAL,
                },
                "additionalProperties": False,
            },
        },
    ],
}

_PROMPT = _object(
    "What is asked. `{column}` is replaced by the item's value, `{{` and `}}` are literal braces, "
    "and `{choices}` is the list of options.",
    {
        "system": {**_TEXT, "description": "The system prompt; may use columns."},
        "messages": {
            "type": "array",
            "minItems": 1,
            "maxItems": 50,
            "items": _object(
                "A message template.",
                {
                    "role": {"enum": ["user", "assistant", "system"]},
                    "content": _CONTENT,
                },
                required=["role", "content"],
            ),
        },
        "few_shot": {
            "type": "array",
            "maxItems": 100,
            "description": "Worked examples, before the item's own messages. Taken literally.",
            "items": _object(
                "An example.",
                {
                    "user": _CONTENT,
                    "assistant": {**_TEXT, "minLength": 1},
                },
                required=["user", "assistant"],
            ),
        },
        "follow_ups": {
            "type": "array",
            "maxItems": 20,
            "items": {**_TEXT, "minLength": 1},
            "description": "The user's further turns, each said after the model's answer to the "
            "one before; templates like messages. The last answer is scored.",
        },
        "simulated_user": _object(
            "Another model that plays the user: it answers the candidate until it is done.",
            {
                "model": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 200,
                    "description": "Its deployment, pinned by name.",
                },
                "instructions": {
                    **_TEXT,
                    "minLength": 1,
                    "description": "Who it is and what it wants: a template like messages, whose "
                    "columns the candidate need not see.",
                },
                "stop": {
                    "type": "string",
                    "minLength": 1,
                    "maxLength": 100,
                    "default": "DONE",
                    "description": "What it says when it is done; its message is not passed on.",
                },
                "max_turns": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": 30,
                    "default": 6,
                    "description": "Answers of the candidate at most.",
                },
                "max_output_tokens": {
                    "type": "integer",
                    "minimum": 16,
                    "maximum": 32_768,
                    "default": 512,
                },
            },
            required=["model", "instructions"],
        ),
        "scored": {
            "enum": ["last", "conversation"],
            "default": "last",
            "description": "What scorers see as the output: the last answer, or all of it.",
        },
        "output_schema": {
            "type": "object",
            "description": "A JSON Schema (of type object) that the answer is to follow. Providers "
            "that can are held to it; the `json` scorer checks it.",
        },
        "choice_order": {
            "enum": ["as-given", "shuffled"],
            "default": "as-given",
            "description": "Shuffled: the order of options differs from item to item, by the seed.",
        },
        "choice_seed": {"type": "integer", "minimum": 0, "maximum": 2**31, "default": 0},
    },
    required=["messages"],
)

_SAMPLING = _object(
    "How the answer is drawn. What is left out is left to the provider.",
    {
        "temperature": {"type": "number", "minimum": 0, "maximum": 2},
        "top_p": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        "seed": {"type": "integer", "minimum": 0, "maximum": 2**31},
        "stop": {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 100},
            "maxItems": 4,
        },
        "max_output_tokens": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_OUTPUT_TOKENS,
            "default": DEFAULT_OUTPUT_TOKENS,
        },
    },
)


DEFINITION_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "/schemas/task-definition.json",
    "title": "Plumbmark task definition",
    "type": "object",
    "additionalProperties": False,
    "required": ["plumbmark", "prompt", "scorers"],
    "properties": {
        "plumbmark": {"const": 1, "description": "The version of this format."},
        "description": {**_TEXT, "description": "For readers, in Markdown."},
        "language": {
            "type": "string",
            "maxLength": 35,
            "description": "The items' language, as a BCP 47 tag.",
        },
        "data": _DATA,
        "prompt": _PROMPT,
        "tools": TOOLS,
        "limits": LIMITS,
        "sampling": _SAMPLING,
        "repeats": {
            "type": "integer",
            "minimum": 1,
            "maximum": MAX_REPEATS,
            "default": 1,
            "description": "How often each item is asked.",
        },
        "scorers": {
            "type": "array",
            "minItems": 1,
            "maxItems": 10,
            "items": published_schema(ScorerEntry),
        },
        "main": {
            "type": "string",
            "description": "The name of the scorer that counts; the first where it is left out.",
        },
    },
}
