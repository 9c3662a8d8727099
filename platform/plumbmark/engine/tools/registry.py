"""From the tool entry of a definition to a tool."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, get_args

from pydantic import Field, TypeAdapter, ValidationError

from plumbmark.engine.tools.base import Tool, ToolSpecError
from plumbmark.engine.tools.calculator import Calculator
from plumbmark.engine.tools.function import Function
from plumbmark.engine.tools.python import Python
from plumbmark.shapes import BY_TYPE, read_problems

_AnyTool = Calculator | Python | Function
ToolEntry = Annotated[_AnyTool, Field(discriminator="type"), BY_TYPE]
"""The entry of a definition, of any type."""

TOOL_TYPES: Mapping[str, type[Tool]] = MappingProxyType(
    {
        name: tool
        for tool in get_args(_AnyTool)
        for name in get_args(tool.model_fields["type"].annotation)
    }
)
_ENTRIES: TypeAdapter[Tool] = TypeAdapter(ToolEntry)


def build_tool(spec: Mapping[str, Any]) -> Tool:
    """Return the tool of a definition's entry; `ToolSpecError` names the option at fault."""
    try:
        tool = _ENTRIES.validate_python(spec)
    except ValidationError as error:
        first = read_problems(error)[0]
        raise ToolSpecError(str(first), str(first.path[0]) if first.path else "") from None
    tool.check()
    return tool
