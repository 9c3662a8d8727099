"""The options of every type of tool, and the limits of a sample, as JSON Schema.

`plumbmark.engine.tools` reads the same options; a test holds the two together.
"""

from typing import Any

TOOL_NAME_PATTERN = "^[a-zA-Z0-9_-]{1,64}$"

DOLLARS_PATTERN = r"^[0-9]{1,6}(\.[0-9]{1,9})?$"

DEFAULT_STEPS = 10
DEFAULT_TOOL_CALLS = 20
DEFAULT_RESULT_BYTES = 4096

_SECONDS = "Seconds after which a call has failed."
_ARGUMENTS = {
    "type": "object",
    "description": "The values that arguments must have; what is left out may be anything.",
}

TOOL_OPTIONS: dict[str, dict[str, Any]] = {
    "calculator": {
        "description": "Arithmetic, exact for decimals and fractions, within bounds.",
        "properties": {},
    },
    "python": {
        "description": "Runs a Python program in the sandbox; every call is a new one.",
        "properties": {
            "timeout_seconds": {
                "type": "number",
                "minimum": 0.1,
                "maximum": 60,
                "default": 10,
                "description": _SECONDS,
            },
            "memory_mib": {
                "type": "integer",
                "minimum": 64,
                "maximum": 2048,
                "default": 512,
                "description": "MiB that a call may use.",
            },
        },
    },
    "function": {
        "description": "A function of the author's, whose answers are written down or come from a "
        "script in the sandbox.",
        "properties": {
            "parameters": {
                "type": "object",
                "description": "A JSON Schema of type object that the arguments must follow.",
            },
            "answers": {
                "type": "array",
                "minItems": 1,
                "maxItems": 200,
                "description": "The first that fits the arguments is given. Texts are templates.",
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["return"],
                    "properties": {
                        "when": _ARGUMENTS,
                        "return": {"description": "The answer: text, or what is sent as JSON."},
                    },
                },
            },
            "otherwise": {
                "description": "The answer where no other fits; an error where it is left out."
            },
            "script": {
                "type": "string",
                "minLength": 1,
                "maxLength": 100_000,
                "description": "Python that defines `call(arguments, item)` and returns the "
                "answer.",
            },
            "columns": {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": 200},
                "maxItems": 50,
                "uniqueItems": True,
                "description": "The columns that the script finds in `item`.",
            },
            "timeout_seconds": {
                "type": "number",
                "minimum": 0.1,
                "maximum": 30,
                "default": 5,
                "description": _SECONDS,
            },
        },
        "required": ["name", "description"],
    },
}


def _tool(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "description": options["description"],
        "additionalProperties": False,
        "required": ["type", *options.get("required", [])],
        "properties": {
            "type": {"const": kind},
            "name": {
                "type": "string",
                "pattern": TOOL_NAME_PATTERN,
                "description": "What the model calls it; the type where it is left out.",
            },
            "description": {
                "type": "string",
                "minLength": 1,
                "maxLength": 4000,
                "description": "What the model is told of it.",
            },
            **options["properties"],
        },
    }


TOOL_SCHEMAS = {kind: _tool(kind, options) for kind, options in TOOL_OPTIONS.items()}

TOOLS: dict[str, Any] = {
    "type": "array",
    "minItems": 1,
    "maxItems": 32,
    "description": "What the model may call before it answers.",
    "items": {
        "type": "object",
        "required": ["type"],
        "properties": {"type": {"enum": list(TOOL_OPTIONS)}},
        "allOf": [
            {
                "if": {"properties": {"type": {"const": kind}}, "required": ["type"]},
                "then": schema,
            }
            for kind, schema in TOOL_SCHEMAS.items()
        ],
    },
}

LIMITS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "description": "What one sample may use. Reaching a limit ends it: it is scored as it stands.",
    "properties": {
        "max_steps": {
            "type": "integer",
            "minimum": 1,
            "maximum": 200,
            "description": f"Calls of the model: {DEFAULT_STEPS}, and one more for each further "
            "turn, where it is left out.",
        },
        "max_tool_calls": {
            "type": "integer",
            "minimum": 1,
            "maximum": 1000,
            "default": DEFAULT_TOOL_CALLS,
        },
        "max_tool_result_bytes": {
            "type": "integer",
            "minimum": 256,
            "maximum": 65_536,
            "default": DEFAULT_RESULT_BYTES,
            "description": "The middle of a longer result is left out.",
        },
        "max_output_tokens_total": {
            "type": "integer",
            "minimum": 1,
            "maximum": 10_000_000,
            "description": "Of all answers of a sample together.",
        },
        "max_cost_usd": {
            "type": ["number", "string"],
            "exclusiveMinimum": 0,
            "maximum": 1_000_000,
            "pattern": DOLLARS_PATTERN,
            "description": "US dollars of all calls of a sample: none is made once they are spent.",
        },
    },
}
