"""Files on their way into requests: few in memory, few in flight, gone ones told."""

import asyncio
import base64
from typing import Any
from uuid import uuid4

from plumbmark.engine.media import AttachingCaller, attachment_part, in_words
from plumbmark.engine.ports import (
    CallResult,
    FailureKind,
    FinishReason,
    ModelRequest,
    ModelResponse,
    Usage,
)


def part(name: str, size: int = 9, kind: str = "image") -> dict[str, Any]:
    media_type = "image/png" if kind == "image" else "audio/mpeg"
    return attachment_part(kind, sha256=name, media_type=media_type, size=size, name=f"{name}.x")


def asking(*parts: dict[str, Any]) -> ModelRequest:
    content = [{"type": "text", "text": "Look."}, *parts]
    return ModelRequest(messages=[{"role": "user", "content": content}], max_output_tokens=1)


class Model:
    """Answers once so many are in flight or nothing more comes, and remembers what it was sent."""

    def __init__(self, *, together: int = 1) -> None:
        self._together = together
        self._are_together = asyncio.Event()
        self.sent: list[ModelRequest] = []
        self.in_flight = 0
        self.most_in_flight = 0

    async def call(self, request: ModelRequest, *, key: str, role: str) -> CallResult:
        self.sent.append(request)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        if self.in_flight >= self._together:
            self._are_together.set()
        async with asyncio.timeout(300):
            await self._are_together.wait()
        # Long enough for one too many to come in.
        await asyncio.sleep(0.01)
        self.in_flight -= 1
        response = ModelResponse("ok", FinishReason.STOP, "m", Usage(1, 1))
        return CallResult(uuid4(), response, None, 0, 0, 1, 1)


class Disk:
    def __init__(self) -> None:
        self.read: list[str] = []

    def load(self, sha256: str) -> bytes:
        self.read.append(sha256)
        if sha256 == "gone":
            raise FileNotFoundError("no such file")
        return sha256.encode()


def call(caller: AttachingCaller, *requests: ModelRequest) -> list[CallResult]:
    async def all_of_them() -> list[CallResult]:
        calls = [caller.call(one, key=f"{n}/0", role="candidate") for n, one in enumerate(requests)]
        return await asyncio.gather(*calls)

    return asyncio.run(all_of_them())


def test_parts_become_what_providers_take() -> None:
    model, disk = Model(), Disk()
    asked = asking(part("a"), part("b", kind="audio"))

    call(AttachingCaller(model, disk.load), asked)

    content = model.sent[0].messages[0]["content"]
    assert content == [
        {"type": "text", "text": "Look."},
        {
            "type": "image_url",
            "image_url": {"url": f"data:image/png;base64,{base64.b64encode(b'a').decode()}"},
        },
        {
            "type": "input_audio",
            "input_audio": {"data": base64.b64encode(b"b").decode(), "format": "mp3"},
        },
    ]
    # What was planned still names the file.
    assert asked.messages[0]["content"][1]["sha256"] == "a"


def test_the_last_files_are_kept_and_no_more() -> None:
    disk = Disk()
    caller = AttachingCaller(Model(), disk.load, kept_bytes=8)

    for name in ("a", "a", "b", "a", "c", "b"):
        call(caller, asking(part(name)))

    # Two of four letters of base64 each are kept: c came for b, which had not been used last.
    assert disk.read == ["a", "b", "c", "b"]


def test_no_more_bytes_are_in_flight_than_allowed() -> None:
    model = Model(together=2)
    caller = AttachingCaller(model, Disk().load, bytes_in_flight=20)

    found = call(caller, *(asking(part(f"f{n}", size=9)) for n in range(9)))

    assert all(one.response for one in found)
    assert model.most_in_flight == 2


def test_one_that_is_larger_than_all_that_may_be_in_flight_goes_alone() -> None:
    model = Model()
    caller = AttachingCaller(model, Disk().load, bytes_in_flight=20)

    found = call(caller, *(asking(part(f"f{n}", size=50)) for n in range(3)))

    assert all(one.response for one in found)
    assert model.most_in_flight == 1


def test_a_file_that_is_gone_fails_its_call_alone_and_gives_its_room_back() -> None:
    model = Model()
    caller = AttachingCaller(model, Disk().load, bytes_in_flight=9)

    gone, found = call(caller, asking(part("gone")), asking(part("a")))

    assert gone.failure is not None
    assert (gone.failure.kind, gone.failure.code) == (FailureKind.PROVIDER_ERROR, "attachment-gone")
    assert gone.attempts == 0
    assert found.response is not None
    assert len(model.sent) == 1


def test_files_are_named_for_who_can_only_read() -> None:
    assert in_words(asking(part("a")).messages[0]["content"]) == "Look.\n[image: a.x]"
    assert in_words("plain") == "plain"
    assert in_words(None) == ""
