"""From what an author wrote to a definition, or to problems with their lines."""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from pydantic import ValidationError

from plumbmark.common.errors import InvalidInput, Problem
from plumbmark.engine.tools import ToolSpecError, build_tool
from plumbmark.gateway.budget.money import nanodollars
from plumbmark.scoring.json_schemas import schema_problem
from plumbmark.scoring.metrics import find_bounds_problem, find_format_problem
from plumbmark.scoring.run_metrics.measures import CALIBRATION_METRICS
from plumbmark.scoring.scorers import (
    JsonAnswer,
    ModelJudge,
    Scorer,
    ScorerSpecError,
    ToolUse,
    build_scorer,
)
from plumbmark.scoring.scorers.patterns import PatternError, compile_pattern
from plumbmark.scoring.templates import BadTemplate, parse_template
from plumbmark.shapes import read_problems
from plumbmark.shapes.names import suggest_name
from plumbmark.strict_json import Path
from tasks_app.definitions.characters import name_problem
from tasks_app.definitions.document import (
    Content,
    DataSpec,
    Definition,
    LimitsSpec,
    MetricSpec,
    PromptSpec,
    RunMetricSpec,
    SamplingSpec,
    ScorerSpec,
    ToolSpec,
)
from tasks_app.definitions.entries import (
    DEFAULT_STEPS,
    PART_KINDS,
    DefinitionEntry,
    LimitsEntry,
    RunMetricEntry,
)
from tasks_app.definitions.run_metrics import find_scorer_problem
from tasks_app.definitions.source_map import (
    SourceMap,
    check_text,
    format_path,
    read_json,
    read_yaml,
)

_MAX_PROBLEMS = 20


def parse_definition(text: str, *, format: str | None = None) -> Definition:
    """Read a definition; `InvalidInput` names every problem with its place.

    `format` is `yaml` or `json`; None: JSON where the text begins with a brace.
    """
    located = _read_source(text, format)
    if not isinstance(located.value, dict):
        raise InvalidInput([Problem("must be a document of keys and values", line=1)])
    try:
        entry = DefinitionEntry.model_validate(located.value)
    except ValidationError as error:
        problems = [_problem(one.message, one.path, located) for one in read_problems(error)]
        raise InvalidInput(sorted(problems, key=_position)[:_MAX_PROBLEMS]) from None
    _raise_any(_part_problems(located))
    definition = _definition(entry, located.value)
    _raise_any(_meaning_problems(definition, located))
    return definition


def place_problem(message: str, path: Path, *, text: str, format: str | None = None) -> Problem:
    """Return a problem, with its line, of a definition that can be read but is invalid here."""
    place = _read_source(text, format).place_of(path)
    if place is None:
        return Problem(message, format_path(path))
    return Problem(message, format_path(path), place.line, place.column)


def _read_source(text: str, format: str | None) -> SourceMap:
    check_text(text)
    if format is None:
        format = "json" if text.lstrip("\ufeff \t\r\n").startswith("{") else "yaml"
    text = text.removeprefix("\ufeff")
    return read_json(text) if format == "json" else read_yaml(text)


def _raise_any(found: Iterator[Problem]) -> None:
    """Raise the first problems, in the order of the text."""
    problems = list(islice(found, _MAX_PROBLEMS))
    if problems:
        raise InvalidInput(sorted(problems, key=_position))


def _position(problem: Problem) -> tuple[int, int]:
    return problem.line or 0, problem.column or 0


def _problem(message: str, path: Path, located: SourceMap) -> Problem:
    place = located.place_of(path)
    return Problem(
        message, format_path(path), place.line if place else None, place.column if place else None
    )


# --- From the document to the definition -------------------------------------------------------


def _definition(entry: DefinitionEntry, document: Mapping[str, Any]) -> Definition:
    """Return the definition that an entry says; scorers and tools keep their options as written."""
    scorers = tuple(
        _scorer(scorer, written, entry.prompt.output_schema)
        for scorer, written in zip(entry.scorers, document["scorers"], strict=True)
    )
    return Definition(
        prompt=PromptSpec(**dict(entry.prompt)),
        scorers=scorers,
        main=scorers[0].name if entry.main is None else entry.main,
        data=DataSpec(**dict(entry.data)),
        sampling=SamplingSpec(**dict(entry.sampling)),
        repeats=entry.repeats,
        description=entry.description,
        language=entry.language,
        tools=tuple(
            ToolSpec(tool.type, tool.name, _without(written, "type", "name"))
            for tool, written in zip(entry.tools, document.get("tools", ()), strict=True)
        ),
        limits=_limits(entry),
        metrics=tuple(_run_metric(metric, entry) for metric in entry.metrics),
    )


