"""Asking providers for their models: what is read, what is refused, and in which words."""

import gzip
import json
import socket
import time
from collections.abc import Iterator

import pytest

from plumbmark.gateway.calls import runtime
from plumbmark.gateway.connections import listing
from plumbmark.gateway.connections.listing import (
    ListedModel,
    ProviderAddress,
    ProviderUnreadable,
    list_models,
)
from plumbmark.gateway.providers.addresses import is_public_address, read_rules
from tests.fake_provider.process import FakeProvider
from tests.gateway.connections.odd_server import Answer, reply, serving

KEY = "sk-secret-0123456789abcdef"  # not a credential of anything
MODELS = json.dumps({"data": [{"id": "b"}, {"id": "a", "context_length": 8192}]}).encode()
READ = [ListedModel("a", 8192), ListedModel("b")]


@pytest.fixture(autouse=True)
def _runtime_ends() -> Iterator[None]:
    yield
    runtime.shutdown()


def ask(url: str, *, guarded: bool = False, wire: str = "openai", key_path: str = "") -> object:
    return list_models(ProviderAddress(url, wire, guarded, key_path), KEY)


def fault(answer: Answer) -> ProviderUnreadable:
    """Return the fault that an answer is found to be."""
    with serving(answer) as server, pytest.raises(ProviderUnreadable) as caught:
        ask(server.url)
    assert KEY not in caught.value.message
    assert str(server.port) in caught.value.message
    return caught.value


@pytest.mark.parametrize("wire", ["openai", "anthropic", "gemini"])
def test_the_list_is_read_in_every_format(fake_provider: FakeProvider, wire: str) -> None:
    fake_provider.configure(key=KEY, models={"z": "echo", "sum": "arithmetic"})

    assert ask(fake_provider.url, wire=wire) == [ListedModel("sum"), ListedModel("z")]


def test_a_wrong_key_is_named(fake_provider: FakeProvider) -> None:
    fake_provider.configure(key="another-key-than-that", models={"z": "echo"})

    with pytest.raises(ProviderUnreadable, match=r"refuses the key \(HTTP 401\)"):
        ask(fake_provider.url)


@pytest.mark.parametrize(
    "document",
    [
        [{"id": "b"}, {"id": "a", "context_length": 8192}],
        {"models": [{"name": "models/a", "inputTokenLimit": 8192}, {"name": "models/b"}]},
        {"data": [{"id": "a", "max_model_len": 8192}, {"id": "b"}, {"id": 3}, None, {"id": ""}]},
        {"data": [{"id": "b", "context_window": True}, {"id": "a", "context_window": 8192}]},
        {"data": [{"id": "b", "context_length": 2**40}, {"id": "a", "max_context_length": 8192}]},
    ],
)
def test_lists_of_other_hosts_are_read(document: object) -> None:
    with serving(reply(json.dumps(document).encode())) as server:
        assert ask(server.url) == READ


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (reply(b"<html>hello</html>"), "not-json", "did not answer with JSON"),
        (reply(b"\x00\xff\xfe garbage"), "not-json", "did not answer with JSON"),
        (reply(b"[" * 100_000), "not-json", "did not answer with JSON"),
        (reply(b'{"a": 1}'), "no-list", "no list of models"),
        (reply(b'{"data": [1, 2]}'), "no-list", "without names"),
        (reply(b'"text"'), "no-list", "no list of models"),
        (reply(b"", "404 Not Found"), "http-404", "usually ends in /v1"),
        (reply(b"", "500 Oops"), "http-500", "fault of its own"),
        (reply(b"", "429 Slow"), "http-429", "Try again later"),
        (reply(b"x" * 10 * 1024**2), "answer-too-large", "more than 2 MB"),
        (reply(gzip.compress(b" " * 20 * 1024**2), "200 OK", "Content-Encoding: gzip"),
         "answer-too-large", "more than 2 MB"),
        (lambda connection, _: connection.sendall(b"SSH-2.0-OpenSSH_9\r\n"), "network", "HTTP"),
        (lambda connection, _: None, "dropped", "closed the connection"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_words(answer: Answer, code: str, words: str) -> None:
    found = fault(answer)

    assert found.code == code
    assert words in found.message


def test_a_key_that_the_provider_echoes_is_struck_out() -> None:
    body = json.dumps({"error": {"message": f"no such key: {KEY}"}}).encode()

    message = fault(reply(body, "401 Unauthorized")).message

    assert "It says: no such key: [credential]" in message


def test_an_endless_answer_ends_at_its_size() -> None:
    def endless(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + b" " * 65536 + b"\r\n")

    assert fault(endless).code == "answer-too-large"


def test_an_answer_that_trickles_forever_ends_at_its_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(listing, "DEADLINE_SECONDS", 1.0)

    def trickle(connection: socket.socket, _: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
        while True:
            connection.sendall(b" ")
            time.sleep(0.05)

    began = time.monotonic()
    found = fault(trickle)

    assert found.code == "deadline"
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"])
def test_a_redirect_is_not_followed(status: str) -> None:
    with serving(reply(MODELS)) as inside:
        found = fault(reply(b"", status, f"Location: http://127.0.0.1:{inside.port}/v1/models"))

        assert inside.connections == 0
    assert f"redirects to 127.0.0.1:{inside.port}" in found.message


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "127.1", "2130706433", "[::ffff:127.0.0.1]", "0"]
)
def test_a_guarded_request_never_opens_a_private_connection(host: str) -> None:
    """As a name does that was public when it was entered, and leads to loopback now."""
    with serving(reply(MODELS)) as server:
        assert ask(server.url) == READ
        reached = server.connections
        with pytest.raises(ProviderUnreadable) as caught:
            ask(f"http://{host}:{server.port}/v1", guarded=True)

        assert server.connections == reached
    assert caught.value.code in {"private-address", "unreachable", "network"}


