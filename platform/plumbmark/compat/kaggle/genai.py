"""Gemini's `generateContent` as Kaggle's SDK speaks it, read for any provider and written back.

The SDK's library mixes the spellings of a field between versions (`inlineData`, `inline_data`), so
both are taken everywhere except inside schemas and arguments, whose names are the author's.
"""

import base64
import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from plumbmark.engine.ports import (
    CallResult,
    FinishReason,
    ModelRequest,
    ModelResponse,
    ToolCall,
    Usage,
)
from plumbmark.gateway.http.chat_answer import bare_json
from plumbmark.gateway.http.chat_request import (
    DEFAULT_OUTPUT_TOKENS,
    check_media_url,
    document_of,
)
from plumbmark.gateway.http.errors import HttpError, bad_request
from plumbmark.gateway.providers.base import Delta
from plumbmark.gateway.providers.tool_use import find_call_fault, find_tool_fault
from plumbmark.strict_json import wire

_UNDERSCORE = re.compile(r"_([a-z])")
_FIELDS = {
    "contents",
    "generationConfig",
    "model",
    "safetySettings",
    "systemInstruction",
    "toolConfig",
    "tools",
}
_CONFIG = {
    "candidateCount",
    "frequencyPenalty",
    "maxOutputTokens",
    "presencePenalty",
    "responseJsonSchema",
    "responseMimeType",
    "responseModalities",
    "responseSchema",
    "seed",
    "stopSequences",
    "temperature",
    "thinkingConfig",
    "topK",
    "topP",
}
_EFFORT_OF_LEVEL = {"minimal": "none", "low": "low", "medium": "medium", "high": "high"}
_AUDIO = {"audio/mp3": "mp3", "audio/mpeg": "mp3", "audio/wav": "wav", "audio/x-wav": "wav"}
_FINISH = {
    FinishReason.STOP: "STOP",
    FinishReason.TOOL_CALLS: "STOP",
    FinishReason.LENGTH: "MAX_TOKENS",
    FinishReason.CONTENT_FILTER: "SAFETY",
    FinishReason.REFUSAL: "STOP",
    FinishReason.MALFORMED: "MALFORMED_FUNCTION_CALL",
    FinishReason.OTHER: "OTHER",
}
_CHOICES = {"MODE_UNSPECIFIED": None, "AUTO": "auto", "NONE": "none", "ANY": "required"}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    402: "RESOURCE_EXHAUSTED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    413: "INVALID_ARGUMENT",
    422: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    500: "INTERNAL",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_FOREIGN_SIGNATURE = b"plumbmark:"
"""The prefix of a signature that is not Gemini's base64, for a field that requires base64."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, and whether the answer should be JSON."""

    request: ModelRequest
    is_in_schema: bool


def _camel(fields: Any, place: str) -> dict[str, Any]:
    """Return the fields that are set, in one spelling."""
    if not isinstance(fields, dict):
        raise bad_request(f"{place} must be an object.", place)
    return {
        _UNDERSCORE.sub(lambda found: found[1].upper(), name): value
        for name, value in fields.items()
        if value is not None
    }


def _list(fields: Mapping[str, Any], name: str) -> list[Any]:
    """Return a field that is a list, or an empty list if it is missing."""
    value = fields.get(name, [])
    if not isinstance(value, list):
        raise bad_request(f"{name} must be a list.", name)
    return value


def _only(fields: Mapping[str, Any], known: Iterable[str], place: str) -> None:
    unknown = sorted(set(fields) - set(known))
    if unknown:
        raise bad_request(f"{place}{', '.join(unknown)[:200]} is not known here.", unknown[0])


# --- The question -----------------------------------------------------------------------------