def _run_metric(metric: RunMetricEntry, entry: DefinitionEntry) -> RunMetricSpec:
    return RunMetricSpec(
        type=metric.type,
        name=metric.name,
        scorer=metric.scorer or entry.main or entry.scorers[0].name,
        confidence=metric.confidence if metric.type in CALIBRATION_METRICS else "",
    )


def _limits(entry: DefinitionEntry) -> LimitsSpec | None:
    if entry.limits is None and not entry.tools:
        return None
    user = entry.prompt.simulated_user
    turns = len(entry.prompt.follow_ups) if user is None else user.max_turns - 1
    limits = dict(entry.limits or LimitsEntry())
    if limits["max_steps"] is None:
        limits["max_steps"] = DEFAULT_STEPS + turns
    return LimitsSpec(**limits)


def _scorer(
    entry: Scorer, written: Mapping[str, Any], output_schema: Mapping[str, Any] | None
) -> ScorerSpec:
    metric = entry.metric
    lower, upper = metric.bounds
    if "bounds" not in metric.model_fields_set and isinstance(entry, ModelJudge) and entry.scale:
        lower, upper = entry.scale
    options = _without(written, "type", "name", "metric")
    if isinstance(entry, JsonAnswer) and output_schema is not None:
        options.setdefault("schema", output_schema)
    return ScorerSpec(
        type=entry.type,
        name=entry.name,
        options=options,
        metric=MetricSpec(metric.name, metric.direction, metric.unit, lower, upper, metric.format),
    )


def _without(entry: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: value for key, value in entry.items() if key not in keys}


# --- Meaning ----------------------------------------------------------------------------------


def _meaning_problems(definition: Definition, located: SourceMap) -> Iterator[Problem]:
    yield from _template_problems(definition, located)
    yield from _data_problems(definition, located)
    yield from _output_schema_problems(definition, located)
    yield from _tool_problems(definition, located)
    yield from _limits_problems(definition, located)
    yield from _run_metric_problems(definition, located)
    names = [scorer.name for scorer in definition.scorers]
    for index, scorer in enumerate(definition.scorers):
        where: Path = ("scorers", index)
        if names.index(scorer.name) != index:
            yield _problem(
                f"the name {scorer.name!r} is taken; give each scorer its own", where, located
            )
        built: Scorer | None
        try:
            built = build_scorer(scorer.as_spec())
        except ScorerSpecError as error:
            place = (*where, error.option) if error.option else where
            yield _problem(error.message, place, located)
            built = None
        if isinstance(built, ToolUse):
            yield from _tool_use_problems(built, definition, where, located)
        if isinstance(built, ModelJudge):
            scale = built.scale or (0.0, 1.0)
            if (scorer.metric.lower, scorer.metric.upper) != scale:
                yield _problem(
                    f"the metric's bounds must be the scale's: [{scale[0]:g}, {scale[1]:g}]",
                    (*where, "metric", "bounds"),
                    located,
                )
        if problem := _bounds_problem(scorer, built):
            yield _problem(problem, (*where, "metric", "bounds"), located)
        elif problem := find_format_problem(
            scorer.metric.format, scorer.metric.lower, scorer.metric.upper
        ):
            yield _problem(problem, (*where, "metric", "format"), located)
        if scorer.type == "multiple_choice" and definition.data.choices is None:
            yield _problem(
                "needs the options of each item: name them in data.choices", where, located
            )
    if definition.main not in names:
        hint = suggest_name(definition.main, names) or f"; there is {', '.join(names)}"
        yield _problem(
            f"no scorer is called {definition.main[:80]!r}{hint}",
            ("main",),
            located,
        )


