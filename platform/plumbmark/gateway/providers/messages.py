"""Reading messages of the OpenAI form for providers that speak another one.

Whatever cannot be read raises `CannotAsk` with what and where; nothing here guesses.
"""

import binascii
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from plumbmark.common.file_types import SIGNATURE_BYTES, detect_file_type
from plumbmark.engine.ports import Message, ToolCall
from plumbmark.gateway.providers.base import CannotAsk
from plumbmark.gateway.providers.text import read_text
from plumbmark.strict_json import wire

SYSTEM_ROLES = {"system", "developer"}
_DATA_URL = re.compile(r"data:([^;,]*)((?:;[^;,]*)*),", re.IGNORECASE)
_VIDEO_HOSTS = re.compile(r"https?://(?:[\w-]+\.)*(?:youtube\.com|youtu\.be)/", re.IGNORECASE)
_MEDIA_TYPES = {
    "image/png",
    "image/jpeg",
    "image/gif",
    "image/webp",
    "audio/wav",
    "application/pdf",
}
"""Those whose bytes count more than what their sender calls them; a ZIP may be many things."""
_AUDIO = {"mp3": "audio/mp3", "wav": "audio/wav"}


@dataclass(frozen=True, slots=True)
class MediaPart:
    """Data that travels inside a message: its media type and its base64, without line breaks."""

    mime: str
    data: str


@dataclass(frozen=True, slots=True)
class Link:
    """Data that lies elsewhere."""

    url: str


def role_of(message: Message) -> str:
    role = message.get("role")
    if not isinstance(role, str):
        raise CannotAsk("A message has no role; it must be system, user, assistant or tool.")
    return role


def parts_of(content: Any) -> list[Mapping[str, Any]]:
    """Return a message's content as parts; text becomes one part, None becomes none."""
    if content is None:
        return []
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    if not isinstance(content, list | tuple):
        raise CannotAsk("A message's content must be text or a list of parts.")
    parts: list[Mapping[str, Any]] = []
    for part in content:
        if isinstance(part, str):
            parts.append({"type": "text", "text": part})
        elif isinstance(part, Mapping):
            parts.append(part)
        else:
            raise CannotAsk("A part of a message's content must be an object with a type.")
    return parts


def text_of(message: Message) -> str:
    """Return the text of a message that can contain nothing else."""
    return read_text(message.get("content"))


