"""A provider that is a real HTTP server: programmable answers, latency, seeded faults, and a count
of everything it was asked.

    python tests/fake_provider/server.py --port 0 --latency-ms 50 --config answers.json

prints one JSON line `{"url": "http://127.0.0.1:PORT/v1"}` when it listens. It speaks the OpenAI
chat format on `/v1/chat/completions` and `/v1/models`; `GET /__stats__` (with `?prompts=1` also per
prompt) tells what it saw, `POST /__reset__` forgets that, `POST /__config__` changes it while
it runs. It needs nothing but the standard library, and uses uvloop where that is installed.

The configuration (all parts optional):

    {"latency_ms": 50, "seed": 1, "key": "sk-…",
     "faults": {"429": 0.1, "500": 0.1, "drop": 0.1, "truncate": 0.1, "stall": 0.01},
     "retry_after": 0.2, "usage": true,
     "models": {"some-model": "arithmetic:0.8"},
     "answers": {"other-model": {"<sha256 of the last user message>": "its answer"}}}

A model is a rule: `echo`, `arithmetic` (adds, or multiplies, the first `A+B` of the message;
`arithmetic:0.8` is right on that share of the messages, chosen by hash), `constant:TEXT`, or one of
the manners in `_MANNERS`, under which a provider must be understood too. A rule's own name can be
asked for as a model. Whether a request fails is decided by the hash of (seed, body, how often this
body was seen), so a retry may succeed and a run can be repeated.
"""

import argparse
import asyncio
import hashlib
import json
import os
import re
import sys
import time
from typing import Any, cast

_SUM = re.compile(r"(-?\d+)\s*([+*×-])\s*(-?\d+)")
_MANNERS = {
    "refusal",
    "content-filter",
    "content-filter-error",
    "length",
    "empty",
    "parts",
    "reasoning",
    "cached",
    "hidden-reasoning",
    "no-usage",
    "bad-usage",
    "no-json",
    "no-choices",
    "error-inside",
    "overflow",
    "bad-request",
    "broken-unicode",
    "echo-key",
    "huge",
    "moved",
    "out-of-credit",
    "always-429",
    "always-500",
    "always-stall",
}
_RULES = {"echo", "arithmetic", "constant"} | _MANNERS


