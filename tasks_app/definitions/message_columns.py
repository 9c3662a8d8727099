"""Columns that contain messages: a prompt that the data bring along.

A message of the user whose content is one column alone is replaced by the messages in that column.
Which columns do so is decided when the data are read and stored with the version, so that versions
from before send what they always sent.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from plumbmark.scoring.templates import CHOICES, parse_template
from tasks_app.definitions.document import Definition, Turn, parts_of

ROLES = ("system", "user", "assistant")
MAX_MESSAGES = 200

_READ_KEYS = {"role", "content", "text", "parts"}
_OTHER_ROLES = {
    "developer": "system",
    "human": "user",
    "gpt": "assistant",
    "bot": "assistant",
    "ai": "assistant",
    "model": "assistant",
}
_AS_TEXT = re.compile(r"\s*\[\s*\{.*[\"']role[\"']\s*:", re.DOTALL)
_SEARCHED = 2000


class MessageError(ValueError):
    """A list of messages that cannot be sent; says which message, and how to mend it."""


def column_of(turn: Turn, definition: Definition) -> str | None:
    """Return the column that is the whole content of a user's message; None if there is more."""
    if turn.role != "user" or not isinstance(turn.content, str):
        return None
    template = parse_template(turn.content)
    if len(template.columns) != 1 or "".join(template.parts[::2]).strip():
        return None
    [column] = template.columns
    return None if column == CHOICES and definition.data.choices is not None else column


def whole_columns(definition: Definition) -> set[str]:
    """Return the columns that may contain messages."""
    found = {column_of(turn, definition) for turn in definition.prompt.messages}
    return {column for column in found if column is not None}


def columns_amid_text(definition: Definition) -> set[str]:
    """Return the columns that stand somewhere else in the prompt, where they are text."""
    prompt = definition.prompt
    texts = [prompt.system, *prompt.follow_ups]
    if prompt.simulated_user is not None:
        texts.append(prompt.simulated_user.instructions)
    for turn in prompt.messages:
        if column_of(turn, definition) is None:
            texts += [part.template for part in parts_of(turn.content)]
    found = {column for text in texts for column in parse_template(text).columns}
    return found - {CHOICES} if definition.data.choices is not None else found


def has_messages(value: Any) -> bool:
    """Return whether a value is meant as a list of messages: one of its objects has a role."""
    return isinstance(value, list) and any(isinstance(one, dict) and "role" in one for one in value)


def has_messages_as_text(value: Any) -> bool:
    """Return whether a text looks like a list of messages that was written as JSON."""
    return isinstance(value, str) and _AS_TEXT.match(value[:_SEARCHED]) is not None


def read_messages(value: Sequence[Any]) -> list[dict[str, Any]]:
    """Return the messages in the OpenAI form; raise MessageError."""
    if len(value) > MAX_MESSAGES:
        raise MessageError(f"has {len(value):,} messages; at most {MAX_MESSAGES} are taken")
    return [_read_message(one, number) for number, one in enumerate(value, 1)]


def ignored_keys(value: Sequence[Mapping[str, Any]]) -> set[str]:
    """Return what messages say besides role and content, which is not sent."""
    return {
        key for one in value for key in one if key not in _READ_KEYS and one[key] not in (None, [])
    }


def _read_message(message: Any, number: int) -> dict[str, Any]:
    if not isinstance(message, dict):
        raise MessageError(f"message {number} must be an object with role and content")
    role = message.get("role")
    if role not in ROLES:
        shown_role = repr(role)[:40] if "role" in message else "missing"
        hint = _OTHER_ROLES.get(role) if isinstance(role, str) else None
        mend = f"write {hint!r}" if hint else f"write {', '.join(ROLES[:-1])} or {ROLES[-1]}"
        raise MessageError(f"the role of message {number} is {shown_role}; {mend}")
    if message.get("tool_calls"):
        raise MessageError(
            f"message {number} calls tools, which a prompt cannot repeat; leave the call out"
        )
    contents = [key for key in ("content", "text", "parts") if message.get(key) is not None]
    if len(contents) != 1:
        problem = "has no content" if not contents else f"has both {contents[0]} and {contents[1]}"
        raise MessageError(f"message {number} {problem}; give it one text or list of text parts")
    return {"role": role, "content": _read_content(message[contents[0]], number)}


def _read_content(content: Any, number: int) -> str | list[dict[str, Any]]:
    if isinstance(content, list):
        texts = [_read_part(part, number) for part in content]
    else:
        texts = [content]
    if not all(isinstance(text, str) for text in texts):
        raise MessageError(
            f"the content of message {number} must be a text or a list of text parts"
        )
    if not any(text.strip() for text in texts):
        raise MessageError(f"message {number} is empty; leave it out or give it a text")
    if len(texts) == 1:
        return str(texts[0])
    return [{"type": "text", "text": text} for text in texts]


def _read_part(part: Any, number: int) -> Any:
    if isinstance(part, str):
        return part
    if isinstance(part, dict) and part.get("type", "text") in ("text", "input_text"):
        return part.get("text")
    kind = part.get("type") if isinstance(part, dict) else None
    raise MessageError(
        f"message {number} has a part of type {kind!r}, and only text is read from a column; name "
        'images and audio in parts of the definition ({image: "{column}"})'
    )
