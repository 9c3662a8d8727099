"""The vocabulary of providers: the table of the docs, the code, and what an adapter makes of it."""

import re
from pathlib import Path

import pytest

from plumbmark.engine.ports import FinishReason
from plumbmark.gateway.providers import provider_named
from plumbmark.gateway.providers.base import AttemptFailure, ProviderAdapter
from plumbmark.gateway.providers.failures import failure_of
from plumbmark.gateway.providers.http import HttpReply
from plumbmark.gateway.providers.openai import OpenAI
from plumbmark.gateway.providers.vocabulary import (
    ERROR_CODES,
    ERROR_PHRASES,
    ERROR_STATUSES,
    FINISH_WORDS,
)
from plumbmark.scoring.outcomes import Outcome
from tests.gateway.replies import completion, outcome_of_attempt

PAGE = Path(__file__).parents[2] / "docs" / "design" / "provider-vocabulary.md"
PROVIDERS = {
    "OpenAI", "Azure", "Anthropic", "Gemini", "Vertex", "Bedrock", "Mistral", "Cohere",
    "DeepSeek", "DashScope", "Moonshot", "Zhipu", "xAI", "Groq", "Together", "Fireworks",
    "Cerebras", "OpenRouter", "LiteLLM", "vLLM", "SGLang", "llama.cpp", "Ollama", "TGI",
    "LM Studio",
}  # fmt: skip


def table(*head: str) -> list[list[str]]:
    """Return the rows of the page's table with this head."""
    lines = PAGE.read_text("utf-8").splitlines()
    start = lines.index(f"| {' | '.join(head)} |") + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split(" | ")])
    return rows


FINISHES = [
    (word.strip("`"), meaning)
    for word, meaning, _, _ in table("word", "meaning", "said by", "source")
]
MESSAGES = [
    (int(status), words, meaning)
    for status, words, meaning, _, _ in table("status", "words", "meaning", "said by", "source")
]
CODES = [
    (code.strip("`"), meaning) for code, meaning, _ in table("code", "meaning", "what it says")
]
STATUSES = [
    (word.strip("`"), int(status)) for word, status, _ in table("word", "status", "said by")
]


def openai() -> OpenAI:
    found: ProviderAdapter | None = provider_named("openai")
    assert isinstance(found, OpenAI)
    return found


def refused(status: int, words: str) -> AttemptFailure:
    field = "message" if " " in words or not words.isascii() else "code"
    payload = {"error": {"message": "Refused.", field: words}}
    reply = HttpReply(status, {}, payload)
    return failure_of(reply, openai().read_error(payload, ""), "")


def test_page_and_code_have_the_same_words() -> None:
    shown = {
        word: meaning.value if meaning is not None else "the provider's"
        for word, meaning in FINISH_WORDS.items()
    }
    assert dict(FINISHES) == shown
    assert dict(CODES) == {code: meaning.value for code, meaning in ERROR_CODES.items()}
    assert dict(STATUSES) == dict(ERROR_STATUSES)


@pytest.mark.parametrize("meaning", ERROR_PHRASES)
def test_every_pattern_has_a_row(meaning: str) -> None:
    words = [said for _, said, means in MESSAGES if means == meaning]

    unused = [
        pattern
        for pattern in ERROR_PHRASES[meaning]  # type: ignore[index]
        if not any(re.search(pattern, said, re.IGNORECASE) for said in words)
    ]

    assert unused == []


def test_every_provider_is_on_the_page_and_every_row_has_a_known_source() -> None:
    rows = [
        *table("word", "meaning", "said by", "source"),
        *table("status", "words", "meaning", "said by", "source"),
    ]
    said_by = " ".join(row[-2] for row in rows)
    known = {name for name, _ in table("name", "where")}

    assert {name for name in PROVIDERS if name not in said_by} == set()
    assert {name for row in rows for name in row[-1].split(", ")} <= known


@pytest.mark.parametrize(("word", "meaning"), FINISHES)
def test_a_finish_reason_means_what_the_page_says(word: str, meaning: str) -> None:
    for spelled in (word, word.upper(), word.lower()):
        attempt = openai().parse(completion(spelled, "4")["body"])

        if meaning == "the provider's":
            assert isinstance(attempt, AttemptFailure)
            assert (attempt.code, attempt.is_retryable) == ("interrupted", True)
        else:
            assert not isinstance(attempt, AttemptFailure)
            assert attempt.finish_reason is FinishReason(meaning)


@pytest.mark.parametrize(("status", "words", "meaning"), MESSAGES)
def test_a_refusal_means_what_the_page_says(status: int, words: str, meaning: str) -> None:
    failure = refused(status, words)
    outcome = outcome_of_attempt(failure)

    assert failure.code == meaning
    scored = {
        "content-filter": Outcome.CONTENT_FILTER,
        "context-overflow": Outcome.CONTEXT_OVERFLOW,
    }
    if meaning in scored:
        assert outcome is scored[meaning]
        assert not failure.fatal
    else:
        assert not outcome.is_scored
    assert failure.is_retryable == (meaning == "rate-limited")
    assert failure.fatal == (meaning not in {*scored, "rate-limited", "request-above-rate-limit"})


@pytest.mark.parametrize(("code", "meaning"), CODES)
def test_a_number_is_a_code_and_no_part_of_a_message(code: str, meaning: str) -> None:
    status = 429 if meaning in {"provider-balance", "provider-quota", "account-refused"} else 400

    assert refused(status, code).code == meaning
    assert refused(status, f"there are {code} items").code in {"rate-limited", "bad-request"}


@pytest.mark.parametrize(("word", "status"), STATUSES)
def test_an_error_inside_an_answer_has_the_status_that_the_page_says(
    word: str, status: int
) -> None:
    attempt = openai().parse({"error": {"message": "Something happened.", "type": word}})

    assert isinstance(attempt, AttemptFailure)
    assert attempt.status == status