class Provider:
    """What it answers, and what it has been asked."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.configure(config)
        self.reset()

    def configure(self, config: dict[str, Any]) -> None:
        self.latency = float(config.get("latency_ms", 0)) / 1000
        self.seed = str(config.get("seed", 0))
        self.key = config.get("key")
        self.faults = [
            (str(name), float(share)) for name, share in config.get("faults", {}).items()
        ]
        self.retry_after = config.get("retry_after", 0.05)
        self.has_usage = config.get("usage", True)
        self.models: dict[str, str] = dict(config.get("models", {}))
        self.answers: dict[str, dict[str, str]] = config.get("answers", {})

    def reset(self) -> None:
        self.total = self.answered = self.connections = 0
        self.by_fault: dict[str, int] = {}
        self.seen: dict[bytes, int] = {}
        self.prompts: dict[str, int] = {}
        self.in_flight = self.max_in_flight = 0
        self.integral = 0.0
        self.first = self.last = 0.0
        self.cpu_from = time.process_time()

    def count(self, change: int) -> None:
        """Keep the time integral of the requests in flight."""
        now = time.perf_counter()
        if not self.first:
            self.first = now
        else:
            self.integral += self.in_flight * (now - self.last)
        self.last = now
        self.in_flight = max(0, self.in_flight + change)
        self.max_in_flight = max(self.max_in_flight, self.in_flight)

    def stats(self, with_prompts: bool) -> dict[str, Any]:
        elapsed = self.last - self.first
        told: dict[str, Any] = {
            "total": self.total,
            "answered": self.answered,
            "faults": self.by_fault,
            "distinct_bodies": len(self.seen),
            "connections": self.connections,
            "in_flight": self.in_flight,
            "max_in_flight": self.max_in_flight,
            "mean_in_flight": self.integral / elapsed if elapsed else 0.0,
            "seconds": elapsed,
            "cpu_seconds": time.process_time() - self.cpu_from,
        }
        if with_prompts:
            told["prompts"] = self.prompts
        return told

    def fault(self, body: bytes) -> str | None:
        """The fault of this request, if any, by hash."""
        digest = hashlib.sha256(body).digest()
        attempt = self.seen.get(digest, 0)
        self.seen[digest] = attempt + 1
        if not self.faults:
            return None
        drawn = hashlib.sha256(f"{self.seed}:{attempt}:".encode() + digest).digest()
        place = int.from_bytes(drawn[:8], "big") / 2**64
        for name, share in self.faults:
            place -= share
            if place < 0:
                return name
        return None

    def rule(self, model: str) -> str | None:
        if model in self.models:
            return self.models[model]
        return model if model.partition(":")[0] in _RULES else None


def _last_user_text(messages: list[dict[str, Any]]) -> str:
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content
            return "".join(part.get("text", "") for part in content or ())
    return ""


def _text(rule: str, prompt: str) -> str:
    name, _, argument = rule.partition(":")
    if name == "constant":
        return argument
    if name == "arithmetic":
        found = _SUM.search(prompt)
        if not found:
            return "I see no sum."
        left, sign, right = int(found[1]), found[2], int(found[3])
        result = left + right if sign == "+" else left - right if sign == "-" else left * right
        if argument:
            place = int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:8], "big") / 2**64
            if place >= float(argument):
                result += 1
        return str(result)
    return prompt


def _error(status: int, message: str, code: str | None = None, **more: Any) -> tuple[int, bytes]:
    error = {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    return status, json.dumps({"error": {**error, **more}}).encode()


def _answer(provider: Provider, request: dict[str, Any], key: str) -> tuple[int, bytes]:
    model = str(request.get("model", ""))
    messages = request.get("messages", [])
    prompt = _last_user_text(messages)
    rule = provider.rule(model)
    if rule is None and model in provider.answers:
        digest = hashlib.sha256(prompt.encode()).hexdigest()
        text = provider.answers[model].get(digest, "I do not know.")
        rule = "answers"
    elif rule is None:
        return _error(404, f"The model `{model}` does not exist.", "model_not_found")
    else:
        text = _text(rule, prompt)
    if rule not in _MANNERS and provider.has_usage:
        return 200, _plain_answer(model, prompt, text)
    refused = _manner_error(rule, key)
    if refused:
        return refused
    message: dict[str, Any] = {"role": "assistant", "content": text}
    finish = "stop"
    prompt_tokens = len(prompt.encode()) // 4 + 4
    usage: dict[str, Any] | None = {
        "prompt_tokens": prompt_tokens,
        "completion_tokens": len(text.encode()) // 4 + 1,
    }
    assert usage is not None
    if rule == "refusal":
        message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    elif rule == "content-filter":
        message["content"], finish = None, "content_filter"
    elif rule == "length":
        finish = "length"
        usage["completion_tokens"] = request.get("max_tokens", 16)
    elif rule == "empty":
        message["content"] = ""
    elif rule == "parts":
        message["content"] = [{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]
    elif rule == "reasoning":
        message["reasoning_content"] = "Let me think."
        usage["completion_tokens"] = 40
        usage["completion_tokens_details"] = {"reasoning_tokens": 30}
    elif rule == "cached":
        usage["prompt_tokens"] = 100
        usage["prompt_tokens_details"] = {"cached_tokens": 64}
    elif rule == "hidden-reasoning":
        usage |= {"completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 200}}
        usage["total_tokens"] = usage["prompt_tokens"] + 205
    elif rule == "no-usage" or not provider.has_usage:
        usage = None
    elif rule == "bad-usage":
        usage = {"prompt_tokens": -5, "completion_tokens": "many"}
    elif rule == "broken-unicode":
        message["content"] = "half \ud83d and \x00 nothing"
    elif rule == "echo-key":
        message["content"] = f"you said {key}"
    elif rule == "huge":
        message["content"] = "x" * (17 * 1024 * 1024)
    answer: dict[str, Any] = {
        "id": "chatcmpl-" + hashlib.sha256(prompt.encode()).hexdigest()[:16],
        "object": "chat.completion",
        "created": 1_700_000_000,
        "model": f"{model}-2026-01-01",
        "choices": [{"index": 0, "message": message, "finish_reason": finish}],
    }
    if usage is not None:
        usage.setdefault("total_tokens", 0)
        answer["usage"] = usage
    if rule == "no-choices":
        answer["choices"] = []
    return 200, json.dumps(answer).encode()


def _plain_answer(model: str, prompt: str, text: str) -> bytes:
    """The common case written by hand: the server must never be what a measurement measures."""
    counted = len(prompt.encode()) // 4 + 4
    said = len(text.encode()) // 4 + 1
    return (
        f'{{"id":"chatcmpl-{abs(hash(prompt)):x}","object":"chat.completion",'
        f'"created":1700000000,"model":{json.dumps(model + "-2026-01-01")},'
        f'"choices":[{{"index":0,"message":{{"role":"assistant","content":{json.dumps(text)}}},'
        f'"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{counted},'
        f'"completion_tokens":{said},"total_tokens":{counted + said}}}}}'
    ).encode()


def _manner_error(rule: str, key: str) -> tuple[int, bytes] | None:
    if rule == "content-filter-error":
        return _error(400, "The prompt triggered the content management policy.", "content_filter")
    if rule == "overflow":
        text = "This model's maximum context length is 8192 tokens; you asked for 9000."
        return _error(400, text, "context_length_exceeded")
    if rule == "bad-request":
        text = f"Unsupported parameter: 'temperature' (key {key})."
        return _error(400, text, "unsupported_parameter")
    if rule == "out-of-credit":
        return _error(429, "You exceeded your current quota.", type="insufficient_quota")
    if rule == "always-429":
        return _error(429, "Slow down.", "rate_limit_exceeded")
    if rule == "always-500":
        return _error(500, "The server had an error.")
    if rule == "no-json":
        return 200, b"<html>Bad gateway</html>"
    if rule == "error-inside":
        return 200, b'{"error":{"code":503,"message":"Upstream is overloaded"}}'
    return None


_REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized"}


def _http(status: int, body: bytes, extra: str = "") -> bytes:
    reason = _REASONS.get(status, "Error" if status >= 400 else "OK")
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nx-request-id: req-{status}\r\n{extra}\r\n"
    )
    return head.encode() + body


class Connection(asyncio.Protocol):
    """One kept-alive connection; requests on it are answered one after another."""

    def __init__(self, provider: Provider, open_connections: set["Connection"]) -> None:
        self.provider = provider
        self.open_connections = open_connections
        self.buffer = b""
        self.is_busy = False
        self.transport: asyncio.Transport | None = None
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface without the base class.
        self.transport = cast(asyncio.Transport, transport)
        self.open_connections.add(self)
        self.provider.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.open_connections.discard(self)
        if self.is_busy:
            # The client left a request: it is no longer in flight.
            self.is_busy = False
            self.provider.count(-1)
        self.transport = None

    def data_received(self, data: bytes) -> None:
        self.buffer = self.buffer + data if self.buffer else data
        if not self.is_busy:
            self._next()

    def _next(self) -> None:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end]
        lower = head.lower()
        length = 0
        at = lower.find(b"content-length:")
        if at >= 0:
            length = int(lower[at + 15 :].split(b"\r\n", 1)[0])
        if len(self.buffer) < end + 4 + length:
            return
        body = self.buffer[end + 4 : end + 4 + length]
        self.buffer = self.buffer[end + 4 + length :]
        method, path, _ = head.split(b" ", 2)
        key = ""
        at = lower.find(b"authorization: bearer ")
        if at >= 0:
            key = head[at + 22 :].split(b"\r\n", 1)[0].decode()
        self._serve(method.decode(), path.decode(), body, key)

    def _serve(self, method: str, path: str, body: bytes, key: str) -> None:
        provider = self.provider
        if path.startswith("/__stats__"):
            self._write(_http(200, json.dumps(provider.stats("prompts=1" in path)).encode()))
        elif path == "/__reset__":
            provider.reset()
            self._write(_http(200, b"{}"))
        elif path == "/__config__":
            provider.configure(json.loads(body))
            self._write(_http(200, b"{}"))
        elif provider.key and key != provider.key:
            text = f"Incorrect API key provided: {key}."
            self._write(_http(*_error(401, text, "invalid_api_key")))
        elif method == "GET" and path.endswith("/models"):
            names = [*provider.models, *provider.answers] or sorted(_RULES)
            listed = [{"id": name, "object": "model", "owned_by": "fake"} for name in names]
            self._write(_http(200, json.dumps({"object": "list", "data": listed}).encode()))
        elif method == "POST" and path.endswith("/chat/completions"):
            self._chat(body, key)
        else:
            self._write(_http(*_error(404, f"There is no {path}.")))

    def _write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)
            if self.buffer:
                self.loop.call_soon(self._next)

    def _chat(self, body: bytes, key: str) -> None:
        provider = self.provider
        provider.total += 1
        provider.count(+1)
        self.is_busy = True
        try:
            request = json.loads(body)
        except ValueError:
            self._finish(_http(*_error(400, "The body is no JSON.")), None)
            return
        prompt = hashlib.sha256(_last_user_text(request.get("messages", [])).encode()).hexdigest()
        provider.prompts[prompt] = provider.prompts.get(prompt, 0) + 1
        fault = provider.fault(body)
        if request.get("model") == "always-stall":
            fault = "stall"
        if fault is not None:
            provider.by_fault[fault] = provider.by_fault.get(fault, 0) + 1
        if fault == "stall":
            return  # Keeps the connection and says nothing.
        if fault in {"429", "500"}:
            extra = f"Retry-After: {provider.retry_after}\r\n" if fault == "429" else ""
            data = _http(*_error(int(fault), "A seeded fault."), extra)
        elif fault == "drop":
            data = b""
        elif request.get("model") == "moved":
            data = _http(307, b"{}", "Location: http://127.0.0.1:1/v1/chat/completions\r\n")
        else:
            data = _http(*_answer(provider, request, key))
        if provider.latency:
            self.loop.call_later(provider.latency, self._finish, data, fault)
        else:
            self._finish(data, fault)

    def _finish(self, data: bytes, fault: str | None) -> None:
        if not self.is_busy:
            return
        self.is_busy = False
        self.provider.count(-1)
        if self.transport is None:
            return
        if fault == "drop":
            self.transport.abort()
        elif fault == "truncate":
            self.transport.write(data[: len(data) - 20])
            self.transport.close()
        else:
            if fault is None:
                self.provider.answered += 1
            self._write(data)


async def serve(config: dict[str, Any], port: int) -> None:
    provider = Provider(config)
    open_connections: set[Connection] = set()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Connection(provider, open_connections), "127.0.0.1", port, backlog=2048
    )
    bound = server.sockets[0].getsockname()[1]
    print(json.dumps({"url": f"http://127.0.0.1:{bound}/v1"}), flush=True)
    parent = os.getppid()
    over = asyncio.Event()

    def look() -> None:
        # Whoever started it is gone: do not stay behind.
        if os.getppid() != parent:
            over.set()
        loop.call_later(0.5, look)

    look()
    async with server:
        await over.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description="A fake provider for tests and benchmarks.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency-ms", type=float)
    parser.add_argument("--seed")
    parser.add_argument("--config", help="a JSON file; see the module's description")
    options = parser.parse_args()
    config: dict[str, Any] = {}
    if options.config:
        with open(options.config, encoding="utf-8") as file:
            config = json.load(file)
    if options.latency_ms is not None:
        config["latency_ms"] = options.latency_ms
    if options.seed is not None:
        config["seed"] = options.seed
    try:
        import uvloop
    except ImportError:
        asyncio.run(serve(config, options.port))
    else:
        uvloop.run(serve(config, options.port))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(0)
