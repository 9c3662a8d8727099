"""From pydantic's errors to problems in our words, each at the place of its value."""

import json
import re
from collections.abc import Iterable
from itertools import islice
from typing import Any, NamedTuple

from pydantic import ValidationError
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from plumbmark.shapes.names import suggest_name

Place = tuple[str | int, ...]

_KINDS = {
    "string_type": "text",
    "int_type": "an integer",
    "float_type": "a number",
    "bool_type": "a boolean",
    "tuple_type": "a list",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
}
_OWN = "problem"
MAX_PROBLEMS = 100
"""Of one model: suggestions take time, and nobody reads more."""


class ShapeProblem(NamedTuple):
    """One thing wrong with a value; `path` leads from the whole to its place."""

    path: Place
    message: str

    def __str__(self) -> str:
        place = ".".join(map(str, self.path))
        return f"{place}: {self.message}" if place else self.message


def problem(message: str) -> PydanticCustomError:
    """Return an error for a validator to raise, which is shown in these words."""
    return PydanticCustomError(_OWN, "{message}", {"message": message})


def read_problems(error: ValidationError) -> list[ShapeProblem]:
    return [read_problem(one) for one in _first_errors(error)]


def read_problem(error: ErrorDetails, known: Iterable[str] = ()) -> ShapeProblem:
    """Return one error's place and words; `known` are the keys that its model has."""
    place, value, about = error["loc"], error["input"], error.get("ctx", {})
    match error["type"]:
        case "missing" if isinstance(place[-1], int):
            return ShapeProblem(place[:-1], f"needs at least {place[-1] + 1}")
        case "missing":
            return ShapeProblem(place[:-1], f"the key {place[-1]!r} is missing")
        case "extra_forbidden":
            keys = sorted(known)
            hint = suggest_name(str(place[-1]), keys) or f"; known keys: {', '.join(keys)}"
            return ShapeProblem(place, f"the key is not known{hint}")
        case "literal_error":
            return ShapeProblem(place, _choice_message(value, about["expected"]))
        case "union_tag_not_found":
            return ShapeProblem(place, f"the key {about['discriminator']} is missing")
        case "union_tag_invalid":
            key = about["discriminator"].strip("'")
            return ShapeProblem((*place, key), _choice_message(value[key], about["expected_tags"]))
        case kind if kind in _KINDS:
            return ShapeProblem(place, f"must be {_KINDS[kind]}, not {format_value(value)}")
        case "string_too_short":
            return ShapeProblem(place, "must not be empty")
        case "string_too_long":
            return ShapeProblem(place, f"must have at most {about['max_length']:,} characters")
        case "too_short":
            return ShapeProblem(place, f"needs at least {about['min_length']}")
        case "too_long":
            return ShapeProblem(place, f"takes at most {about['max_length']}")
        case "greater_than_equal":
            return ShapeProblem(place, f"must be at least {_format_limit(about['ge'])}")
        case "greater_than":
            return ShapeProblem(place, f"must be more than {_format_limit(about['gt'])}")
        case "less_than_equal":
            return ShapeProblem(place, f"must be at most {_format_limit(about['le'])}")
        case kind if kind == _OWN:
            # Whole: a hint stands at the end of a long list.
            return ShapeProblem(place, error["msg"])
        case _:
            return ShapeProblem(place, error["msg"][:200])


def reword(
    error: ValidationError, *, known: Iterable[str] = (), below: str | int | None = None
) -> ValidationError:
    """Return the error in our words; `below` a first step, only what is there, and without it."""
    cut = 0 if below is None else 1
    return ValidationError.from_exception_data(
        error.title,
        [
            InitErrorDetails(type=problem(found.message), loc=found.path[cut:], input=None)
            for one in _first_errors(error)
            if not cut or one["loc"][0] == below
            for found in [read_problem(one, known)]
        ],
    )


def is_of_other_type(error: ErrorDetails, depth: int = 0) -> bool:
    """Return whether the value itself, at this depth, has another JSON type than it must have."""
    return len(error["loc"]) == depth and error["type"] in _KINDS


def format_value(value: Any) -> str:
    """Format a value as the author may have written it."""
    text = repr(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 60 else text[:57] + "…"


def _first_errors(error: ValidationError) -> Iterable[ErrorDetails]:
    """Return the first errors, without those that say again what another one says."""
    found = error.errors(include_url=False)
    # Each entry that a list lacks is an error; the last one has the length.
    lengths = {one["loc"][:-1]: one["loc"][-1] for one in found if _lacks_entry(one)}
    return islice(
        (
            one
            for one in found
            if not _follows_from_another(one)
            and (not _lacks_entry(one) or lengths[one["loc"][:-1]] == one["loc"][-1])
        ),
        MAX_PROBLEMS,
    )


def _lacks_entry(error: ErrorDetails) -> bool:
    return error["type"] == "missing" and isinstance(error["loc"][-1], int)


def _follows_from_another(error: ErrorDetails) -> bool:
    """Return whether it is there only because an entry of the list, or another field, is wrong."""
    if error["type"] == "too_short":
        return bool(len(error["input"]) >= error["ctx"]["min_length"])
    return error["type"] == "default_factory_not_called"


def _choice_message(value: Any, expected: str) -> str:
    """Return the message about a value that is none of those that pydantic lists in `expected`."""
    allowed = re.findall(r"'([^']*)'", expected)
    if not allowed:
        return f"must be {expected}, not {format_value(value)}"
    return (
        f"must be one of {', '.join(allowed)}, not {format_value(value)}"
        f"{suggest_name(str(value), allowed)}"
    )


def _format_limit(limit: float) -> str:
    return str(int(limit)) if limit == int(limit) else str(limit)