@pytest.mark.parametrize("allowed", ["localhost", "127.0.0.0/8"])
def test_an_operator_allows_a_host_or_a_network(settings: object, allowed: str) -> None:
    settings.ALLOWED_PROVIDER_ADDRESSES = [allowed, "::1"]  # type: ignore[attr-defined]
    with serving(reply(MODELS)) as server:
        assert ask(f"http://localhost:{server.port}/v1", guarded=True) == READ


def test_the_key_goes_only_where_it_must() -> None:
    with serving(reply(MODELS)) as server:
        ask(server.url, key_path="/key")

    first, second = server.heads
    assert first.startswith(b"GET /v1/key ")
    assert second.startswith(b"GET /v1/models ")
    assert b"Authorization: Bearer " + KEY.encode() in second
    assert KEY not in repr(ProviderAddress(server.url, "openai", False))


@pytest.mark.parametrize(
    "address",
    [
        "168.63.129.16",
        "192.0.0.192",
        "100.100.100.200",
        "fd00:ec2::254",
        "fec0::1",
        "::127.0.0.1",
        "64:ff9b:1::a00:1",
        "240.0.0.1",
        "255.255.255.255",
        "127.1",
        "",
    ],
)
def test_metadata_and_reserved_addresses_are_not_public(address: str) -> None:
    assert not is_public_address(address)


def test_all_private_networks_but_no_metadata_service_can_be_allowed() -> None:
    rules = read_rules([], allows_private=True)

    assert rules.allows_address("10.0.0.1")
    assert rules.allows_address("::1")
    assert not rules.allows_address("169.254.169.254")
    assert not rules.allows_address("::ffff:169.254.169.254")
    assert read_rules(["169.254.169.254"]).allows_address("169.254.169.254")


def test_the_allow_list_is_read_or_refused() -> None:
    rules = read_rules(["Ollama.LAN.", "10.1.2.3/16", "[fd00::1]"])

    assert rules.allows_host("ollama.lan")
    assert not rules.allows_host("evil.ollama.lan")
    assert rules.allows_address("10.1.255.255")
    assert not rules.allows_address("10.2.0.0")
    assert rules.allows_address("fd00::1")
    with pytest.raises(ValueError, match="no host"):
        read_rules(["http://x/"])
