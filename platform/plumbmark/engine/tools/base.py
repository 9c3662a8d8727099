"""What every tool has."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import Field

from plumbmark.engine.ports import Executor
from plumbmark.shapes import Matching, StrictModel

ToolName = Annotated[
    str,
    Matching("^[a-zA-Z0-9_-]{1,64}$", "1 to 64 letters, digits, - and _, which all providers take"),
    Field(description="What the model calls it; the type where it is left out."),
]
ToolDescription = Annotated[
    str, Field(min_length=1, max_length=4000, description="The description that the model reads.")
]


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


class Tool(StrictModel, ABC):
    """Answers calls of a model. Its fields are the entry of a definition."""

    type: str
    name: ToolName = Field(default_factory=lambda entry: entry["type"])
    description: ToolDescription

    @property
    @abstractmethod
    def parameters(self) -> Mapping[str, Any]:
        """The JSON Schema of its arguments, an object."""

    @property
    def options(self) -> Mapping[str, Any]:
        """All options of its type with defaults written out, as plain JSON."""
        return self.model_dump(mode="json", by_alias=True, exclude={"type", "name", "description"})

    @property
    def columns(self) -> Mapping[str, str]:
        """The columns of the data that it uses, each with the option that names it first."""
        return {}

    @property
    def needs_sandbox(self) -> bool:
        return False

    def check(self) -> None:
        """Raise `ToolSpecError` where an option cannot be met, or two contradict each other."""

    @abstractmethod
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
