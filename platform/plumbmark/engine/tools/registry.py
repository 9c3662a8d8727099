"""From the tool entry of a definition to a tool."""

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from plumbmark.engine.tools import calculator, function, python
from plumbmark.engine.tools.base import Tool, ToolSpecError
from plumbmark.scoring.author_code import source_problem
from plumbmark.scoring.json_schemas import schema_problem
from plumbmark.scoring.json_values import columns_in
from plumbmark.scoring.templates import BadTemplate

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
"""What every provider takes."""


def build_tool(spec: Mapping[str, Any]) -> Tool:
    """Build the tool of a definition's entry; raise `ToolSpecError` naming the option at fault.

    The entry has passed the published schema: types are what they must be, and no option is
    unknown.
    """
    kind = spec.get("type")
    if not isinstance(kind, str) or kind not in TOOL_TYPES:
        raise ToolSpecError(
            f"{kind!r} is no type of tool; there are {', '.join(TOOL_TYPES)}", "type"
        )
    name = spec.get("name", kind)
    if not _NAME.fullmatch(name):
        raise ToolSpecError(
            "must be 1 to 64 letters, digits, - and _, which all providers take", "name"
        )
    return TOOL_TYPES[kind](spec, name)


def _calculator(spec: Mapping[str, Any], name: str) -> Tool:
    return calculator.Calculator(name, spec.get("description", calculator.DESCRIPTION))


def _python(spec: Mapping[str, Any], name: str) -> Tool:
    return python.Python(
        name,
        spec.get("description", python.DESCRIPTION),
        float(spec.get("timeout_seconds", python.DEFAULT_TIMEOUT_SECONDS)),
        spec.get("memory_mib", python.DEFAULT_MEMORY_MIB),
    )


def _function(spec: Mapping[str, Any], name: str) -> Tool:
    if "name" not in spec:
        raise ToolSpecError("a function needs a name")
    description = spec.get("description", "")
    parameters = spec.get("parameters", {"type": "object", "properties": {}})
    if problem := schema_problem(parameters):
        raise ToolSpecError(problem, "parameters")
    if parameters.get("type") != "object":
        raise ToolSpecError("must be of type object, as all providers demand", "parameters")
    is_canned = "answers" in spec or "otherwise" in spec
    if is_canned == ("script" in spec):
        raise ToolSpecError("needs either answers (with or without otherwise) or a script")
    if is_canned:
        for option in ("columns", "timeout_seconds"):
            if option in spec:
                raise ToolSpecError("goes with a script alone", option)
        return _constant_tool(spec, name, description, parameters)
    if problem := source_problem(
        spec["script"], function.SCRIPT_FUNCTION, function.SCRIPT_PARAMETERS
    ):
        raise ToolSpecError(problem, "script")
    return function.ScriptedFunction(
        name,
        description,
        parameters,
        spec["script"],
        tuple(spec.get("columns", ())),
        float(spec.get("timeout_seconds", function.DEFAULT_TIMEOUT_SECONDS)),
    )


def _constant_tool(
    spec: Mapping[str, Any], name: str, description: str, parameters: Mapping[str, Any]
) -> Tool:
    answers = []
    for number, one in enumerate(spec.get("answers", ())):
        when = one.get("when", {})
        _check_templates((when, one["return"]), f"answers[{number}]")
        known = parameters.get("properties", {})
        for argument in when:
            if known and argument not in known:
                raise ToolSpecError(
                    f"answer {number + 1} waits for {argument[:80]!r}, which is none of the "
                    f"parameters: {', '.join(known)[:200]}",
                    "answers",
                )
        answers.append(function.CannedAnswer(when, one["return"]))
    _check_templates(spec.get("otherwise"), "otherwise")
    return function.CannedFunction(
        name, description, parameters, tuple(answers), spec.get("otherwise"), "otherwise" in spec
    )


def _check_templates(value: Any, place: str) -> None:
    try:
        list(columns_in(value))
    except BadTemplate as error:
        raise ToolSpecError(f"in {place}, {error}", place.partition("[")[0]) from None


TOOL_TYPES: Mapping[str, Callable[[Mapping[str, Any], str], Tool]] = MappingProxyType(
    {"calculator": _calculator, "python": _python, "function": _function}
)