def read_question(body: bytes, *, is_gemini: bool) -> Asked:
    """Read and check a question; raises a 400 that names the field."""
    fields = _camel(document_of(body), "The body")
    _only(fields, _FIELDS, "")
    config = _camel(fields.get("generationConfig", {}), "generationConfig")
    _only(config, _CONFIG, "generationConfig: ")
    if config.get("candidateCount", 1) != 1:
        raise bad_request("One call brings one answer: leave out candidateCount.")
    if any(str(each).lower() != "text" for each in _list(config, "responseModalities")):
        raise bad_request("Answers are text: leave out responseModalities.")
    messages: list[dict[str, Any]] = []
    if "systemInstruction" in fields:
        messages.append({"role": "system", "content": _text_of(fields["systemInstruction"])})
    contents = fields.get("contents")
    if isinstance(contents, dict):
        contents = [contents]
    if not isinstance(contents, list) or not contents:
        raise bad_request("contents must be a list with at least one entry.", "contents")
    for number, content in enumerate(contents):
        messages += _messages(content, f"contents[{number}]")
    schema = _schema(config)
    extra = {
        name: config[field]
        for field, name in (
            ("topK", "top_k"),
            ("frequencyPenalty", "frequency_penalty"),
            ("presencePenalty", "presence_penalty"),
        )
        if field in config
    }
    is_json = config.get("responseMimeType") == "application/json"
    if is_json and schema is None:
        extra["response_format"] = {"type": "json_object"}
    effort, thinking = _read_thinking(config.get("thinkingConfig"), is_gemini)
    tools, choice = _tools(fields)
    request = ModelRequest(
        messages=messages,
        max_output_tokens=_whole(config, "maxOutputTokens", DEFAULT_OUTPUT_TOKENS, least=1),
        temperature=_number(config, "temperature"),
        top_p=_number(config, "topP"),
        seed=_whole(config, "seed", None, least=-(2**63)),
        stop=tuple(str(stop) for stop in _list(config, "stopSequences")),
        extra={**extra, **thinking},
        tools=tools,
        tool_choice=choice,
        output_schema=schema,
        reasoning_effort=effort,
    )
    fault = find_tool_fault(request) or find_call_fault(messages)
    if fault is not None:
        raise bad_request(fault.message, fault.parameter)
    return Asked(request, is_json or schema is not None)


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    parts = _camel(content, "systemInstruction").get("parts", ())
    parts = [parts] if isinstance(parts, dict) else parts
    if not isinstance(parts, list):
        raise bad_request("systemInstruction.parts must be a list.")
    return "\n".join(
        part if isinstance(part, str) else str(_camel(part, "systemInstruction").get("text", ""))
        for part in parts
    )


def _messages(content: Any, place: str) -> list[dict[str, Any]]:
    """Return one entry of the contents as messages: results of tools are messages of their own."""
    fields = _camel(content, place)
    role = fields.get("role", "user")
    if role not in ("user", "model", "function", "tool"):
        raise bad_request(f"{place}.role must be user or model, not {str(role)[:40]!r}.", place)
    parts = fields.get("parts", [])
    parts = [parts] if isinstance(parts, dict) else parts
    if not isinstance(parts, list):
        raise bad_request(f"{place}.parts must be a list.", place)
    messages: list[dict[str, Any]] = []
    calls: list[dict[str, Any]] = []
    results: list[dict[str, Any]] = []
    called: Counter[str] = Counter()
    answered: Counter[str] = Counter()
    for number, raw in enumerate(parts):
        inner = f"{place}.parts[{number}]"
        part = _camel(raw, inner)
        if "functionCall" in part:
            calls.append(_call(part, inner, called).as_message_part())
        elif "functionResponse" in part:
            results.append(_result(part["functionResponse"], inner, answered))
        elif not part.get("thought"):
            messages.append(_read_text_part(part, inner))
    if role == "model":
        text = "".join(part.get("text", "") for part in messages)
        message: dict[str, Any] = {"role": "assistant", "content": text or None}
        if calls:
            message["tool_calls"] = calls
        return [message]
    if messages:
        is_text = all(part["type"] == "text" for part in messages)
        text = "".join(part.get("text", "") for part in messages)
        return [*results, {"role": "user", "content": text if is_text else messages}]
    return results


