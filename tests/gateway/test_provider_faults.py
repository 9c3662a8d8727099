"""Whose fault it was that an answer is not whole, or that there is none."""

from typing import Any

import pytest

from plumbmark.engine.ports import FailureKind, FinishReason
from plumbmark.gateway.providers.base import Answer, AttemptFailure
from plumbmark.scoring.outcomes import Outcome
from tests.gateway.asking import join_calls
from tests.gateway.replies import (
    ask_for_reply,
    assert_as_wanted,
    attempt_of,
    completion,
    outcome_of_attempt,
    refusal,
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


@pytest.mark.parametrize("number", ["22", "23", "24", "26", "28"])
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
        ("word", "outcome"),
        [
            ("max_new_tokens", Outcome.LENGTH_LIMIT),
            ("max_length", Outcome.LENGTH_LIMIT),
            ("TokenLimit", Outcome.LENGTH_LIMIT),
            ("context_length_exceeded", Outcome.LENGTH_LIMIT),
            ("content_moderation", Outcome.CONTENT_FILTER),
            ("censored", Outcome.CONTENT_FILTER),
            ("blocked", Outcome.CONTENT_FILTER),
            ("rate_limit", Outcome.PROVIDER_ERROR),
            ("content_filter_error", Outcome.PROVIDER_ERROR),
            ("preempted", Outcome.PROVIDER_ERROR),
            ("OOM", Outcome.PROVIDER_ERROR),
            ("time_limit", Outcome.PROVIDER_ERROR),
        ],
    )
    def test_an_unlisted_word_means_what_it_says_of_itself(
        self, word: str, outcome: Outcome
    ) -> None:
        assert outcome_of_attempt(attempt_of(completion(word))) is outcome

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


def stream_of(*events: dict[str, Any]) -> dict[str, Any]:
    return {"provider": "openai", "events": list(events)}


