"""The OpenAPI description: what every operation says of itself, and that it is true.

The rules are the recommended ones of `@redocly/cli` (`make lint-openapi` runs it, where there is
Node.js), and those that generators of clients need.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from unittest.mock import patch

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator
from rest_framework.test import APIClient

from plumbmark.accounts.tokens import issue_token
from plumbmark.background.actions import MAX_LIVE_JOBS, start_job
from plumbmark.rest import throttling
from plumbmark.rest.throttling import counters
from tasks_app.authoring import draft_jobs
from tasks_app.models import Task
from tests.gateway.connections.odd_server import reply, serving

VERBS = {
    *("accept", "allow", "build", "cancel", "check", "choose", "connect", "create", "decline"),
    *("disallow", "download", "erase", "follow", "get", "invalidate", "label", "list", "pause"),
    *("publish", "read", "refresh", "report", "rescore", "resume", "retry", "rotate", "save"),
    *("restore", "set", "start", "submit", "switch", "try", "update", "withdraw"),
}
METHODS = ("get", "post", "put", "patch", "delete")


class Operation(NamedTuple):
    path: str
    method: str
    document: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    def parameters(self, place: str) -> list[dict[str, Any]]:
        return [one for one in self.document.get("parameters", ()) if one["in"] == place]

    def bodies(self) -> dict[str, Any]:
        content = self.document.get("requestBody", {}).get("content", {})
        return {kind: media["schema"] for kind, media in content.items()}


@pytest.fixture(scope="module")
def description() -> dict[str, Any]:
    schema: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
    return schema


@pytest.fixture(scope="module")
def operations(description: dict[str, Any]) -> list[Operation]:
    found = [
        Operation(path, method, document)
        for path, methods in description["paths"].items()
        for method, document in methods.items()
    ]
    assert len(found) > 60
    assert {one.method for one in found} <= set(METHODS)
    return found


def resolve(description: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        found: Any = description
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        schema = found
    return schema


def walk(value: Any, place: str = "#") -> Iterator[tuple[str, Any]]:
    """Return every mapping and list of a document, with its place."""
    yield place, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from walk(inner, f"{place}/{key}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, f"{place}/{index}")


def test_the_description_says_whose_it_is_and_where_it_is_served(
    description: dict[str, Any], settings: Any
) -> None:
    info = description["info"]

    assert description["openapi"].startswith("3.1")
    assert info["license"] == {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
    assert info["contact"] == {"name": "The operators of this server", "url": settings.SITE_URL}
    assert [server["url"] for server in description["servers"]] == [settings.SITE_URL]


def test_every_operation_has_a_summary_a_tag_and_a_name_of_its_own(
    description: dict[str, Any], operations: list[Operation]
) -> None:
    tags = {tag["name"]: tag["description"] for tag in description["tags"]}
    names = [one.document["operationId"] for one in operations]
    summaries = [one.document["summary"] for one in operations]
    used = [one.document["tags"] for one in operations]

    assert [name for name in names if not re.fullmatch("[a-z]+(_[a-z]+)+", name)] == []
    assert [name for name in names if name.split("_")[0] not in VERBS] == []
    assert len(set(names)) == len(names)
    assert len(set(summaries)) == len(summaries)
    for summary in summaries:
        assert re.fullmatch(r"[A-Z].{8,90}[^.\s]", summary), summary
    for one in operations:
        assert not one.document.get("description", "").startswith(one.document["summary"]), one
    assert {len(found) for found in used} == {1}
    assert {found for (found,) in used} == set(tags)
    assert all(tags.values())


def test_every_parameter_is_described(operations: list[Operation]) -> None:
    for one in operations:
        in_path = one.parameters("path")
        assert [p["name"] for p in in_path] == sorted(re.findall(r"{(\w+)}", one.path)), one
        assert all(p["required"] for p in in_path), one
        for parameter in one.document.get("parameters", ()):
            assert len(parameter["description"]) > 5, (one, parameter["name"])
            assert parameter["schema"], (one, parameter["name"])


def test_every_list_that_is_paged_tells_its_parameters(
    description: dict[str, Any], operations: list[Operation]
) -> None:
    paged = 0
    for one in operations:
        answer = one.document["responses"].get("200", {}).get("content", {})
        shape = resolve(description, answer.get("application/json", {}).get("schema", {}))
        if set(shape.get("properties", ())) != {"next", "previous", "results"}:
            continue
        paged += 1
        found = {p["name"]: p["schema"] for p in one.parameters("query")}
        assert found["limit"]["type"] == "integer"
        assert (found["limit"]["minimum"], found["limit"]["default"]) == (1, 50)
        assert found["cursor"] == {"type": "string"}
        assert set(shape["required"]) == {"next", "previous", "results"}
        assert shape["properties"]["next"]["type"] == ["string", "null"]
    assert paged > 10


def test_every_operation_declares_its_errors_by_one_shape(
    description: dict[str, Any], operations: list[Operation]
) -> None:
    for one in operations:
        expected = {"401", "403", "429"}
        if one.parameters("path"):
            expected |= {"400", "404"}
        if one.parameters("query"):
            expected |= {"400", "422"}
        if one.method != "get":
            expected |= {"409", "422"}
        if one.bodies():
            expected |= {"400", "413", "415", "422"}
        errors = {code: a for code, a in one.document["responses"].items() if code >= "400"}
        assert expected <= set(errors), one
        assert [code for code in one.document["responses"] if code < "300"], one
        for answer in errors.values():
            assert set(answer) == {"$ref"}, one
            (media,) = resolve(description, answer)["content"].items()
            assert media[0] == "application/problem+json"
            assert media[1]["schema"] == {"$ref": "#/components/schemas/ProblemDetails"}


def test_no_word_of_an_older_version_is_used(description: dict[str, Any]) -> None:
    for place, value in walk(description):
        if isinstance(value, dict):
            assert "nullable" not in value, place
            assert not isinstance(value.get("exclusiveMinimum"), bool), place


def test_files_are_in_multipart_bodies_with_a_shape_of_their_own(
    description: dict[str, Any], operations: list[Operation]
) -> None:
    by_kind: dict[str, set[str]] = {}
    uploads = []
    for one in operations:
        for kind, schema in one.bodies().items():
            by_kind.setdefault(kind, set()).add(schema["$ref"])
            shape = resolve(description, schema)
            files = [place for place, value in walk(shape) if is_file(value)]
            assert bool(files) == (kind == "multipart/form-data"), (one, kind)
            assert shape["additionalProperties"] is False
            if files:
                uploads.append(one.document["operationId"])

    assert uploads == ["submit_outputs_to_benchmark", "submit_outputs", "save_task_draft"]
    assert set(by_kind) == {"application/json", "multipart/form-data"}
    assert not by_kind["application/json"] & by_kind["multipart/form-data"]


def is_file(value: Any) -> bool:
    if not isinstance(value, dict) or value.get("format") not in ("binary", "uri"):
        return False
    assert value["format"] == "binary"
    assert value["type"] == "string"
    assert value["contentMediaType"] == "application/octet-stream"
    return True


def test_every_operation_names_the_scope_of_its_token(
    description: dict[str, Any], operations: list[Operation]
) -> None:
    assert set(description["components"]["securitySchemes"]) == {"personalToken", "cookieAuth"}
    for one in operations:
        schemes = {name: scopes for row in one.document["security"] for name, scopes in row.items()}
        scope = "read" if one.method == "get" else "write"
        assert schemes == {"personalToken": [scope], "cookieAuth": []}, one


@pytest.mark.django_db
def test_what_needs_a_token_says_so_and_nothing_else(
    operations: list[Operation], settings: Any
) -> None:
    settings.API_ANONYMOUS_REQUESTS_PER_MINUTE = 10**6
    client = APIClient(raise_request_exception=False)
    for one in operations:
        if one.method == "get":
            # Without the parameters that it cannot do without, it is told so.
            lacks = any(parameter.get("required") for parameter in one.parameters("query"))
            found = (404, 422) if lacks else (200, 404)
            expected = found if {} in one.document["security"] else (401,)
        else:
            assert {} not in one.document["security"], one
            expected = (401,)
        answer = getattr(client, one.method)(sample_path(one), {}, format="json")
        assert answer.status_code in expected, (str(one), answer.status_code)


def sample_path(operation: Operation) -> str:
    """Return an address of the operation's form that leads to nothing."""
    path = operation.path
    for parameter in operation.parameters("path"):
        value = "9" if parameter["schema"]["type"] == "integer" else "nothing"
        path = path.replace(f"{{{parameter['name']}}}", value)
    return path


