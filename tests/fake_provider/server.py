"""A provider that is a real HTTP server: programmable answers, latency, seeded faults, and a count
of everything it was asked.

    python tests/fake_provider/server.py --port 0 --latency-ms 50 --config answers.json

prints one JSON line `{"url": "http://127.0.0.1:PORT/v1"}` when it listens. It speaks the OpenAI
chat format on `/v1/chat/completions` and `/v1/models`, Anthropic's on `/v1/messages` and Gemini's
on `/v1/models/NAME:generateContent`, each whole and streamed; `GET /__stats__` (with `?prompts=1`
also per prompt) tells what it saw, `GET /__last__` the last request, `POST /__reset__` forgets
that, `POST /__config__` changes it while it runs. It needs nothing but the standard library, and
uses uvloop where that is installed.

The configuration (all parts optional):

    {"latency_ms": 50, "one_by_one": false, "chunk_ms": 10, "seed": 1, "key": "sk-…",
     "faults": {"429": 0.1, "500": 0.1, "drop": 0.1, "truncate": 0.1, "break-off": 0.1,
               "stall": 0.01},
     "first_faults": ["break-off", "head-alone"],
     "retry_after": 0.2, "usage": true,
     "models": {"some-model": "arithmetic:0.8"},
     "answers": {"other-model": {"<sha256 of the last user message>": "its answer"}}}

A model is a rule: `echo`, `judge` (finds correct what holds the X of "Is it X?"), `arithmetic`
(adds, or multiplies, the first `A+B` of the message; `arithmetic:0.8` is right on that share of the
messages, chosen by hash), `constant:TEXT`,
`words:20` (so many words, a chunk each), or one of the manners in `rules.MANNERS`. A rule's own
name can be asked for as a model. `latency_ms` passes before an answer begins (with `one_by_one`,
one answer after the other, as from a small local server), `chunk_ms` before each further chunk of a
stream. With `"hold": 0` no answer begins (with 40: none but the
first forty), and with `"hold_after": 3` no stream goes beyond its third chunk, before
`POST /__go_on__`: for tests that want something to happen meanwhile, however busy the machine is.
The first requests with a body fail as `first_faults` says, one after the other. Otherwise, whether
a request fails is decided by the hash of (seed, body, how often this body was seen), so a retry may
succeed and a run can be repeated.
"""

import argparse
import asyncio
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable
from typing import Any, cast

from dialects import DIALECTS, BadRequest
from rules import MANNERS, RULES, Asked, Refused, Said, answer, text_by


class Provider:
    """What it answers, and what it has been asked."""

    def __init__(self, config: dict[str, Any]) -> None:
        self.held: list[Callable[[], None]] = []
        self.resets = 0
        self.configure(config)
        self.reset()

    def configure(self, config: dict[str, Any]) -> None:
        self.latency = float(config.get("latency_ms", 0)) / 1000
        self.answers_one_by_one = bool(config.get("one_by_one"))
        self.busy_until = 0.0
        self.seed = str(config.get("seed", 0))
        self.key = config.get("key")
        self.chunk_seconds = float(config.get("chunk_ms", 0)) / 1000
        self.faults = [
            (str(name), float(share)) for name, share in config.get("faults", {}).items()
        ]
        self.first_faults: list[str] = config.get("first_faults", [])
        self.retry_after = config.get("retry_after", 0.05)
        self.has_usage = config.get("usage", True)
        self.models: dict[str, str] = dict(config.get("models", {}))
        self.answers: dict[str, dict[str, str]] = config.get("answers", {})
        self.go_on()
        self.holds_from: int | None = config.get("hold")
        self.holds_after = int(config.get("hold_after", 0))

    def seconds_to_answer(self) -> float:
        """Return the latency, and before it the time of all that is answered first."""
        if not self.answers_one_by_one:
            return self.latency
        now = time.perf_counter()
        self.busy_until = max(now, self.busy_until) + self.latency
        return self.busy_until - now

    def go_on(self) -> None:
        """Let out what was held, and hold nothing more."""
        self.holds_from, self.holds_after = None, 0
        held, self.held = self.held, []
        for act in held:
            act()

    def reset(self) -> None:
        self.resets += 1
        self.total = self.answered = self.connections = self.left = 0
        self.last_request: dict[str, Any] = {}
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
            "left": self.left,
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
        """Return the fault of this request, if any, by hash."""
        if not self.faults and not self.first_faults:
            return None
        digest = hashlib.sha256(_sorted(body)).digest()
        attempt = self.seen.get(digest, 0)
        self.seen[digest] = attempt + 1
        if attempt < len(self.first_faults):
            return self.first_faults[attempt]
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
        return model if model.partition(":")[0] in RULES else None


