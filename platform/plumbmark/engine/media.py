"""Images and audio in messages: named by their content until the moment they are sent.

A message part `{"type": "image" | "audio", "sha256", "media_type", "bytes", "name"}` refers to a
stored file. Plans, results and stored samples contain it in this form; `AttachingCaller` turns it
into the OpenAI form on the way to the model, so that no more files are in memory than are in
flight.
"""

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from plumbmark.engine.ports import (
    CallFailure,
    CallResult,
    FailureKind,
    Message,
    ModelCaller,
    ModelRequest,
)

IMAGE = "image"
AUDIO = "audio"
KINDS = (IMAGE, AUDIO)
_AUDIO_FORMATS = {"audio/wav": "wav", "audio/mpeg": "mp3"}
_KEPT_BYTES = 32 * 1024 * 1024
_BYTES_IN_FLIGHT = 256 * 1024 * 1024

Load = Callable[[str], bytes]
"""The bytes of a stored file by its SHA-256, in hexadecimal digits; `OSError` where it is gone."""


def attachment_part(
    kind: str, *, sha256: str, media_type: str, size: int, name: str
) -> dict[str, Any]:
    """Return a message part that refers to a stored file."""
    return {"type": kind, "sha256": sha256, "media_type": media_type, "bytes": size, "name": name}


def is_attachment(part: Any) -> bool:
    return isinstance(part, Mapping) and part.get("type") in KINDS and "sha256" in part


def attachments_in(messages: Sequence[Message]) -> list[Mapping[str, Any]]:
    """Return the parts that refer to files, in order."""
    return [
        part
        for message in messages
        if isinstance(message.get("content"), list | tuple)
        for part in message["content"]
        if is_attachment(part)
    ]


def to_openai_part(part: Mapping[str, Any], data: str) -> dict[str, Any]:
    """Return the part in the OpenAI form; `data` is the file in base64."""
    if part["type"] == IMAGE:
        url = f"data:{part['media_type']};base64,{data}"
        return {"type": "image_url", "image_url": {"url": url}}
    form = _AUDIO_FORMATS[part["media_type"]]
    return {"type": "input_audio", "input_audio": {"data": data, "format": form}}


def in_words(content: Any) -> str:
    """Return a message's content as text only: files are named, not shown."""
    if isinstance(content, str) or content is None:
        return content or ""
    words = []
    for part in content:
        if is_attachment(part):
            words.append(f"[{part['type']}: {part['name']}]")
        elif isinstance(part, Mapping) and isinstance(part.get("text"), str):
            words.append(part["text"])
    return "\n".join(words)


class AttachingCaller:
    """A caller that puts the files' bytes into a request when it goes out.

    The last few files are kept, because repeats and worked examples ask for the same ones. Calls
    whose files would be too many bytes together wait for those before them.
    """

    def __init__(
        self,
        caller: ModelCaller,
        load: Load,
        *,
        kept_bytes: int = _KEPT_BYTES,
        bytes_in_flight: int = _BYTES_IN_FLIGHT,
    ) -> None:
        self._caller = caller
        self._load = load
        self._kept_bytes = kept_bytes
        self._most_in_flight = bytes_in_flight
        self._in_flight = 0
        self._room = asyncio.Condition()
        self._kept: OrderedDict[str, str] = OrderedDict()
        self._size = 0

    async def call(self, request: ModelRequest, *, key: str, role: str) -> CallResult:
        found = attachments_in(request.messages)
        if not found:
            return await self._caller.call(request, key=key, role=role)
        size = sum(part["bytes"] for part in found)
        async with self._room:
            await self._room.wait_for(
                lambda: not self._in_flight or self._in_flight + size <= self._most_in_flight
            )
            self._in_flight += size
        try:
            try:
                data = {part["sha256"]: await self._data(part["sha256"]) for part in found}
            except OSError as error:
                return _not_sent(str(error))
            request = replace(request, messages=_with_data(request.messages, data))
            return await self._caller.call(request, key=key, role=role)
        finally:
            self._in_flight -= size
            async with self._room:
                self._room.notify_all()

    async def _data(self, sha256: str) -> str:
        known = self._kept.get(sha256)
        if known is not None:
            self._kept.move_to_end(sha256)
            return known
        data = await asyncio.to_thread(self._encode, sha256)
        if sha256 not in self._kept:
            self._kept[sha256] = data
            self._size += len(data)
            while self._size > self._kept_bytes:
                self._size -= len(self._kept.popitem(last=False)[1])
        return data

    def _encode(self, sha256: str) -> str:
        return base64.b64encode(self._load(sha256)).decode("ascii")


def _not_sent(why: str) -> CallResult:
    """Return the result of a question that cannot be sent: unscored and not charged."""
    failure = CallFailure(
        FailureKind.PROVIDER_ERROR, "attachment-gone", f"A file of the item is gone: {why}"
    )
    return CallResult(uuid4(), None, failure, 0, 0, 0, 0)


def _with_data(messages: Sequence[Message], data: Mapping[str, str]) -> list[Message]:
    return [
        {
            **message,
            "content": [
                to_openai_part(part, data[part["sha256"]]) if is_attachment(part) else part
                for part in message["content"]
            ],
        }
        if isinstance(message.get("content"), list | tuple)
        else message
        for message in messages
    ]