class TestErrorsInside:
    """Errors that come with HTTP 200 keep their status, their kind and the provider's words."""

    @pytest.mark.parametrize(
        ("error", "kind", "code", "retryable"),
        [
            ({"code": 429, "message": "Slow"}, FailureKind.RATE_LIMITED, "rate-limited", True),
            ({"code": "429", "message": "Slow"}, FailureKind.RATE_LIMITED, "rate-limited", True),
            (
                {"code": "rate_limit_exceeded", "message": "Slow"},
                FailureKind.RATE_LIMITED,
                "rate-limited",
                True,
            ),
            ({"message": "Too many requests"}, FailureKind.RATE_LIMITED, "rate-limited", True),
            (
                {"code": 402, "message": "Pay"},
                FailureKind.PROVIDER_ERROR,
                "provider-balance",
                False,
            ),
            (
                {"message": "Insufficient credits"},
                FailureKind.PROVIDER_ERROR,
                "provider-balance",
                False,
            ),
            (
                {"code": "context_length_exceeded", "message": "Too long"},
                FailureKind.CONTEXT_OVERFLOW,
                "context-overflow",
                False,
            ),
            (
                {"type": "content_filter", "message": "No"},
                FailureKind.CONTENT_FILTER,
                "content-filter",
                False,
            ),
            (
                {"type": "server_error", "message": "Oh"},
                FailureKind.PROVIDER_ERROR,
                "http-500",
                True,
            ),
            ({"message": "Provider disconnected"}, FailureKind.PROVIDER_ERROR, "http-502", True),
            ("Provider disconnected", FailureKind.PROVIDER_ERROR, "http-502", True),
        ],
    )
    @pytest.mark.parametrize("place", ["body", "choice", "stream", "stream, with a part before"])
    def test_an_error_is_read_wherever_it_stands(
        self, error: Any, place: str, kind: FailureKind, code: str, retryable: bool
    ) -> None:
        reply = completion("error", "", error=error)
        if place == "choice":
            reply = completion("error", "The")
            reply["body"]["choices"][0]["error"] = error
        elif place.startswith("stream"):
            before = [chunk({"content": "The"})] if "part" in place else []
            reply = stream_of(*before, chunk({"content": ""}, "error", error=error))

        failure = failure_of(reply)

        assert (failure.kind, failure.code, failure.is_retryable) == (kind, code, retryable)
        said = error if isinstance(error, str) else error["message"]
        assert failure.message == said

    @pytest.mark.parametrize("error", [None, "", {}, [], False, 0, {"code": 0, "message": ""}])
    def test_an_empty_error_field_is_no_error(self, error: Any) -> None:
        assert isinstance(attempt_of(completion("stop", "4", error=error)), Answer)
        reply = stream_of(chunk({"content": "4"}, error=error), chunk({}, "stop", error=error))
        assert isinstance(attempt_of(reply), Answer)

    def test_an_error_event_without_an_error_field_is_read(self) -> None:
        event = {"object": "error", "message": "Slow down", "type": "rate_limit_error", "code": 429}
        failure = failure_of(stream_of(chunk({"content": "The"}), event))

        assert failure.kind is FailureKind.RATE_LIMITED
        assert failure.message == "Slow down"

    @pytest.mark.parametrize(
        "event",
        [
            {"errors": [{"message": "Slow down", "code": 429}]},
            {"error": {"error": {"message": "Slow down", "code": 429}}},
            {"detail": "Slow down: too many requests"},
        ],
    )
    def test_an_error_is_read_in_other_envelopes(self, event: dict[str, Any]) -> None:
        for reply in (
            stream_of(chunk({"content": "The"}), event),
            {"provider": "openai", "body": event},
        ):
            failure = failure_of(reply)

            assert failure.kind is FailureKind.RATE_LIMITED
            assert failure.message.startswith("Slow down")

    def test_the_words_of_the_provider_behind_an_aggregator_count(self) -> None:
        raw = (
            '{"error": {"message": "This model\'s maximum context length is 8192 tokens.", '
            '"code": "context_length_exceeded"}}'
        )
        failure = failure_of(refusal("Provider returned error", code=400, metadata={"raw": raw}))

        assert failure.kind is FailureKind.CONTEXT_OVERFLOW
        assert "Provider returned error: This model's maximum" in failure.message

    @pytest.mark.parametrize(
        ("kind", "code"), [("overloaded_error", "http-529"), ("rate_limit_error", "rate-limited")]
    )
    def test_an_error_amid_anthropics_events_is_read(self, kind: str, code: str) -> None:
        events = [
            {"type": "message_start", "message": {"model": "m", "content": []}},
            {"type": "error", "error": {"type": kind, "message": "Busy"}},
        ]
        failure = failure_of({"provider": "anthropic", "events": events})

        assert (failure.code, failure.message) == (code, "Busy")

    def test_an_error_amid_geminis_chunks_is_read(self) -> None:
        part = {"candidates": [{"content": {"parts": [{"text": "The"}]}}]}
        error = {"error": {"status": "RESOURCE_EXHAUSTED", "message": "Slow"}, "candidates": []}
        failure = failure_of({"provider": "gemini", "events": [part, error]})

        assert (failure.kind, failure.code) == (FailureKind.RATE_LIMITED, "rate-limited")


