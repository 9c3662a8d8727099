"""Questions at the gateway's routes: what is read of them, and how the rest is refused."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any
from uuid import UUID

import pytest

from plumbmark.compat.kaggle.genai import genai_error
from plumbmark.compat.kaggle.genai import read_question as read_genai
from plumbmark.engine.ports import CallFailure, CallResult, FailureKind
from plumbmark.gateway.http.chat_request import read_chat
from plumbmark.gateway.http.errors import (
    HttpError,
    error_of_result,
    openai_error,
)
from plumbmark.strict_json import wire
from tests.golden.corpora.chat_requests import CHATS, FULL, FULL_GENAI, GENAI
from tests.golden.corpora.mutations import changed_documents
from tests.golden.golden import check, check_changes, plain


def as_error(error: HttpError) -> str:
    return f"{error.status} {error.code} {error.param} {error.retry_after} | {error.message}"


def outcome(read: Callable[[bytes], Any], document: Any) -> Any:
    try:
        return json.loads(wire.dump_in_order(plain(read(json.dumps(document).encode()))))
    except HttpError as error:
        return as_error(error)


READERS: dict[str, tuple[Callable[[bytes], Any], dict[str, Any], Any]] = {
    "openai": (read_chat, CHATS, FULL),
    "genai": (lambda body: read_genai(body, is_gemini=False), GENAI, FULL_GENAI),
    "genai-to-gemini": (lambda body: read_genai(body, is_gemini=True), GENAI, FULL_GENAI),
}


@pytest.mark.parametrize("name", READERS)
def test_questions_stay_what_they_are(name: str) -> None:
    read, cases, _ = READERS[name]

    found = {case: _short(outcome(read, document)) for case, document in cases.items()}

    check(f"chat/{name}.json", found)


def _short(value: Any) -> Any:
    return value if len(json.dumps(value)) < 20_000 else "a long one"


@pytest.mark.parametrize("name", ["openai", "genai"])
def test_questions_with_one_changed_value_stay_what_they_are(name: str) -> None:
    """A question that is taken is told by the fields that the change has changed."""
    read, _, full = READERS[name]
    before = _flat(outcome(read, full))
    found: dict[str, dict[str, list[str]]] = {}
    for place, change, document in changed_documents(full):
        if change in {"true", "10^9", "long", "list of one", "list of two", "object"}:
            continue
        read_now = outcome(read, document)
        if isinstance(read_now, str):
            told = [read_now]
        else:
            now = _flat(read_now)
            told = [
                f"{key} = {_digest(json.dumps(now.get(key)))}"
                for key in sorted(before | now)
                if before.get(key) != now.get(key)
            ]
        found.setdefault(place, {})[change] = told

    check_changes(f"chat/changed-{name}.txt", found)


def _digest(text: str) -> str:
    return text if len(text) <= 60 else f"sha256:{sha256(text.encode()).hexdigest()[:16]}"


def _flat(value: Any) -> dict[str, Any]:
    """Return the fields of a question; those of its request beside them."""
    fields = dict(value)
    request = fields.pop("request")
    return {**fields, **{f"request.{key}": inner for key, inner in request.items()}}


def test_errors_have_their_bodies() -> None:
    errors = {
        **{
            f"status {status}": HttpError(status, "a-code", "A message.", param="p")
            for status in (400, 401, 402, 403, 404, 413, 422, 429, 500, 502, 503, 504)
        },
        **{
            f"failure {kind.value} {code}": error_of_result(
                CallResult(
                    UUID(int=1),
                    None,
                    CallFailure(kind, code, "What went wrong.", retry_after=retry_after),
                    charged=0,
                    provider_cost=0,
                    latency_ms=0,
                    attempts=1,
                )
            )
            for kind in FailureKind
            for code, retry_after in (
                ("x", None),
                ("no-adapter", None),
                ("bad-key", None),
                ("platform-busy", None),
                ("rate-limited", 2.5),
            )
        },
    }
    found = {
        name: {
            "error": as_error(error),
            "headers": plain(error.headers),
            "openai": json.loads(openai_error(error)),
            "genai": json.loads(genai_error(error)),
        }
        for name, error in errors.items()
    }

    check("chat/errors.json", found)
