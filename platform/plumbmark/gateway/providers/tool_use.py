"""Contradictions about tools, which providers refuse: found before anything is sent.

Hosts differ in how much of it they take. A question that one provider refuses, and another answers
as if something else had been asked, is no question to compare models with.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from plumbmark.engine.ports import Message, ModelRequest
from plumbmark.gateway.providers.base import CannotAsk

_NEEDS_TOOLS = "{name} is about tools, and there are none: send tools, or leave {name} out."


class ToolFault(NamedTuple):
    """A contradiction in what a request says about tools."""

    parameter: str
    message: str


def check_tools(request: ModelRequest) -> None:
    """Raise `CannotAsk` for a request whose tools contradict each other."""
    fault = find_tool_fault(request)
    if fault is not None:
        raise CannotAsk(fault.message)


def find_tool_fault(request: ModelRequest) -> ToolFault | None:
    """Return the first contradiction among the tools and what is said about them."""
    if not request.tools:
        if request.tool_choice is not None:
            return ToolFault("tool_choice", _NEEDS_TOOLS.format(name="tool_choice"))
        if request.extra.get("parallel_tool_calls") is not None:
            return ToolFault("parallel_tool_calls", _NEEDS_TOOLS.format(name="parallel_tool_calls"))
    names = [_name_in(tool) for tool in request.tools]
    for number, name in enumerate(names):
        if name and name in names[:number]:
            return ToolFault("tools", f"tools[{number}] has the name {name[:80]!r} a second time.")
    chosen = _name_in(request.tool_choice)
    if chosen and chosen not in names:
        known = ", ".join(filter(None, names))[:200]
        message = f"tool_choice names {chosen[:80]!r}, which is not among the tools: {known}."
        return ToolFault("tool_choice", message)
    return None


def _name_in(tool: Any) -> str:
    function = tool.get("function") if isinstance(tool, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) else ""


def find_call_fault(messages: Sequence[Message]) -> ToolFault | None:
    """Return the first tool call that the messages after it do not answer, or the first answer
    without a call.
    """
    waiting: list[str] = []
    answered: set[str] = set()
    for number, message in enumerate(messages):
        place = f"messages[{number}]"
        if message.get("role") == "tool":
            call_id = message.get("tool_call_id")
            if call_id in answered:
                return ToolFault(place, f"{place} answers the call {call_id!r} a second time.")
            if isinstance(call_id, str) and call_id not in waiting:
                problem = f"{place} answers the call {call_id[:80]!r}, which is not in the message "
                return ToolFault(place, f"{problem}of the assistant before it.")
            waiting = [other for other in waiting if other != call_id]
            answered.add(str(call_id))
            continue
        if waiting:
            return ToolFault(place, _unanswered(waiting[0], f"before {place}"))
        calls = message.get("tool_calls")
        answered = set()
        waiting = [
            call["id"]
            for call in (calls if isinstance(calls, list | tuple) else ())
            if isinstance(call, Mapping) and isinstance(call.get("id"), str) and call["id"]
        ]
    if waiting:
        return ToolFault("messages", _unanswered(waiting[0], "in the messages"))
    return None


def _unanswered(call_id: str, where: str) -> str:
    return (
        f"The tool call {call_id[:80]!r} has no answer {where}: add a message of the role tool "
        "with its tool_call_id."
    )