def _read_text_part(part: dict[str, Any], place: str) -> dict[str, Any]:
    if isinstance(part.get("text"), str):
        return {"type": "text", "text": part["text"]}
    if "inlineData" in part:
        blob = _camel(part["inlineData"], place)
        mime, data = str(blob.get("mimeType", "")).lower(), blob.get("data")
        if not isinstance(data, str) or not data:
            raise bad_request(f"{place}.inlineData.data is missing.", place)
        # The library sends the alphabet for URLs.
        data = data.replace("-", "+").replace("_", "/")
        if mime in _AUDIO:
            return {"type": "input_audio", "input_audio": {"data": data, "format": _AUDIO[mime]}}
        url = f"data:{mime};base64,{data}"
        if mime.startswith("image/"):
            return {"type": "image_url", "image_url": {"url": url}}
        if mime == "application/pdf":
            return {"type": "file", "file": {"file_data": url, "filename": "file.pdf"}}
        raise bad_request(f"{place} holds data of type {mime[:60]!r}, which no model takes.", place)
    if "fileData" in part:
        check_media_url(str(_camel(part["fileData"], place).get("fileUri", "")), place)
    raise bad_request(f"{place} must hold text, inlineData, or a function's call or result.", place)


def _call(part: dict[str, Any], place: str, called: Counter[str]) -> ToolCall:
    call = part["functionCall"]
    if not isinstance(call, dict) or not isinstance(call.get("name"), str):
        raise bad_request(f"{place}.functionCall.name is missing.", place)
    arguments = json.dumps(
        wire.to_canonical_types(call.get("args") or {}), default=wire.to_writable
    )
    return ToolCall(
        str(call.get("id") or _next_id_of(call["name"], called)),
        call["name"],
        arguments,
        _signature_in(part.get("thoughtSignature")),
    )


def _next_id_of(name: str, numbers: Counter[str]) -> str:
    """Return an id for a call that was given none; results find it by name and order."""
    numbers[name] += 1
    return f"call_g_{name}_{numbers[name] - 1}"


def _result(result: Any, place: str, answered: Counter[str]) -> dict[str, Any]:
    if not isinstance(result, dict) or not isinstance(result.get("name"), str):
        raise bad_request(f"{place}.functionResponse.name is missing.", place)
    response = result.get("response")
    content = response
    if isinstance(response, dict) and set(response) <= {"output", "result"} and response:
        (content,) = response.values() if len(response) == 1 else (response,)
    return {
        "role": "tool",
        "tool_call_id": str(result.get("id") or _next_id_of(result["name"], answered)),
        "name": result["name"],
        "content": content
        if isinstance(content, str)
        else json.dumps(content, default=wire.to_writable),
    }


def _signature_in(value: Any) -> str:
    if not isinstance(value, str) or not value:
        return ""
    try:
        raw = base64.urlsafe_b64decode(value.replace("+", "-").replace("/", "_") + "===")
    except ValueError:
        return value
    if raw.startswith(_FOREIGN_SIGNATURE):
        return raw.removeprefix(_FOREIGN_SIGNATURE).decode("utf-8", "replace")
    return value


def _signature_out(signature: str) -> str:
    """Encode a signature as base64, as the client's field requires."""
    if re.fullmatch(r"[A-Za-z0-9+/_-]*={0,2}", signature) and len(signature) % 4 == 0:
        return signature
    return base64.b64encode(_FOREIGN_SIGNATURE + signature.encode()).decode()


def _schema(config: dict[str, Any]) -> dict[str, Any] | None:
    schema = config.get("responseJsonSchema")
    if schema is None and config.get("responseSchema") is not None:
        schema = _json_schema(config["responseSchema"])
    if schema is None:
        return None
    if not isinstance(schema, dict):
        raise bad_request("The response schema must be an object.", "responseSchema")
    return {"name": "answer", "strict": True, "schema": schema}


