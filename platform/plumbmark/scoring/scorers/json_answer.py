"""JSON: the answer is JSON, follows a schema, and a field of it equals a target."""

import json
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from plumbmark.scoring.json_schemas import fault, schema_problem
from plumbmark.scoring.normalisation import DEFAULT_STEPS, normaliser
from plumbmark.scoring.scorers.base import (
    Normalise,
    Scorer,
    ScorerContext,
    ScorerSpecError,
    Target,
    list_targets,
    target_list,
    target_text,
)
from plumbmark.scoring.scorers.code_execution import code_in
from plumbmark.scoring.verdicts import Verdict, quote
from plumbmark.shapes import Optionally
from plumbmark.strict_json import JsonError, JsonReader

_READER = JsonReader()
_MISSING = object()


class _NotJson(ValueError):
    """Why an output is no JSON."""


class JsonAnswer(Scorer):
    """Right where the output is JSON (in a fenced block or bare), follows a schema, and a field of
    it equals a target."""

    version: ClassVar[str] = "2"

    type: Literal["json"]
    path: Annotated[str, Field(max_length=400)] = Field(
        default="",
        alias="field",
        description="Where the answer stands: keys and indexes with dots between them, as "
        "`steps.0.result`. Without it only the form is looked at.",
    )
    normalise: Normalise = DEFAULT_STEPS
    answer_schema: Optionally[dict[str, Any]] = Field(
        default=None,
        alias="schema",
        description="A JSON Schema that the answer must follow; `prompt.output_schema` where it is "
        "left out.",
    )

    def check(self) -> None:
        if self.answer_schema is not None and (problem := schema_problem(self.answer_schema)):
            raise ScorerSpecError(f"the schema {problem}", "schema")

    def score(self, output: str, target: Target, context: ScorerContext) -> Verdict:
        try:
            value = _read(output)
        except _NotJson as error:
            return Verdict(0.0, None, f"The answer is no JSON: {error}.")
        if self.answer_schema is not None and (why := fault(value, self.answer_schema)):
            return Verdict(0.0, None, f"The answer does not follow the schema: {why}.")
        if not self.path:
            return Verdict(1.0, None, "The answer has the form that was asked for.")
        found = _at(value, self.path)
        if found is _MISSING:
            return Verdict(0.0, None, f"The answer has no {self.path}.")
        said = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)
        normalise = normaliser(self.normalise)
        for one in (target_text(one) for one in target_list(target)):
            if normalise(said) == normalise(one) or _same_number(found, one):
                return Verdict(1.0, said, f"{self.path} equals {quote(one)}.")
        targets = [target_text(one) for one in target_list(target)]
        return Verdict(0.0, said, f"{self.path} is {quote(said)}, not {list_targets(targets)}.")

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        if not self.path or target_list(target):
            return None
        return "there is no target to compare with"


def _read(output: str) -> Any:
    """Return the JSON of an answer, with or without a fenced block around it."""
    text = output.strip()
    if not text.startswith(("{", "[")):
        text = code_in(output).strip()
    if not text:
        raise _NotJson("it is empty")
    try:
        return _READER.read(text)
    except JsonError as error:
        raise _NotJson(error.describe()) from None


def _at(value: Any, path: str) -> Any:
    for part in path.split("."):
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and part.isascii() and part.isdigit() and len(part) < 7:
            if int(part) >= len(value):
                return _MISSING
            value = value[int(part)]
        else:
            return _MISSING
    return value


def _same_number(found: Any, target: str) -> bool:
    """Return whether the numbers are equal, as 4 and 4.0: JSON writes a number in many ways.

    They are compared as decimals: doubles do not tell large integers apart.
    """
    if isinstance(found, bool) or not isinstance(found, int | float):
        return False
    try:
        wanted = Decimal(target.strip())
    except InvalidOperation:
        return False
    value = Decimal(found) if isinstance(found, int) else Decimal(repr(found))
    return value.is_finite() and wanted.is_finite() and value == wanted
