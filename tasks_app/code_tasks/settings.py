"""The settings beside an author's code: a few keys in YAML or JSON, all of them optional.

main: Capitals            # the task whose score counts; else every task that runs
timeout_minutes: 30       # 1 to 240
environment: bare         # or kaggle-benchmarks; by default what the code imports
private: false            # code, data, log and files are for the authors alone
metric: {name: accuracy, direction: higher, unit: share, lower: 0, upper: 1}
judge: openai/gpt-5          # the SDK's judge_llm; else every model judges itself
models: [openai/gpt-5-mini]  # further models that the code may ask
"""

import re
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    Field,
    FiniteFloat,
    ValidationError,
    ValidationInfo,
    field_validator,
)

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.scoring.metrics import (
    MAX_SCORE,
    MIN_WIDTH,
    NUMBER_FORMATS,
    NumberFormat,
    find_format_problem,
)
from plumbmark.shapes import Forms, ListOf, Optionally, StrictModel, Worded, problem, read_problems
from tasks_app.definitions.document import MetricSpec
from tasks_app.definitions.source_map import (
    format_path,
    read_json,
    read_yaml,
)

BARE = "bare"
KAGGLE = "kaggle-benchmarks"
MAX_MINUTES = 240
MAX_MODELS = 20
_NAME_OF_MODEL = re.compile(r"[^\s,\x00-\x1f]{1,200}")


def is_name_of_model(value: object) -> bool:
    """Return whether it can be in the comma-separated list that the SDK reads."""
    return isinstance(value, str) and _NAME_OF_MODEL.fullmatch(value) is not None


def _check_name(name: str) -> str:
    if not is_name_of_model(name):
        raise ValueError
    return name


def _check_task(main: str | None) -> str | None:
    if main is not None and not 1 <= len(main.strip()) <= 200:
        raise ValueError
    return main


def _check_models(models: tuple[str, ...]) -> tuple[str, ...]:
    if len(models) > MAX_MODELS or len(set(models)) < len(models):
        raise problem(f"must name at most {MAX_MODELS} models, each once")
    return models


_Bound = Annotated[
    Annotated[FiniteFloat, Field(ge=-MAX_SCORE, le=MAX_SCORE)] | None,
    Worded(f"must be a number between -{MAX_SCORE:g} and {MAX_SCORE:g}"),
]
_ModelName = Annotated[str, AfterValidator(_check_name)]


class _MetricEntry(StrictModel):
    name: Annotated[
        str, Field(max_length=80), Worded("must be a text of at most 80 characters")
    ] = "score"
    direction: Literal["higher", "lower"] = "higher"
    unit: Annotated[
        str, Field(max_length=40), Worded("must be a text of at most 40 characters")
    ] = ""
    upper: _Bound = None
    lower: _Bound = None
    format: Annotated[
        NumberFormat | None, Worded(f"must be one of {', '.join(NUMBER_FORMATS)}")
    ] = None

    @field_validator("format")
    @classmethod
    def _check_format(cls, name: str | None, info: ValidationInfo) -> str | None:
        data = info.data
        if not {"lower", "upper"} <= data.keys():
            return name
        if found := find_format_problem(name, data["lower"], data["upper"]):
            raise problem(found)
        return name

    @field_validator("lower")
    @classmethod
    def _check_bounds(cls, lower: float | None, info: ValidationInfo) -> float | None:
        upper = info.data.get("upper")
        if lower is not None and upper is not None and lower >= upper:
            raise problem("must be below the upper bound")
        if lower is not None and upper is not None and upper - lower < MIN_WIDTH:
            raise problem(f"must be at least {MIN_WIDTH:g} below the upper bound")
        return lower


class CodeSettings(StrictModel):
    """None: not said, so that the code decides."""

    main: Annotated[
        str | None,
        AfterValidator(_check_task),
        Worded("must be the name or the variable of a task"),
    ] = None
    timeout_minutes: Annotated[
        int, Field(ge=1, le=MAX_MINUTES), Worded(f"must be a whole number from 1 to {MAX_MINUTES}")
    ] = 30
    environment: Optionally[Literal["bare", "kaggle-benchmarks"]] = None
    is_private: Annotated[bool, Worded("must be true or false")] = Field(
        default=False, alias="private"
    )
    metric: Annotated[
        MetricSpec | None,
        Forms(
            _MetricEntry,
            becomes=lambda entry: MetricSpec(**dict(entry)),
            kinds="keys and values (name, direction, unit, lower, upper, format)",
        ),
    ] = None
    description: Annotated[
        str, Field(max_length=20_000), Worded("must be a text of at most 20,000 characters")
    ] = ""
    judge: Annotated[
        _ModelName, Worded("must be the name of a model, without spaces and commas")
    ] = ""
    """The deployment that judges; empty: the model under test judges itself."""
    models: Annotated[
        ListOf[_ModelName],
        Worded("must be a list of models' names, without spaces and commas"),
        AfterValidator(_check_models),
    ] = ()
    """Further deployments that the code may ask."""


def parse_settings(text: str) -> CodeSettings:
    """Parse the settings, which may be empty; raise `InvalidInput` with the line of every
    problem.
    """
    if not text.strip():
        return CodeSettings()
    located = read_json(text) if text.lstrip().startswith("{") else read_yaml(text)
    if located.value is None:
        return CodeSettings()
    if not isinstance(located.value, dict):
        raise InvalidInput([Problem("must be keys and values", "settings", 1)])
    try:
        return CodeSettings.model_validate(located.value)
    except ValidationError as error:
        problems = []
        for found in read_problems(error):
            place = located.place_of(found.path)
            path = f"settings.{format_path(found.path)}"
            problems.append(Problem(found.message, path, place.line if place else None))
        raise InvalidInput(sorted(problems, key=lambda one: one.line or 0)) from None