def test_every_reference_leads_somewhere_and_no_component_is_left_over(
    description: dict[str, Any],
) -> None:
    used = {
        value["$ref"]
        for _, value in walk(description)
        if isinstance(value, dict) and isinstance(value.get("$ref"), str)
    }
    for reference in used:
        assert resolve(description, {"$ref": reference})
    known = {
        f"#/components/{kind}/{name}"
        for kind, components in description["components"].items()
        for name in components
        if kind != "securitySchemes"
    }
    assert used == known


def test_every_schema_is_one_and_every_example_fits_it(description: dict[str, Any]) -> None:
    definitions = {"components": description["components"]}
    examples = 0
    for _, value in walk(description):
        if not isinstance(value, dict):
            continue
        for word in ("oneOf", "anyOf", "allOf"):
            # A schema that admits everything makes the others idle.
            assert {} not in value.get(word, ())
        if isinstance(value.get("schema"), dict):
            Draft202012Validator.check_schema({**definitions, **value["schema"]})
            if "example" in value:
                examples += 1
                Draft202012Validator({**definitions, **value["schema"]}).validate(value["example"])
    for name, schema in description["components"]["schemas"].items():
        assert "$ref" in schema or "type" in schema or "enum" in schema, name
    bodies = [
        body
        for methods in description["paths"].values()
        for operation in methods.values()
        for body in operation.get("requestBody", {}).get("content", {}).values()
    ]
    assert examples == len(description["components"]["responses"]) + len(bodies)


