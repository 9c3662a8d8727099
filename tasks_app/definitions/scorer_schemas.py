"""The options of every scorer type as JSON Schema, for the published schema.

`plumbmark.scoring.scorers` reads the same options; a test holds the two together.
"""

from typing import Any

from plumbmark.scoring.normalisation import DEFAULT_STEPS, STEPS

_AFTER: dict[str, Any] = {
    "description": "Look only at what follows the last of these marks.",
    "anyOf": [
        {"type": "string", "minLength": 1, "maxLength": 100},
        {
            "type": "array",
            "items": {"type": "string", "minLength": 1, "maxLength": 100},
            "minItems": 1,
            "maxItems": 10,
        },
    ],
}
_WITHOUT_MARKER: dict[str, Any] = {
    "enum": ["wrong", "anywhere"],
    "default": "wrong",
    "description": "An output without the mark: is wrong, or is looked at whole.",
}
_NORMALISE: dict[str, Any] = {
    "type": "array",
    "items": {"enum": list(STEPS)},
    "maxItems": len(STEPS),
    "default": list(DEFAULT_STEPS),
    "description": "What to even out in answer and target before they are compared, in order.",
}
_PLACE = {"after": _AFTER, "without_marker": _WITHOUT_MARKER}
_TOOL: dict[str, Any] = {"type": "string", "minLength": 1, "maxLength": 64}
_CALL_ARGUMENTS: dict[str, Any] = {
    "type": "object",
    "description": "What the arguments must hold; they may hold more. Texts are templates.",
}
_TOLERANCE: dict[str, Any] = {"type": ["number", "string"], "default": 0}


def _flag(description: str, default: bool) -> dict[str, Any]:
    return {"type": "boolean", "default": default, "description": description}


