"""What every tool has."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from plumbmark.engine.ports import Executor


class ToolSpecError(ValueError):
    """A tool's entry that cannot be built. `option` is the key at fault, empty for the whole."""

    def __init__(self, message: str, option: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.option = option


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The text that a model gets back from a tool."""

    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class ToolContext:
    """The context of a tool call beside its arguments: the item's columns, never its target."""

    item: Mapping[str, Any] = field(default_factory=dict)
    executor: Executor | None = None
    """The sandbox; needed by tools that run code alone."""


class Tool(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    @property
    def parameters(self) -> Mapping[str, Any]:
        """The JSON Schema of its arguments, an object."""
        ...

    @property
    def options(self) -> Mapping[str, Any]:
        """All options of its type with defaults written out, as plain JSON."""
        ...

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns of the data that it uses, each with the option that names it first."""
        ...

    @property
    def needs_sandbox(self) -> bool: ...

    async def answer(self, arguments: Mapping[str, Any], situation: ToolContext) -> ToolResult:
        """Answer a call whose arguments follow the schema. Raises only `CannotExecute`."""
        ...


def to_openai_tool(tool: Tool) -> dict[str, Any]:
    """Return a tool in the OpenAI form, as sent to models."""
    return {
        "type": "function",
        "function": {
            "name": tool.name,
            "description": tool.description,
            "parameters": dict(tool.parameters),
        },
    }