def test_every_body_has_an_example_that_its_shape_accepts(
    description: dict[str, Any], operations: list[Operation]
) -> None:
    assert operations
    for methods in description["paths"].values():
        for operation in methods.values():
            for body in operation.get("requestBody", {}).get("content", {}).values():
                assert body["example"], operation["operationId"]


# --- the examples are what the API answers --------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        *("BadRequest", "NotAuthenticated", "NotAllowed", "NotFound", "Conflict", "TooLarge"),
        *("UnsupportedMediaType", "InvalidInput", "TooManyRequests", "NoUsableAnswer", "Busy"),
    ],
)
def test_the_example_of_an_error_is_what_the_api_answers(
    name: str, description: dict[str, Any], open_account: Callable[..., Any], settings: Any
) -> None:
    declared = description["components"]["responses"]
    assert len(declared) == 11
    scopes = ["read"] if name == "NotAllowed" else ["read", "write"]
    issued = issue_token(user=open_account("ada"), name="test", scopes=scopes, expires_at=None)
    api = APIClient(raise_request_exception=False)
    if name != "NotAuthenticated":
        api.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
    if name == "TooManyRequests":
        settings.API_REQUESTS_PER_MINUTE = 0
        counters().clear()
    if name == "NoUsableAnswer":
        settings.ALLOWED_PROVIDER_ADDRESSES = ["127.0.0.1"]
    if name == "TooLarge":
        settings.DATA_UPLOAD_MAX_MEMORY_SIZE = 2**20
    if name == "Conflict":
        api.post("/api/v1/tasks", {"title": "A"}, format="json", HTTP_IDEMPOTENCY_KEY="key")

    tasks = "/api/v1/tasks"
    answer = {
        "BadRequest": lambda: api.post(tasks, b"{", content_type="application/json"),
        "NotAuthenticated": lambda: api.post(tasks, {"title": "A"}, format="json"),
        "NotAllowed": lambda: api.post(tasks, {"title": "A"}, format="json"),
        "NotFound": lambda: api.get(f"{tasks}/nothing"),
        "Conflict": lambda: api.post(
            tasks, {"title": "B"}, format="json", HTTP_IDEMPOTENCY_KEY="key"
        ),
        "TooLarge": lambda: api.post(tasks, {"title": "A" * 2**21}, format="json"),
        "UnsupportedMediaType": lambda: api.post(tasks, b"A", content_type="text/plain"),
        "InvalidInput": lambda: api.post(tasks, {}, format="json"),
        "TooManyRequests": lambda: ask_within_a_minute(api, tasks),
        "NoUsableAnswer": lambda: connect_to_garbage(api),
        "Busy": lambda: check_while_busy(api),
    }[name]()

    ((media_type, media),) = declared[name]["content"].items()
    assert answer["Content-Type"] == media_type
    assert without_numbers(answer.json()) == without_numbers(media["example"])
    for header in declared[name].get("headers", ()):
        assert header in answer.headers, header


