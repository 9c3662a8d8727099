"""Answers in OpenAI's chat format, whole and in chunks."""

import json
from typing import Any
from uuid import uuid4

from plumbmark.engine.ports import CallResult, FinishReason, ModelResponse, Usage
from plumbmark.gateway.http.chat_answer import AnswerMetadata, ChunkWriter, answer
from plumbmark.gateway.providers.base import Delta, ToolCallDelta

TOLD = AnswerMetadata("maker/model", 1_800_000_000)
RESPONSE = ModelResponse("4", FinishReason.STOP, "model-2026-01-01", Usage(12, 3))


def result_of(response: ModelResponse, **fields: Any) -> CallResult:
    return CallResult(uuid4(), response, None, 10, 10, 5, 1, **fields)


def documents(events: bytes) -> list[dict[str, Any]]:
    lines = [line[6:] for line in events.decode().split("\n\n") if line.startswith("data: ")]
    return [json.loads(line) for line in lines if line != "[DONE]"]


def test_a_chunk_has_one_piece_of_a_tool_call() -> None:
    writer = ChunkWriter(TOLD)
    calls = (ToolCallDelta(0, "a", "look", "{}"), ToolCallDelta(1, "b", "find", "{}"))

    chunks = documents(writer.piece(Delta("I look.", "", calls)))

    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert [len(delta["tool_calls"]) for delta in deltas] == [1, 1]
    assert [delta["tool_calls"][0]["id"] for delta in deltas] == ["a", "b"]
    assert deltas[0]["role"] == "assistant"
    assert deltas[0]["content"] == "I look."
    assert "content" not in deltas[1]


def test_the_model_is_the_same_in_answers_and_streams() -> None:
    result = result_of(RESPONSE)
    whole = json.loads(answer(result, RESPONSE, TOLD))
    writer = ChunkWriter(TOLD)
    chunks = documents(
        writer.piece(Delta("4")) + writer.end(result, usage={"total_tokens": 15}, is_apart=True)
    )

    assert {whole["model"], *(chunk["model"] for chunk in chunks)} == {"maker/model"}
    assert whole["plumbmark"]["upstream_model"] == "model-2026-01-01"
    last = next(chunk for chunk in chunks if "plumbmark" in chunk)
    assert last["plumbmark"] == whole["plumbmark"]


def test_a_lowered_limit_is_told() -> None:
    whole = json.loads(answer(result_of(RESPONSE, max_output_tokens=24), RESPONSE, TOLD))

    assert whole["plumbmark"]["max_output_tokens"] == 24
    assert "max_output_tokens" not in json.loads(answer(result_of(RESPONSE), RESPONSE, TOLD))
