"""What an author sees beside the definition: its problems, or how the first items are asked."""

import base64
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext as _

from plumbmark.common.errors import Problem
from plumbmark.engine.tools import to_openai_tool
from tasks_app.authoring.drafts import FIRST_ITEMS, FIRST_ROWS
from tasks_app.datasets import ImportedItem, ImportResult, number_in
from tasks_app.definitions import (
    Definition,
    Question,
    render_follow_ups,
    render_messages,
)
from tasks_app.definitions.rendering import ordered_choices, text_of, tools_of
from tasks_app.kinds import draft_kind_of
from tasks_app.models import TaskDraft

_MAX_LINE = 200


@dataclass(frozen=True, slots=True)
class PlacedProblem:
    """A problem with the line of the definition that it points at."""

    message: str
    path: str
    line: int | None
    text: str
    is_of_data: bool
    """Its line is one of the data file."""
    is_of_media: bool = False
    """It is about an image or audio that was sent."""


@dataclass(frozen=True, slots=True)
class PreviewQuestion:
    """One item as it will be asked."""

    key: str
    split: str
    messages: Sequence[Mapping[str, Any]]
    target: object
    choices: Sequence[str] | None
    inside: Mapping[str, str] = field(default_factory=dict)
    """Of its files those that stand in the data file itself, as `data:` URLs by their SHA-256."""

    @property
    def targets(self) -> list[str]:
        """The right answers as text."""
        found = self.target if isinstance(self.target, list) else [self.target]
        return [text_of(one) for one in found if one is not None]


@dataclass(frozen=True, slots=True)
class Preview:
    problems: Sequence[PlacedProblem] = ()
    warnings: Sequence[str] = ()
    items: int = 0
    private_items: int = 0
    is_whole: bool = True
    """Every row of the file was looked at."""
    first: Sequence[PreviewQuestion] = ()
    start: int = 1
    """The number of the first item shown."""
    not_found: str = ""
    """The item that was asked for and is not there."""
    tools: Sequence[Mapping[str, Any]] = ()
    """As models are told of them: `name`, `description`, `parameters`."""

    @property
    def previous(self) -> int:
        return max(1, self.start - 1)

    @property
    def next(self) -> int:
        return self.start + 1

    @property
    def is_last(self) -> bool:
        """The items shown go to the end of what was read."""
        return self.is_whole and self.start - 1 + len(self.first) >= self.items


def preview_of(
    draft: TaskDraft,
    *,
    definition_text: str | None = None,
    rows: int | None = FIRST_ROWS,
    item: str = "",
) -> Preview:
    """Check a draft, or a text that is not saved yet in its place. Saves nothing.

    `rows` bounds how much of the data file is read; None reads all of it. `item` says which items
    are shown: from the one with this id or number on; `#3` is a number in any case.
    """
    return draft_kind_of(draft).preview(draft, text=definition_text, rows=rows, item=item)


def place_problems(problems: Sequence[Problem], text: str) -> list[PlacedProblem]:
    """Return problems with the text of their lines."""
    lines = text.replace("\r\n", "\n").split("\n")
    placed = []
    for problem in problems:
        of_data = problem.path.startswith("data_file")
        of_media = problem.path == "media"
        line = problem.line
        has_text = not of_data and line is not None and 1 <= line <= len(lines)
        placed.append(
            PlacedProblem(
                message=problem.message,
                path=problem.path.removeprefix("data_file").removeprefix(": ")
                if of_data
                else ("" if of_media else problem.path),
                line=line,
                text=lines[line - 1][:_MAX_LINE] if has_text and line is not None else "",
                is_of_data=of_data,
                is_of_media=of_media,
            )
        )
    return placed


def preview_messages(definition: Definition, item: Question) -> list[dict[str, Any]]:
    """Return an item's messages with the user's further turns, answers left open."""
    messages = render_messages(definition, item)
    for text in render_follow_ups(definition, item):
        messages.append({"role": "assistant", "content": str(_("(the model's answer)"))})
        messages.append({"role": "user", "content": text})
    return messages


def tool_schemas(definition: Definition) -> list[Mapping[str, Any]]:
    """Return the tools as sent to models: `name`, `description`, `parameters`."""
    return [to_openai_tool(tool)["function"] for tool in tools_of(definition)]


def tool_contexts(sent: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Return the context of `tasks_app/authoring/_tools.html`."""
    return [
        {
            "name": tool["name"],
            "description": tool["description"],
            "parameters": json.dumps(tool["parameters"], indent=2, ensure_ascii=False),
        }
        for tool in sent
    ]


def _inline_files(item: ImportedItem, imported: ImportResult) -> dict[str, str]:
    return {
        one["sha256"]: f"data:{one['media_type']};base64,"
        + base64.b64encode(imported.inline_files[one["sha256"]].read_bytes()).decode("ascii")
        for one in item.attachments
        if one["sha256"] in imported.inline_files
    }


def start_of(imported: ImportResult, item: str) -> int | None:
    """Return the number of the item with an id, or of that number; None where it is not there."""
    if not item:
        return 1
    number = number_in(item)
    positions = {one.key: one.position for one in imported}
    if not item.startswith("#") and item in positions:
        return positions[item] + 1
    return number if number is not None and number - 1 in positions.values() else None


def first_questions(
    definition: Definition, imported: ImportResult, *, start: int = 1
) -> list[PreviewQuestion]:
    """Return the first items from one on, as they will be asked."""
    first: list[PreviewQuestion] = []
    shown = (item for item in imported if item.position >= start - 1)
    for item in itertools.islice(shown, FIRST_ITEMS):
        first.append(
            PreviewQuestion(
                key=item.key,
                split=item.split,
                messages=preview_messages(definition, item),
                target=item.target,
                choices=None if item.choices is None else list(ordered_choices(definition, item)),
                inside=_inline_files(item, imported),
            )
        )
    return first
