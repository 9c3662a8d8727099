"""The description of the API as pages show it: groups of operations, each with examples.

Read from the OpenAPI description, which is generated once in a process: it is code.
"""

import hashlib
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.utils.text import slugify
from drf_spectacular.generators import SchemaGenerator

_METHODS = ("get", "post", "put", "patch", "delete")
_PREFIX = "/api/v1"
_MAX_DEPTH = 12
_MAX_EXAMPLE = 4_000
"""Characters of an example of an answer; the rest of a longer one is cut."""
_JSON = "application/json"

Schema = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ApiField:
    """A parameter, or a field of a body."""

    name: str
    place: str
    """`path`, `query` or `header`; empty for a field of a body."""
    kind: str
    is_required: bool
    description: str


@dataclass(frozen=True, slots=True)
class ApiBody:
    media_type: str
    fields: Sequence[ApiField]


@dataclass(frozen=True, slots=True)
class ApiAnswer:
    status: str
    meaning: str


@dataclass(frozen=True, slots=True)
class ApiOperation:
    """One method of one address."""

    name: str
    """Its id in the description, which is its anchor too."""
    method: str
    path: str
    summary: str
    description: str
    """Markdown."""
    scope: str
    """Of the token that it needs; empty if it needs none."""
    parameters: Sequence[ApiField]
    bodies: Sequence[ApiBody]
    request: str
    """A call with curl."""
    answers: Sequence[ApiAnswer]
    answer: str
    """The form of a successful answer, with values made up; empty where it is no JSON."""


@dataclass(frozen=True, slots=True)
class ApiGroup:
    name: str
    slug: str
    description: str
    operations: Sequence[ApiOperation]


@dataclass(frozen=True, slots=True)
class ApiReference:
    """Everything that the pages show, and a hash that changes with it."""

    introduction: str
    groups: Sequence[ApiGroup]
    fingerprint: str


@cache
def read_reference() -> ApiReference:
    document: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)  # type: ignore[no-untyped-call]
    return make_reference(document)


def make_reference(document: Mapping[str, Any]) -> ApiReference:
    """Return the groups of a description, in the order of its tags."""
    reader = _Reader(document)
    by_tag: dict[str, list[ApiOperation]] = {tag["name"]: [] for tag in document["tags"]}
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                operation = reader.operation(method, path, methods[method])
                by_tag[methods[method]["tags"][0]].append(operation)
    groups = [
        ApiGroup(tag["name"], slugify(tag["name"]), tag["description"], by_tag[tag["name"]])
        for tag in document["tags"]
        if by_tag[tag["name"]]
    ]
    digest = hashlib.sha256(json.dumps(document, sort_keys=True, default=str).encode()).hexdigest()
    return ApiReference(document["info"]["description"], groups, digest[:16])


