"""The pages that describe the API: every operation with its group, its summary and examples."""

import json
import re
import shlex
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from plumbmark.api.reference import _Reader, make_reference, read_reference


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    from drf_spectacular.generators import SchemaGenerator

    found: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return found


def test_every_operation_is_in_a_group_with_a_summary(document: dict[str, Any]) -> None:
    groups = read_reference().groups
    shown = {one.name: one for group in groups for one in group.operations}
    described = {
        operation["operationId"]
        for methods in document["paths"].values()
        for operation in methods.values()
    }

    assert set(shown) == described
    assert len(shown) >= 90
    assert [group.name for group in groups] == [tag["name"] for tag in document["tags"]]
    for one in shown.values():
        assert one.summary
        assert one.request.startswith("curl")
        assert one.answers


@pytest.mark.django_db
def test_the_page_lists_every_operation_and_each_group_shows_its_own(client: Any) -> None:
    listed = client.get("/api/v1/docs").content.decode()
    for group in read_reference().groups:
        page = client.get(f"/api/v1/docs/{group.slug}")
        assert page.status_code == 200
        text = page.content.decode()
        for one in group.operations:
            assert f'href="/api/v1/docs/{group.slug}#{one.name}"' in listed
            assert f'id="{one.name}"' in text
            assert one.path in text
    assert client.get("/api/v1/docs/nothing").status_code == 404


def test_pages_are_cached_for_strangers(client: Any) -> None:
    first = client.get("/api/v1/docs/runs")

    assert (
        client.get("/api/v1/docs/runs", headers={"If-None-Match": first["ETag"]}).status_code == 304
    )
    assert "unsafe-inline" not in first["Content-Security-Policy"]


def test_examples_of_requests_are_commands_that_a_shell_reads(document: dict[str, Any]) -> None:
    shown = {one.name: one for group in read_reference().groups for one in group.operations}
    words = shlex.split(shown["create_run"].request.replace("\\\n", " "))

    assert words[:4] == ["curl", "-X", "POST", "$PLUMBMARK/runs"]
    assert json.loads(words[words.index("-d") + 1])["purpose"] == "exploratory"
    for one in shown.values():
        assert shlex.split(one.request.replace("\\\n", " "))
        assert "{" not in one.request.splitlines()[1]


def test_the_form_of_an_answer_fits_its_schema(document: dict[str, Any]) -> None:
    definitions = {"components": document["components"]}
    reader = _Reader(document)
    checked = 0
    for name, schema in document["components"]["schemas"].items():
        if re.search(r"(Write|Form|Change)$", name) or "pattern" in json.dumps(schema):
            continue
        Draft202012Validator({**definitions, **schema}).validate(reader.sample_of(schema))
        checked += 1
    assert checked > 60


def test_kinds_are_in_words() -> None:
    reader = _Reader({"components": {"schemas": {"Two": {"enum": ["a", "b"]}}}})

    assert reader.kind_of({"$ref": "#/components/schemas/Two"}) == "one of a, b"
    assert reader.kind_of({"type": ["string", "null"]}) == "text or null"
    assert reader.kind_of({"type": "array", "items": {"type": "integer"}}) == "list: whole number"
    assert reader.kind_of({"type": "string", "format": "binary"}) == "file"


def test_a_description_of_its_own_is_grouped() -> None:
    operation = {
        "operationId": "get_x",
        "summary": "Return x",
        "tags": ["Xs"],
        "security": [{"personalToken": ["read"]}],
        "parameters": [
            {"name": "q", "in": "query", "required": True, "schema": {"type": "string"}},
            {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
        ],
        "responses": {"200": {"description": "OK", "content": {"application/json": {
            "schema": {"type": "object", "properties": {"n": {"type": "integer"}}}}}}},
    }  # fmt: skip
    made = make_reference(
        {
            "info": {"description": "An API."},
            "tags": [{"name": "Xs", "description": "All x."}, {"name": "Ys", "description": "."}],
            "paths": {"/api/v1/x/{id}": {"get": operation}},
            "components": {},
        }
    )

    (group,) = made.groups
    (one,) = group.operations
    assert (one.method, one.scope) == ("GET", "read")
    assert one.request == (
        'curl \\\n  "$PLUMBMARK/x/$ID?q=$Q" \\\n  -H "Authorization: Bearer $TOKEN"'
    )
    assert json.loads(one.answer) == {"n": 1}
