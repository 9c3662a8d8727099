"""The settings beside an author's code: a few keys in YAML or JSON, all of them optional.

main: Capitals            # the task whose score counts; else every task that runs
timeout_minutes: 30       # 1 to 240
environment: bare         # or kaggle-benchmarks; by default what the code imports
private: false            # code, data, log and files are for the authors alone
metric: {name: accuracy, direction: higher, unit: share, lower: 0, upper: 1}
judge: openai/gpt-5          # the SDK's judge_llm; else every model judges itself
models: [openai/gpt-5-mini]  # further models that the code may ask
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from plumbmark.common.errors import InvalidInput, Problem
from tasks_app.definitions.document import MetricSpec
from tasks_app.definitions.source_map import (
    SourceMap,
    format_path,
    read_json,
    read_yaml,
)

BARE = "bare"
KAGGLE = "kaggle-benchmarks"
ENVIRONMENTS = (BARE, KAGGLE)
DEFAULT_MINUTES = 30
MAX_MINUTES = 240
_KEYS = (
    *("main", "timeout_minutes", "environment", "private", "metric", "description"),
    *("judge", "models"),
)
MAX_MODELS = 20
_NAME_OF_MODEL = re.compile(r"[^\s,\x00-\x1f]{1,200}")
_METRIC_KEYS = ("name", "direction", "unit", "lower", "upper")


@dataclass(frozen=True, slots=True)
class CodeSettings:
    """None: not said, so that the code decides."""

    main: str | None = None
    timeout_minutes: int = DEFAULT_MINUTES
    environment: str | None = None
    is_private: bool = False
    metric: MetricSpec | None = None
    description: str = ""
    judge: str = ""
    """The deployment that judges; empty: the model under test judges itself."""
    models: tuple[str, ...] = ()
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
    problems = list(_problems(located.value, located))
    if problems:
        raise InvalidInput(problems)
    values = located.value
    return CodeSettings(
        main=values.get("main"),
        timeout_minutes=values.get("timeout_minutes", DEFAULT_MINUTES),
        environment=values.get("environment"),
        is_private=values.get("private", False),
        metric=_metric(values["metric"]) if "metric" in values else None,
        description=values.get("description", ""),
        judge=values.get("judge", ""),
        models=tuple(values.get("models", ())),
    )


def _metric(values: Mapping[str, Any]) -> MetricSpec:
    lower, upper = values.get("lower"), values.get("upper")
    return MetricSpec(
        name=values.get("name", "score"),
        direction=values.get("direction", "higher"),
        unit=values.get("unit", ""),
        lower=None if lower is None else float(lower),
        upper=None if upper is None else float(upper),
    )


def _problems(values: Mapping[str, Any], located: SourceMap) -> Iterator[Problem]:
    def problem(message: str, *path: str) -> Problem:
        place = located.place_of(path)
        return Problem(message, f"settings.{format_path(path)}", place.line if place else None)

    for key in values:
        if key not in _KEYS:
            yield problem(f"the key is not known; known keys: {', '.join(_KEYS)}", key)
    main = values.get("main")
    if main is not None and not (isinstance(main, str) and 1 <= len(main.strip()) <= 200):
        yield problem("must be the name or the variable of a task", "main")
    minutes = values.get("timeout_minutes", DEFAULT_MINUTES)
    if not _is_whole(minutes) or not 1 <= minutes <= MAX_MINUTES:
        yield problem(f"must be a whole number from 1 to {MAX_MINUTES}", "timeout_minutes")
    if values.get("environment", BARE) not in ENVIRONMENTS:
        yield problem(f"must be one of {', '.join(ENVIRONMENTS)}", "environment")
    if not isinstance(values.get("private", False), bool):
        yield problem("must be true or false", "private")
    description = values.get("description", "")
    if not isinstance(description, str) or len(description) > 20_000:
        yield problem("must be a text of at most 20,000 characters", "description")
    judge = values.get("judge", "")
    if "judge" in values and not is_name_of_model(judge):
        yield problem("must be the name of a model, without spaces and commas", "judge")
    models = values.get("models", [])
    if not isinstance(models, list) or not all(is_name_of_model(one) for one in models):
        yield problem("must be a list of models' names, without spaces and commas", "models")
    elif len(models) > MAX_MODELS or len(set(models)) < len(models):
        yield problem(f"must name at most {MAX_MODELS} models, each once", "models")
    metric = values.get("metric")
    if metric is None and "metric" not in values:
        return
    if not isinstance(metric, dict):
        yield problem("must be keys and values: name, direction, unit, lower, upper", "metric")
        return
    for key in metric:
        if key not in _METRIC_KEYS:
            known = ", ".join(_METRIC_KEYS)
            yield problem(f"the key is not known; known keys: {known}", "metric", key)
    for key, most in (("name", 80), ("unit", 40)):
        if key in metric and not (isinstance(metric[key], str) and len(metric[key]) <= most):
            yield problem(f"must be a text of at most {most} characters", "metric", key)
    if metric.get("direction", "higher") not in ("higher", "lower"):
        yield problem("must be higher or lower", "metric", "direction")
    ends = [metric.get("lower"), metric.get("upper")]
    for key, end in zip(("lower", "upper"), ends, strict=True):
        if end is not None and not _is_number(end):
            yield problem("must be a finite number", "metric", key)
            return
    if ends[0] is not None and ends[1] is not None and ends[0] >= ends[1]:
        yield problem("must be below the upper bound", "metric", "lower")


def is_name_of_model(value: object) -> bool:
    """Return whether it can be in the comma-separated list that the SDK reads."""
    return isinstance(value, str) and _NAME_OF_MODEL.fullmatch(value) is not None


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
