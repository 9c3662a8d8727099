"""The tool calls of a sample, read from its messages in the OpenAI form."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plumbmark.strict_json import JsonError, JsonReader
from plumbmark.strict_json.numbers import PYTHON
from plumbmark.strict_json.texts import MAX_STORED_DEPTH

_READER = JsonReader(max_depth=MAX_STORED_DEPTH, numbers=PYTHON, characters="replace")


@dataclass(frozen=True, slots=True)
class MadeCall:
    """A call with what it was answered."""

    tool: str
    arguments: Mapping[str, Any]
    """Where the model wrote no JSON object, what it wrote stands under `arguments`."""
    result: str | None
    """None: the sample ended before it was answered."""
    is_error: bool

    @property
    def succeeded(self) -> bool:
        return self.result is not None and not self.is_error


def calls_made(messages: Sequence[Mapping[str, Any]]) -> list[MadeCall]:
    """Return all calls in order."""
    answers = {
        str(message.get("tool_call_id")): message
        for message in messages
        if message.get("role") == "tool"
    }
    return [
        _read_call(part, answers)
        for message in messages
        for part in message.get("tool_calls") or ()
        if isinstance(part, Mapping) and isinstance(part.get("function"), Mapping)
    ]


def _read_call(part: Mapping[str, Any], answers: Mapping[str, Mapping[str, Any]]) -> MadeCall:
    function = part["function"]
    answer = answers.get(str(part.get("id")))
    return MadeCall(
        tool=str(function.get("name", "")),
        arguments=_arguments_of(function.get("arguments")),
        result=None if answer is None else str(answer.get("content") or ""),
        is_error=answer is not None and bool(answer.get("is_error")),
    )


def _arguments_of(written: Any) -> Mapping[str, Any]:
    found = read_arguments(written) if isinstance(written, str) else None
    return {"arguments": written} if found is None else found


def read_arguments(written: str) -> Mapping[str, Any] | None:
    """Return the JSON object that a model wrote as arguments, or None where it wrote none."""
    try:
        found = _READER.read(written)
    except JsonError:
        return None
    return found if isinstance(found, dict) else None
