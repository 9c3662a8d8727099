"""Python for the model: each call is a program of its own in the sandbox, without network."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from plumbmark.engine.ports import CannotExecute
from plumbmark.engine.tools.base import Tool, ToolContext, ToolDescription, ToolResult

MIB = 1024 * 1024

DESCRIPTION = (
    "Runs a Python 3 program with the standard library and returns what it prints. Every call is a "
    "new program: nothing is kept between calls, so print what you need. There is no network."
)
PARAMETERS: Mapping[str, Any] = {
    "type": "object",
    "properties": {"code": {"type": "string", "description": "The whole program."}},
    "required": ["code"],
    "additionalProperties": False,
}


class Python(Tool):
    """Runs a Python program in the sandbox; every call is a new one."""

    type: Literal["python"]
    description: ToolDescription = Field(default_factory=lambda: DESCRIPTION)
    timeout_seconds: float = Field(
        default=10.0, ge=0.1, le=60, description="Seconds after which a call has failed."
    )
    memory_mib: int = Field(default=512, ge=64, le=2048, description="MiB that a call may use.")

    @property
    def parameters(self) -> Mapping[str, Any]:
        return PARAMETERS

    @property
    def needs_sandbox(self) -> bool:
        return True

    async def answer(self, arguments: Mapping[str, Any], situation: ToolContext) -> ToolResult:
        if situation.executor is None:
            raise CannotExecute("No sandbox is at hand.")
        ran = await situation.executor.execute(
            arguments["code"],
            timeout_seconds=self.timeout_seconds,
            memory_bytes=self.memory_mib * MIB,
        )
        if ran.timed_out:
            note = f"(stopped: the program did not end within {self.timeout_seconds:g} s)"
        elif ran.exit_code is None:
            note = f"(stopped: {ran.detail or 'a limit was reached'})"
        elif ran.exit_code:
            note = f"(the program failed with exit code {ran.exit_code})"
        elif ran.output.strip():
            return ToolResult(ran.output)
        else:
            return ToolResult("(The program printed nothing.)")
        return ToolResult(f"{ran.output.rstrip()}\n{note}".lstrip("\n"), is_error=True)
