"""Rendering: from a definition and an item to the messages that are sent."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from plumbmark.engine.media import attachment_part
from plumbmark.engine.tools import Tool, build_tool
from plumbmark.scoring.scorers import (
    CodeExecution,
    ModelJudge,
    PythonScorer,
    ToolUse,
    build_scorer,
)
from plumbmark.scoring.shuffling import LETTERS
from plumbmark.scoring.shuffling import shuffle_choices as in_order
from plumbmark.scoring.templates import CHOICES, parse_template
from plumbmark.scoring.templates import text_of as text_of
from tasks_app.definitions.document import Content, Definition, Part, parts_of
from tasks_app.definitions.message_columns import column_of, has_messages, read_messages


class Question(Protocol):
    """The part of an item that rendering needs: a row, or one that is being imported."""

    @property
    def key(self) -> str: ...
    @property
    def input(self) -> Mapping[str, Any]: ...
    @property
    def choices(self) -> Sequence[str] | None: ...
    @property
    def attachments(self) -> Sequence[Mapping[str, Any]]: ...


def _values(definition: Definition, item: Question) -> dict[str, str]:
    """Return the values that replace the columns in templates."""
    values = {name: text_of(value) for name, value in item.input.items()}
    if item.choices is not None:
        values[CHOICES] = rendered_choices(definition, item)
    return values


def render_messages(definition: Definition, item: Question) -> list[dict[str, Any]]:
    """Return system prompt, worked examples and the item's own messages, in the OpenAI form.

    Images and audio are parts that name their content (`plumbmark.engine.media`).
    """
    prompt = definition.prompt
    values = _values(definition, item)
    files = {one["name"]: one for one in item.attachments}
    messages: list[dict[str, Any]] = []
    if prompt.system:
        messages.append({"role": "system", "content": parse_template(prompt.system).fill(values)})
    for example in prompt.few_shot:
        messages.append({"role": "user", "content": _literal(example.user, files)})
        messages.append({"role": "assistant", "content": example.assistant})
    for turn in prompt.messages:
        column = column_of(turn, definition) if prompt.message_columns else None
        if column in prompt.message_columns and has_messages(item.input[column]):
            messages += read_messages(item.input[column])
            continue
        content = _fill(turn.content, values, files)
        messages.append({"role": turn.role, "content": content})
    return messages


def _fill(
    content: Content, values: Mapping[str, str], files: Mapping[str, Mapping[str, Any]]
) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return parse_template(content).fill(values)
    return _message_parts(
        ((part, parse_template(part.template).fill(values)) for part in content), files
    )


def _literal(
    content: Content, files: Mapping[str, Mapping[str, Any]]
) -> str | list[dict[str, Any]]:
    if isinstance(content, str):
        return content
    return _message_parts(((part, part.template) for part in content), files)


def _message_parts(
    parts: Iterable[tuple[Part, str]], files: Mapping[str, Mapping[str, Any]]
) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    for part, filled in parts:
        if part.kind == "text":
            sent.append({"type": "text", "text": filled})
        elif filled.strip() or not part.optional:
            file = files[filled.strip()]
            sent.append(
                attachment_part(
                    part.kind,
                    sha256=file["sha256"],
                    media_type=file["media_type"],
                    size=file["bytes"],
                    name=file["name"],
                )
            )
    return sent


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A part of an item's messages that is a file, with the name that its row gives."""

    part: Part
    name: str
    columns: tuple[str, ...] = ()
    """What the name was made of."""


def named_files(definition: Definition, values: Mapping[str, str]) -> list[NamedFile]:
    """Return the files that an item's messages need, in order; `values` are its columns as text.

    The names in worked examples are taken literally.
    """
    found = [
        NamedFile(part, part.template.strip())
        for example in definition.prompt.few_shot
        for part in parts_of(example.user)
        if part.kind != "text"
    ]
    for turn in definition.prompt.messages:
        for part in parts_of(turn.content):
            if part.kind != "text":
                template = parse_template(part.template)
                found.append(NamedFile(part, template.fill(values).strip(), template.columns))
    return found