def in_turns(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Return the messages with one system message first and neighbours of one role merged."""
    system = [text for message in messages if _is_system(message) and (text := text_of(message))]
    turns: list[dict[str, Any]] = []
    if system:
        turns.append({"role": "system", "content": "\n\n".join(system)})
    for message in messages:
        if _is_system(message):
            continue
        last = turns[-1] if turns else {}
        role = message.get("role")
        has_calls = message.get("tool_calls") or last.get("tool_calls")
        if role == last.get("role") and role in ("user", "assistant") and not has_calls:
            last["content"] = _join(last.get("content"), message.get("content"))
        else:
            turns.append(dict(message))
    return turns


def _is_system(message: Message) -> bool:
    return message.get("role") in ("system", "developer")


def _join(before: Any, after: Any) -> Any:
    if isinstance(before, str) and isinstance(after, str):
        return f"{before}\n\n{after}"
    return [*parts_of(before), *parts_of(after)]


def media_of(part: Mapping[str, Any]) -> MediaPart | Link | None:
    """Return the image, audio or file of a content part; None if it is text or unknown."""
    kind = part.get("type")
    if kind == "image_url":
        url = _inner(part, "image_url", "url")
        return _image(url)
    if kind == "input_audio":
        form = _inner(part, "input_audio", "format").lower()
        if form not in _AUDIO:
            raise CannotAsk(f"Audio must be mp3 or wav, not {form[:20]!r}.")
        data = _inner(part, "input_audio", "data")
        return MediaPart(_AUDIO[form], _base64(data, "audio")[0])
    if kind == "file":
        mime, data = _data_url(_inner(part, "file", "file_data"), "file")
        data, start = _base64(data, "file")
        return MediaPart(_detect_media_type(start) or mime or "application/octet-stream", data)
    return None


def _inner(part: Mapping[str, Any], name: str, field: str) -> str:
    inner = part.get(name)
    value = inner if isinstance(inner, str) else None
    if isinstance(inner, Mapping):
        value = inner.get(field)
    if not isinstance(value, str) or not value:
        raise CannotAsk(f"A part of type {name} lacks its {name}.{field}.")
    return value


def _image(url: str) -> MediaPart | Link:
    if url[:5].lower() != "data:":
        if _VIDEO_HOSTS.match(url):
            raise CannotAsk("A link to a video is no image; this provider cannot watch videos.")
        if not url.startswith(("https://", "http://")):
            raise CannotAsk("An image must be a data: URL with base64, or an https address.")
        return Link(url)
    mime, data = _data_url(url, "image")
    data, start = _base64(data, "image")
    # What the data are counts, not what they are called: providers refuse a wrong name.
    mime = _detect_media_type(start) or mime
    if not mime.startswith("image/"):
        raise CannotAsk(f"An image_url holds data of type {mime[:60] or 'unknown'}, no image.")
    return MediaPart(mime, data)


def _data_url(url: str, what: str) -> tuple[str, str]:
    found = _DATA_URL.match(url[:300])
    if not found or "base64" not in found[2].lower():
        raise CannotAsk(f"The {what}'s data: URL must read data:<type>;base64,<data>.")
    return found[1].strip().lower(), url[found.end() :]


def _base64(data: str, what: str) -> tuple[str, bytes]:
    """Return the data without line breaks in the standard alphabet, and the first decoded bytes."""
    if not data.isascii():
        raise CannotAsk(f"The {what} is no base64.")
    if any(character in data for character in "\r\n \t-_%"):
        data = "".join(data.split()).replace("-", "+").replace("_", "/").replace("%3D", "=")
    data += "=" * (-len(data) % 4)
    try:
        decoded = binascii.a2b_base64(data, strict_mode=True)
    except ValueError as error:
        raise CannotAsk(f"The {what} is no base64: {error}.") from None
    if not decoded:
        raise CannotAsk(f"The {what} is empty.")
    return data, decoded[:SIGNATURE_BYTES]


def _detect_media_type(start: bytes) -> str:
    found = detect_file_type(start)
    return found if found in _MEDIA_TYPES else ""


def calls_of(message: Message) -> list[ToolCall]:
    """Return the tool calls of an assistant message."""
    found = []
    for call in message.get("tool_calls") or ():
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise CannotAsk("A tool call in an assistant message lacks its function.name.")
        arguments = function.get("arguments", "")
        if not isinstance(arguments, str):
            arguments = wire.dump_in_order(wire.to_canonical_types(arguments)).decode()
        found.append(
            ToolCall(str(call.get("id") or ""), function["name"], arguments, signature_in(call))
        )
    return found


def signature_in(call: Mapping[str, Any]) -> str:
    """Return the provider's own token of a tool call, as `ToolCall.as_message_part` wrote it."""
    place: Any = call
    for name in ("extra_content", "google", "thought_signature"):
        place = place.get(name) if isinstance(place, Mapping) else None
    return place if isinstance(place, str) else ""


def arguments_in(call: ToolCall) -> dict[str, Any]:
    """Return the arguments as an object. Other text is kept under `arguments`, not dropped."""
    if not call.arguments.strip():
        return {}
    try:
        read = wire.read(call.arguments.encode("utf-8", "replace"))
    except ValueError:
        read = None
    return read if isinstance(read, dict) else {"arguments": call.arguments}


def functions_of(tools: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the functions among the tools; refuse other kinds, which not every provider has."""
    functions = []
    for tool in tools:
        function = tool.get("function")
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise CannotAsk(
                'Every tool must be {"type": "function", "function": {"name": …}} for this model.'
            )
        functions.append(function)
    return functions


def chosen_function(tool_choice: Any) -> str:
    """Return the name of the function that `tool_choice` demands, or an empty text."""
    if isinstance(tool_choice, Mapping):
        function = tool_choice.get("function")
        name = function.get("name") if isinstance(function, Mapping) else None
        if not isinstance(name, str):
            raise CannotAsk('A tool_choice object must be {"type": "function", "function": …}.')
        return name
    if tool_choice not in (None, "auto", "none", "required"):
        raise CannotAsk(f"tool_choice must be auto, none, required or a function: {tool_choice!r}.")
    return ""


def schema_of(output_schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the JSON schema inside `ModelRequest.output_schema`."""
    schema = output_schema.get("schema")
    if not isinstance(schema, Mapping):
        raise CannotAsk("output_schema holds no schema.")
    return schema
