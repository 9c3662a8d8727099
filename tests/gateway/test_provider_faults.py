"""Whose fault it was that an answer is not whole, or that there is none."""

from typing import Any

import pytest

from plumbmark.engine.ports import FailureKind, FinishReason
from plumbmark.gateway.providers.base import Answer, AttemptFailure
from plumbmark.scoring.outcomes import Outcome
from tests.gateway.replies import (
    assert_as_wanted,
    attempt_of,
    completion,
    outcome_of_attempt,
)
from tests.reported_cases import read_replies


def failure_of(reply: dict[str, Any], **options: Any) -> AttemptFailure:
    attempt = attempt_of(reply, **options)
    assert isinstance(attempt, AttemptFailure), attempt
    return attempt


def chunk(delta: dict[str, Any], finish: Any = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "model": "m", "choices": [choice], **more}


def gemini(finish: str, text: str = "The answ") -> dict[str, Any]:
    candidate = {"content": {"parts": [{"text": text}]}, "finishReason": finish}
    return {"provider": "gemini", "body": {"candidates": [candidate]}}


def anthropic(finish: str, text: str = "The answ") -> dict[str, Any]:
    blocks = [{"type": "text", "text": text}] if text else []
    return {"provider": "anthropic", "body": {"content": blocks, "stop_reason": finish}}


@pytest.mark.parametrize("number", ["22"])
def test_the_reported_replies_are_read_as_they_should_be(number: str) -> None:
    for reply in read_replies(number):
        assert_as_wanted(reply, attempt_of(reply))


class TestEndings:
    @pytest.mark.parametrize("text", ["The answ", ""])
    @pytest.mark.parametrize(
        "reply",
        [
            *(
                lambda text, word=word: completion(word, text)
                for word in ("insufficient_system_resource", "abort", "ERROR", "server_overloaded")
            ),
            lambda text: gemini("OTHER", text),
            lambda text: anthropic("error", text),
        ],
    )
    def test_an_answer_that_the_provider_broke_off_is_retried(self, reply: Any, text: str) -> None:
        failure = failure_of(reply(text))

        assert (failure.kind, failure.code) == (FailureKind.PROVIDER_ERROR, "interrupted")
        assert failure.is_retryable
        assert not failure.fatal

    def test_what_such_an_answer_cost_is_known(self) -> None:
        reply = completion("error", usage={"prompt_tokens": 12, "completion_tokens": 3})
        usage = failure_of(reply).usage

        assert usage is not None
        assert (usage.input_tokens, usage.output_tokens) == (12, 3)

    @pytest.mark.parametrize("text", ["The answ", ""])
    @pytest.mark.parametrize("reply", [completion, lambda w, t: gemini(w, t), anthropic])
    def test_an_unknown_word_is_no_ending_of_the_models(self, reply: Any, text: str) -> None:
        failure = failure_of(reply("halted_by_moonlight", text))

        assert failure.code == "unknown-finish-reason"
        assert "'halted_by_moonlight'" in failure.message
        assert "finish_reasons" in failure.message
        assert failure.fatal
        assert not failure.is_retryable

    @pytest.mark.parametrize(
        ("meaning", "finish"),
        [("stop", FinishReason.STOP), ("length", FinishReason.LENGTH)],
    )
    def test_an_administrator_says_what_a_hosts_own_word_means(
        self, meaning: str, finish: FinishReason
    ) -> None:
        attempt = attempt_of(
            completion("halted_by_moonlight"), finish_reasons={"halted_by_moonlight": meaning}
        )

        assert isinstance(attempt, Answer)
        assert attempt.response.finish_reason is finish

    @pytest.mark.parametrize("word", ["MAX_TOKENS", "max-tokens", "maxTokens", "Max Tokens"])
    def test_the_spelling_of_a_word_does_not_matter(self, word: str) -> None:
        assert outcome_of_attempt(attempt_of(completion(word))) is Outcome.LENGTH_LIMIT

    @pytest.mark.parametrize("missing", [None, ""])
    def test_without_a_word_an_answer_with_content_is_whole(self, missing: Any) -> None:
        assert outcome_of_attempt(attempt_of(completion(missing, "4"))) is Outcome.ANSWERED
        assert failure_of(completion(missing, "")).code == "malformed-response"

    @pytest.mark.parametrize("word", [7, {"type": "stop"}, ["stop"]])
    def test_a_word_that_is_no_text_is_malformed(self, word: Any) -> None:
        assert failure_of(completion(word)).code == "malformed-response"

    def test_a_call_that_its_provider_could_not_read_is_the_models(self) -> None:
        attempt = attempt_of(gemini("MALFORMED_FUNCTION_CALL", ""))

        assert outcome_of_attempt(attempt) is Outcome.MALFORMED

    def test_a_stream_that_the_provider_broke_off_says_so(self) -> None:
        events = [chunk({"content": "The answ"}), chunk({}, "insufficient_system_resource")]
        failure = failure_of({"provider": "openai", "events": events})

        assert failure.code == "interrupted"
        assert failure.is_retryable