def _run_metric_problems(definition: Definition, located: SourceMap) -> Iterator[Problem]:
    scorers = {scorer.name: scorer for scorer in definition.scorers}
    taken = set(scorers)
    for index, metric in enumerate(definition.metrics):
        where: Path = ("metrics", index)
        if metric.name in taken:
            yield _problem(
                f"the name {metric.name!r} is taken; give each scorer and metric its own",
                where,
                located,
            )
        taken.add(metric.name)
        scorer = scorers.get(metric.scorer)
        if scorer is None:
            hint = suggest_name(metric.scorer, scorers) or f"; there is {', '.join(scorers)}"
            yield _problem(
                f"no scorer is called {metric.scorer[:80]!r}{hint}", (*where, "scorer"), located
            )
        elif problem := find_scorer_problem(metric.type, scorer):
            yield _problem(problem, (*where, "scorer"), located)
        if metric.confidence:
            try:
                groups = compile_pattern(metric.confidence).groups
            except PatternError as error:
                yield _problem(str(error), (*where, "confidence"), located)
            else:
                if not groups:
                    yield _problem(
                        "needs a group in round brackets around the confidence",
                        (*where, "confidence"),
                        located,
                    )


def _bounds_problem(scorer: ScorerSpec, built: Scorer | None) -> str | None:
    lower, upper = scorer.metric.lower, scorer.metric.upper
    if problem := find_bounds_problem(lower, upper):
        return problem
    if built is not None and built.gives_share and (lower, upper) != (0, 1):
        return f"{scorer.type} gives scores from 0 to 1, so bounds must be [0, 1]; leave them out"
    return None


def _tool_use_problems(
    scorer: ToolUse, definition: Definition, where: Path, located: SourceMap
) -> Iterator[Problem]:
    names = [tool.name for tool in definition.tools]
    if not names:
        yield _problem("looks at calls of tools, and the task has none", where, located)
        return
    for option, checks in (("required", scorer.required), ("forbidden", scorer.forbidden)):
        for index, check in enumerate(checks):
            if check.tool not in names:
                hint = suggest_name(check.tool, names) or f"; there is {', '.join(names)}"
                yield _problem(
                    f"no tool is called {check.tool[:80]!r}{hint}",
                    (*where, option, index, "tool"),
                    located,
                )


def _template_problems(definition: Definition, located: SourceMap) -> Iterator[Problem]:
    prompt = definition.prompt
    texts: list[tuple[Path, str]] = [(("prompt", "system"), prompt.system)]
    for index, turn in enumerate(prompt.messages):
        texts += _texts_of(turn.content, ("prompt", "messages", index, "content"))
    texts += [
        (("prompt", "follow_ups", index), text) for index, text in enumerate(prompt.follow_ups)
    ]
    if prompt.simulated_user is not None:
        of_user: Path = ("prompt", "simulated_user")
        texts.append(((*of_user, "instructions"), prompt.simulated_user.instructions))
        if prompt.follow_ups:
            yield _problem("a script and a simulated user exclude each other", of_user, located)
    for path, text in texts:
        try:
            template = parse_template(text)
            for name in template.columns:
                if trouble := name_problem(name):
                    yield _problem(f"the column name in braces {trouble}", path, located)
        except BadTemplate as error:
            before = text[: error.offset]
            where = f"in line {before.count(chr(10)) + 1} of the text, " if "\n" in text else ""
            yield _problem(f"{where}{error}", path, located)
    if prompt.messages[-1].role != "user":
        yield _problem(
            "the last message must be the user's: it is what the model answers",
            ("prompt", "messages", len(prompt.messages) - 1, "role"),
            located,
        )


def _texts_of(content: Content, where: Path) -> list[tuple[Path, str]]:
    """Return the templates of a content, each with its place."""
    if isinstance(content, str):
        return [(where, content)]
    return [((*where, index, part.kind), part.template) for index, part in enumerate(content)]


def _part_problems(located: SourceMap) -> Iterator[Problem]:
    """Return the problems that the schema's form of parts leaves open, after it has passed."""
    prompt = located.value["prompt"]
    contents: list[tuple[Path, Any, str]] = [
        (("prompt", "messages", index, "content"), turn["content"], turn["role"])
        for index, turn in enumerate(prompt["messages"])
    ]
    contents += [
        (("prompt", "few_shot", index, "user"), example["user"], "user")
        for index, example in enumerate(prompt.get("few_shot", []))
    ]
    for where, content, role in contents:
        if isinstance(content, str):
            continue
        if all(part.get("optional") for part in content):
            yield _problem("needs a part that is not optional", where, located)
        for index, part in enumerate(content):
            kinds = [kind for kind in PART_KINDS if kind in part]
            if len(kinds) != 1:
                yield _problem("a part has one of text, image and audio", (*where, index), located)
            elif kinds[0] != "text" and role != "user":
                yield _problem(
                    "only messages of the user hold images and audio", (*where, index), located
                )
            elif kinds[0] == "text" and "optional" in part:
                yield _problem(
                    "only images and audio are optional", (*where, index, "optional"), located
                )