class _Reader:
    """Reads parts of one description, following its references."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._components: Mapping[str, Any] = document["components"]

    def operation(self, method: str, path: str, found: Mapping[str, Any]) -> ApiOperation:
        content: Mapping[str, Any] = found.get("requestBody", {}).get("content", {})
        parameters = [
            ApiField(
                one["name"],
                one["in"],
                self.kind_of(one["schema"]),
                bool(one.get("required")),
                _first_paragraph(one.get("description", "")),
            )
            for one in found.get("parameters", ())
        ]
        return ApiOperation(
            name=found["operationId"],
            method=method.upper(),
            path=path,
            summary=found["summary"],
            description=found.get("description", ""),
            scope=_scope_of(found),
            parameters=sorted(parameters, key=lambda one: not one.is_required),
            bodies=[
                ApiBody(media_type, self._fields_of(body["schema"]))
                for media_type, body in content.items()
            ],
            request=_write_curl(method, path, parameters, content, _scope_of(found)),
            answers=[
                ApiAnswer(status, self._resolve(response)["description"])
                for status, response in sorted(found["responses"].items())
            ],
            answer=self._write_answer(found["responses"]),
        )

    def kind_of(self, schema: Schema) -> str:
        """Return in words what a schema admits."""
        schema = self._resolve(schema)
        if "enum" in schema:
            return "one of " + ", ".join(str(one) or "(empty)" for one in schema["enum"])
        if "const" in schema:
            return json.dumps(schema["const"])
        for word in ("oneOf", "anyOf", "allOf"):
            if word in schema:
                return " or ".join(dict.fromkeys(self.kind_of(one) for one in schema[word]))
        found = schema.get("type", "any value")
        kinds = found if isinstance(found, list) else [found]
        return " or ".join(self._kind(kind, schema) for kind in kinds)

    def _kind(self, kind: str, schema: Schema) -> str:
        if kind == "array":
            return f"list: {self.kind_of(schema.get('items', {}))}"
        if kind == "string":
            formats = {"date-time": "time", "date": "date", "uri": "address", "binary": "file"}
            return formats.get(schema.get("format", ""), "text")
        return {"integer": "whole number", "boolean": "true or false"}.get(kind, kind)

    def _fields_of(self, schema: Schema) -> list[ApiField]:
        schema = self._resolve(schema)
        required = set(schema.get("required", ()))
        fields = [
            ApiField(
                name,
                "",
                self.kind_of(one),
                name in required,
                _first_paragraph(one.get("description", "")),
            )
            for name, one in schema.get("properties", {}).items()
        ]
        return sorted(fields, key=lambda one: not one.is_required)

    def _resolve(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            _hash, _components, kind, name = schema["$ref"].split("/")
            schema = self._components[kind][name]
        return schema

    def _write_answer(self, responses: Mapping[str, Any]) -> str:
        for status, response in sorted(responses.items()):
            content = self._resolve(response).get("content", {})
            if status.startswith("2") and _JSON in content:
                sample = self.sample_of(content[_JSON]["schema"])
                text = json.dumps(sample, indent=2, ensure_ascii=False)
                return text if len(text) <= _MAX_EXAMPLE else f"{text[:_MAX_EXAMPLE]}\n…"
        return ""

    def sample_of(self, schema: Schema, name: str = "", depth: int = 0) -> Any:
        """Return a value that fits a schema."""
        schema = self._resolve(schema)
        for word in ("example", "default", "const"):
            if schema.get(word) is not None:
                return schema[word]
        if "enum" in schema:
            return schema["enum"][0]
        for word in ("oneOf", "anyOf", "allOf"):
            if word in schema:
                return self.sample_of(schema[word][0], name, depth)
        found = schema.get("type", "object")
        kind = found[0] if isinstance(found, list) else found
        if kind == "object":
            if depth >= _MAX_DEPTH:
                return {}
            return {
                key: self.sample_of(one, key, depth + 1)
                for key, one in schema.get("properties", {}).items()
            }
        if kind == "array":
            return [] if depth >= _MAX_DEPTH else [self.sample_of(schema["items"], name, depth + 1)]
        return _sample_value(kind, schema, name)


def _sample_value(kind: str, schema: Schema, name: str) -> Any:
    if kind == "string":
        formats = {
            "date-time": "2026-11-30T12:00:00Z",
            "date": "2026-11-30",
            "uri": "https://example.org/",
            "decimal": "1",
            "uuid": "0b0c3a4e-8a51-4d2c-9d4f-1f0e2d3c4b5a",
        }
        return formats.get(schema.get("format", ""), name or "text")
    return {"integer": schema.get("minimum", 1), "number": 0.5, "boolean": True}.get(kind)


def _scope_of(found: Mapping[str, Any]) -> str:
    """Return the scope of the token that an operation needs; empty if it also works without."""
    needs: list[Mapping[str, Any]] = found.get("security", [])
    if {} in needs:
        return ""
    return next((one["personalToken"][0] for one in needs if one.get("personalToken")), "")


def _write_curl(
    method: str,
    path: str,
    parameters: Sequence[ApiField],
    content: Mapping[str, Any],
    scope: str,
) -> str:
    """Return a call that works once its names in capitals have values."""
    parts = ["curl"] if method == "get" else [f"curl -X {method.upper()}"]
    address = path.removeprefix(_PREFIX)
    address = re.sub(r"\{(\w+)\}", lambda found: f"${found.group(1).upper()}", address)
    needed = [one.name for one in parameters if one.place == "query" and one.is_required]
    query = "&".join(f"{name}=${name.upper()}" for name in needed)
    parts.append(f'"$PLUMBMARK{address}{"?" if query else ""}{query}"')
    if scope:
        parts.append('-H "Authorization: Bearer $TOKEN"')
    if _JSON in content:
        example = json.dumps(content[_JSON].get("example", {}), indent=2, ensure_ascii=False)
        parts += ['-H "Content-Type: application/json"', f"-d {shlex.quote(example)}"]
    elif content:
        example = next(iter(content.values())).get("example", {})
        parts += [f"-F {shlex.quote(f'{name}={value}')}" for name, value in example.items()]
    return " \\\n  ".join(parts)


def _first_paragraph(text: str) -> str:
    """Return a description without the list of values, which the kind has already."""
    return text.partition("\n\n")[0].strip()
