"""Answering whatever a model writes as a call, and the loop around it, without any network."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plumbmark.engine.plan import PlannedSample, SampleLimits, SampleResult
from plumbmark.engine.ports import (
    CallResult,
    FinishReason,
    ModelRequest,
    ModelResponse,
    ToolCall,
    Usage,
)
from plumbmark.engine.solvers import generate
from plumbmark.engine.tools import Toolbox, ToolContext, build_tool
from plumbmark.engine.tools.toolbox import shorten
from plumbmark.scoring.outcomes import Outcome

ECHO = {
    "type": "function",
    "name": "echo",
    "description": "Says it back.",
    "parameters": {"type": "object", "properties": {"text": {"type": "string"}}},
    "answers": [{"when": {"text": "{word}"}, "return": ["{word}", "{n}"]}],
    "otherwise": None,
}
ITEM = {"word": "ä", "n": 4}


def toolbox(*entries: dict[str, Any], most: int = 1000) -> Toolbox:
    return Toolbox([build_tool(one) for one in entries or (ECHO,)], max_result_bytes=most)


@given(st.text(max_size=80), st.text(max_size=200) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
).map(json.dumps))  # fmt: skip
def test_nothing_that_a_model_writes_raises_and_all_can_be_sent_back(
    name: str, arguments: str
) -> None:
    box = toolbox(ECHO, {"type": "calculator"})
    for tool in (name, "echo", "calculator"):
        call = ToolCall("id", tool, arguments)
        found = asyncio.run(box.answer(call, ToolContext(ITEM)))
        assert isinstance(json.loads(found.call.arguments), dict)
        assert found.call.name.replace("_", "a").replace("-", "a").isalnum()
        assert found.call.name.isascii()
        assert len(found.call.name) <= 64
        found.result.text.encode()
        assert "\x00" not in found.result.text


@given(st.text(), st.integers(128, 400))
def test_a_result_is_never_longer_than_the_limit(text: str, most: int) -> None:
    # As it is stored and sent: no NUL, no half of a surrogate pair.
    whole = (text * 20).replace("\x00", "\ufffd").encode("utf-8", "replace").decode()
    found = shorten(text * 20, most)
    assert len(found.encode()) <= most
    assert (found == whole) == (len(whole.encode()) <= most)


def test_an_answer_written_down_is_filled_for_the_item() -> None:
    found = asyncio.run(toolbox().answer(ToolCall("i", "echo", '{"text": "ä"}'), ToolContext(ITEM)))
    assert found.result.text == '["ä", 4]'
    other = asyncio.run(toolbox().answer(ToolCall("i", "echo", ""), ToolContext(ITEM)))
    assert other.result.text == "null"
    strict = {key: value for key, value in ECHO.items() if key != "otherwise"}
    missed = asyncio.run(toolbox(strict).answer(ToolCall("i", "echo", "{}"), ToolContext(ITEM)))
    assert missed.result.is_error


class Scripted:
    """Answers with these responses, one by one, and keeps what it was asked.

    `broken` is what the provider bills for attempts before each answer.
    """

    def __init__(self, responses: Sequence[ModelResponse], broken: int = 0) -> None:
        self._responses = list(responses)
        self._broken = broken
        self.requests: list[ModelRequest] = []
        self.keys: list[str] = []

    async def call(self, request: ModelRequest, *, key: str, role: str) -> CallResult:
        self.requests.append(request)
        self.keys.append(key)
        bill = 10 + self._broken
        return CallResult(
            *(uuid4(), self._responses.pop(0), None, 10, bill, 5, 1),
            cost_before_answer=self._broken,
        )


def calling(*calls: ToolCall, finish: FinishReason = FinishReason.TOOL_CALLS) -> ModelResponse:
    return ModelResponse("", finish, "m", Usage(3, 5), tool_calls=calls)


def solved(
    *responses: ModelResponse, limits: SampleLimits | None = None, broken: int = 0
) -> tuple[SampleResult, Scripted]:
    caller = Scripted(responses, broken)
    request = ModelRequest([{"role": "user", "content": "?"}], 16)
    sample = PlannedSample(
        0,
        "0/0",
        request,
        toolbox=toolbox(),
        item=ITEM,
        limits=limits or SampleLimits(max_steps=10, max_tool_calls=20),
    )
    return asyncio.run(generate(sample, caller)), caller


DONE = ModelResponse("done", FinishReason.STOP, "m", Usage(3, 1))
SAY = ToolCall("x", "echo", '{"text": "a"}', "signed")


def test_each_call_has_an_id_of_its_own_and_keeps_its_signature() -> None:
    nameless = ToolCall("", "echo", "{}")
    result, caller = solved(calling(SAY, SAY, nameless), calling(SAY), DONE)
    assert (result.outcome, result.output) == (Outcome.ANSWERED, "done")
    assert caller.keys == ["0/0", "0/1", "0/2"]
    sent = caller.requests[-1].messages
    asked = [part["id"] for one in sent for part in one.get("tool_calls", ())]
    assert asked == [one["tool_call_id"] for one in sent if one["role"] == "tool"]
    assert len(set(asked)) == 4
    signed = sent[1]["tool_calls"][0]["extra_content"]["google"]["thought_signature"]
    assert signed == "signed"


@pytest.mark.parametrize("finish", [FinishReason.REFUSAL, FinishReason.CONTENT_FILTER])
def test_a_refusal_with_calls_is_a_refusal(finish: FinishReason) -> None:
    result, caller = solved(calling(SAY, finish=finish))
    assert result.outcome == finish.value
    assert len(caller.keys) == 1


def test_the_last_answer_has_what_the_limit_of_all_tokens_leaves() -> None:
    limits = SampleLimits(10, 20, max_output_tokens_total=18)
    cut_off = ModelResponse("do", FinishReason.LENGTH, "m", Usage(3, 8))
    result, caller = solved(calling(SAY), calling(SAY), cut_off, limits=limits)
    assert [request.max_output_tokens for request in caller.requests] == [16, 13, 8]
    assert result.outcome is Outcome.OWN_LIMIT
    assert result.output == "do"
    assert "18 output tokens" in result.error
    # At the full length it is the answer's own.
    plain, _ = solved(ModelResponse("do", FinishReason.LENGTH, "m", Usage(3, 16)), limits=limits)
    assert plain.outcome is Outcome.LENGTH_LIMIT


def test_ten_thousand_calls_in_one_answer_end_the_sample() -> None:
    result, _ = solved(calling(*[SAY] * 10_000))
    assert result.outcome is Outcome.OWN_LIMIT
    assert len(json.dumps(result.messages)) < 20_000


@pytest.mark.parametrize("broken", [0, 1000])
def test_money_that_is_spent_allows_no_further_call(broken: int) -> None:
    # What a provider bills for answers that it broke off is not the model's.
    result, caller = solved(
        calling(SAY), calling(SAY), DONE, limits=SampleLimits(10, 20, max_cost=20), broken=broken
    )
    assert result.outcome is Outcome.OWN_LIMIT
    assert len(caller.keys) == 2