def _json_schema(schema: Any) -> Any:
    """Return a schema in Gemini's own form (types in capitals, `nullable`) as a JSON schema."""
    if isinstance(schema, list):
        return [_json_schema(inner) for inner in schema]
    if not isinstance(schema, dict):
        return schema
    document: dict[str, Any] = {}
    for name, value in _camel(schema, "A schema").items():
        if name == "type" and isinstance(value, str):
            document[name] = value.lower()
        elif name == "properties" and isinstance(value, dict):
            document[name] = {key: _json_schema(inner) for key, inner in value.items()}
        elif name in {"items", "anyOf"}:
            document[name] = _json_schema(value)
        elif name not in {"nullable", "propertyOrdering", "example"}:
            document[name] = value
    if schema.get("nullable") and isinstance(document.get("type"), str):
        document["type"] = [document["type"], "null"]
    return document


def _read_thinking(value: Any, is_gemini: bool) -> tuple[str | None, dict[str, Any]]:
    """Return the effort; for a Gemini model also the config itself, which says more than an
    effort.
    """
    if value is None:
        return None, {}
    config = _camel(value, "thinkingConfig")
    _only(config, {"includeThoughts", "thinkingBudget", "thinkingLevel"}, "thinkingConfig: ")
    if is_gemini:
        return None, {"thinkingConfig": config}
    level = str(config.get("thinkingLevel", "")).lower()
    if level in _EFFORT_OF_LEVEL:
        return _EFFORT_OF_LEVEL[level], {}
    budget = config.get("thinkingBudget")
    if isinstance(budget, int) and budget >= 0:
        efforts = ((0, "none"), (2048, "low"), (12_288, "medium"))
        return next((effort for most, effort in efforts if budget <= most), "high"), {}
    return None, {}


def _tools(
    fields: dict[str, Any],
) -> tuple[tuple[Mapping[str, Any], ...], str | Mapping[str, Any] | None]:
    tools: list[Mapping[str, Any]] = []
    for number, entry in enumerate(_list(fields, "tools")):
        tool = _camel(entry, f"tools[{number}]")
        _only(tool, {"functionDeclarations"}, f"tools[{number}]: ")
        for declaration in _list(tool, "functionDeclarations"):
            declared = _camel(declaration, f"tools[{number}]")
            if not isinstance(declared.get("name"), str):
                raise bad_request(f"tools[{number}]: a function lacks its name.", "tools")
            function: dict[str, Any] = {"name": declared["name"]}
            if declared.get("description"):
                function["description"] = declared["description"]
            if declared.get("parametersJsonSchema"):
                function["parameters"] = declared["parametersJsonSchema"]
            elif declared.get("parameters"):
                function["parameters"] = _json_schema(declared["parameters"])
            tools.append({"type": "function", "function": function})
    config = _camel(fields.get("toolConfig", {}), "toolConfig")
    calling = _camel(config.get("functionCallingConfig", {}), "functionCallingConfig")
    mode = str(calling.get("mode", "MODE_UNSPECIFIED")).upper()
    if mode not in _CHOICES:
        raise bad_request(
            f"functionCallingConfig.mode must be AUTO, ANY or NONE, not {mode[:40]!r}.",
            "toolConfig",
        )
    names = [str(name) for name in _list(calling, "allowedFunctionNames")]
    if names and mode != "ANY":
        raise bad_request("allowedFunctionNames is for the mode ANY alone.", "toolConfig")
    if len(names) == 1:
        return tuple(tools), {"type": "function", "function": {"name": names[0]}}
    known = [tool["function"]["name"] for tool in tools]
    if missing := [name for name in names if name not in known]:
        raise bad_request(f"allowedFunctionNames: there is no {missing[0][:80]!r}.", "toolConfig")
    if names:
        tools = [tool for tool in tools if tool["function"]["name"] in names]
    return tuple(tools), _CHOICES[mode]


