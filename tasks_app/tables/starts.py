"""The first definition of a task, written from the roles of its columns."""

import io
import json
from collections.abc import Sequence
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import LiteralScalarString, SingleQuotedScalarString
from yaml import YAMLError as PlainYAMLError
from yaml import safe_load

from tasks_app.tables.roles import Roles

_INSTRUCTIONS = {
    "answer": "Answer with the answer alone.",
    "number": "Give the number alone on the last line.",
    "choices": "Answer with the letter of the right option alone.",
    "json": "Answer with a JSON object alone.",
    "judge": "",
}
_MAX_TOKENS = {"answer": 256, "number": 1024, "choices": 512, "classes": 64, "json": 1024}
_RUBRIC = """\
Is the answer correct, complete and to the point?

Question: {question}

Answer: {output}
"""


def write_definition(
    roles: Roles, *, classes: Sequence[str] = (), judges: Sequence[str] = ()
) -> str:
    """Return a definition as YAML.

    `classes` are the answers of a classification; `judges` are deployments, for a task that models
    mark.
    """
    document: dict[str, Any] = {"plumbmark": 1, "data": _data(roles)}
    document["prompt"] = {"messages": [{"role": "user", "content": _content(roles, classes)}]}
    document["scorers"] = [_scorer(roles, judges)]
    document["sampling"] = {"max_output_tokens": _MAX_TOKENS.get(roles.kind, 1024)}
    return dump_yaml(document)


def change_columns(text: str, roles: Roles) -> str:
    """Return a definition in YAML with other columns; comments and all else stay.

    Raises `ValueError` for a text that is no mapping.
    """
    yaml = writer_of()
    try:
        document = yaml.load(text)
    except YAMLError as error:
        raise ValueError(str(error)) from None
    if not isinstance(document, dict):
        raise ValueError("the definition is no mapping")
    data = _data(roles)
    known = document.get("data")
    if isinstance(known, dict):
        for key in ("id", "target", "choices", "cluster", "slices", "split"):
            if key in data:
                known[key] = data[key]
            else:
                known.pop(key, None)
        known.pop("format", None)
    else:
        document["data"] = data
    return write_yaml(yaml, document)


def without_split(text: str, *, is_json: bool) -> str:
    """Return a definition whose items are all public; comments and all else stay."""
    if is_json:
        document = json.loads(text)
        document["data"].pop("split", None)
        return json.dumps(document, indent=2, ensure_ascii=False)
    yaml = writer_of()
    document = yaml.load(text)
    document["data"].pop("split", None)
    return write_yaml(yaml, document)


def dump_yaml(document: Any) -> str:
    """Return a document as YAML that is pleasant to read."""
    return write_yaml(writer_of(), document)


def writer_of(*, sequence_offset: int = 2, width: int = 100) -> YAML:
    """Return what reads YAML with its comments and writes it again."""
    yaml = YAML()
    yaml.width = width
    yaml.preserve_quotes = True
    yaml.indent(mapping=2, sequence=sequence_offset + 2, offset=sequence_offset)
    return yaml


def write_yaml(yaml: YAML, document: Any) -> str:
    """Return a tree as text."""
    target = io.StringIO()
    yaml.dump(document, target)
    return target.getvalue()


def _data(roles: Roles) -> dict[str, Any]:
    data: dict[str, Any] = {}
    if roles.id:
        data["id"] = quote_text(roles.id)
    if roles.answer:
        column = quote_text(roles.answer)
        after = {"column": column, "after": SingleQuotedScalarString(roles.after)}
        data["target"] = after if roles.after else column
    if roles.options:
        options = list(map(quote_text, roles.options))
        data["choices"] = options[0] if len(options) == 1 else options
    if roles.cluster:
        data["cluster"] = quote_text(roles.cluster)
    if roles.slices:
        data["slices"] = list(map(quote_text, roles.slices))
    if roles.split:
        private = list(map(quote_text, roles.private))
        data["split"] = {"column": quote_text(roles.split), "private": private}
    return data


def _content(roles: Roles, classes: Sequence[str]) -> Any:
    lines = [_placeholder(name) for name in roles.question]
    if roles.options:
        lines.append("{choices}")
    instruction = _INSTRUCTIONS.get(roles.kind, "")
    if roles.kind == "classes":
        named = ", ".join(one.replace("{", "{{").replace("}", "}}") for one in classes)
        instruction = f"Answer with one of these alone: {named}." if named else ""
    if roles.kind == "number" and not roles.after:
        instruction = "Answer with the number alone."
    text = "\n".join(lines)
    if instruction:
        text += f"\n\n{instruction}" if text else instruction
    body = LiteralScalarString(text + "\n") if "\n" in text else text
    if not roles.images:
        return body
    images = [{"image": _placeholder(name), "optional": True} for name in roles.images]
    return [*images, {"text": body}]


def quote_text(text: str) -> str:
    """Return a text so that YAML of either version reads it as one: `no` and `1` need quotes."""
    try:
        is_plain = safe_load(text) == text
    except PlainYAMLError:
        is_plain = False
    return text if is_plain else SingleQuotedScalarString(text)


def _placeholder(column: str) -> str:
    return "{" + column + "}"


def _scorer(roles: Roles, judges: Sequence[str]) -> dict[str, Any]:
    if roles.kind == "choices":
        return {"type": "multiple_choice", "target_is": roles.target_is or "auto"}
    if roles.kind == "number":
        return {"type": "numeric"}
    if roles.kind == "json":
        return {"type": "json"}
    if roles.kind == "judge":
        rubric = _RUBRIC
        if roles.question:
            rubric = rubric.replace("{question}", _placeholder(roles.question[-1]))
        if roles.answer:
            rubric += f"\nWhat a good answer says: {_placeholder(roles.answer)}\n"
        return {
            "type": "model_judge",
            "judges": list(judges),
            "rubric": LiteralScalarString(rubric),
        }
    return {"type": "exact", "normalise": ["trim", "nfkc", "case", "final_stop"]}