class TestRefusals:
    def test_a_flagged_question_is_not_a_flagged_account(self) -> None:
        question = failure_of(refusal('Your input was flagged for "violence".', 403))
        account = failure_of(
            refusal("Your account was flagged for potentially risky activity", 403)
        )

        assert (question.kind, question.fatal) == (FailureKind.CONTENT_FILTER, False)
        assert (account.kind, account.fatal) == (FailureKind.PROVIDER_ERROR, True)
        assert account.code == "account-refused"
        assert not account.is_retryable

    def test_any_other_403_is_fatal(self) -> None:
        failure = failure_of(refusal("You may not use this model.", 403))

        assert (failure.code, failure.fatal) == ("forbidden", True)

    def test_a_daily_quota_is_fatal_and_says_when_it_renews(self) -> None:
        failure = failure_of(
            refusal(
                "Rate limit reached for model `m` on tokens per day (TPD): Limit 200000, Used "
                "199708, Requested 1214. Please try again in 6m38.304s.",
                429,
                code="rate_limit_exceeded",
            )
        )

        assert (failure.code, failure.fatal) == ("provider-quota", True)
        assert not failure.is_retryable
        assert failure.retry_after == pytest.approx(398.304)

    def test_a_limit_by_the_minute_is_waited_for(self) -> None:
        failure = failure_of(
            refusal(
                "Rate limit reached for model `m` on tokens per minute (TPM): Limit 6000, Used "
                "5900, Requested 300. Please try again in 1.2s.",
                429,
            )
        )

        assert (failure.code, failure.is_retryable) == ("rate-limited", True)
        assert failure.retry_after == pytest.approx(1.2)

    def test_a_request_above_the_rate_limit_is_not_sent_again(self) -> None:
        failure = failure_of(
            refusal(
                "Request too large for model `m` in organization `o` on tokens per minute (TPM): "
                "Limit 6000, Requested 7000, please reduce your message size and try again.",
                413,
            )
        )

        assert (failure.kind, failure.is_retryable) == (FailureKind.RATE_LIMITED, False)
        assert not failure.fatal

    def test_a_number_in_a_message_is_no_code(self) -> None:
        assert failure_of(refusal("field 1301 is missing")).code == "bad-request"
        assert failure_of(refusal("?", code="1301")).code == "content-filter"


LIMITS = [
    ("max_tokens is too large: 32768. This model supports at most 16384 completion tokens", 16384),
    ("Invalid max_tokens value, the valid range of max_tokens is [1, 8192]", 8192),
    ("<400> InternalError.Algo.InvalidParameter: Range of max_tokens should be [1, 65536]", 65536),
    ("max_tokens: 32000 > 8192, which is the maximum allowed number of output tokens for m", 8192),
    (
        "`max_tokens` must be less than or equal to `8192`, the maximum value for `max_tokens` is "
        "less than the `context_window` for this model",
        8192,
    ),
    (
        "Unable to submit request because it has a maxOutputTokens value of 100000 but the "
        "supported range is from 1 (inclusive) to 8193 (exclusive). Update the value.",
        8192,
    ),
    (
        "The maximum tokens you requested exceeds the model limit of 10000. Try again with a "
        "maximum tokens value that is lower than 10000.",
        10000,
    ),
    ("max_tokens参数非法：限制数值范围[1,131072]", 131072),
    ("max_tokens value must be between 1 and 65536", 65536),
    (
        "'max_tokens' or 'max_completion_tokens' is too large: 4096. This model's maximum context "
        "length is 4096 tokens and your request has 120 input tokens (4096 > 4096 - 120).",
        3976,
    ),
    (
        "This model's maximum context length is 4097 tokens. However, you requested 5000 tokens "
        "(904 in the messages, 4096 in the completion). Please reduce the length of the messages "
        "or completion.",
        3193,
    ),
    (
        "This model's maximum context length is 8,192 tokens. However, you requested 9,000 tokens "
        "(904 in the messages, 4000 in the functions, and 4,096 in the completion).",
        3288,
    ),
    (
        "This endpoint's maximum context length is 8192 tokens. However, you requested about 9000 "
        "tokens (4904 of text input, 4096 in the output). Please reduce the length of either one",
        3288,
    ),
    (
        "input length and `max_tokens` exceed context limit: 188240 + 21333 > 200000, decrease "
        "input length or `max_tokens` and try again",
        11760,
    ),
    (
        "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 17 "
        "`inputs` tokens and 10000 `max_new_tokens`",
        4079,
    ),
    (
        "Requested token count exceeds the model's maximum context length of 64000 tokens. You "
        "requested a total of 71897 tokens: 7897 tokens from the input messages and 64000 tokens "
        "for the completion.",
        56102,
    ),
    (
        "max_tokens=9000 cannot be greater than max_model_len=max_total_tokens=8192. Please "
        "request fewer output tokens.",
        8192,
    ),
    (
        "Invalid 'max_tokens': integer above maximum value. Expected a value <= 16384, but got "
        "20000 instead.",
        16384,
    ),
    (
        "too many tokens: max tokens must be less than or equal to 4096, the maximum output length "
        "for this model - received 8192.",
        4096,
    ),
    ("Invalid value for 'max_tokens': maximum value is 16,384, got 20000.", 16384),
    ("max_tokens (20000) exceeds the maximum of 8192 for this model", 8192),
    ("max_tokens must be in range [1, 8192]", 8192),
    ("max_tokens is too large, max allowed is 8192", 8192),
    ("max_tokens: Input should be less than or equal to 4096", 4096),
    ("max_tokens exceeds limit: 20000 > 16384", 16384),
    ("Requested max_tokens 20000 is greater than the model's max output tokens 16384", 16384),
    (
        "This model's maximum context length is 32768 tokens. However, you requested 32000 output "
        "tokens and your prompt contains at least 769 input tokens, for a total of at least 32769 "
        "tokens. Please reduce the length of the input prompt",
        None,
    ),
]
OVERFLOWS = [
    "This model's maximum context length is 4097 tokens. However, you requested 9000 tokens (4904 "
    "in the messages, 4096 in the completion). Please reduce the length of the messages.",
    "input length and `max_tokens` exceed context limit: 205000 + 32000 > 200000, decrease",
    "Input validation error: `inputs` tokens + `max_new_tokens` must be <= 4096. Given: 5000 "
    "`inputs` tokens and 512 `max_new_tokens`",
    "This model's maximum context length is 32768 tokens. However, you requested 0 output tokens "
    "and your prompt contains at least 32769 input tokens, for a total of at least 32769 tokens.",
    "The input (9000 tokens) is longer than the model's context length (8192 tokens).",
]


