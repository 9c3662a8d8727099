"""The gateway as a process: unmodified clients, readers who leave, an orderly end and a kill."""

import json
import re
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from plumbmark.gateway.calls.retry_budget import MAX_CALL_ATTEMPTS
from plumbmark.gateway.models import BudgetLease, Call
from plumbmark.gateway.storage import recovery
from tests.fake_provider.process import FakeProvider
from tests.gateway import rows
from tests.gateway.conftest import Store
from tests.gateway.http.servers import Server, ask, serving, token_of
from tests.oracles import openai
from tests.waiting import wait_until

WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
USER: Any = [{"role": "user", "content": "What is 2+3?"}]


def client_of(server: Server, token: str) -> "openai.OpenAI":
    return openai.OpenAI(base_url=f"{server.url}/v1", api_key=token, max_retries=2)


def test_the_unmodified_openai_client_works_with_every_provider(
    store: Store, fake_provider: FakeProvider, tmp_path: Path
) -> None:
    token = token_of(rows.namespace())
    formats = ("openai", "anthropic", "gemini")
    for name in formats:
        for model in ("arithmetic", "tools", "words:30", "schema"):
            rows.deployment(fake_provider.url, model, provider=name, slug=f"{name}/{model}")
    with serving(store, tmp_path) as server:
        client = client_of(server, token)

        assert len(client.models.list().data) == 12
        for name in formats:
            plain = client.chat.completions.create(model=f"{name}/arithmetic", messages=USER)
            assert plain.choices[0].message.content == "5"
            stream = client.chat.completions.create(
                model=f"{name}/words:30",
                messages=USER,
                stream=True,
                stream_options={"include_usage": True},
            )
            *chunks, last = list(stream)
            text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
            assert len(text.split()) == 30
            assert last.usage is not None
            tools: Any = [WEATHER]
            asked: Any = list(USER)
            message = (
                client.chat.completions.create(model=f"{name}/tools", messages=asked, tools=tools)
                .choices[0]
                .message
            )
            assert message.tool_calls
            asked += [
                message.model_dump(exclude_none=True),
                {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "Sunny"},
            ]
            told = client.chat.completions.create(
                model=f"{name}/tools", messages=asked, tools=tools
            )
            assert told.choices[0].message.content == "The tool says: Sunny"
            streamed = client.chat.completions.create(
                model=f"{name}/tools", messages=USER, tools=tools, stream=True
            )
            arguments = "".join(
                call.function.arguments or ""
                for chunk in streamed
                if chunk.choices
                for call in chunk.choices[0].delta.tool_calls or ()
                if call.function
            )
            assert json.loads(arguments) == {"city": "Paris", "days": 2}
        with pytest.raises(openai.NotFoundError, match="GET /v1/models"):
            client.chat.completions.create(model="none", messages=USER)
    assert Call.objects.count() == 15
    assert rows.assert_books_agree().reserved == 0


def test_the_example_of_the_documentation_works(store: Store, tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[3] / "docs/calling-models.md").read_text()
    code = re.findall(r"```python\n(.*?)```", page, re.S)[0]
    token = token_of(rows.namespace())
    rows.deployment("", "echo", slug="baseline/echo")
    with serving(store, tmp_path) as server:
        code = code.replace("http://127.0.0.1:8001", server.url).replace("pmk_…", token)

        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stderr == ""
    assert done.stdout.splitlines()[0] == "baseline/echo"
    assert "Hello?" in done.stdout


def test_a_spent_limit_costs_the_client_no_retries(
    store: Store, fake_provider: FakeProvider, tmp_path: Path
) -> None:
    token = token_of(rows.namespace(day_cap=10))
    rows.deployment(fake_provider.url)
    with serving(store, tmp_path) as server:
        sent: list[str] = []
        counting = openai.DefaultHttpxClient(
            event_hooks={"request": [lambda asked: sent.append(asked.method)]}
        )
        client = client_of(server, token).with_options(http_client=counting)
        with counting, pytest.raises(openai.APIStatusError) as caught:
            client.chat.completions.create(model="fake/arithmetic", messages=USER)

        assert caught.value.status_code == 402
        assert sent == ["POST"]
    assert Call.objects.count() == 0


@pytest.mark.parametrize("streams", [False, True])
def test_a_failing_provider_is_retried_by_the_gateway_alone(
    store: Store, fake_provider: FakeProvider, tmp_path: Path, streams: bool
) -> None:
    fake_provider.configure(faults={"500": 1.0})
    token = token_of(rows.namespace())
    rows.deployment(fake_provider.url, deadline_seconds=1.0)
    with serving(store, tmp_path) as server:
        sent: list[str] = []
        counting = openai.DefaultHttpxClient(
            event_hooks={"request": [lambda asked: sent.append(asked.method)]}
        )
        client = client_of(server, token).with_options(http_client=counting)
        with counting, pytest.raises(openai.InternalServerError) as caught:
            client.chat.completions.create(model="fake/arithmetic", messages=USER, stream=streams)

    assert caught.value.status_code == 502
    assert sent == ["POST"]
    call = Call.objects.get()
    assert fake_provider.stats()["total"] == len(call.attempts) <= MAX_CALL_ATTEMPTS


def test_pieces_arrive_as_the_provider_sends_them(
    store: Store, fake_provider: FakeProvider, tmp_path: Path
) -> None:
    """The provider says its fourth word only when the third was seen here."""
    fake_provider.configure(hold_after=3)
    token = token_of(rows.namespace())
    rows.deployment(fake_provider.url, "words:20")
    with serving(store, tmp_path) as server:
        stream = client_of(server, token).chat.completions.create(
            model="fake/words:20", messages=USER, stream=True
        )

        contents = (chunk.choices[0].delta.content for chunk in stream)
        words = (content for content in contents if content)
        first = next(words)
        fake_provider.go_on()

        assert len((first + "".join(words)).split()) == 20


