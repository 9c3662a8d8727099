"""Reasoning that clients send back in messages of the model, in the OpenAI format.

Hosts differ: some need it to go on after a tool call, some know it by the other name, and some
refuse a message that has it (docs/design/gateway.md).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from plumbmark.engine.ports import Message
from plumbmark.gateway.providers.base import AttemptFailure, Target
from plumbmark.strict_json import wire

OPTION = "returned_reasoning"
OMIT = "omit"
_FIELDS = ("reasoning_content", "reasoning")
WAYS = (*_FIELDS, OMIT)
"""Values of the option: the field in which the host takes it, or not at all."""
_OMITTING_HOSTS = (
    "api.openai.com",
    "openai.azure.com",
    "api.groq.com",
    "api.mistral.ai",
)
_REFUSED_STATUSES = {400, 422}
_MAX_READ = 4000
_NAMED = re.compile(r"\breasoning(?:_content)?\b")
_NOT_KNOWN = re.compile(
    r"not (?:\w+ )?(?:support|permit|allow|recogni[sz]ed|known|accept)|n't support|unsupported|"
    r"unknown|unrecogni[sz]ed|unexpected|extra (?:inputs|fields)|extra_forbidden|"
    r"(?:must|should|can|may) ?not (?:be|contain|include)",
    re.IGNORECASE,
)
_IS_NEEDED = re.compile(
    r"must be passed|missing|required|must (?:have|contain|include)", re.IGNORECASE
)
"""The host wants the reasoning that the client did not send back."""


def put_returned_reasoning(messages: Sequence[Message], target: Target) -> Sequence[Message]:
    """Return the messages with their reasoning as the target's host takes it."""
    way = target.options.get(OPTION) or _way_of_host(target.base_url)
    if way not in WAYS or not has_returned_reasoning(messages):
        return messages
    return [_put(message, str(way)) for message in messages]


def has_returned_reasoning(messages: Sequence[Message]) -> bool:
    """Return whether a message carries reasoning."""
    return any(name in message for message in messages for name in _FIELDS)


def _way_of_host(base_url: str) -> str:
    """Return how a known host takes it; empty where it gets what the client sent."""
    host = urlsplit(base_url).hostname or ""
    refuses = any(host == known or host.endswith(f".{known}") for known in _OMITTING_HOSTS)
    return OMIT if refuses else ""


def _put(message: Message, way: str) -> dict[str, Any]:
    reasoning = next((message[name] for name in (way, *_FIELDS) if message.get(name)), None)
    put = {name: value for name, value in message.items() if name not in _FIELDS}
    if way != OMIT and reasoning is not None:
        put[way] = reasoning
    return put


def refuses_returned_reasoning(failure: AttemptFailure) -> bool:
    """Return whether a host refused a request because of reasoning in its messages."""
    if failure.status not in _REFUSED_STATUSES:
        return False
    text = failure.message
    if failure.payload is not None:
        text = f"{text} {wire.dump_in_order(failure.payload)[:_MAX_READ].decode(errors='replace')}"
    if not _NAMED.search(text) or _IS_NEEDED.search(text):
        return False
    return _NOT_KNOWN.search(text) is not None


def find_returned_reasoning_problem(options: Mapping[str, Any]) -> str:
    """Return what is wrong with the option; empty if nothing is."""
    if OPTION not in options or options[OPTION] in WAYS:
        return ""
    return f"{OPTION} must be one of {', '.join(WAYS)}."
