"""The parts of the published schema, by type of scorer and of tool."""

from typing import Any

from tasks_app.definitions import DEFINITION_SCHEMA


def _by_type(union: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {one["if"]["properties"]["type"]["const"]: one["then"] for one in union["allOf"]}


def options_of(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the options of a type: what not all types have."""
    common = {"type", "name", "metric"}
    return {name: one for name, one in schema["properties"].items() if name not in common}


SCORER_SCHEMAS = _by_type(DEFINITION_SCHEMA["properties"]["scorers"]["items"])
TOOL_SCHEMAS = _by_type(DEFINITION_SCHEMA["properties"]["tools"]["items"])