def test_a_client_that_hangs_up_is_charged_by_the_providers_count(
    store: Store, fake_provider: FakeProvider, tmp_path: Path
) -> None:
    fake_provider.configure(chunk_ms=20)
    token = token_of(rows.namespace())
    rows.deployment(fake_provider.url, "words:40")
    body = json.dumps({"model": "fake/words:40", "messages": USER, "stream": True}).encode()
    with serving(store, tmp_path) as server:
        port = urlsplit(server.url).port
        assert port is not None
        with socket.create_connection(("127.0.0.1", port), timeout=300) as connection:
            head = (
                f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}"
                f"\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body)
            while b"word1" not in connection.recv(65536):
                pass
        # Hung up.
        wait_until(Call.objects.exists)
    call = Call.objects.get()
    assert (call.error_code, call.usage_estimated) == ("reader-left", False)
    assert rows.assert_books_agree().reserved == 0
    whole = rows.call_one(call.grant, call.deployment, rows.ask(tokens=4096))
    assert call.charged == whole.charged > 0


class Crowd:
    """Asks all at once, each in a thread of its own."""

    def __init__(self, server: Server, token: str, count: int) -> None:
        self.statuses: list[int] = []
        self._threads = [
            threading.Thread(target=self._ask, args=(server, token, number))
            for number in range(count)
        ]
        for thread in self._threads:
            thread.start()

    def _ask(self, server: Server, token: str, number: int) -> None:
        messages = [{"role": "user", "content": f"What is {number % 10}+3?"}]
        body = {"model": "fake/arithmetic", "messages": messages, "max_tokens": 32}
        try:
            self.statuses.append(ask(f"{server.url}/v1/chat/completions", body, token).status)
        except OSError:
            self.statuses.append(0)

    def result(self) -> list[int]:
        for thread in self._threads:
            thread.join()
        return self.statuses


def test_an_orderly_end_waits_for_calls_in_flight(
    store: Store, fake_provider: FakeProvider, tmp_path: Path
) -> None:
    fake_provider.configure(hold=0)
    token = token_of(rows.namespace())
    rows.deployment(fake_provider.url)
    with serving(store, tmp_path) as server:
        crowd = Crowd(server, token, 4)
        fake_provider.wait_for_calls(4)

        # Long enough that it has begun to end; where it has not, it has nothing to wait for.
        letting_go = threading.Timer(0.5, fake_provider.go_on)
        letting_go.start()
        server.stop(signal.SIGTERM)
        letting_go.join()

        assert crowd.result() == [200] * 4
    assert Call.objects.filter(status="answered").count() == 4
    assert rows.assert_books_agree().reserved == 0
    assert not BudgetLease.objects.exists()
    assert list(store.spool.iterdir()) == []


def test_calls_that_outlast_an_orderly_end_are_given_up_and_recorded(
    store: Store, fake_provider: FakeProvider, tmp_path: Path
) -> None:
    fake_provider.configure(hold=0)
    token = token_of(rows.namespace())
    rows.deployment(fake_provider.url)
    with serving(store, tmp_path, gateway_drain_seconds="0.3") as server:
        crowd = Crowd(server, token, 4)
        fake_provider.wait_for_calls(4)

        server.stop(signal.SIGTERM)

        assert 200 not in crowd.result()
    assert Call.objects.filter(status="lost", error_code="cancelled", charged=0).count() == 4
    assert rows.assert_books_agree().reserved == 0
    assert list(store.spool.iterdir()) == []


def test_several_processes_share_one_port(
    store: Store, fake_provider: FakeProvider, tmp_path: Path
) -> None:
    token = token_of(rows.namespace())
    rows.deployment(fake_provider.url)
    with serving(store, tmp_path, workers=2) as server:
        assert Crowd(server, token, 8).result() == [200] * 8
    assert Call.objects.filter(status="answered").count() == 8
    assert rows.assert_books_agree().reserved == 0
    assert list(store.spool.iterdir()) == []


def test_a_kill_loses_no_answered_call(
    any_store: Store, fake_provider: FakeProvider, tmp_path: Path
) -> None:
    store = any_store
    fake_provider.configure(latency_ms=20)
    token = token_of(rows.namespace())
    rows.deployment(fake_provider.url)
    with serving(store, tmp_path) as server:
        answered = 40
        for _ in range(answered):
            body = {"model": "fake/arithmetic", "messages": USER}
            assert ask(f"{server.url}/v1/chat/completions", body, token).status == 200
        server.stop(signal.SIGKILL)

    def all_are_there() -> bool:
        # The worker dies a moment after the process that was waited for.
        recovery.recover(store.spool)
        return Call.objects.filter(status="answered").count() == answered

    wait_until(all_are_there)
    books = rows.assert_books_agree()
    assert books.spent == 6500 * answered


def test_two_processes_overspend_no_small_budget(
    any_store: Store, fake_provider: FakeProvider, tmp_path: Path
) -> None:
    """The true cost is 6,500 a call; the limit pays for ten, whoever asks first."""
    token = token_of(rows.namespace(day_cap=10 * 6500 + 200_000))
    rows.deployment(fake_provider.url)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    with serving(any_store, tmp_path / "a") as first, serving(any_store, tmp_path / "b") as second:
        statuses = []
        for server in (first, second, first, second):
            statuses += Crowd(server, token, 16).result()

    served = statuses.count(200)
    assert set(statuses) <= {200, 402}
    assert served >= 10
    books = rows.assert_books_agree()
    assert books.spent == 6500 * served <= 10 * 6500 + 200_000
    assert books.reserved == 0
