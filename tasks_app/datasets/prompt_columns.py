"""Columns of the prompt that are more than text: messages, and what looks like a mistake."""

from typing import Any

from plumbmark.common.errors import Problem
from tasks_app.datasets.options import looks_like_options
from tasks_app.datasets.rows import ColumnWarning, DataRow, RowProblem
from tasks_app.definitions.document import Definition
from tasks_app.definitions.message_columns import (
    MessageError,
    column_of,
    columns_amid_text,
    has_messages,
    has_messages_as_text,
    ignored_keys,
    read_messages,
    whole_columns,
)


class PromptColumns:
    """Checks row after row, and remembers which columns contain messages."""

    def __init__(self, definition: Definition, warned: ColumnWarning) -> None:
        self._warned = warned
        self._whole = whole_columns(definition)
        self._amid_text = columns_amid_text(definition)
        self._last = column_of(definition.prompt.messages[-1], definition)
        self._found: set[str] = set()

    @property
    def with_messages(self) -> tuple[str, ...]:
        return tuple(sorted(self._found))

    def check(self, row: DataRow) -> None:
        for column in sorted(self._whole | self._amid_text):
            value = row.values[column]
            if has_messages(value):
                self._check_messages(row, column, value)
            elif warning := self._warning(column, value):
                self._warned.add(f"the column {column!r} contains {warning}", row.line)

    def _check_messages(self, row: DataRow, column: str, value: list[Any]) -> None:
        if column in self._amid_text:
            self._warned.add(
                f"the column {column!r} contains messages, which are sent as JSON where other text "
                f'is beside it; write a message of the user whose content is "{{{column}}}" alone',
                row.line,
            )
        if column not in self._whole:
            return
        try:
            messages = read_messages(value)
        except MessageError as error:
            raise RowProblem(Problem(str(error), column, row.line)) from None
        for key in sorted(ignored_keys(value)):
            self._warned.add(
                f"messages in {column!r} have {key[:40]!r}, which is not sent", row.line
            )
        if column == self._last and messages[-1]["role"] != "user":
            raise RowProblem(
                Problem(
                    "the last message must be the user's, because it is what the model answers; "
                    "leave the answer out, or add a message of the user to the definition",
                    column,
                    row.line,
                )
            )
        self._found.add(column)

    def _warning(self, column: str, value: Any) -> str:
        """Return what a value contains that is not meant to be sent as it is; else nothing."""
        if has_messages_as_text(value):
            return "messages written as text, which is sent as it is; use JSONL and a list"
        if looks_like_options(value):
            return (
                "options, which are sent as JSON; name it in data.choices and put {choices} into "
                "the prompt"
            )
        is_structure = isinstance(value, dict) or (
            isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)
        )
        if column in self._whole and is_structure:
            return (
                "objects, which are sent as JSON; a prompt is a list of messages with role and "
                "content"
            )
        return ""