def file_columns(definition: Definition) -> tuple[str, ...]:
    """Return columns that are only a file's name: they may contain the file itself."""
    found = []
    for turn in definition.prompt.messages:
        for part in parts_of(turn.content):
            if part.kind != "text":
                template = parse_template(part.template)
                if len(template.columns) == 1 and not "".join(template.parts[::2]).strip():
                    found.append(template.columns[0])
    return tuple(dict.fromkeys(found))


def render_follow_ups(definition: Definition, item: Question) -> tuple[str, ...]:
    """Return the user's further turns, said one by one after the answers."""
    if not definition.prompt.follow_ups:
        return ()
    values = _values(definition, item)
    return tuple(parse_template(text).fill(values) for text in definition.prompt.follow_ups)


def render_user_instructions(definition: Definition, item: Question) -> str:
    """Return the simulated user's instructions; empty where there is none."""
    user = definition.prompt.simulated_user
    if user is None:
        return ""
    values = _values(definition, item)
    return parse_template(user.instructions).fill(values)


def tools_of(definition: Definition) -> list[Tool]:
    return [build_tool(spec.as_spec()) for spec in definition.tools]


def tool_input(definition: Definition, item: Question, tools: Sequence[Tool]) -> dict[str, Any]:
    """Return the item's columns that tools may know."""
    names = sorted({column for tool in tools for column in tool.columns})
    return {
        name: rendered_choices(definition, item)
        if name == CHOICES and item.choices is not None
        else item.input[name]
        for name in names
    }


def rendered_choices(definition: Definition, item: Question) -> str:
    """Return `A) …` on a line each, in the order that the model sees."""
    return "\n".join(
        f"{letter}) {choice}"
        for letter, choice in zip(LETTERS, ordered_choices(definition, item), strict=False)
    )


def ordered_choices(definition: Definition, item: Question) -> Sequence[str]:
    assert item.choices is not None
    return in_order(item.choices, definition.prompt.shuffle_seed, item.key)


_COLUMNS_IN: Mapping[type, str] = {
    CodeExecution: "program",
    ModelJudge: "rubric",
    PythonScorer: "columns",
    ToolUse: "required",
}


def scorer_columns(definition: Definition) -> dict[str, str]:
    """Return columns that programs and rubrics need, each with the place that first names it."""
    names: dict[str, str] = {}
    for index, spec in enumerate(definition.scorers):
        scorer = build_scorer(spec.as_spec())
        if isinstance(scorer, CodeExecution | ModelJudge | PythonScorer | ToolUse):
            for column in scorer.columns:
                names.setdefault(column, f"scorers[{index}].{_COLUMNS_IN[scorer.__class__]}")
    return names


def columns_used(definition: Definition) -> dict[str, str]:
    """Return columns that the prompt needs, each with the place in the definition that first names
    it.

    `{choices}` is a column only if no options are declared.
    """
    prompt = definition.prompt
    texts = [("prompt.system", prompt.system)]
    texts += [
        (f"prompt.messages[{index}].content", part.template)
        for index, turn in enumerate(prompt.messages)
        for part in parts_of(turn.content)
    ]
    texts += [(f"prompt.follow_ups[{index}]", text) for index, text in enumerate(prompt.follow_ups)]
    if prompt.simulated_user is not None:
        texts.append(("prompt.simulated_user.instructions", prompt.simulated_user.instructions))
    names: dict[str, str] = {}
    for place, text in texts:
        for column in parse_template(text).columns:
            names.setdefault(column, place)
    for index, tool in enumerate(tools_of(definition)):
        for column, option in tool.columns.items():
            names.setdefault(column, f"tools[{index}].{option}")
    if definition.data.choices is not None:
        names.pop(CHOICES, None)
    return names
