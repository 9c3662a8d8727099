"""Functions that authors declare: with answers written down, or with a script that answers."""

import json
import secrets
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from plumbmark.engine.ports import CannotExecute
from plumbmark.engine.tools.base import (
    Tool,
    ToolContext,
    ToolDescription,
    ToolName,
    ToolResult,
    ToolSpecError,
)
from plumbmark.scoring import author_code
from plumbmark.scoring.author_code import MAX_SOURCE, source_problem
from plumbmark.scoring.json_schemas import schema_problem
from plumbmark.scoring.json_values import columns_in, covers, fill_columns
from plumbmark.scoring.templates import BadTemplate
from plumbmark.shapes import UNIQUE, ListOf, Optionally, StrictModel

SCRIPT_FUNCTION = "call"
SCRIPT_PARAMETERS = ("arguments", "item")
_START_SECONDS = 5.0
"""For the sandbox and the interpreter, beside the script's own time."""


def text_of_answer(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class CannedAnswer(StrictModel):
    when: dict[str, Any] = Field(
        default_factory=dict,
        description="The values that arguments must have; what is left out may be anything.",
    )
    returned: Any = Field(alias="return", description="The answer: text, or what is sent as JSON.")


class Function(Tool):
    """A function of the author's, whose answers are written down or come from a script in the
    sandbox."""

    type: Literal["function"]
    name: ToolName
    description: ToolDescription
    declared_parameters: dict[str, Any] = Field(
        alias="parameters",
        default_factory=lambda: {"type": "object", "properties": {}},
        description="A JSON Schema of type object that the arguments must follow.",
    )
    answers: Annotated[ListOf[CannedAnswer], Field(min_length=1, max_length=200)] = Field(
        default_factory=tuple,
        description="The first that fits the arguments is given. Texts are templates.",
    )
    otherwise: Any = Field(
        default=None, description="The answer where no other fits; an error where it is left out."
    )
    script: Optionally[Annotated[str, Field(min_length=1, max_length=MAX_SOURCE)]] = Field(
        default=None,
        description="Python that defines `call(arguments, item)` and returns the answer.",
    )
    item_columns: Annotated[
        ListOf[Annotated[str, Field(min_length=1, max_length=200)]],
        Field(max_length=50),
        UNIQUE,
    ] = Field(
        default_factory=tuple,
        alias="columns",
        description="The columns that the script finds in `item`.",
    )
    timeout_seconds: float = Field(
        default=5.0, ge=0.1, le=30, description="Seconds after which a call has failed."
    )

    @property
    def parameters(self) -> Mapping[str, Any]:
        return self.declared_parameters

    @property
    def has_otherwise(self) -> bool:
        return "otherwise" in self.model_fields_set

    @property
    def options(self) -> Mapping[str, Any]:
        if self.script is not None:
            others = {"answers", "otherwise"}
        else:
            others = {"script", "columns", "timeout_seconds"}
            if not self.has_otherwise:
                others.add("otherwise")
        return {key: value for key, value in super().options.items() if key not in others}

    @property
    def columns(self) -> Mapping[str, str]:
        found: dict[str, str] = {}
        for number, name in enumerate(self.item_columns):
            found[name] = f"columns[{number}]"
        for number, one in enumerate(self.answers):
            for column in (*columns_in(one.when), *columns_in(one.returned)):
                found.setdefault(column, f"answers[{number}]")
        for column in columns_in(self.otherwise):
            found.setdefault(column, "otherwise")
        return found

    @property
    def needs_sandbox(self) -> bool:
        return self.script is not None

    def check(self) -> None:
        if problem := schema_problem(self.declared_parameters):
            raise ToolSpecError(problem, "parameters")
        if self.declared_parameters.get("type") != "object":
            raise ToolSpecError("must be of type object, as all providers demand", "parameters")
        given = self.model_fields_set
        if bool({"answers", "otherwise"} & given) == ("script" in given):
            raise ToolSpecError("needs either answers (with or without otherwise) or a script")
        if self.script is None:
            self._check_answers()
        elif problem := source_problem(self.script, SCRIPT_FUNCTION, SCRIPT_PARAMETERS):
            raise ToolSpecError(problem, "script")

    def _check_answers(self) -> None:
        for field, option in (("item_columns", "columns"), ("timeout_seconds", "timeout_seconds")):
            if field in self.model_fields_set:
                raise ToolSpecError("goes with a script alone", option)
        known = self.declared_parameters.get("properties", {})
        for number, one in enumerate(self.answers):
            _check_templates((one.when, one.returned), f"answers[{number}]")
            for argument in one.when:
                if known and argument not in known:
                    raise ToolSpecError(
                        f"answer {number + 1} waits for {argument[:80]!r}, which is none of the "
                        f"parameters: {', '.join(known)[:200]}",
                        "answers",
                    )
        _check_templates(self.otherwise, "otherwise")

    async def answer(self, arguments: Mapping[str, Any], situation: ToolContext) -> ToolResult:
        if self.script is not None:
            return await self._run(self.script, arguments, situation)
        for one in self.answers:
            if covers(arguments, fill_columns(one.when, situation.item)):
                return ToolResult(text_of_answer(fill_columns(one.returned, situation.item)))
        if self.has_otherwise:
            return ToolResult(text_of_answer(fill_columns(self.otherwise, situation.item)))
        return ToolResult("There is no answer for these arguments.", is_error=True)

    async def _run(
        self, script: str, arguments: Mapping[str, Any], situation: ToolContext
    ) -> ToolResult:
        if situation.executor is None:
            raise CannotExecute("No sandbox is at hand.")
        delimiter = secrets.token_hex(16)
        item = {name: situation.item[name] for name in self.item_columns}
        ran = await situation.executor.execute(
            author_code.program(),
            timeout_seconds=self.timeout_seconds + _START_SECONDS,
            given=author_code.program_input(
                source=script,
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


def _check_templates(value: Any, place: str) -> None:
    try:
        list(columns_in(value))
    except BadTemplate as error:
        raise ToolSpecError(f"in {place}, {error}", place.partition("[")[0]) from None
