"""What the fake provider says, before it is put into a wire format."""

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from obliging import answer_of, answer_to

_SUM = re.compile(r"(-?\d+)\s*([+*×-])\s*(-?\d+)")
_FRAMED = re.compile(r"BEGIN (\S+)\n(.*)\nEND \1", re.DOTALL)
_WANTED = re.compile(r"Is it (\S+)\?")
_THOUGHT = re.compile(r"^Think: (.+)$", re.MULTILINE)
_PIECE = re.compile(r"\S+\s*|\s+")

MANNERS = {
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
    "short-answers",
    "bad-request",
    "broken-unicode",
    "split-emoji",
    "echo-key",
    "huge",
    "moved",
    "out-of-credit",
    "always-429",
    "always-500",
    "always-stall",
    "tools",
    "half-arguments",
    "calls",
    "schema",
    "json-object-only",
    "no-response-format",
    "no-reasoning-back",
    "reasoning-back",
    "obliging",
    "stream-error",
    "stream-short",
    "stream-garbage",
    "stream-nonsense",
    "stream-stall",
    "stream-silent-end",
}
"""Behaviours under which a provider must be understood too."""
MAX_SHORT_ANSWER = 24
"""Tokens that the model `short-answers` gives at most; it refuses to be asked for more."""
RULES = {"echo", "arithmetic", "constant", "words", "judge"} | MANNERS


