"""Models of documents: what is taken, what is said of the rest and where, and the schema."""

from typing import Annotated, Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field, ValidationError

from plumbmark.shapes import (
    AS_WRITTEN,
    BY_TYPE,
    UNIQUE,
    Forms,
    ListOf,
    Matching,
    Optionally,
    StrictModel,
    Worded,
    published_schema,
    read_problems,
)
from plumbmark.shapes.problems import MAX_PROBLEMS


class Point(StrictModel):
    """A place on the map."""

    type: Literal["point"]
    x: int = 0


class Circle(StrictModel):
    type: Literal["circle"]
    radius: Annotated[float, Field(gt=0), AS_WRITTEN]


class Drawing(StrictModel):
    figures: ListOf[Annotated[Point | Circle, Field(discriminator="type"), BY_TYPE]]
    title: Optionally[Annotated[str, Field(min_length=1)]] = None
    colours: Annotated[ListOf[str], UNIQUE] = ()
    code: Annotated[str, Matching("^[a-z]+$", "small letters")] = "a"
    size: Annotated[int, Field(ge=1), Worded("must be a size")] = 1
    centre: Annotated[str, Forms(str | Point, becomes=str, description="A name or a point.")] = (
        "middle"
    )
    scale: Annotated[float | str, Forms(float | str, kinds="a number or string")] = 1
    ends: Annotated[tuple[int, int], Field(strict=False)] = (0, 1)


def problems(**fields: Any) -> list[str]:
    try:
        Drawing.model_validate({"figures": [], **fields})
    except ValidationError as error:
        return [str(one) for one in read_problems(error)]
    return []


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        ({}, []),
        ({"figures": {}}, ["figures: must be a list, not {}"]),
        ({"figures": [5]}, ["figures.0: must be keys and values, not 5"]),
        ({"figures": [{}]}, ["figures.0: the key 'type' is missing"]),
        (
            {"figures": [{"type": "pint"}]},
            ["figures.0.type: must be one of point, circle, not 'pint'; did you mean 'point'?"],
        ),
        (
            {"figures": [{"type": "circle", "circle": {}}]},
            [
                "figures.0: the key 'radius' is missing",
                "figures.0.circle: the key is not known; known keys: radius, type",
            ],
        ),
        ({"figures": [{"type": "circle", "radius": 0}]}, ["figures.0.radius: must be more than 0"]),
        ({"title": None}, ["title: must be text, not null"]),
        ({"titel": "x"}, ["titel: the key is not known; did you mean 'title'?"]),
        ({"colours": ["a", "b", "a"]}, ["colours: names the same twice; leave one"]),
        (
            {"colours": ["a", 1, "b", 2]},
            [f"colours.{n}: must be text, not {m}" for n, m in ((1, 1), (3, 2))],
        ),
        ({"code": "a\n"}, ["code: must be small letters, not 'a\\n'"]),
        ({"size": True}, ["size: must be a size"]),
        ({"size": 0}, ["size: must be a size"]),
        ({"centre": 5}, ["centre: has the wrong form: 5. A name or a point."]),
        ({"centre": {"type": "point", "x": "1"}}, ["centre.x: must be an integer, not '1'"]),
        ({"scale": [1]}, ["scale: must be a number or string, not [1]"]),
        ({"ends": []}, ["ends: needs at least 2"]),
        ({"ends": [1, 2, 3]}, ["ends: takes at most 2"]),
    ],
)
def test_what_is_wrong_is_said_once_at_its_place(fields: dict[str, Any], found: list[str]) -> None:
    assert problems(**fields) == found


def test_values_become_what_their_types_say() -> None:
    drawing = Drawing.model_validate(
        {"figures": [{"type": "circle", "radius": 1}], "centre": {"type": "point"}}
    )

    (circle,) = drawing.figures
    assert isinstance(circle, Circle)
    assert isinstance(circle.radius, int)
    assert drawing.centre == "type='point' x=0"
    assert drawing.title is None


def test_of_many_problems_the_first_are_told() -> None:
    found = problems(**{f"key{number}": 1 for number in range(5 * MAX_PROBLEMS)})

    assert len(found) == MAX_PROBLEMS
    assert found[0].startswith("key0: ")


def test_the_schema_is_in_one_piece_and_says_what_the_model_does() -> None:
    schema = published_schema(Drawing)

    Draft202012Validator.check_schema(schema)
    assert schema["required"] == ["figures"]
    assert schema["properties"]["title"] == {"type": "string", "minLength": 1}
    assert schema["properties"]["scale"] == {"type": ["number", "string"], "default": 1}
    point = schema["properties"]["figures"]["items"]["allOf"][0]["then"]
    assert point == {
        "type": "object",
        "description": "A place on the map.",
        "additionalProperties": False,
        "properties": {"type": {"const": "point"}, "x": {"type": "integer", "default": 0}},
        "required": ["type"],
    }
    validator = Draft202012Validator(schema)
    for fields in ({"figures": [{"type": "circle"}]}, {"title": None}, {"ends": [1]}, {"x": 1}):
        document = {"figures": [], **fields}
        assert not validator.is_valid(document), fields
        assert problems(**document), fields
