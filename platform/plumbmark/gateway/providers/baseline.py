"""Baselines: honest programs that answer without a model, as reference lines for the boards.

`random-choice` and `first-choice` take the options from `extra["choices"]`, or from lines such as
`A) …` in the last message; `constant` answers the deployment's `options["text"]`; `echo` repeats
the last user message. The same seed and prompt give the same answer, on any machine.

`trial-division` calls the first number of the question prime (`yes`) if none of the deployment's
`options["divisors"]` divides it. It solves something, so it is ranked like a model.
"""

import hashlib
import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from typing import Any

from plumbmark.engine.ports import (
    FailureKind,
    FinishReason,
    Message,
    ModelRequest,
    ModelResponse,
    Usage,
)
from plumbmark.gateway.providers.base import (
    NO_OPTIONS,
    Answer,
    Attempt,
    AttemptFailure,
    Delta,
    Target,
    delta_of,
)
from plumbmark.gateway.providers.http import HttpClient
from plumbmark.strict_json import wire

_NUMBER = re.compile(r"\d{1,18}")
_OPTION_LINE = re.compile(r"^\s*\(?([A-Z])[).:]\s+\S", re.MULTILINE)


def _last_text(messages: Sequence[Message]) -> str:
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, str):
                return content
            return "".join(
                str(part.get("text", "")) for part in content or () if isinstance(part, Mapping)
            )
    return ""


def _choices(question: Mapping[str, Any]) -> list[str]:
    choices = question.get("choices")
    if choices:
        return [str(choice) for choice in choices]
    return _OPTION_LINE.findall(_last_text(question["messages"])) or ["A"]


def _random_choice(question: Mapping[str, Any], _target: Target) -> str:
    choices = _choices(question)
    seed = wire.canonical([question.get("seed"), question["messages"]])
    number = int.from_bytes(hashlib.sha256(seed).digest()[:16], "big")
    return choices[number % len(choices)]


def _first_choice(question: Mapping[str, Any], _target: Target) -> str:
    return _choices(question)[0]


def _constant(_question: Mapping[str, Any], target: Target) -> str:
    return str(target.options.get("text", "A"))


def _echo(question: Mapping[str, Any], _target: Target) -> str:
    return _last_text(question["messages"])


def _trial_division(question: Mapping[str, Any], target: Target) -> str:
    found = _NUMBER.search(_last_text(question["messages"]))
    if found is None:
        return "no"
    number = int(found.group())
    given = target.options.get("divisors")
    divisors = [
        one for one in (given if isinstance(given, list) else ()) if type(one) is int and one > 1
    ]
    is_prime = number > 1 and all(number == one or number % one for one in divisors)
    return "yes" if is_prime else "no"


PROGRAMS: dict[str, Callable[[Mapping[str, Any], Target], str]] = {
    "random-choice": _random_choice,
    "first-choice": _first_choice,
    "constant": _constant,
    "echo": _echo,
}
"""Reference lines, of which every platform has a deployment."""

RANKED_PROGRAMS: dict[str, Callable[[Mapping[str, Any], Target], str]] = {
    "trial-division": _trial_division,
}
"""Programs that boards rank. The demo has deployments of them."""

_ALL = {**PROGRAMS, **RANKED_PROGRAMS}


class Baseline:
    """Answers in the process itself; a deployment's `upstream_id` names the program."""

    def build(self, target: Target, request: ModelRequest, *, stream: bool = False) -> bytes:
        question: dict[str, Any] = {"messages": request.messages, "program": target.upstream_id}
        if request.seed is not None:
            question["seed"] = request.seed
        if choices := request.extra.get("choices"):
            question["choices"] = [str(choice) for choice in choices]
        return wire.dump_in_order(question)

    async def send(self, transport: HttpClient, target: Target, body: bytes) -> Attempt:
        program = _ALL.get(target.upstream_id)
        if program is None:
            return AttemptFailure(
                FailureKind.PROVIDER_ERROR,
                "unknown-model",
                f"there is no baseline {target.upstream_id!r}; use one of {', '.join(_ALL)}",
                is_retryable=False,
                fatal=True,
            )
        payload = {"model": target.upstream_id, "text": program(wire.read(body), target)}
        return Answer(self._response(payload), payload)

    async def stream(
        self, transport: HttpClient, target: Target, body: bytes
    ) -> AsyncGenerator[Delta | Attempt, None]:
        attempt = await self.send(transport, target, body)
        if isinstance(attempt, Answer):
            yield delta_of(attempt.response)
        yield attempt

    def parse(
        self, payload: Any, options: Mapping[str, Any] = NO_OPTIONS
    ) -> ModelResponse | AttemptFailure:
        return self._response(payload)

    def _response(self, payload: Mapping[str, Any]) -> ModelResponse:
        return ModelResponse(
            text=payload["text"],
            finish_reason=FinishReason.STOP,
            model=payload["model"],
            usage=Usage(0, 0),
        )