@dataclass
class Asked:
    """A request, out of its wire format."""

    model: str
    prompt: str
    """The text of the last user message."""
    max_tokens: int
    streams: bool
    tools: list[str] = field(default_factory=list)
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Of each tool, as a JSON Schema."""
    result: str | None = None
    """The result of a tool, where the last message holds one."""
    step: int = 0
    """How often the model called tools since the last user message."""
    schema: dict[str, Any] | None = None
    wants_usage: bool = True


@dataclass
class Said:
    """An answer, before it is put into a wire format. `usage` None: none is reported."""

    text: str | None = ""
    pieces: list[str] = field(default_factory=list)
    """The text as it streams."""
    parts: list[str] | None = None
    reasoning: str = ""
    finish: str = "stop"
    usage: dict[str, Any] | None = None
    call: tuple[str, str] | None = None
    """A tool call: its name and its arguments, as text."""
    more_calls: list[tuple[str, str]] = field(default_factory=list)

    @property
    def calls(self) -> list[tuple[str, str]]:
        return [self.call, *self.more_calls] if self.call else []


@dataclass
class Refused:
    """An error; `kind` is what the dialects have their own words for."""

    status: int
    kind: str
    message: str


def text_by(rule: str, prompt: str) -> str:
    name, _, argument = rule.partition(":")
    if name == "constant":
        return argument
    if name == "words":
        return " ".join(f"word{number}" for number in range(int(argument or 20)))
    if name == "judge":
        framed, wanted = _FRAMED.search(prompt), _WANTED.search(prompt)
        if framed and argument:
            return f"VERDICT-{framed[1]}: {argument}"
        if not framed or not wanted:
            return "I see nothing to judge."
        word = "correct" if wanted[1] in framed[2] else "incorrect"
        return f"I was told {framed[2]!r}.\nVERDICT-{framed[1]}: {word}"
    if name in {"arithmetic", "short-answers"}:
        found = _SUM.search(prompt)
        if not found:
            return "I see no sum."
        left, sign, right = int(found[1]), found[2], int(found[3])
        result = left + right if sign == "+" else left - right if sign == "-" else left * right
        if argument and name == "arithmetic":
            place = int.from_bytes(hashlib.sha256(prompt.encode()).digest()[:8], "big") / 2**64
            if place >= float(argument):
                result += 1
        return str(result)
    return prompt


def pieces_of(text: str) -> list[str]:
    """Return a text word by word."""
    return _PIECE.findall(text)


def answer(rule: str, asked: Asked, text: str, key: str, has_usage: bool) -> Said | Refused:
    refused = _refusal(rule, asked, key)
    if refused is not None:
        return refused
    said = Said(text)
    said.usage = {
        "input": len(asked.prompt.encode()) // 4 + 4,
        "output": len(text.encode()) // 4 + 1,
    }
    if rule == "refusal":
        said.text, said.finish = "I cannot help with that.", "refusal"
    elif rule == "content-filter":
        said.text, said.finish = None, "content_filter"
    elif rule == "length":
        said.finish = "length"
        said.usage["output"] = asked.max_tokens
    elif rule == "empty":
        said.text = ""
    elif rule == "parts":
        said.text, said.parts = "in parts", ["in ", "parts"]
    elif rule == "reasoning":
        told = _THOUGHT.search(asked.prompt)
        said.reasoning = told[1] if told else "Let me think."
        said.usage |= {"output": 40, "reasoning": 30}
    elif rule == "cached":
        said.usage |= {"input": 100, "cached": 64}
    elif rule == "hidden-reasoning":
        said.usage |= {"output": 205, "reasoning": 200, "is_hidden": True}
    elif rule == "no-usage":
        said.usage = None
    elif rule == "bad-usage":
        said.usage = {"input": -5, "output": "many"}
    elif rule == "broken-unicode":
        said.text = "half \ud83d and \x00 nothing"
    elif rule == "split-emoji":
        # As a stream that cuts a surrogate pair in two.
        said.text, said.pieces = "a \U0001f600 b", ["a \ud83d", "\ude00 b"]
    elif rule == "echo-key":
        said.text = f"you said {key}"
        middle = len(said.text) - 8
        said.pieces = [said.text[:middle], said.text[middle:]]
    elif rule == "huge":
        said.text = "x" * (17 * 1024 * 1024)
        said.pieces = [said.text[:1_000_000]] * 17
    elif rule == "tools":
        _call_tool(said, asked)
    elif rule == "half-arguments":
        said.text, said.finish = None, "length"
        said.call = (asked.tools[0] if asked.tools else "look", '{"city": "Par')
    elif rule == "obliging":
        _oblige(said, asked)
    elif rule == "calls":
        _call_as_told(said, asked)
    elif rule == "schema":
        said.text = _by_schema(asked.schema)
    if not has_usage:
        said.usage = None
    if not said.pieces:
        said.pieces = said.parts or pieces_of(said.text or "")
    return said


def _call_tool(said: Said, asked: Asked) -> None:
    if asked.result is not None:
        said.text = f"The tool says: {asked.result}"
    elif asked.tools:
        said.text, said.finish = None, "tool_calls"
        said.call = (asked.tools[0], '{"city": "Paris", "days": 2}')
        said.reasoning = "A tool will know."
    else:
        said.text = "no tools"


def _oblige(said: Said, asked: Asked) -> None:
    """Call the first tool once, then answer as asked."""
    if asked.tools and asked.result is None and "answer_in_schema" not in asked.tools:
        said.text, said.finish = None, "tool_calls"
        said.call = (asked.tools[0], answer_of(asked.parameters.get(asked.tools[0], {})))
    elif asked.schema is not None:
        said.text = answer_of(asked.schema)
    else:
        said.text = answer_to(asked.prompt)


def _call_as_told(said: Said, asked: Asked) -> None:
    """Follow the prompt's lines `CALL name arguments`, one at each step (several in one between
    `&&`); then answer with the last result.
    """
    steps = [line[5:] for line in asked.prompt.splitlines() if line.startswith("CALL ")]
    if asked.step >= len(steps):
        said.text = f"The tool says: {asked.result}"
        return
    calls = []
    for call in steps[asked.step].split(" && "):
        name, _, arguments = call.partition(" ")
        calls.append((name, arguments))
    said.text, said.finish = None, "tool_calls"
    said.call, said.more_calls = calls[0], calls[1:]


def _by_schema(schema: dict[str, Any] | None) -> str:
    """Return a JSON object with each property of the schema; if there is none, say so."""
    if schema is None:
        return "no schema"
    made = {}
    for name, inner in schema.get("properties", {}).items():
        made[name] = {"integer": 7, "number": 0.5, "boolean": True}.get(
            str(inner.get("type")), "text"
        )
    return json.dumps(made)


def _refusal(rule: str, asked: Asked, key: str) -> Refused | None:
    if rule == "content-filter-error":
        text = "The prompt triggered the content management policy."
        return Refused(400, "filtered", text)
    if rule == "overflow":
        return Refused(400, "overflow", "")
    if rule == "short-answers" and asked.max_tokens > MAX_SHORT_ANSWER:
        return Refused(400, "limit", str(asked.max_tokens))
    if rule == "bad-request":
        return Refused(400, "parameter", key)
    if rule == "out-of-credit":
        return Refused(429, "credit", "You exceeded your current quota.")
    if rule == "always-429":
        return Refused(429, "rate", "Slow down.")
    if rule == "always-500" or (rule == "stream-error" and not asked.streams):
        return Refused(500, "server", "The server had an error.")
    return None