class TestOutputLimits:
    @pytest.mark.parametrize("status", [400, 422])
    @pytest.mark.parametrize(("message", "maximum"), LIMITS)
    def test_a_limit_that_the_model_cannot_give_is_not_the_questions_fault(
        self, message: str, maximum: int | None, status: int
    ) -> None:
        failure = failure_of(refusal(message, status))

        assert (failure.kind, failure.code) == (FailureKind.PROVIDER_ERROR, "output-limit")
        assert failure.fatal
        assert not failure.is_retryable
        assert failure.output_limit is None or failure.output_limit.maximum == maximum
        assert (failure.output_limit is None) <= (maximum is None)

    @pytest.mark.parametrize("message", OVERFLOWS)
    def test_a_question_that_is_too_long_by_itself_is_an_overflow(self, message: str) -> None:
        failure = failure_of(refusal(message))

        assert failure.kind is FailureKind.CONTEXT_OVERFLOW
        assert failure.output_limit is None

    def test_the_parameter_that_a_refusal_names_is_enough(self) -> None:
        failure = failure_of(refusal("Value out of range.", param="max_completion_tokens"))

        assert failure.code == "output-limit"

    def test_the_maximum_is_read_where_only_the_parameter_names_the_field(self) -> None:
        failure = failure_of(
            refusal("Input should be less than or equal to 8192", param="max_tokens")
        )

        assert failure.output_limit is not None
        assert failure.output_limit.maximum == 8192

    def test_a_parameter_that_a_model_does_not_know_is_another_matter(self) -> None:
        failure = failure_of(
            refusal(
                "Unsupported parameter: 'max_tokens' is not supported with this model. Use "
                "'max_completion_tokens' instead.",
                param="max_tokens",
                code="unsupported_parameter",
            )
        )

        assert (failure.code, failure.fatal) == ("bad-request", True)


def tokens_of(reply: dict[str, Any]) -> tuple[int, int] | None:
    attempt = attempt_of(reply)
    assert isinstance(attempt, Answer), attempt
    usage = attempt.response.usage
    return None if usage.estimated else (usage.input_tokens, usage.output_tokens)


def counts(read: Any, written: Any) -> dict[str, Any]:
    return {"prompt_tokens": read, "completion_tokens": written}


