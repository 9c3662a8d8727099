"""Fields that a request has beside those that the gateway knows.

Options of a deployment, in every wire format: `extra_body` is a JSON object whose fields are added
to each request that has none of that name, such as `{"provider": {"sort": "price"}}`;
`extra_body_allowed` lists the names of fields that callers may set for their own requests
(`ModelRequest.extra_body`). A value is taken as a whole: objects of one name are not merged.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from plumbmark.engine.ports import ModelRequest
from plumbmark.gateway.providers.base import CannotAsk
from plumbmark.gateway.providers.returned_reasoning import find_returned_reasoning_problem
from plumbmark.strict_json import CanonicalError, canonical_json, wire

MAX_EXTRA_BODY_BYTES = 16 * 1024
_MAX_NAME = 100
_OWNED = frozenset(
    {
        *("model", "messages", "contents", "system", "systemInstruction", "system_instruction"),
        *("stream", "stream_options", "n", "candidateCount", "candidate_count"),
        *("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens"),
        *("temperature", "top_p", "topP", "seed", "stop", "stop_sequences", "stopSequences"),
        *("tools", "tool_choice", "toolConfig", "tool_config", "functions", "function_call"),
        *("response_format", "output_format", "output_config"),
        *("reasoning_effort", "generationConfig", "generation_config"),
    }
)
"""What the gateway sets from the request itself, in any format: what is recorded, priced and hashed
must be what was sent.
"""


_PRICED = frozenset(
    {
        *("service_tier", "serviceTier", "speed", "cache_control", "cachedContent"),
        *(
            "cached_content",
            "prompt_cache_retention",
            "web_search_options",
            "plugins",
            "prediction",
        ),
        *("modalities", "audio", "container", "mcp_servers"),
    }
)
"""What makes a call dearer than its price card says. An administrator may add such a field to all
requests of a deployment, whose price is then his to set; callers may not choose it.
"""


def find_extra_body_problem(extra_body: Any) -> str:
    """Return what is wrong with the fields, to be read after their name; empty if nothing is."""
    if not isinstance(extra_body, Mapping):
        return "must be a JSON object"
    if problem := find_names_problem(extra_body):
        return problem
    try:
        size = len(canonical_json(extra_body))
    except CanonicalError as error:
        return f"cannot be sent unchanged: {error}"
    if size > MAX_EXTRA_BODY_BYTES:
        return f"must have at most {MAX_EXTRA_BODY_BYTES} bytes as JSON, not {size}"
    return ""


def find_names_problem(names: Iterable[Any]) -> str:
    """Return what is wrong with the names of fields; empty if nothing is."""
    for name in names:
        if not isinstance(name, str) or not 0 < len(name) <= _MAX_NAME:
            return f"must have names of fields with 1 to {_MAX_NAME} characters"
        if name in _OWNED:
            return f"may not contain {name!r}, which the gateway sets itself"
    return ""


def find_options_problems(options: Mapping[str, Any]) -> list[str]:
    """Return what is wrong with the options of a deployment that can be told without its host."""
    problems = [problem] if (problem := find_returned_reasoning_problem(options)) else []
    if "extra_body" in options and (problem := find_extra_body_problem(options["extra_body"])):
        problems.append(f"extra_body {problem}.")
    allowed = options.get("extra_body_allowed", [])
    problem = (
        find_names_problem(allowed) if isinstance(allowed, list) else "must be a list of names"
    )
    if not problem and (priced := sorted(_PRICED.intersection(allowed))):
        problem = (
            f"may not contain {priced[0]!r}, which changes the price: set it in extra_body for all "
            "requests, and the price with it"
        )
    if problem:
        problems.append(f"extra_body_allowed {problem}.")
    return problems


def find_disallowed(extra_body: Mapping[str, Any], options: Mapping[str, Any]) -> list[str]:
    """Return the names of fields that callers of the deployment may not set."""
    allowed = options.get("extra_body_allowed")
    permitted = set(allowed if isinstance(allowed, list) else ()) - _PRICED
    return sorted(set(extra_body) - permitted)


def describe_allowed(slug: str, options: Mapping[str, Any]) -> str:
    """Return which fields callers may set, as a sentence."""
    names = options.get("extra_body_allowed")
    allowed = [name for name in names if name not in _PRICED] if isinstance(names, list) else []
    if not allowed:
        return f"{slug} allows no field in extra_body; an administrator can allow some."
    return f"{slug} allows {', '.join(map(str, allowed))}."


def add_extra_body(
    payload: dict[str, Any], options: Mapping[str, Any], request: ModelRequest
) -> None:
    """Add the caller's fields and then the deployment's to a request that is otherwise complete.

    Raises `CannotAsk` where a field is not allowed, or is one that the gateway sets.
    """
    own_fields = options.get("extra_body") or {}
    if not own_fields and not request.extra_body:
        return
    if request.extra_body and (names := find_disallowed(request.extra_body, options)):
        raise CannotAsk(f"This deployment does not allow extra_body.{names[0]}.")
    for where, fields in (
        ("extra_body", request.extra_body),
        ("the option extra_body", own_fields),
    ):
        if problem := find_extra_body_problem(fields):
            raise CannotAsk(f"{where} {problem}.")
    for name, value in request.extra_body.items():
        if name in payload:
            raise CannotAsk(f"extra_body.{name} is in the request already.")
        payload[name] = wire.to_canonical_types(value)
    for name, value in own_fields.items():
        payload.setdefault(name, wire.to_canonical_types(value))
