"""What all operations have in common in the OpenAPI description.

`ResourceSchema` describes every operation of the API (`DEFAULT_SCHEMA_CLASS`). A view gives its
`subject`, the tag of its operations, and `parameter_descriptions`; the docstring of a method is the
summary (its first sentence) and the description (the rest). Errors need no declaration: which of
them an operation can answer follows from its method, its parameters and its body. An error that
does not follow from them stands in `responses` of `extend_schema`, with the shape `ProblemDetails`.
"""

import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

from drf_spectacular.drainage import warn
from drf_spectacular.extensions import OpenApiSerializerExtension, OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import ResolvedComponent, safe_ref
from rest_framework import serializers
from rest_framework.permissions import SAFE_METHODS

from plumbmark.common.request_ids import HEADER
from plumbmark.rest.problems import TITLES, ProblemDetails, ProblemRenderer
from plumbmark.rest.serializers import WriteShape


@dataclass(frozen=True, slots=True)
class _Error:
    """An error that the API can answer; `example` is one of its answers as it is sent."""

    name: str
    """Of the component in the description."""
    meaning: str
    example: dict[str, Any]
    headers: dict[str, Any] = field(default_factory=dict)


def _header(description: str, kind: str = "string") -> dict[str, Any]:
    return {"description": description, "required": True, "schema": {"type": kind}}


_RATE_LIMIT = {
    "RateLimit-Limit": _header("Requests that are allowed in a minute.", "integer"),
    "RateLimit-Remaining": _header("Requests that are left in this minute.", "integer"),
    "RateLimit-Reset": _header("Seconds until the minute is over.", "integer"),
}

_ERRORS = {
    400: _Error(
        "BadRequest",
        "The request cannot be read: for example, its body is not valid JSON, or its address "
        "contains a null character.",
        {
            "code": "parse-error",
            "detail": "The body is not JSON: it ends in the middle (line 1, column 2).",
        },
    ),
    401: _Error(
        "NotAuthenticated",
        "The token is missing, unknown, expired or revoked.",
        {
            "code": "not-authenticated",
            "detail": "Authentication credentials were not provided.",
        },
        {"WWW-Authenticate": _header("The scheme of authentication.")},
    ),
    403: _Error(
        "NotAllowed",
        "The token lacks the scope, or its owner may not do this.",
        {
            "code": "permission-denied",
            "detail": "This token lacks the scope “write”. Make one that has it in your settings.",
        },
    ),
    404: _Error(
        "NotFound",
        "There is no such object, or you may not see it.",
        {"code": "not-found", "detail": "Not found."},
    ),
    409: _Error(
        "Conflict",
        "The object is in a state that does not allow the request.",
        {
            "code": "conflict",
            "detail": "This Idempotency-Key was used for another request; take a new one.",
        },
    ),
    502: _Error(
        "NoUsableAnswer",
        "Another server that the request needs gave no usable answer; the message says why.",
        {
            "code": "not-json",
            "detail": "203.0.113.7:8000 did not answer with JSON. Is this the base URL? "
            "It usually ends in /v1.",
        },
    ),
    413: _Error(
        "TooLarge",
        "The body is too large.",
        {
            "code": "too-large",
            "detail": "At most 12 MiB are accepted as text. Send larger content as a file.",
        },
    ),
    415: _Error(
        "UnsupportedMediaType",
        "The body's Content-Type is none of those that the operation reads.",
        {
            "code": "unsupported-media-type",
            "detail": 'Unsupported media type "text/plain" in request.',
        },
    ),
    422: _Error(
        "InvalidInput",
        "The input was read, but cannot be accepted; `problems` names each place.",
        {
            "code": "invalid-input",
            "detail": "title: This field is required.",
            "problems": [
                {
                    "message": "This field is required.",
                    "path": "title",
                    "line": None,
                    "column": None,
                }
            ],
        },
    ),
    429: _Error(
        "TooManyRequests",
        "The limit of requests in a minute is reached; repeat after `Retry-After` seconds.",
        {
            "code": "throttled",
            "detail": "Request was throttled. Expected available in 12 seconds.",
        },
        {"Retry-After": _header("Seconds to wait.", "integer"), **_RATE_LIMIT},
    ),
    503: _Error(
        "Busy",
        "Too much work of this kind is under way; repeat after `Retry-After` seconds.",
        {
            "code": "busy",
            "detail": "5 large pieces of work of ada are under way. Wait until one is finished, "
            "or cancel one.",
        },
        {"Retry-After": _header("Seconds to wait.", "integer")},
    ),
}