def _sorted(body: bytes) -> bytes:
    """Return the same for every order of keys, so that a seed's faults do not depend on how
    requests are written.
    """
    try:
        read = json.loads(body)
    except ValueError:
        return body
    return json.dumps(read, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _answer(provider: Provider, asked: Asked, key: str) -> Said | Refused:
    rule = provider.rule(asked.model)
    if rule is None and asked.model in provider.answers:
        digest = hashlib.sha256(asked.prompt.encode()).hexdigest()
        text = provider.answers[asked.model].get(digest, "I do not know.")
        rule = "answers"
    elif rule is None:
        return Refused(404, "model", f"The model `{asked.model}` does not exist.")
    else:
        text = text_by(rule, asked.prompt)
    return answer(rule, asked, text, key, provider.has_usage)


def _plain_answer(provider: Provider, asked: Asked) -> bytes | None:
    """Write the common case by hand: the server must never dominate a measurement."""
    rule = provider.rule(asked.model)
    if asked.streams or rule is None or rule in MANNERS or not provider.has_usage:
        return None
    model, prompt, text = asked.model, asked.prompt, text_by(rule, asked.prompt)
    counted = len(prompt.encode()) // 4 + 4
    said = len(text.encode()) // 4 + 1
    return (
        f'{{"id":"chatcmpl-{abs(hash(prompt)):x}","object":"chat.completion",'
        f'"created":1700000000,"model":{json.dumps(model + "-2026-01-01")},'
        f'"choices":[{{"index":0,"message":{{"role":"assistant","content":{json.dumps(text)}}},'
        f'"finish_reason":"stop"}}],"usage":{{"prompt_tokens":{counted},'
        f'"completion_tokens":{said},"total_tokens":{counted + said}}}}}'
    ).encode()


_REASONS = {200: "OK", 307: "Temporary Redirect", 400: "Bad Request", 401: "Unauthorized"}


def _http(status: int, body: bytes, extra: str = "", id_header: str = "x-request-id") -> bytes:
    reason = _REASONS.get(status, "Error" if status >= 400 else "OK")
    head = (
        f"HTTP/1.1 {status} {reason}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n{id_header}: req-{status}\r\n{extra}\r\n"
    )
    return head.encode() + body


def _framed(chunk: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(chunk), chunk)


class Connection(asyncio.Protocol):
    """One kept-alive connection; requests on it are answered one after another."""

    def __init__(self, provider: Provider, open_connections: set["Connection"]) -> None:
        self.provider = provider
        self.open_connections = open_connections
        self.buffer = b""
        self.is_busy = False
        self.counted_in = 0
        """The reset since which it has carried a request."""
        self.timer: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport | None = None
        self.loop = asyncio.get_running_loop()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports have the interface without the base class.
        self.transport = cast(asyncio.Transport, transport)
        self.open_connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.open_connections.discard(self)
        if self.is_busy:
            # The client left a request: it is no longer in flight.
            self.is_busy = False
            self.provider.left += 1
            self.provider.count(-1)
        if self.timer is not None:
            self.timer.cancel()
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
        for name in (b"\r\nauthorization: bearer ", b"\r\nx-api-key: ", b"\r\nx-goog-api-key: "):
            at = lower.find(name)
            if at >= 0:
                key = head[at + len(name) :].split(b"\r\n", 1)[0].decode()
        self._serve(method.decode(), path.decode(), body, key)

    def _serve(self, method: str, path: str, body: bytes, key: str) -> None:
        provider = self.provider
        if path.startswith("/__stats__"):
            self._write(_http(200, json.dumps(provider.stats("prompts=1" in path)).encode()))
        elif path == "/__reset__":
            provider.reset()
            self._write(_http(200, b"{}"))
        elif path == "/__go_on__":
            provider.go_on()
            self._write(_http(200, b"{}"))
        elif path == "/__config__":
            provider.configure(json.loads(body))
            self._write(_http(200, b"{}"))
        elif path == "/__last__":
            self._write(_http(200, json.dumps(provider.last_request).encode()))
        elif method == "GET" and path.partition("?")[0].endswith("/models"):
            names = [*provider.models, *provider.answers] or sorted(RULES)
            listed = [{"id": name, "object": "model", "owned_by": "fake"} for name in names]
            told: dict[str, Any] = {"object": "list", "data": listed}
            if "pageSize" in path:
                told = {"models": [{"name": f"models/{name}"} for name in names]}
            if self._has_key(key, DIALECTS[0]):
                self._write(_http(200, json.dumps(told).encode()))
        else:
            for dialect in DIALECTS:
                if method == "POST" and dialect.matches(path):
                    if self._has_key(key, dialect):
                        self._chat(dialect, path, body, key)
                    return
            self._write(_http(404, json.dumps({"error": f"There is no {path}."}).encode()))

    def _has_key(self, key: str, dialect: Any) -> bool:
        if not self.provider.key or key == self.provider.key:
            return True
        text = f"Incorrect API key provided: {key}."
        self._write(_http(*dialect.error(Refused(401, "key", text))))
        return False

    def _write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)
            if self.buffer:
                self.loop.call_soon(self._next)

    def _chat(self, dialect: Any, path: str, body: bytes, key: str) -> None:
        provider = self.provider
        provider.total += 1
        if self.counted_in != provider.resets:
            self.counted_in = provider.resets
            provider.connections += 1
        provider.count(+1)
        self.is_busy = True
        try:
            request = json.loads(body)
            provider.last_request = {"path": path, "body": request}
            asked: Asked = dialect.read(path, request)
        except BadRequest as error:
            self._finish(_http(*dialect.error(Refused(400, "format", str(error)))), None)
            return
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            told = f"The body is not of the format: {error!r}."
            self._finish(_http(*dialect.error(Refused(400, "format", told))), None)
            return
        prompt = hashlib.sha256(asked.prompt.encode()).hexdigest()
        provider.prompts[prompt] = provider.prompts.get(prompt, 0) + 1
        fault = provider.fault(body)
        if asked.model == "always-stall":
            fault = "stall"
        if fault is not None:
            provider.by_fault[fault] = provider.by_fault.get(fault, 0) + 1
        if fault == "stall":
            return  # Keeps the connection and says nothing.
        chunks: list[bytes] | None = None
        data = b""
        if fault in {"429", "500"}:
            extra = f"Retry-After: {provider.retry_after}\r\n" if fault == "429" else ""
            data = _http(*dialect.error(Refused(int(fault), "rate", "A seeded fault.")), extra)
        elif asked.model == "moved" and fault is None:
            data = _http(307, b"{}", "Location: http://127.0.0.1:1/v1/chat/completions\r\n")
        elif fault != "drop":
            plain = _plain_answer(provider, asked) if dialect is DIALECTS[0] else None
            if plain is not None:
                if fault == "break-off":
                    plain = plain.replace(b'"finish_reason":"stop"', b'"finish_reason":"error"')
                data = _http(200, plain)
            else:
                data, chunks = self._said(dialect, asked, key, fault)
        if chunks is not None:
            act = (self._stream, dialect, asked.model, chunks, fault)
        else:
            act = (self._finish, data, fault)
        if provider.holds_from is not None and provider.total > provider.holds_from:
            provider.held.append(lambda: act[0](*act[1:]))
        elif provider.latency:
            self.timer = self.loop.call_later(provider.seconds_to_answer(), *act)
        else:
            act[0](*act[1:])

    def _said(
        self, dialect: Any, asked: Asked, key: str, fault: str | None
    ) -> tuple[bytes, list[bytes] | None]:
        """Return a complete reply, or the chunks of a streamed one."""
        if asked.model == "no-json":
            return _http(200, b"<html>Bad gateway</html>"), None
        if asked.model == "error-inside":
            return _http(200, dialect.error_inside()), None
        said = _answer(self.provider, asked, key)
        if isinstance(said, Refused):
            return _http(*dialect.error(said), id_header=dialect.request_id), None
        if fault == "break-off":
            said.finish = "error"
            if asked.streams:
                # Before the first piece.
                said.text, said.pieces, said.parts = None, [], None
        if not asked.streams:
            return _http(200, dialect.plain(said, asked), id_header=dialect.request_id), None
        chunks = dialect.events(said, asked)
        half = max(2, len(chunks) // 2)
        if asked.model == "stream-error":
            chunks = [*chunks[:half], dialect.stream_error()]
        elif asked.model in {"stream-short", "stream-stall"}:
            chunks = chunks[:half]
        elif asked.model == "stream-garbage":
            chunks = [*chunks[:half], b"data: {half of\n\n"]
        elif asked.model == "stream-nonsense":
            chunks = [*chunks[:half], b"data: [1,2]\n\n"]
        elif asked.model == "stream-silent-end":
            # Says its last word but neither [DONE] nor the end of the response.
            chunks = [chunk for chunk in chunks if b"[DONE]" not in chunk]
        return b"", chunks

    def _stream(self, dialect: Any, model: str, chunks: list[bytes], fault: str | None) -> None:
        if self.transport is None or not self.is_busy:
            return
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
            f"{dialect.request_id}: req-200\r\n\r\n"
        )
        if fault == "head-alone":
            chunks = chunks[:1]
        if fault == "truncate":
            chunks = chunks[: max(1, len(chunks) // 2)]
        self._next_chunk(model, [head.encode(), *map(_framed, chunks)], 0, fault)

    def _next_chunk(self, model: str, frames: list[bytes], at: int, fault: str | None) -> None:
        if self.transport is None or not self.is_busy:
            return
        pause, most = self.provider.chunk_seconds, self.provider.holds_after
        last = most + 1 if most else 0
        if at < len(frames):
            # The head goes with the first chunk.
            until = max(2, at + 1) if pause else len(frames)
            if at < last:
                until = min(last, until)
            self.transport.write(b"".join(frames[at:until]))
            if until == last:
                self.provider.held.append(lambda: self._next_chunk(model, frames, until, fault))
                return
            if pause:
                self.timer = self.loop.call_later(
                    pause, self._next_chunk, model, frames, until, fault
                )
                return
        if fault in {"truncate", "head-alone"}:
            self._finish(b"", "truncate")
        elif model in {"stream-stall", "stream-silent-end"}:
            return
        else:
            self._finish(b"0\r\n\r\n", None)

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
