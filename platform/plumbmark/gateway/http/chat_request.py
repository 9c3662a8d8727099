"""A question in OpenAI's chat format, read for any provider.

What is not understood is refused by name: a field that is dropped in silence would make the answer
to another question look like the answer to this one.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from plumbmark.engine.ports import Message, ModelRequest
from plumbmark.gateway.http.errors import HttpError, bad_request
from plumbmark.gateway.providers.extra_body import find_extra_body_problem
from plumbmark.gateway.providers.tool_use import find_call_fault, find_tool_fault
from plumbmark.strict_json import JsonError, wire

DEFAULT_OUTPUT_TOKENS = 4096
"""Where the caller sets no limit: what is reserved is an upper bound."""
_MAX_OUTPUT_TOKENS = 2**31 - 1
_MAX_MESSAGES = 10_000
MAX_KEYS = 100_000
"""Of all objects in a body together."""
MAX_COMMAS = 2_000_000
_ROLES = ("system", "developer", "user", "assistant", "tool")
_EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh", "max")
_VIDEO = re.compile(r"https?://(?:[\w-]+\.)*(?:youtube\.com|youtu\.be)/", re.IGNORECASE)
_PASSED_ON = {
    "frequency_penalty",
    "logit_bias",
    "min_p",
    "parallel_tool_calls",
    "presence_penalty",
    "repetition_penalty",
    "top_k",
    "verbosity",
}
"""Fields that are passed to the provider unchanged."""
_REFUSED = {"logprobs", "modalities", "n", "service_tier", "top_logprobs"}
"""Fields that are accepted only with the value that they have without being sent."""
_HARMLESS = {
    "metadata",
    "prompt_cache_key",
    "safety_identifier",
    "store",
    "stream_options",
    "user",
}
"""Fields that change no answer: accepted and not passed on."""
_MESSAGE_FIELDS = {
    *("role", "content", "name", "tool_calls", "tool_call_id", "refusal"),
    *("reasoning", "reasoning_content"),
}
_CALL_FIELDS = {"id", "type", "index", "function", "extra_content"}
_CALLED_FIELDS = {"name", "arguments"}
_ADDED_TO_MESSAGES = {"annotations", "parsed", "provider_specific_fields"}
"""Fields that client libraries add to an answer of a model, and send back with it. They repeat what
the answer says, or are the library's own notes: accepted and not passed on.
"""
_ADDED_TO_CALLS = {"parsed_arguments", "provider_specific_fields"}
"""As `_ADDED_TO_MESSAGES`, in tool calls and in their functions."""
_FUNCTION_FIELDS = {"name", "description", "parameters", "strict"}
_SCHEMA_FIELDS = {"name", "description", "schema", "strict"}


@dataclass(frozen=True, slots=True)
class ChatQuestion:
    """A chat request, and the requested form of its answer."""

    model: str
    request: ModelRequest
    streams: bool
    wants_usage: bool
    """Of a stream: a last chunk with the usage."""
    includes_thoughts: bool = False
    """Google's way to ask for the reasoning of a model that thinks by itself."""