def _output_schema_problems(definition: Definition, located: SourceMap) -> Iterator[Problem]:
    schema = definition.prompt.output_schema
    if schema is None:
        return
    where: Path = ("prompt", "output_schema")
    if problem := schema_problem(schema):
        yield _problem(problem, where, located)
    elif schema.get("type") != "object":
        yield _problem("must be of type object, which all providers take", where, located)


def _tool_problems(definition: Definition, located: SourceMap) -> Iterator[Problem]:
    names = [tool.name for tool in definition.tools]
    for index, spec in enumerate(definition.tools):
        where: Path = ("tools", index)
        if names.index(spec.name) != index:
            yield _problem(
                f"the name {spec.name!r} is taken; give each tool its own", where, located
            )
        try:
            tool = build_tool(spec.as_spec())
        except ToolSpecError as error:
            place = (*where, error.option) if error.option else where
            yield _problem(error.message, place, located)
            continue
        for column, option in tool.columns.items():
            if trouble := name_problem(column):
                place = (*where, option.partition("[")[0])
                yield _problem(f"the column name in braces {trouble}", place, located)


def _limits_problems(definition: Definition, located: SourceMap) -> Iterator[Problem]:
    limits, prompt = definition.limits, definition.prompt
    if limits is None:
        return
    if not (definition.tools or prompt.follow_ups or prompt.simulated_user):
        yield _problem(
            "limits are for samples of several calls: they need tools, follow_ups or a "
            "simulated_user (one answer is bounded by sampling.max_output_tokens)",
            ("limits",),
            located,
        )
    if limits.max_steps <= len(prompt.follow_ups):
        yield _problem(
            f"must be at least {len(prompt.follow_ups) + 1}, one step for each turn",
            ("limits", "max_steps"),
            located,
        )
    if limits.max_cost_usd is not None and nanodollars(limits.max_cost_usd) < 1:
        yield _problem("must be at least 0.000000001", ("limits", "max_cost_usd"), located)


def _named_columns(data: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Yield every column that `data` names, with its place."""
    target, split = data.get("target"), data.get("split") or {}
    of_target = target if isinstance(target, dict) else {}
    places: list[tuple[Path, Any]] = [
        ((key,), data.get(key)) for key in ("id", "cluster", "target")
    ]
    places += [(("slices",), data.get("slices")), (("choices",), data.get("choices"))]
    places += [(("split", "column"), split.get("column"))]
    places += [(("target", key), of_target.get(key)) for key in ("column", "columns")]
    for path, named in places:
        if isinstance(named, str):
            yield ("data", *path), named
        for index, name in enumerate(named if isinstance(named, list) else ()):
            yield ("data", *path, index), name


def _data_problems(definition: Definition, located: SourceMap) -> Iterator[Problem]:
    for path, name in _named_columns(located.value.get("data", {})):
        if trouble := name_problem(name):
            yield _problem(f"the column's name {trouble}", path, located)
    target = definition.data.target
    document = located.value.get("data", {}).get("target")
    if target is not None:
        if not target.columns:
            yield _problem("name the column of the answer", ("data", "target"), located)
        if isinstance(document, dict) and "column" in document and "columns" in document:
            yield _problem("takes column or columns, not both", ("data", "target"), located)
        if target.pattern:
            try:
                compile_pattern(target.pattern)
            except PatternError as error:
                yield _problem(str(error), ("data", "target", "pattern"), located)
    needing = [scorer for scorer in definition.scorers if _needs_target(scorer)]
    if target is None and needing:
        yield _problem(
            f"the scorer {needing[0].name!r} compares with a right answer: name its column in "
            "data.target",
            ("data",),
            located,
        )


def _needs_target(scorer: ScorerSpec) -> bool:
    if scorer.type == "model_judge":
        return scorer.options.get("mode") == "pairwise"
    if scorer.type in {"code_execution", "python", "tool_use"} or (
        scorer.type == "json" and "field" not in scorer.options
    ):
        return False
    return not (scorer.type == "regex" and scorer.options.get("compare") == "pattern")
