"""JSON: the answer is JSON, follows a schema, and a field of it equals a target."""

import json
from decimal import Decimal, InvalidOperation
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from plumbmark.scoring.json_schemas import fault, schema_problem
from plumbmark.scoring.json_texts import WrittenNumber, decimal_of, last_json
from plumbmark.scoring.normalisation import DEFAULT_STEPS, are_equal, normaliser
from plumbmark.scoring.scorers.base import (
    Normalise,
    Scorer,
    ScorerContext,
    ScorerSpecError,
    Target,
    find_blank_target,
    find_emptied_target,
    list_targets,
    target_list,
    target_text,
)
from plumbmark.scoring.verdicts import Verdict, quote
from plumbmark.shapes import Optionally
from plumbmark.strict_json import JsonError

_MISSING = object()


class JsonAnswer(Scorer):
    """Right where the output is JSON (bare, in a fenced block, or between words), follows a schema,
    and a field of it equals a target."""

    version: ClassVar[str] = "2"

    type: Literal["json"]
    path: Annotated[str, Field(max_length=400)] = Field(
        default="",
        alias="field",
        description="The place of the answer: keys and indexes with dots between them, as "
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
            answer = last_json(output)
        except JsonError as error:
            return Verdict(0.0, None, f"The answer is no JSON: {error.describe()}.")
        details: dict[str, object] = {"start": answer.start, "end": answer.end}
        if self.answer_schema is not None and (why := fault(answer.value, self.answer_schema)):
            return Verdict(0.0, None, f"The answer does not follow the schema: {why}.", details)
        if not self.path:
            return Verdict(1.0, None, "The answer has the form that was asked for.", details)
        found = _at(answer.value, self.path)
        if found is _MISSING:
            return Verdict(0.0, None, f"The answer has no {self.path}.", details)
        text = _text_of(found)
        normalise = normaliser(self.normalise)
        for one in (target_text(one) for one in target_list(target)):
            if are_equal(normalise(text), normalise(one)) or _same_number(found, one):
                return Verdict(1.0, text, f"{self.path} equals {quote(one)}.", details)
        targets = [target_text(one) for one in target_list(target)]
        return Verdict(
            0.0, text, f"{self.path} is {quote(text)}, not {list_targets(targets)}.", details
        )

    def target_problem(self, target: Target, context: ScorerContext) -> str | None:
        if not self.path:
            return None
        if not target_list(target):
            return "there is no target to compare with"
        return find_blank_target(target, self.normalise)

    def target_warning(self, target: Target, context: ScorerContext) -> str | None:
        return find_emptied_target(target, self.normalise) if self.path else None


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


def _text_of(found: Any) -> str:
    if isinstance(found, WrittenNumber):
        return found.digits
    return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)


def _same_number(found: Any, target: str) -> bool:
    """Return whether the numbers are equal, as 4 and 4.0: JSON writes a number in many ways.

    They are compared as decimals: doubles do not tell large integers apart.
    """
    value = decimal_of(found)
    try:
        return value is not None and value == Decimal(target.strip())
    except InvalidOperation:
        return False