def ask_within_a_minute(api: APIClient, path: str) -> Any:
    """Ask at a time when some seconds are left: of a single one the answer says "1 second"."""
    with patch.object(throttling, "time") as clock:
        clock.time.return_value = 1_000_000_000.0
        return api.get(path)


def connect_to_garbage(api: APIClient) -> Any:
    """Connect a provider whose address answers with something that is not JSON."""
    with serving(reply(b"garbage")) as server:
        return api.post(
            "/api/v1/providers", {"kind": "other", "base_url": server.url}, format="json"
        )


def check_while_busy(api: APIClient) -> Any:
    """Check a draft that counts as large while as many jobs of the person wait as may."""
    draft = f"/api/v1/tasks/{api.post('/api/v1/tasks', {'title': 'A'}, format='json').json()['id']}"
    rows = SimpleUploadedFile("a.jsonl", b'{"question": "1+1", "answer": "2"}')
    api.put(f"{draft}/draft", {"definition": DEFINITION, "data_file": rows})
    task = Task.objects.select_related("namespace__user").get()
    for number in range(MAX_LIVE_JOBS):
        start_job(
            kind=draft_jobs.CHECK,
            title="Check something else",
            namespace=task.namespace,
            subject=f"task:{number}",
            arguments={},
            by=task.created_by,
        )
    with patch.object(draft_jobs, "JOB_BYTES", 1):
        return api.post(f"{draft}/draft/check")


DEFINITION = """\
plumbmark: 1
data: {target: answer}
prompt:
  messages: [{role: user, content: "{question}"}]
scorers: [{type: exact}]
"""


def without_numbers(problem: dict[str, Any]) -> dict[str, Any]:
    return {**problem, "detail": re.sub(r"\d+", "9", problem["detail"])}


@pytest.mark.django_db
def test_a_file_that_is_sent_as_json_is_told_how_to_be_sent(
    open_account: Callable[..., Any],
) -> None:
    issued = issue_token(
        user=open_account("ada"), name="test", scopes=["read", "write"], expires_at=None
    )
    api = APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
    task = api.post("/api/v1/tasks", {"title": "Capitals"}, format="json").json()
    draft = f"/api/v1/tasks/{task['id']}/draft"

    refused = api.put(draft, {"data_file": "a,b", "media": ["x"]}, format="json")
    unknown = api.put(draft, {"datafile": "a,b"}, format="json")
    sent = api.put(draft, {"data_file": SimpleUploadedFile("a.csv", b"a,b\n1,2\n")})

    assert refused.status_code == 422
    assert refused.json()["detail"] == (
        "data_file: is a file: send the body as multipart/form-data; "
        "media: is a file: send the body as multipart/form-data"
    )
    assert "datafile: is not known; there are definition, format" in unknown.json()["detail"]
    assert (sent.status_code, sent.json()["data_file"]) == (200, "a.csv")
