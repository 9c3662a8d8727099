"""The gateway's routes: what they answer with, whole and as a stream, and how they refuse."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plumbmark.gateway.calls import runtime
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.http.inside import ask
from tests.gateway.http.servers import Reply, token_of
from tests.golden.golden import check

pytestmark = pytest.mark.django_db(transaction=True)

CHAT = "/v1/chat/completions"
OPENAPI = "/compat/kaggle/models/openapi/chat/completions"
GENAI = "/compat/kaggle/models/genai/v1beta/models"
RULES = ("arithmetic", "refusal", "length", "empty", "content-filter", "reasoning", "tools")
FAILING = ("bad-request", "overflow", "out-of-credit")
"""Those after which nothing is asked again: that would take time."""
_CHANGING = [
    (re.compile(r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"), "{uuid}"),
    (re.compile(r"[0-9a-f]{32}"), "{uuid}"),
    (re.compile(r"renews on \d{4}-\d\d-\d\d"), "renews on {day}"),
    (re.compile(r'("created": ?)\d+'), r"\1{time}"),
    (re.compile(r'("\w*(?:latency|Latency)\w*": ?)[\d.]+'), r"\1{ms}"),
    (re.compile(r"http://127\.0\.0\.1:\d+"), "{provider}"),
]


@pytest.fixture
def provider(settings: Any, tmp_path: Path) -> Iterator[FakeProvider]:
    settings.SPOOL_DIR = tmp_path / "spool"
    with FakeProvider() as fake:
        yield fake
    runtime.shutdown()


def question(model: str, **more: Any) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": "What is 2+3?"}], **more}


def shown(reply: Reply) -> dict[str, Any]:
    text = reply.body.decode()
    for pattern, name in _CHANGING:
        text = pattern.sub(name, text)
    headers = {
        name: value
        for name, value in reply.headers.items()
        if name.lower() not in {"content-length", "date", "x-request-id", "x-plumbmark-call"}
    }
    return {
        "status": reply.status,
        "headers": headers,
        "body": text.replace("\r\n", "\n").split("\n"),
    }


def test_answers_and_refusals_of_the_routes_stay_as_they_are(provider: FakeProvider) -> None:
    anna = rows.namespace()
    for rule in (*RULES, *FAILING):
        rows.deployment(provider.url, rule)
    rows.deployment(provider.url, "echo", slug="fake/dear", priced=False)
    token = token_of(anna)
    genai = {"contents": [{"role": "user", "parts": [{"text": "What is 2+3?"}]}]}
    bodies = [
        *((f"chat {rule}", CHAT, question(f"fake/{rule}")) for rule in (*RULES, *FAILING)),
        *((f"openapi {rule}", OPENAPI, question(f"fake/{rule}")) for rule in (*RULES, *FAILING)),
        *(
            (f"genai {rule}", f"{GENAI}/fake/{rule}:generateContent", genai)
            for rule in (*RULES, *FAILING)
        ),
        ("chat stream", CHAT, question("fake/reasoning", stream=True)),
        (
            "chat stream with usage",
            CHAT,
            question("fake/arithmetic", stream=True, stream_options={"include_usage": True}),
        ),
        ("chat stream of a failure", CHAT, question("fake/bad-request", stream=True)),
        ("openapi stream", OPENAPI, question("fake/arithmetic", stream=True)),
        ("genai stream", f"{GENAI}/fake/arithmetic:streamGenerateContent?alt=sse", genai),
        ("no such model", CHAT, question("fake/none")),
        ("no such model, genai", f"{GENAI}/fake/none:generateContent", genai),
        ("no price", CHAT, question("fake/dear")),
        ("no JSON", CHAT, b"{"),
        ("no JSON, genai", f"{GENAI}/fake/arithmetic:generateContent", b"{"),
        ("an unknown field", CHAT, question("fake/arithmetic", warp=1)),
        ("no such method of genai", f"{GENAI}/fake/arithmetic:countTokens", genai),
        ("no such path", "/v1/completions", question("fake/arithmetic")),
        ("no such path of the proxy", "/compat/kaggle/models/other", genai),
    ]
    found = {name: shown(ask(path, body, token)) for name, path, body in bodies}
    for name, path in (
        ("models", "/v1/models"),
        ("one model", "/v1/models/fake/arithmetic"),
        ("no such model in the list", "/v1/models/fake/none"),
        ("health", "/healthz"),
        ("GET of a chat", CHAT),
    ):
        found[name] = shown(ask(path, None, token))
    for name, secret in (("no token", ""), ("a wrong token", "pmk_wrong"), ("nonsense", "x y")):
        found[f"{name}, chat"] = shown(ask(CHAT, question("fake/arithmetic"), secret))
        found[f"{name}, models"] = shown(ask("/v1/models", None, secret))
        found[f"{name}, genai"] = shown(
            ask(f"{GENAI}/fake/arithmetic:generateContent", genai, secret)
        )
    found["POST of the models"] = shown(ask("/v1/models", b"{}", token))
    found["DELETE of a chat"] = shown(ask(CHAT, None, token, method="DELETE"))
    found["a token in another header"] = shown(
        ask(CHAT, question("fake/arithmetic"), x_goog_api_key=token)
    )

    check("chat/routes.json", found)


def test_a_spent_quota_is_told_so_that_clients_do_not_ask_again(provider: FakeProvider) -> None:
    rows.deployment(provider.url)
    token = token_of(rows.namespace(day_cap=1))

    found = {path: shown(ask(path, question("fake/arithmetic"), token)) for path in (CHAT, OPENAPI)}

    check("chat/spent-quota.json", json.loads(json.dumps(found)))