class TestUsage:
    @pytest.mark.parametrize(
        "last",
        [
            {"usage": counts(12, 3)},
            {"x_groq": {"id": "r", "usage": counts(12, 3)}},
            {"timings": {"prompt_n": 10, "cache_n": 2, "predicted_n": 3, "predicted_ms": 4.5}},
        ],
    )
    def test_usage_is_read_wherever_a_host_puts_it(self, last: dict[str, Any]) -> None:
        assert tokens_of(stream_of(chunk({"content": "4"}), chunk({}, "stop", **last))) == (12, 3)
        assert tokens_of(completion("stop", "4", **last)) == (12, 3)

    def test_usage_inside_a_piece_is_read(self) -> None:
        last = chunk({"usage": counts(12, 3)}, "stop")

        assert tokens_of(stream_of(chunk({"content": "4"}), last)) == (12, 3)

    def test_usage_by_the_names_of_other_formats_is_read(self) -> None:
        usage = {"input_tokens": 12, "output_tokens": 3}

        assert tokens_of(completion("stop", "4", usage=usage)) == (12, 3)
        assert tokens_of(completion("stop", "4", usage=counts(12, 3) | usage)) == (12, 3)

    def test_usage_inside_the_choice_is_read(self) -> None:
        reply = completion("stop", "4")
        reply["body"]["choices"][0]["usage"] = counts(12, 3)
        last = chunk({}, "stop")
        last["choices"][0]["usage"] = counts(12, 3)

        assert tokens_of(reply) == (12, 3)
        assert tokens_of(stream_of(chunk({"content": "4"}), last)) == (12, 3)

    @pytest.mark.parametrize(
        "later", [counts(0, 0), counts(None, None), counts(12, 0), counts(0, 3), {}, None]
    )
    def test_a_later_zero_replaces_nothing(self, later: Any) -> None:
        reply = stream_of(
            chunk({"content": "4"}),
            chunk({}, "stop", usage=counts(12, 3)),
            {"id": "c1", "choices": [], "usage": later},
        )

        assert tokens_of(reply) == (12, 3)

    def test_details_stay_too(self) -> None:
        first = {**counts(12, 3), "prompt_tokens_details": {"cached_tokens": 8}}
        later = {**counts(12, 3), "prompt_tokens_details": {"cached_tokens": 0}}
        attempt = attempt_of(
            stream_of(
                chunk({"content": "4"}, usage=first),
                chunk({}, "stop"),
                {"id": "c1", "choices": [], "usage": later},
            )
        )

        assert isinstance(attempt, Answer)
        assert attempt.response.usage.cached_input_tokens == 8

    @pytest.mark.parametrize("usage", [None, counts(0, 0), counts(12, 0), counts(0, 3)])
    def test_counts_that_cannot_be_are_estimated(self, usage: Any) -> None:
        assert tokens_of(completion("stop", "4", usage=usage)) is None
        assert tokens_of(stream_of(chunk({"content": "4"}, "stop", usage=usage))) is None

    def test_an_empty_answer_may_have_no_tokens(self) -> None:
        assert tokens_of(completion("stop", "", usage=counts(12, 0))) == (12, 0)

    @pytest.mark.parametrize(
        "last",
        [
            {
                "type": "message_delta",
                "delta": {"stop_reason": "end_turn"},
                "usage": {"input_tokens": 0, "output_tokens": 3},
            },
            {
                "type": "message_stop",
                "amazon-bedrock-invocationMetrics": {"inputTokenCount": 12, "outputTokenCount": 3},
            },
        ],
    )
    def test_anthropics_later_events_replace_no_count_with_zero(self, last: Any) -> None:
        start = {"model": "m", "content": [], "usage": {"input_tokens": 12, "output_tokens": 1}}
        events = [
            {"type": "message_start", "message": start},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text"}},
            {
                "type": "content_block_delta",
                "index": 0,
                "delta": {"type": "text_delta", "text": "4"},
            },
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
            last,
            {"type": "message_stop"},
        ]

        assert tokens_of({"provider": "anthropic", "events": events}) == (12, 3)

    def test_geminis_later_chunks_replace_no_count_with_zero(self) -> None:
        part = {"content": {"parts": [{"text": "4"}]}}
        events = [
            {
                "candidates": [part],
                "usageMetadata": {"promptTokenCount": 12, "candidatesTokenCount": 3},
            },
            {"candidates": [{"finishReason": "STOP"}], "usageMetadata": {"promptTokenCount": 0}},
        ]

        assert tokens_of({"provider": "gemini", "events": events}) == (12, 3)