SCORER_OPTIONS: dict[str, dict[str, Any]] = {
    "exact": {
        "description": "Right where the output equals a target.",
        "properties": {**_PLACE, "normalise": _NORMALISE},
    },
    "includes": {
        "description": "Right where the output contains a target.",
        "properties": {
            **_PLACE,
            "normalise": _NORMALISE,
            "whole_words": _flag("Only between word borders.", False),
        },
    },
    "regex": {
        "description": "Takes the answer with an RE2 pattern and compares it with the target, or "
        "is right wherever the pattern matches.",
        "properties": {
            **_PLACE,
            "pattern": {"type": "string", "minLength": 1, "maxLength": 4096},
            "group": {
                "type": ["integer", "string"],
                "description": "The group that holds the answer; the first where it is left out.",
            },
            "compare": {"enum": ["target", "pattern"], "default": "target"},
            "take": {"enum": ["last", "first"], "default": "last"},
            "ignore_case": _flag("Upper and lower case are the same.", False),
            "dot_all": _flag("A dot matches line ends too.", False),
            "full_match": _flag("The pattern must match the whole text.", False),
            "normalise": _NORMALISE,
        },
        "required": ["pattern"],
    },
    "numeric": {
        "description": "Takes a number from the output and compares it with the target's.",
        "properties": {
            **_PLACE,
            "take": {"enum": ["last", "first"], "default": "last"},
            "decimal_sign": {"enum": ["point", "comma"], "default": "point"},
            "thousands_separator": {"enum": ["comma", "point", "space", "apostrophe", "none"]},
            "fractions": _flag("Read 3/4 as a number.", True),
            "percent": {
                "enum": ["ignore", "hundredth"],
                "default": "ignore",
                "description": "Whether 5 % is 5 or 0.05.",
            },
            "absolute_tolerance": _TOLERANCE,
            "relative_tolerance": _TOLERANCE,
        },
    },
    "multiple_choice": {
        "description": "Makes out which option the output settles on.",
        "properties": {
            **_PLACE,
            "target_is": {
                "enum": ["auto", "letter", "index", "number", "text"],
                "default": "auto",
                "description": "How the target names an option: by letter, index from 0, number "
                "from 1, or its text.",
            },
            "accept_text": _flag("An option's own text counts as choosing it.", True),
        },
    },
    "json": {
        "description": "Right where the output is JSON (in a fenced block or bare), follows a "
        "schema, and a field of it equals a target.",
        "properties": {
            "field": {
                "type": "string",
                "maxLength": 400,
                "default": "",
                "description": "Where the answer stands: keys and indexes with dots between them, "
                "as `steps.0.result`. Without it only the form is looked at.",
            },
            "normalise": _NORMALISE,
            "schema": {
                "type": "object",
                "description": "A JSON Schema that the answer must follow; `prompt.output_schema` "
                "where it is left out.",
            },
        },
    },
    "model_judge": {
        "description": "Models read the answer by a rubric, or compare it with the target.",
        "properties": {
            "judges": {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": 200},
                "minItems": 1,
                "maxItems": 7,
                "uniqueItems": True,
                "description": "The deployments that judge, pinned by their names.",
            },
            "rubric": {
                "type": "string",
                "minLength": 1,
                "maxLength": 100_000,
                "description": "The criteria: a template with `{output}`, `{target}` and columns.",
            },
            "mode": {
                "enum": ["grade", "pairwise"],
                "default": "grade",
                "description": "Grade the answer, or say whether it is better than the target: "
                "asked twice with the order swapped.",
            },
            "scale": {
                "type": "array",
                "items": {"type": "number"},
                "minItems": 2,
                "maxItems": 2,
                "description": "Lowest and highest grade. Left out: correct or incorrect.",
            },
            "combine": {
                "enum": ["vote", "mean"],
                "description": "How several judges count: by majority (the default without a "
                "scale) or by their mean.",
            },
            "max_output_tokens": {
                "type": "integer",
                "minimum": 16,
                "maximum": 32_768,
                "default": 1024,
            },
        },
        "required": ["judges", "rubric"],
    },
    "tool_use": {
        "description": "Right where the model called the tools that it should, and none that it "
        "should not.",
        "properties": {
            "required": {
                "type": "array",
                "maxItems": 50,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["tool"],
                    "properties": {
                        "tool": _TOOL,
                        "arguments": _CALL_ARGUMENTS,
                        "times": {
                            "description": "How often: a number, or the fewest and the most "
                            "(null: any number). At least once where it is left out.",
                            "anyOf": [
                                {"type": "integer", "minimum": 0, "maximum": 1000},
                                {
                                    "type": "array",
                                    "prefixItems": [
                                        {"type": "integer", "minimum": 0, "maximum": 1000},
                                        {"type": ["integer", "null"], "minimum": 0},
                                    ],
                                    "items": False,
                                    "minItems": 2,
                                },
                            ],
                        },
                    },
                },
                "description": "Calls that must be made, and answered without an error.",
            },
            "forbidden": {
                "type": "array",
                "maxItems": 50,
                "items": {
                    "type": "object",
                    "additionalProperties": False,
                    "required": ["tool"],
                    "properties": {"tool": _TOOL, "arguments": _CALL_ARGUMENTS},
                },
                "description": "Calls that must not be made.",
            },
            "order": {
                "enum": ["any", "strict"],
                "default": "any",
                "description": "Strict: the required calls come in the order in which they stand.",
            },
            "max_calls": {
                "type": "integer",
                "minimum": 0,
                "maximum": 1000,
                "description": "Calls of all tools at most.",
            },
            "partial": _flag("The score is the share of checks that hold.", False),
        },
    },
    "python": {
        "description": "The author's own function, called in the sandbox.",
        "properties": {
            "source": {
                "type": "string",
                "minLength": 1,
                "maxLength": 100_000,
                "description": "Python that defines `score(output, target, item)`, which returns a "
                "number within the metric's bounds, true or false, or an object of `value`, "
                "`explanation` and `answer`.",
            },
            "columns": {
                "type": "array",
                "items": {"type": "string", "minLength": 1, "maxLength": 200},
                "maxItems": 50,
                "uniqueItems": True,
                "default": [],
                "description": "The columns that the function finds in `item`.",
            },
            "timeout_seconds": {
                "type": "number",
                "minimum": 0.1,
                "maximum": 60,
                "default": 5,
                "description": "Seconds for each sample, after which it is unscored.",
            },
        },
        "required": ["source"],
    },
    "code_execution": {
        "description": "Right where a Python program, made of the output and the item's tests, "
        "runs to its end in the sandbox.",
        "properties": {
            "program": {
                "type": "string",
                "minLength": 1,
                "maxLength": 100_000,
                "description": "A template like a message's: `{output}` is the model's code, "
                "`{column}` an item's value, `{{` and `}}` are literal braces.",
            },
            "take": {
                "enum": ["block", "whole"],
                "default": "block",
                "description": "What `{output}` is: the last fenced code block (the whole output "
                "where there is none), or always the whole output.",
            },
            "timeout_seconds": {
                "type": "number",
                "minimum": 0.1,
                "maximum": 120,
                "default": 10,
                "description": "Seconds after which the program has failed.",
            },
        },
        "required": ["program"],
    },
}