def document_of(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a request's body."""
    _check_parts(body)
    try:
        document = wire.read(body)
    except JsonError as error:
        raise bad_request(f"The body is not JSON: {error.describe()}.") from None
    if not isinstance(document, dict):
        raise bad_request("The body must be a JSON object.")
    return document


def _check_parts(body: bytes) -> None:
    """Refuse what takes seconds to read although it is not large: all calls of the process would
    wait. Counting takes milliseconds; colons and commas in texts count too.
    """
    # Not those of JSON within a text.
    keys = body.count(b'":') + body.count(b'" :') - body.count(b'\\":')
    if keys > MAX_KEYS:
        raise bad_request(f"The body has about {keys:,} keys; at most {MAX_KEYS:,} are taken.")
    if body.count(b",") > MAX_COMMAS:
        raise bad_request(f"The body has more than {MAX_COMMAS:,} commas, in lists or texts.")


AllowedFields = Callable[[str], Collection[str]]
"""From the name of a model to the fields of the provider's own that callers may set."""


def read_chat(body: bytes, allowed_fields: AllowedFields = lambda _model: ()) -> ChatQuestion:
    """Read and check a question; raises a 400 that names the field."""
    # A null is a field that was not sent: SDKs send temperature: null.
    fields = {name: value for name, value in document_of(body).items() if value is not None}
    take = fields.pop
    model = take("model", None)
    if not isinstance(model, str) or not model:
        raise bad_request("model must name the model to ask.", "model")
    messages = _messages(take("messages", None))
    streams = take("stream", False) is True
    options = fields.get("stream_options")
    effort = take("reasoning_effort", None)
    effort = _nested_effort(take("reasoning", None)) if effort is None else effort
    if effort is not None and effort not in _EFFORTS:
        raise bad_request(
            f"reasoning_effort must be one of none, low, medium, high, not {effort!r}.",
            "reasoning_effort",
        )
    schema, extra = _response_format(take("response_format", None))
    if options is not None and not streams:
        raise bad_request("stream_options is for streams: set stream to true.", "stream_options")
    limits = [
        _whole(name, value, 1, _MAX_OUTPUT_TOKENS)
        for name in ("max_completion_tokens", "max_tokens")
        if (value := take(name, None)) is not None
    ]
    if len(set(limits)) > 1:
        raise bad_request(
            "max_tokens and max_completion_tokens say different things; send one of them.",
            "max_tokens",
        )
    thoughts = _thoughts(take("extra_body", None))
    extra_body = _take_allowed(fields, model, allowed_fields)
    request = ModelRequest(
        messages=messages,
        max_output_tokens=limits[0] if limits else DEFAULT_OUTPUT_TOKENS,
        temperature=_number("temperature", take("temperature", None), 0, 2),
        top_p=_number("top_p", take("top_p", None), 0, 1),
        seed=_seed(take("seed", None)),
        stop=_stop(take("stop", None)),
        tools=_tools(take("tools", None)),
        tool_choice=_tool_choice(take("tool_choice", None)),
        output_schema=schema,
        reasoning_effort=effort,
        extra={**extra, **_others(fields)},
        extra_body=extra_body,
    )
    fault = find_tool_fault(request) or find_call_fault(messages)
    if fault is not None:
        raise bad_request(fault.message, fault.parameter)
    wants_usage = isinstance(options, dict) and options.get("include_usage") is True
    return ChatQuestion(model, request, streams, wants_usage, thoughts)


def _messages(value: Any) -> list[Message]:
    if not isinstance(value, list) or not value:
        raise bad_request("messages must be a list with at least one message.", "messages")
    if len(value) > _MAX_MESSAGES:
        raise bad_request(f"There are more than {_MAX_MESSAGES} messages.", "messages")
    messages: list[Message] = []
    for number, message in enumerate(value):
        place = f"messages[{number}]"
        if not isinstance(message, dict):
            raise bad_request(f"{place} must be an object.", place)
        role = message.get("role")
        if role not in _ROLES:
            raise bad_request(
                f"{place}.role must be one of {', '.join(_ROLES)}, not {str(role)[:40]!r}.",
                place,
            )
        added = _ADDED_TO_MESSAGES if role == "assistant" else ()
        _refuse_unknown(message, {*_MESSAGE_FIELDS, *added}, place)
        if message.get("content") is None and role != "assistant":
            raise bad_request(f"{place} has no content; it may be an empty text.", place)
        _check_content(message.get("content"), place)
        calls = _calls(message.get("tool_calls"), f"{place}.tool_calls")
        if role == "tool" and not isinstance(message.get("tool_call_id"), str):
            raise bad_request(f"{place} answers a tool call and lacks its tool_call_id.", place)
        passed_on = _keep(message, _MESSAGE_FIELDS)
        if calls:
            passed_on["tool_calls"] = calls
        messages.append(passed_on)
    return messages


def _keep(fields: Mapping[str, Any], known: Collection[str]) -> dict[str, Any]:
    """Return the fields to pass on. Those that were not set are left out: some hosts refuse a
    field that they do not know even if it is null.
    """
    return {
        name: value
        for name, value in fields.items()
        if name in known and (value not in (None, []) or name == "content")
    }


def _check_content(content: Any, place: str) -> None:
    if content is None or isinstance(content, str):
        return
    if not isinstance(content, list):
        raise bad_request(f"{place}.content must be text or a list of parts.", place)
    for number, part in enumerate(content):
        inner = f"{place}.content[{number}]"
        kind = part.get("type") if isinstance(part, dict) else None
        check = _PARTS.get(str(kind))
        if check is None:
            raise bad_request(
                f"{inner}.type must be one of {', '.join(_PARTS)}, not {str(kind)[:40]!r}.", inner
            )
        _refuse_unknown(part, {"type", str(kind)}, inner)
        check(part, inner)


def _refuse_unknown(fields: Mapping[str, Any], known: Collection[str], place: str) -> None:
    """Refuse fields that are not known, for they may cost something or change the answer; a field
    that is null or an empty list was not set.
    """
    unknown = sorted(
        name for name, value in fields.items() if name not in known and value not in (None, [])
    )
    if unknown:
        known = set(known) - _ADDED_TO_MESSAGES - _ADDED_TO_CALLS
        named = f"{place}.{unknown[0][:80]}"
        raise HttpError(
            400,
            "unknown_parameter",
            f"{named} is not passed on: leave it out. Known are {', '.join(sorted(known))}.",
            param=named,
        )


def _check_text(part: dict[str, Any], place: str) -> None:
    if not isinstance(part.get("text"), str):
        raise bad_request(f"{place}.text must be text.", place)


def _check_image(part: dict[str, Any], place: str) -> None:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else image
    if not isinstance(url, str) or not url:
        raise bad_request(f"{place}.image_url.url is missing.", place)
    if isinstance(image, dict):
        _refuse_unknown(image, {"url", "detail"}, f"{place}.image_url")
    check_media_url(url, place)


def check_media_url(url: str, place: str) -> None:
    """Refuse links: only data sent along is accepted, as a link may lead to something else
    tomorrow.
    """
    if url[:5].lower() == "data:":
        return
    if _VIDEO.match(url):
        raise bad_request(
            f"{place} links to a video. Videos are not passed on; describe it in words, or send "
            "single frames as images.",
            place,
        )
    raise bad_request(
        f"{place} must carry the image itself, as data:image/…;base64,…; links are not followed.",
        place,
    )


def _check_audio(part: dict[str, Any], place: str) -> None:
    audio = part.get("input_audio")
    if not isinstance(audio, dict) or not isinstance(audio.get("data"), str):
        raise bad_request(f"{place}.input_audio must hold data and format.", place)
    if audio.get("format") not in ("mp3", "wav"):
        raise bad_request(f"{place}.input_audio.format must be mp3 or wav.", place)
    _refuse_unknown(audio, {"data", "format"}, f"{place}.input_audio")


def _check_file(part: dict[str, Any], place: str) -> None:
    file = part.get("file")
    if isinstance(file, dict):
        _refuse_unknown(file, {"file_data", "filename"}, f"{place}.file")
    data = file.get("file_data") if isinstance(file, dict) else None
    if not isinstance(data, str) or data[:5].lower() != "data:":
        raise bad_request(f"{place}.file.file_data must be a data: URL.", place)


_PARTS: dict[str, Callable[[dict[str, Any], str], None]] = {
    "text": _check_text,
    "image_url": _check_image,
    "input_audio": _check_audio,
    "file": _check_file,
    "refusal": lambda part, place: None,
}


def _calls(calls: Any, place: str) -> list[dict[str, Any]]:
    """Return the tool calls of a message as they are passed on."""
    if calls is None:
        return []
    if not isinstance(calls, list):
        raise bad_request(f"{place} must be a list.", place)
    passed_on = []
    for number, call in enumerate(calls):
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            raise bad_request(f"{place}[{number}].function.name is missing.", place)
        _refuse_unknown(call, _CALL_FIELDS | _ADDED_TO_CALLS, f"{place}[{number}]")
        _refuse_unknown(function, _CALLED_FIELDS | _ADDED_TO_CALLS, f"{place}[{number}].function")
        fields = _keep(call, _CALL_FIELDS)
        passed_on.append({**fields, "function": _keep(function, _CALLED_FIELDS)})
    return passed_on


def _whole(name: str, value: Any, least: int, most: int) -> int:
    if type(value) is not int or not least <= value <= most:
        raise bad_request(f"{name} must be a whole number from {least} on, not {value!r}.", name)
    return value


def _number(name: str, value: Any, least: float, most: float) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        # Tiny ones are read as decimals.
        try:
            value = float(str(value)) if not isinstance(value, bool | str) else None
        except ValueError:
            value = None
    if value is None or not least <= value <= most:
        raise bad_request(f"{name} must be a number from {least} to {most}.", name)
    return float(value)


def _seed(value: Any) -> int | None:
    return None if value is None else _whole("seed", value, -(2**63), 2**63 - 1)


def _stop(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    stops = [value] if isinstance(value, str) else value
    if not isinstance(stops, list) or not all(isinstance(stop, str) for stop in stops):
        raise bad_request("stop must be text or a list of texts.", "stop")
    return tuple(stops)


def _tools(value: Any) -> tuple[Mapping[str, Any], ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise bad_request("tools must be a list.", "tools")
    for number, tool in enumerate(value):
        function = tool.get("function") if isinstance(tool, dict) else None
        kind = tool.get("type", "function") if isinstance(tool, dict) else None
        if kind != "function" or not isinstance(function, dict) or not function.get("name"):
            raise bad_request(
                f'tools[{number}] must be {{"type": "function", "function": {{"name": …}}}}; '
                "tools that a provider runs itself are not passed on.",
                "tools",
            )
        _refuse_unknown(tool, {"type", "function"}, f"tools[{number}]")
        _refuse_unknown(function, _FUNCTION_FIELDS, f"tools[{number}].function")
    return tuple(value)


def _tool_choice(value: Any) -> str | Mapping[str, Any] | None:
    if value is None or value in ("auto", "none", "required"):
        return value  # type: ignore[no-any-return]
    function = value.get("function") if isinstance(value, dict) else None
    if isinstance(function, dict) and isinstance(function.get("name"), str):
        return {"type": "function", "function": {"name": function["name"]}}
    raise bad_request(
        "tool_choice must be auto, none, required, or name a function.", "tool_choice"
    )


def _response_format(value: Any) -> tuple[Mapping[str, Any] | None, dict[str, Any]]:
    if value is None:
        return None, {}
    kind = value.get("type") if isinstance(value, dict) else None
    if kind == "text":
        return None, {}
    if kind == "json_object":
        return None, {"response_format": {"type": "json_object"}}
    if kind != "json_schema":
        raise bad_request(
            "response_format.type must be text, json_object or json_schema.", "response_format"
        )
    wanted = value.get("json_schema")
    if not isinstance(wanted, dict) or not isinstance(wanted.get("schema"), dict):
        raise bad_request(
            "response_format.json_schema.schema must be a JSON schema.", "response_format"
        )
    _refuse_unknown(wanted, _SCHEMA_FIELDS, "response_format.json_schema")
    return wanted, {}


def _nested_effort(value: Any) -> Any:
    """Return the effort from `reasoning: {"effort": …}`, which some clients send."""
    if value is None:
        return None
    effort = value.get("effort") if isinstance(value, dict) else None
    if effort is None:
        raise bad_request('reasoning must be {"effort": …}; or use reasoning_effort.', "reasoning")
    return effort


def _thoughts(value: Any) -> bool:
    """Return whether `extra_body.google.thinking_config` asks for thoughts; refuse anything else in
    it.
    """
    if value is None:
        return False
    google = value.get("google") if isinstance(value, dict) else None
    if not isinstance(google, dict) or set(value) != {"google"}:
        raise bad_request(
            "extra_body is understood for google.thinking_config alone.", "extra_body"
        )
    config = google.get("thinking_config") or google.get("thinkingConfig") or {}
    if not isinstance(config, dict):
        raise bad_request("extra_body.google.thinking_config must be an object.", "extra_body")
    return bool(config.get("include_thoughts") or config.get("includeThoughts"))


def _take_allowed(
    fields: dict[str, Any], model: str, allowed_fields: AllowedFields
) -> dict[str, Any]:
    """Take out the fields that the deployment allows; which ones is asked only where it matters."""
    if not set(fields) - _PASSED_ON - _REFUSED:
        return {}
    allowed = set(allowed_fields(model))
    taken = {name: fields.pop(name) for name in list(fields) if name in allowed}
    if taken and (problem := find_extra_body_problem(taken)):
        raise bad_request(f"The fields {', '.join(sorted(taken))} {problem}.", min(taken))
    return taken


def _others(fields: dict[str, Any]) -> dict[str, Any]:
    if fields.pop("n", 1) != 1:
        raise bad_request("One call brings one answer: leave out n, or set it to 1.", "n")
    for name in ("logprobs", "top_logprobs"):
        if fields.pop(name, False):
            raise bad_request(f"{name} are not passed on; leave the field out.", name)
    if fields.pop("service_tier", "auto") not in ("auto", "default"):
        raise bad_request("service_tier must be auto or default: others cost more.", "service_tier")
    if fields.pop("modalities", ["text"]) != ["text"]:
        raise bad_request("Answers are text: leave out modalities.", "modalities")
    if (usage := fields.pop("usage", None)) is not None and (
        not isinstance(usage, dict) or set(usage) - {"include"}
    ):
        raise bad_request('usage may be {"include": true}: every answer has it.', "usage")
    unknown = sorted(set(fields) - _PASSED_ON - _HARMLESS)
    if unknown:
        hint = " Use tools." if unknown[0] in {"functions", "function_call"} else ""
        raise HttpError(
            400,
            "unknown_parameter",
            f"This gateway does not know {', '.join(unknown)[:200]}.{hint}",
            param=unknown[0],
        )
    return {name: fields[name] for name in fields if name in _PASSED_ON}
