"""What a model may call while it answers: a calculator, Python in the sandbox, author's functions.

`build_tool` makes a tool of a definition's entry, `Toolbox` answers the calls of one sample. Pure
but for the sandbox, which comes through the port `Executor`.
"""

from plumbmark.engine.tools.base import (
    Tool,
    ToolContext,
    ToolResult,
    ToolSpecError,
    to_openai_tool,
)
from plumbmark.engine.tools.registry import TOOL_TYPES, ToolEntry, build_tool
from plumbmark.engine.tools.toolbox import ToolAnswer, Toolbox

__all__ = [
    "TOOL_TYPES",
    "Tool",
    "ToolAnswer",
    "ToolContext",
    "ToolEntry",
    "ToolResult",
    "ToolSpecError",
    "Toolbox",
    "build_tool",
    "to_openai_tool",
]
