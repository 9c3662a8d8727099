"""Python for the model: each call is a program of its own in the sandbox, without network."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plumbmark.engine.ports import CannotExecute
from plumbmark.engine.tools.base import ToolContext, ToolResult

DEFAULT_TIMEOUT_SECONDS = 10.0
MAX_TIMEOUT_SECONDS = 60.0
DEFAULT_MEMORY_MIB = 512
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


@dataclass(frozen=True, slots=True)
class Python:
    name: str = "python"
    description: str = DESCRIPTION
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS
    memory_mib: int = DEFAULT_MEMORY_MIB

    @property
    def parameters(self) -> Mapping[str, Any]:
        return PARAMETERS

    @property
    def options(self) -> Mapping[str, Any]:
        return {"timeout_seconds": self.timeout_seconds, "memory_mib": self.memory_mib}

    @property
    def columns(self) -> Mapping[str, str]:
        return {}

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