def _whole(config: dict[str, Any], name: str, default: Any, *, least: int) -> Any:
    value = config.get(name, default)
    if value is not None and (type(value) is not int or not least <= value < 2**63):
        raise bad_request(f"generationConfig.{name} must be a whole number.", name)
    return value


def _number(config: dict[str, Any], name: str) -> float | None:
    value = config.get(name)
    if value is None:
        return None
    if isinstance(value, bool | str | dict | list) or not abs(value) < 1e6:
        raise bad_request(f"generationConfig.{name} must be a number.", name)
    return float(value)


# --- The answer -------------------------------------------------------------------------------


def usage_of(usage: Usage, cost: Mapping[str, Any]) -> dict[str, Any]:
    usage_fields: dict[str, Any] = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": usage.output_tokens - usage.reasoning_tokens,
        "totalTokenCount": usage.input_tokens + usage.output_tokens,
    }
    if usage.reasoning_tokens:
        usage_fields["thoughtsTokenCount"] = usage.reasoning_tokens
    if usage.cached_input_tokens:
        usage_fields["cachedContentTokenCount"] = usage.cached_input_tokens
    return {**usage_fields, **cost}


def answer(
    result: CallResult,
    response: ModelResponse,
    *,
    model: str,
    is_in_schema: bool,
    cost: Mapping[str, Any],
) -> bytes:
    """Return a complete `GenerateContentResponse`."""
    parts: list[dict[str, Any]] = []
    if response.reasoning:
        parts.append({"text": response.reasoning, "thought": True})
    text = bare_json(response.text) if is_in_schema else response.text
    if text or not response.tool_calls:
        parts.append({"text": text})
    parts += map(_call_part, response.tool_calls)
    return json.dumps(_document(result, response, model, parts, cost)).encode()


def _call_part(call: ToolCall) -> dict[str, Any]:
    try:
        arguments = json.loads(call.arguments or "{}")
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        arguments = {"arguments": call.arguments}
    part: dict[str, Any] = {"functionCall": {"id": call.id, "name": call.name, "args": arguments}}
    if call.signature:
        part["thoughtSignature"] = _signature_out(call.signature)
    return part


def _document(
    result: CallResult,
    response: ModelResponse,
    model: str,
    parts: list[dict[str, Any]],
    cost: Mapping[str, Any],
) -> dict[str, Any]:
    return {
        "candidates": [
            {
                "content": {"role": "model", "parts": parts},
                "finishReason": _FINISH[response.finish_reason],
                "index": 0,
            }
        ],
        "usageMetadata": usage_of(response.usage, cost),
        "modelVersion": model,
        "responseId": result.call_id.hex,
    }


def piece(delta: Delta, model: str) -> bytes:
    """Return one piece of a stream; nothing if it contains only pieces of tool calls."""
    parts: list[dict[str, Any]] = []
    if delta.reasoning:
        parts.append({"text": delta.reasoning, "thought": True})
    if delta.text:
        parts.append({"text": delta.text})
    if not parts:
        return b""
    candidate = {"content": {"role": "model", "parts": parts}, "index": 0}
    return _event({"candidates": [candidate], "modelVersion": model})


def write_last_chunk(
    result: CallResult, response: ModelResponse, model: str, cost: Mapping[str, Any]
) -> bytes:
    """Return the last piece: the tool calls, which this format knows only complete, and the finish
    reason.
    """
    parts = [_call_part(call) for call in response.tool_calls] or [{"text": ""}]
    return _event(_document(result, response, model, parts, cost))


def _event(document: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(document).encode() + b"\r\n\r\n"


def error_event(error: HttpError) -> bytes:
    return b"data: " + genai_error(error) + b"\r\n\r\n"


def genai_error(error: HttpError) -> bytes:
    """Return the error in Google's shape."""
    details = {
        "code": error.status,
        "message": error.message,
        "status": _STATUSES.get(error.status, "UNKNOWN"),
    }
    return json.dumps({"error": details}).encode()
