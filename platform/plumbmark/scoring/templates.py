"""Message templates: `{column}` is replaced, `{{` and `}}` are braces. Nothing else happens."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from plumbmark.shapes.names import suggest_name

CHOICES = "choices"
"""`{choices}` is replaced by the rendered list of options."""


class BadTemplate(ValueError):
    """A template that cannot be parsed; says where (`offset`, from 0) and how to correct it."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Template:
    """Alternating literal text and column names: text, name, text, name, …, text."""

    parts: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return self.parts[1::2]

    def fill(self, values: Mapping[str, str]) -> str:
        filled = list(self.parts)
        for index in range(1, len(filled), 2):
            filled[index] = values[filled[index]]
        return "".join(filled)


@lru_cache(maxsize=512)
def parse_template(text: str) -> Template:
    """Read a template; `BadTemplate` where a brace stands alone."""
    parts: list[str] = []
    literal: list[str] = []
    index = 0
    while index < len(text):
        character = text[index]
        if character not in "{}":
            following = min(
                (found for brace in "{}" if (found := text.find(brace, index)) >= 0),
                default=len(text),
            )
            literal.append(text[index:following])
            index = following
        elif text[index : index + 2] == character * 2:
            literal.append(character)
            index += 2
        elif character == "}":
            raise BadTemplate("a single } is alone; write }} for a literal brace", index)
        else:
            end = text.find("}", index)
            name = text[index + 1 : end] if end >= 0 else ""
            if end < 0 or "{" in name or "\n" in name:
                raise BadTemplate("a single { is alone; write {{ for a literal brace", index)
            if not name.strip():
                raise BadTemplate(
                    "{} names no column; write {column}, or {{}} for literal braces", index
                )
            parts += ["".join(literal), name.strip()]
            literal = []
            index = end + 1
    parts.append("".join(literal))
    return Template(tuple(parts))


def text_of(value: Any) -> str:
    """Return a column's value as inserted into a prompt: text as it is, null as nothing, the rest
    as JSON.

    Numbers are written as in the data file as far as JSON keeps them.
    """
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    return json.dumps(value, ensure_ascii=False)


def unknown_column_message(name: str, known: Iterable[str]) -> str:
    """Return the message about a column that does not exist: the known ones and a suggestion."""
    names = sorted(known)
    column_list = ", ".join(names[:20]) + (", …" if len(names) > 20 else "")
    return (
        f"the data has no column {name[:80]!r}{suggest_name(name, names) or '.'} "
        f"Its columns are: {column_list}"
    )
