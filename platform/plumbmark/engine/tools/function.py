"""Functions that authors declare: with answers written down, or with a script that answers."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plumbmark.engine.ports import CannotExecute
from plumbmark.engine.tools.base import ToolContext, ToolResult
from plumbmark.scoring import author_code
from plumbmark.scoring.json_values import columns_in, covers, fill_columns

DEFAULT_TIMEOUT_SECONDS = 5.0
MAX_TIMEOUT_SECONDS = 30.0
SCRIPT_FUNCTION = "call"
SCRIPT_PARAMETERS = ("arguments", "item")
_START_SECONDS = 5.0
"""For the sandbox and the interpreter, beside the script's own time."""


def text_of_answer(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class CannedAnswer:
    """`returned` where the arguments cover `when`."""

    when: Mapping[str, Any]
    returned: Any


@dataclass(frozen=True, slots=True)
class CannedFunction:
    """Answers the first of its answers that fits. Columns of the item may stand in all of them."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    answers: tuple[CannedAnswer, ...]
    otherwise: Any = None
    has_otherwise: bool = False

    @property
    def options(self) -> Mapping[str, Any]:
        options: dict[str, Any] = {
            "parameters": dict(self.parameters),
            "answers": [{"when": dict(one.when), "return": one.returned} for one in self.answers],
        }
        if self.has_otherwise:
            options["otherwise"] = self.otherwise
        return options

    @property
    def columns(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for number, one in enumerate(self.answers):
            for column in (*columns_in(one.when), *columns_in(one.returned)):
                found.setdefault(column, f"answers[{number}]")
        for column in columns_in(self.otherwise):
            found.setdefault(column, "otherwise")
        return found

    @property
    def needs_sandbox(self) -> bool:
        return False

    async def answer(self, arguments: Mapping[str, Any], situation: ToolContext) -> ToolResult:
        for one in self.answers:
            if covers(arguments, fill_columns(one.when, situation.item)):
                return ToolResult(text_of_answer(fill_columns(one.returned, situation.item)))
        if self.has_otherwise:
            return ToolResult(text_of_answer(fill_columns(self.otherwise, situation.item)))
        return ToolResult("There is no answer for these arguments.", is_error=True)


@dataclass(frozen=True, slots=True)
class ScriptedFunction:
    """Answers what its script's `call(arguments, item)` returns."""

    name: str
    description: str
    parameters: Mapping[str, Any]
    script: str
    item_columns: Sequence[str] = ()
    """What the script finds in `item`."""
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS

    @property
    def options(self) -> Mapping[str, Any]:
        return {
            "parameters": dict(self.parameters),
            "script": self.script,
            "columns": list(self.item_columns),
            "timeout_seconds": self.timeout_seconds,
        }

    @property
    def columns(self) -> Mapping[str, str]:
        return {name: f"columns[{number}]" for number, name in enumerate(self.item_columns)}

    @property
    def needs_sandbox(self) -> bool:
        return True

    async def answer(self, arguments: Mapping[str, Any], situation: ToolContext) -> ToolResult:
        if situation.executor is None:
            raise CannotExecute("No sandbox is at hand.")
        delimiter = secrets.token_hex(16)
        item = {name: situation.item[name] for name in self.item_columns}
        ran = await situation.executor.execute(
            author_code.program(),
            timeout_seconds=self.timeout_seconds + _START_SECONDS,
            given=author_code.program_input(
                source=self.script,
                function=SCRIPT_FUNCTION,
                cases=[(arguments, item)],
                seconds=self.timeout_seconds,
                delimiter=delimiter,
            ),
            merges_errors=False,
        )
        (found,) = author_code.results(ran.output, delimiter=delimiter, count=1)
        if found is None:
            return ToolResult(
                f"The tool failed: {ran.detail or 'it gave no answer'}", is_error=True
            )
        if not found.has_value:
            return ToolResult(f"The tool failed: {found.reason}.", is_error=True)
        return ToolResult(text_of_answer(found.value))