def piece(index: Any = None, call_id: str = "", name: str = "", arguments: str = "") -> Any:
    made: dict[str, Any] = {"function": {"arguments": arguments}}
    if index is not None:
        made["index"] = index
    if call_id:
        made["id"] = call_id
    if name:
        made["function"]["name"] = name
    return made


TWO_CALLS = [("a", "look", '{"x":1}'), ("b", "find", '{"y":2}')]


class TestToolCallPieces:
    @pytest.mark.parametrize(
        "pieces",
        [
            # As OpenAI sends them, one call after the other.
            [
                [piece(0, "a", "look")],
                [piece(0, arguments='{"x"')],
                [piece(0, arguments=":1}")],
                [piece(1, "b", "find")],
                [piece(1, arguments='{"y":2}')],
            ],
            # Mixed, and two in one chunk.
            [
                [piece(0, "a", "look"), piece(1, "b", "find")],
                [piece(1, arguments='{"y"'), piece(0, arguments='{"x":')],
                [piece(0, arguments="1}"), piece(1, arguments=":2}")],
            ],
            # Several pieces of one index in one chunk.
            [
                [piece(0, "a", "look"), piece(0, arguments='{"x"'), piece(0, arguments=":1}")],
                [piece(1, "b", "find", '{"y":'), piece(1, arguments="2}")],
            ],
            # Every call has the index 0.
            [[piece(0, "a", "look", '{"x":1}')], [piece(0, "b", "find", '{"y":2}')]],
            # The same, in pieces that repeat the id and the name.
            [
                [piece(0, "a", "look", '{"x"')],
                [piece(0, "a", "look", ":1}")],
                [piece(0, "b", "find", '{"y"')],
                [piece(0, "b", "find", ":2}")],
            ],
            # The id alone says where a piece belongs.
            [
                [piece(None, "a", "look", '{"x"'), piece(None, "b", "find", '{"y"')],
                [piece(None, "b", "", ":2}"), piece(None, "a", "", ":1}")],
            ],
            # Neither: what names no function goes on with the call before.
            [
                [piece(None, "a", "look", '{"x"')],
                [piece(arguments=":1}")],
                [piece(None, "b", "find")],
                [piece(arguments='{"y":2}')],
            ],
        ],
    )
    def test_pieces_find_their_call_by_index_and_id(self, pieces: list[Any]) -> None:
        events = [chunk({"tool_calls": each}) for each in pieces] + [chunk({}, "tool_calls")]
        deltas, attempt = ask_for_reply(stream_of(*events))

        assert isinstance(attempt, Answer), attempt
        calls = attempt.response.tool_calls
        assert [(call.id, call.name, call.arguments) for call in calls] == TWO_CALLS
        assert join_calls(deltas) == TWO_CALLS

    def test_equal_calls_without_ids_are_told_apart(self) -> None:
        pieces = [piece(0, "", "look", '{"x":1}'), piece(0, "", "look", '{"x":2}')]
        attempt = attempt_of(stream_of(chunk({"tool_calls": pieces}), chunk({}, "tool_calls")))

        assert isinstance(attempt, Answer)
        assert [call.arguments for call in attempt.response.tool_calls] == ['{"x":1}', '{"x":2}']

    def test_pieces_that_come_together_are_joined(self) -> None:
        pieces = [piece(0, "a", "look"), piece(0, arguments='{"x"'), piece(0, arguments=":1}")]
        deltas, _ = ask_for_reply(stream_of(chunk({"tool_calls": pieces}), chunk({}, "tool_calls")))

        together = [delta.tool_calls for delta in deltas if delta.tool_calls]
        assert all(len(calls) == len({call.index for call in calls}) for calls in together)
        assert together[0][0].arguments == '{"x":1}'