class ResourceSchema(AutoSchema):
    def get_operation(self, *args: Any, **kwargs: Any) -> dict[str, Any] | None:
        operation: dict[str, Any] | None = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        self._describe_parameters(operation)
        self._add_examples(operation)
        responses = operation["responses"]
        for status, response in responses.items():
            response["description"] = response["description"] or HTTPStatus(int(status)).phrase
            response["headers"] = response.get("headers", {}) | self._register_request_id()
        declared = {int(status) for status in responses if int(status) >= 400}
        for status in sorted(_expected_errors(self.method, operation) | declared):
            responses[str(status)] = self._register_error(status)
        return operation

    def get_summary(self) -> str:
        return _split_sentence(super().get_description())[0].rstrip(".")

    def get_description(self) -> str:  # type: ignore[override]
        return _split_sentence(super().get_description())[1]

    def get_tags(self) -> list[str]:
        subject = getattr(self.view, "subject", "")
        if not subject:
            warn(f"{type(self.view).__name__} has no subject, the tag of its operations")
        return [subject]

    def get_paginated_name(self, serializer_name: str) -> str:
        return f"{serializer_name}Page"

    def _describe_parameters(self, operation: dict[str, Any]) -> None:
        """Describe what neither a filter nor the decorator of the method describes."""
        known = getattr(self.view, "parameter_descriptions", {})
        for parameter in operation.get("parameters", ()):
            if parameter.get("description"):
                continue
            if parameter["name"] in known:
                parameter["description"] = known[parameter["name"]]
            else:
                warn(f"{type(self.view).__name__} does not describe {parameter['name']}")

    def _add_examples(self, operation: dict[str, Any]) -> None:
        """Give each body the example of its shape."""
        if "requestBody" not in operation:
            return
        shapes: Any = self.get_request_serializer()
        for media_type, body in operation["requestBody"]["content"].items():
            shape = shapes.get(media_type) if isinstance(shapes, dict) else shapes
            example = getattr(shape, "example", None)
            if example:
                body["example"] = dict(example)
            else:
                warn(f"{type(self.view).__name__} has a body without an example")

    def _register_error(self, status: int) -> dict[str, str]:
        """Return a reference to the response that all operations share."""
        error = _ERRORS[status]
        shape = self.resolve_serializer(ProblemDetails, "response")
        example = {"title": TITLES[status], "status": status, **error.example}
        component = ResolvedComponent(  # type: ignore[no-untyped-call]
            name=error.name,
            type=ResolvedComponent.RESPONSE,
            object=error.name,
            schema={
                "description": error.meaning,
                "headers": error.headers | self._register_request_id(),
                "content": {
                    ProblemRenderer.media_type: {"schema": shape.ref, "example": example},
                },
            },
        )
        self.registry.register_on_missing(component)
        return dict(component.ref)

    def _register_request_id(self) -> dict[str, dict[str, str]]:
        """Return the header that all responses have."""
        component = ResolvedComponent(  # type: ignore[no-untyped-call]
            name="RequestId",
            type=ResolvedComponent.HEADER,
            object="RequestId",
            schema=_header("The request's id, for the operators: yours if you sent a safe one."),
        )
        self.registry.register_on_missing(component)
        return {HEADER: dict(component.ref)}


def _expected_errors(method: str, operation: dict[str, Any]) -> set[int]:
    """Return the errors that an operation can answer because of its form."""
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    names = {parameter["name"] for parameter in operation.get("parameters", ())}
    found = {401, 403, 429}
    if places & {"path", "query"}:
        found.add(400)  # a null character
    if "path" in places or "cursor" in names:
        found.add(404)
    if "query" in places:
        found.add(422)
    if method not in SAFE_METHODS:
        found |= {409, 422}
    if "requestBody" in operation:
        found |= {400, 413, 415, 422}
    return found


def _split_sentence(text: str) -> tuple[str, str]:
    """Return the first sentence, and the rest."""
    first, _, rest = re.sub(r"(?<=[.!?])\s+", "\0", text, count=1).partition("\0")
    return " ".join(first.split()), rest.strip()


class _ShapeExtension(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """A write shape refuses unknown fields; a read shape has all of its fields, always."""

    target_class = "rest_framework.serializers.Serializer"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(
            self.target, direction, bypass_extensions=True
        )
        if isinstance(self.target, WriteShape):
            if schema.get("description") == WriteShape.__doc__:
                del schema["description"]
            schema["additionalProperties"] = False
            return schema
        for name, rules in schema["properties"].items():
            # What the database could store says nothing about an answer.
            for word in ("readOnly", "maximum", "minimum", "maxLength"):
                rules.pop(word, None)
            schema["properties"][name] = safe_ref(rules)
        schema["required"] = sorted(
            name for name, field in self.target.fields.items() if self._is_always_there(field)
        )
        return schema

    def _is_always_there(self, field: Any) -> bool:
        return (
            field.required
            or field.read_only
            or field.default is not serializers.empty
            or isinstance(self.target, serializers.ModelSerializer)
        )


class _FileExtension(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """A file in a multipart body. `format` is what generators of clients look for."""

    target_class = "rest_framework.serializers.FileField"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: Any) -> dict[str, Any]:
        return {
            "type": "string",
            "format": "binary",
            "contentMediaType": "application/octet-stream",
        }
