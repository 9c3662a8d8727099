"""The scorer of structured answers."""

from typing import Any

import pytest

from plumbmark.scoring.scorers import (
    ScorerContext,
    ScorerSpecError,
    build_scorer,
)

HERE = ScorerContext("i")
SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "steps": {"type": "array"}},
    "required": ["city"],
    "additionalProperties": False,
}


@pytest.mark.parametrize(
    ("output", "options", "target", "value", "says"),
    [
        ('{"city": "Paris"}', {"field": "city", "normalise": ["case"]}, "paris", 1.0, "equals"),
        ('```json\n{"city": "Paris"}\n```', {"field": "city"}, "Paris", 1.0, "equals"),
        ('Sure:\n```\n{"city": "Rome"}\n```', {"field": "city"}, "Paris", 0.0, "“Rome”"),
        ('{"a": [{"b": 4}]}', {"field": "a.0.b"}, "4.0", 1.0, "equals"),
        ('{"a": [{"b": 4}]}', {"field": "a.1.b"}, "4", 0.0, "has no a.1.b"),
        ('{"a": true}', {"field": "a"}, "1", 0.0, "“true”"),
        ('{"a": true}', {"field": "a"}, True, 1.0, "equals"),
        ('{"city": 3}', {"schema": SCHEMA}, None, 0.0, "city: 3 is not of type"),
        ('{"town": "x"}', {"schema": SCHEMA}, None, 0.0, "does not follow the schema"),
        ('{"city": "x"}', {"schema": SCHEMA}, None, 1.0, "form"),
        ('{"city": "x', {"field": "city"}, "x", 0.0, "no JSON"),
        ('{"city": NaN}', {"field": "city"}, "x", 0.0, "NaN is not a number"),
        ("", {}, None, 0.0, "it is empty"),
        ("[" * 100_000, {}, None, 0.0, "no JSON"),
        ('{"a": ' + "9" * 5000 + "}", {"field": "a"}, "1", 0.0, "no JSON"),
    ],
)
def test_a_structured_answer(
    output: str, options: dict[str, Any], target: Any, value: float, says: str
) -> None:
    verdict = build_scorer({"type": "json", **options}).score(output, target, HERE)
    assert verdict.value == value
    assert says in verdict.explanation


@pytest.mark.parametrize(
    ("schema", "says"),
    [
        ({"type": "objekt"}, "is no JSON Schema, at type"),
        ({"properties": {"a": {"pattern": "(a+)+"}}}, "may not use pattern"),
        ({"$ref": "https://elsewhere.example/schema"}, "may not use $ref"),
        ({"items": [{"patternProperties": {}}]}, "is no JSON Schema"),
        ("text", "must be keys and values"),
    ],
)
def test_a_schema_that_is_not_taken(schema: Any, says: str) -> None:
    with pytest.raises(ScorerSpecError) as error:
        build_scorer({"type": "json", "schema": schema})
    assert error.value.option == "schema"
    assert says in error.value.message


def test_a_property_may_be_called_pattern() -> None:
    schema = {"type": "object", "properties": {"pattern": {"type": "string"}}}
    scorer = build_scorer({"type": "json", "schema": schema})
    assert scorer.score('{"pattern": "x"}', None, HERE).value == 1.0


@pytest.mark.parametrize(
    ("number", "target", "right"),
    [
        ("9007199254740995", "9007199254740995", True),
        ("9007199254740994", "9007199254740995", False),
        ("98765432109876543000", "98765432109876543210", False),
        ("1e999", "inf", False),
        ("5", "5.0", True),
        ("0.50", "0.5", True),
    ],
)
def test_numbers_are_compared_as_decimals(number: str, target: str, right: bool) -> None:
    scorer = build_scorer({"type": "json", "field": "n"})

    verdict = scorer.score(f'{{"n": {number}}}', target, ScorerContext())

    assert verdict.value == float(right), verdict.explanation
