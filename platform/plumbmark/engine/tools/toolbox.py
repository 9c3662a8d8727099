"""Answering a model's calls, whatever they hold: what is wrong with one is told to the model."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plumbmark.engine.ports import ToolCall
from plumbmark.engine.tools.base import Tool, ToolContext, ToolResult, to_openai_tool
from plumbmark.scoring.json_schemas import fault
from plumbmark.shapes.names import suggest_name
from plumbmark.strict_json import JsonError, JsonReader
from plumbmark.strict_json.texts import MAX_STORED_DEPTH, make_storable

MAX_ARGUMENTS = 64 * 1024
_SHOWN = 2000
"""Characters of arguments that are no JSON object, in what is sent back."""
_READER = JsonReader(max_depth=MAX_STORED_DEPTH, characters="replace")
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_CUT = "\n… ({} bytes left out) …\n"


@dataclass(frozen=True, slots=True)
class ToolAnswer:
    """A call in the form in which every provider takes it back, and what it was answered."""

    call: ToolCall
    result: ToolResult


class Toolbox:
    """The tools of a task. Shared by all samples: what differs comes with each call."""

    def __init__(self, tools: Sequence[Tool], *, max_result_bytes: int) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._most_result_bytes = max_result_bytes
        self.sent = tuple(to_openai_tool(tool) for tool in tools)
        """What models are told of."""
        self.needs_sandbox = any(tool.needs_sandbox for tool in tools)

    async def answer(self, call: ToolCall, situation: ToolContext) -> ToolAnswer:
        """Answer a call; raise `CannotExecute` if the sandbox fails, not for what a model wrote."""
        name = _NOT_IN_A_NAME.sub("_", call.name)[:64] or "_"
        arguments, problem = _read(call.arguments)
        # Some hosts refuse a conversation with a call whose arguments they cannot read.
        sent = _as_an_object(call.arguments) if arguments is None else call.arguments.strip()
        back = ToolCall(call.id, name, sent or "{}", call.signature)
        tool = self._tools.get(call.name)
        if tool is None:
            near = suggest_name(call.name, self._tools) or f"; there are {', '.join(self._tools)}"
            return ToolAnswer(back, _error(f"there is no tool {call.name[:80]!r}{near}"))
        if arguments is None:
            return ToolAnswer(back, _error(f"the arguments are {problem}"))
        if why := _fault(arguments, tool.parameters):
            return ToolAnswer(back, _error(f"the arguments do not follow the schema: {why}"))
        result = await tool.answer(arguments, situation)
        text = shorten(result.text, self._most_result_bytes)
        return ToolAnswer(back, ToolResult(text, result.is_error))


def shorten(text: str, max_bytes: int) -> str:
    """Return the beginning and end of a text that exceeds `max_bytes` of UTF-8; NUL is replaced."""
    text = make_storable(text)
    encoded = text.encode()
    if len(encoded) <= max_bytes:
        return text
    note = _CUT.format(f"{len(encoded) - max_bytes:,}")
    room = max(0, max_bytes - len(note.encode()))
    begin, end = encoded[: room - room // 2], encoded[len(encoded) - room // 2 :]
    return begin.decode("utf-8", "ignore") + note + end.decode("utf-8", "ignore")


def _error(what: str) -> ToolResult:
    return ToolResult(f"Error: {what}{'' if what.endswith('?') else '.'}", is_error=True)


def _read(arguments: str) -> tuple[Mapping[str, Any] | None, str]:
    """Return the arguments, or what is wrong with them."""
    if len(arguments) > MAX_ARGUMENTS:
        return None, f"longer than {MAX_ARGUMENTS:,} characters"
    if not arguments.strip():
        return {}, ""
    try:
        found = _READER.read(arguments)
    except JsonError as error:
        return None, f"not JSON: {error.describe()}"
    if not isinstance(found, dict):
        return None, "not a JSON object"
    return found, ""


def _as_an_object(arguments: str) -> str:
    return json.dumps({"arguments": make_storable(arguments[:_SHOWN])}, ensure_ascii=False)


def _fault(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> str | None:
    try:
        return fault(arguments, schema)
    except RecursionError:
        return "they are nested too deeply"
