"""The description of the API, every address with what it answers to, and answers of the API."""

import re
from typing import Any

import pytest
from django.apps import apps
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator

from plumbmark.manifests import content_hash
from tests.golden.golden import check
from tests.golden.world import World

pytestmark = pytest.mark.django_db

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
METHODS_OF_PAGES = ("GET", "POST", "DELETE")
NOT_OURS = ("admin/",)


def test_the_description_of_the_api_stays_as_it_is(client: Client) -> None:
    answer = client.get("/api/v1/schema", headers={"Accept": "application/vnd.oai.openapi+json"})

    assert answer.status_code == 200
    check("api/openapi.json", answer.json())


def patterns(
    resolver: URLResolver, prefix: str = "", namespaces: tuple[str, ...] = ()
) -> list[tuple[str, str]]:
    """Return every address, with braces for what varies in it, and its name."""
    found: list[tuple[str, str]] = []
    for one in resolver.url_patterns:
        path = prefix + shape(str(one.pattern))
        if isinstance(one, URLPattern):
            found.append((path, ":".join((*namespaces, one.name)) if one.name else ""))
        else:
            inner = (one.namespace,) if one.namespace else ()
            found += patterns(one, path, (*namespaces, *inner))
    return found


def shape(pattern: str) -> str:
    """Return a route or an expression, so that both ways to write an address look alike."""
    pattern = re.sub(r"<[^<>]*>(?![^()]*\))", "{}", pattern)
    pattern = _without_groups(pattern)
    return pattern.replace("\\", "").replace("^", "").replace("$", "")


def _without_groups(pattern: str) -> str:
    kept, depth = "", 0
    for index, character in enumerate(pattern):
        if character == "(":
            if not depth:
                is_optional = pattern.startswith("(?:", index)
                kept += "(" if is_optional else "{}"
                if is_optional:
                    continue
            depth += 1
        elif character == ")":
            depth -= bool(depth)
            kept += "" if depth or not kept.endswith("api/") else ")"
        elif not depth:
            kept += character
    return kept.replace("(?:", "(")


def test_every_address_and_its_name_stay_as_they_are() -> None:
    found = patterns(get_resolver())

    lines = sorted(
        {
            # What endpoints of the API are called within the code concerns nobody else.
            path if path.startswith("api/v1/") else f"{path}  {name}".rstrip()
            for path, name in set(found)
            if not path.startswith(NOT_OURS)
        }
    )
    check("api/addresses.txt", "".join(f"{line}\n" for line in lines))


def sample(path: str) -> str:
    """Return an address of that shape that leads to nothing."""
    whole = {"runs", "items", "versions", "lines", "entries", "artifacts", "samples", "answers"}
    whole |= {"messages"} if path.startswith("runs/") else set()
    whole |= {"files"} if path.startswith("runs/") and "samples" not in path else set()
    steps = path.split("/")
    for index, step in enumerate(steps):
        if step == "{}":
            before = next((one for one in reversed(steps[:index]) if one != "{}"), "")
            is_number = before in whole or (before == "labels" and index > 1)
            steps[index] = "999" if is_number else "nothing"
            if before == "calls":
                steps[index] = "00000000-0000-0000-0000-000000000000"
    return "/" + "/".join(steps)


@pytest.fixture
def _unlimited(settings: Any) -> None:
    """More is asked in a minute than somebody may: what is refused would depend on the clock."""
    settings.API_REQUESTS_PER_MINUTE = settings.API_ANONYMOUS_REQUESTS_PER_MINUTE = 10**9


@pytest.mark.usefixtures("_unlimited")
def test_every_address_answers_each_method_as_it_did(world: World) -> None:
    """With nothing behind it. 405: the method is not there."""
    found = {}
    for path, _ in patterns(get_resolver()):
        if path.startswith(("admin/", "accounts/", "(")) or "{}{}" in path:
            continue
        address = sample(path)
        found[path] = {
            "anybody": f"GET:{world.anybody.get(address).status_code}",
            "ada": " ".join(
                f"{method}:{getattr(world.ada, method.lower())(address).status_code}"
                for method in (METHODS if path.startswith("api/") else METHODS_OF_PAGES)
            ),
        }

    assert len(found) > 100
    check("api/methods.json", found)


@pytest.mark.usefixtures("_unlimited")
def test_every_endpoint_tells_its_methods_as_it_did(world: World) -> None:
    """Docstrings and names of classes, which OPTIONS shows as well, may change."""
    found = {}
    for path, _ in patterns(get_resolver()):
        if not path.startswith("api/v1/") or path in ("api/v1/", "api/v1/docs", "api/v1/schema"):
            continue
        address = sample(path)
        answer = world.ada.options(address)
        body = answer.json()
        found[path] = {
            "head": world.ada.head(address).status_code,
            "options": answer.status_code,
            "allow": answer["Allow"],
            **{name: body.get(name) for name in ("parses", "renders", "actions")},
        }

    check("api/options.json", found)


ANYBODY = [
    "tasks",
    "tasks?namespace=ada&slug=sums",
    "tasks/{task words}",
    "tasks/{task words}/versions",
    "task-versions/{version words}",
    "task-versions/{version options}",
    "task-versions/{version program}",
    "task-versions/{version words 2}/items",
    "task-versions/{version media}/items?limit=1",
    "task-versions/{version judged}/judges",
    "task-versions/{version private}",
    "contenders",
    "contenders?kind=submitted",
    "models",
    "deployments",
    "runs?limit=3",
    "runs/{words}",
    "runs/{submitted}",
    "runs/{program}",
    "runs/{program}/log",
    "runs/{program}/report",
    "runs/{program}/artifacts",
    "runs/{options echo}/samples?limit=2",
    "runs/{words}/samples/0",
    "runs/{sums}/samples/1",
    "runs/{options echo}/scorings",
    "runs/{waiting}",
    "benchmarks",
    "benchmarks/{benchmark 1}",
    "benchmarks/{benchmark 1}/versions",
    "benchmarks/{benchmark 2}/corrections",
    "benchmark-versions/{version of two}",
    "benchmark-versions/{version of two}/entries",
    "benchmark-versions/{version of two}/grid",
    "benchmark-versions/{version of two}/standings",
    "benchmark-versions/{version of two}/leaderboard",
    "benchmark-versions/{version of one}/leaderboard",
    "nothing",
    "tasks/nothing",
    "tasks?limit=x",
    "runs?state=sleeping",
    "me",
    "quota",
]
ADA = [
    "me",
    "quota",
    "ledger-lines?limit=3",
    "calls/{call}",
    "tasks?visibility=private",
    "tasks/{task words}/draft",
    "tasks/{task faulty}/draft",
    "tasks/{task program}/draft",
    "tasks/{task media}/draft",
    "task-versions/{version words 2}/items",
    "task-versions/{version judged}/judges",
    "task-versions/{version judged}/label-sets",
    "label-sets/{set of labels}",
    "label-sets/{set of labels}/answers",
    "label-sets/{set of labels}/answers/0",
    "label-sets/{set of labels}/differences",
    "runs?state=queued",
    "runs/{waiting}",
    "runs/{paused}",
    "runs/{cancelled}",
    "benchmarks/{benchmark 3}/draft",
]
SENT: list[tuple[str, str, Any]] = [
    ("POST", "tasks", {}),
    ("POST", "tasks", {"title": "x" * 200, "tags": "small", "colour": 1}),
    ("POST", "tasks", {"title": "Number words"}),
    ("POST", "tasks", []),
    ("PATCH", "tasks/{task words}", {"visibility": "secret"}),
    ("PATCH", "tasks/{task words}", {"title": "Number words", "summary": "Another."}),
    ("PUT", "tasks/{task words}/draft", {"definition": 5, "format": "toml"}),
    ("POST", "tasks/{task words}/draft/check", {}),
    ("POST", "tasks/{task faulty}/draft/check", {}),
    ("POST", "tasks/{task program}/draft/check", {}),
    ("POST", "tasks/{task faulty}/publish", {}),
    ("POST", "tasks/{task words}/publish", {"visibility": "nobody"}),
    ("POST", "runs", {}),
    ("POST", "runs", {"task_version": "{words}", "purpose": "declared"}),
    ("POST", "runs", {"task_version": "none", "deployment": "baseline/echo", "purpose": "try"}),
    ("POST", "runs", {"task_version": "{words}", "deployment": "none", "purpose": "try"}),
    (
        "POST",
        "runs",
        {
            "task_version": "{words}",
            "deployment": "baseline/echo",
            "purpose": "exploratory",
            "configuration": {"temperature": 3, "colour": 1, "max_output_tokens": 1.5},
        },
    ),
    (
        "POST",
        "runs/cost-bound",
        {"task_version": "{sums}", "deployment": "fake/arithmetic", "purpose": "declared"},
    ),
    (
        "POST",
        "runs/cost-bound",
        {"task_version": "{judged}", "deployment": "fake/arithmetic", "purpose": "try"},
    ),
    ("POST", "runs/{words}/pause", {}),
    ("POST", "runs/{words}/resume", {}),
    ("POST", "runs/{words}/cancel", {}),
    ("POST", "runs/{words}/retry", {}),
    ("PUT", "runs/{waiting}/spend-limit", {"spend_limit_nanodollars": -1}),
    ("POST", "runs/{words}/invalidate", {"reason": ""}),
    ("POST", "task-versions/{version sums}/submissions", {"model_name": "x"}),
    (
        "POST",
        "task-versions/{version sums}/submissions",
        {"model_name": "x", "outputs": [{"id": "s00", "output": "2"}, {"id": "no"}]},
    ),
    ("POST", "task-versions/{version judged}/label-sets", {"size": 0}),
    ("PUT", "label-sets/{set of labels}/answers/0", {"verdict": "splendid"}),
    ("PUT", "label-sets/{set of labels}/answers/99", {"verdict": "correct"}),
    ("POST", "benchmarks", {"title": ""}),
    ("POST", "benchmarks", {"title": "One task"}),
    ("PUT", "benchmarks/{benchmark 3}/draft", {"tasks": [{"task_version": "none", "weight": -1}]}),
    ("POST", "benchmarks/{benchmark 3}/publish", {"visibility": "x"}),
    ("POST", "benchmark-versions/{version of two}/entries", {"contender": "none"}),
    ("POST", "benchmark-versions/{version of two}/missing", {"contenders": ["none"]}),
    ("POST", "benchmark-versions/{version of two}/start-missing", {"contenders": []}),
    ("POST", "contenders", {"deployment": "fake/arithmetic", "configuration": {"top_p": 2}}),
]


def shown(world: World, answer: Any) -> Any:
    headers = {
        name: world.normal(answer[name])
        for name in ("Content-Type", "Location", "Allow", "WWW-Authenticate", "Cache-Control")
        if name in answer
    }
    body = world.normal_json(answer.json()) if answer.content else None
    return {"status": answer.status_code, "headers": headers, "body": body}


@pytest.mark.parametrize("reader", ["anybody", "ada"])
def test_answers_of_the_api_stay_as_they_are(world: World, reader: str) -> None:
    client = world.ada if reader == "ada" else world.anybody
    paths = ADA if reader == "ada" else ANYBODY

    found = {path: shown(world, client.get(f"/api/v1/{world.path(path)}")) for path in paths}

    check(f"api/answers-for-{reader}.json", found)


def test_answers_of_the_api_have_the_shapes_that_the_description_declares(world: World) -> None:
    description = SchemaGenerator().get_schema(request=None, public=True)
    fitting, problems = 0, []
    for client, paths in ((world.anybody, ANYBODY), (world.ada, ADA)):
        for path in paths:
            address = f"/api/v1/{world.path(path)}"
            answer = client.get(address)
            operation = operation_at(description, address.partition("?")[0])
            if operation is None:
                continue
            declared = operation["responses"][str(answer.status_code)]
            if "$ref" in declared:
                name = declared["$ref"].rpartition("/")[2]
                declared = description["components"]["responses"][name]
            schema = declared["content"][answer["Content-Type"]]["schema"]
            whole = {**schema, "components": description["components"]}
            problems += [
                f"{path}: {error.json_path}: {error.message[:200]}"
                for error in Draft202012Validator(whole).iter_errors(answer.json())
            ]
            fitting += 1

    assert problems == []
    assert fitting > 55


def operation_at(description: dict[str, Any], address: str) -> dict[str, Any] | None:
    """Return the operation that reads this address, by the templates of the description."""
    for path, methods in description["paths"].items():
        if "get" in methods and re.fullmatch(re.sub(r"{\w+}", "[^/]+", path), address):
            found: dict[str, Any] = methods["get"]
            return found
    return None


def test_every_snapshot_has_the_hash_of_its_content(world: World) -> None:
    snapshots = list(apps.get_model("leaderboards", "Standings").objects.all())

    assert len(snapshots) > 2
    assert [one.content_hash for one in snapshots] == [
        content_hash(one.content) for one in snapshots
    ]


def test_what_is_sent_to_the_api_is_answered_as_it_was(world: World) -> None:
    found = {}
    for number, (method, path, body) in enumerate(SENT, start=1):
        sent = world.filled(body)
        send = getattr(world.ada, method.lower())
        answer = send(f"/api/v1/{world.path(path)}", sent, content_type="application/json")
        found[f"{number:02d} {method} {path}"] = {"sent": body, **shown(world, answer)}

    check("api/answers-to-what-is-sent.json", found)


def test_procedures_of_the_foreign_client_answer_as_they_did(world: World) -> None:
    tasks, boards = "benchmarks.BenchmarkTasksApiService", "benchmarks.BenchmarksApiService"
    named = {"ownerSlug": "ada", "taskSlug": "sums"}
    calls: list[tuple[str, Any]] = [
        ("security.OAuthService/IntrospectToken", {}),
        ("security.OAuthService/IntrospectToken", {"token": "pmk_wrong"}),
        ("security.OAuthService/IntrospectToken", {"token": 5}),
        ("models.ModelProxyApiService/GetModelProxyQuotas", {}),
        (f"{boards}/ListBenchmarkModels", {"pageSize": 2}),
        (f"{boards}/ListBenchmarkModels", {"pageSize": "many"}),
        (f"{boards}/GetBenchmarkLeaderboard", {"ownerSlug": "ada", "benchmarkSlug": "two-tasks"}),
        (f"{boards}/GetBenchmarkLeaderboard", {"ownerSlug": "ada", "benchmarkSlug": "none"}),
        (f"{tasks}/GetBenchmarkTask", {"slug": named}),
        (f"{tasks}/GetBenchmarkTask", {"slug": {**named, "taskSlug": "none"}}),
        (f"{tasks}/GetBenchmarkTask", {"slug": "ada/sums"}),
        (f"{tasks}/ListBenchmarkTasks", {}),
        (f"{tasks}/ListBenchmarkTasks", {"pageSize": 2}),
        (f"{tasks}/ListBenchmarkTasks", {"regexFilter": "su.*", "statusFilter": "completed"}),
        (f"{tasks}/ListBenchmarkTasks", {"regexFilter": "("}),
        (f"{tasks}/ListBenchmarkTasks", {"pageToken": "x"}),
        (f"{tasks}/ListBenchmarkTaskRuns", {"taskSlug": named}),
        (f"{tasks}/ListBenchmarkTaskRuns", {"taskSlug": named, "modelVersionSlugs": "x"}),
        (f"{tasks}/CreateBenchmarkTask", {"slug": "x", "text": "print(1"}),
        (f"{tasks}/CreateBenchmarkTask", {"slug": "x", "text": '{"cells": [], "nbformat": 4}'}),
        (f"{tasks}/CreateBenchmarkTask", {}),
        (f"{tasks}/PublishBenchmarkTask", {"slug": named}),
        (f"{tasks}/BatchScheduleBenchmarkTaskRuns", {"taskSlugs": [named]}),
        (
            f"{tasks}/BatchScheduleBenchmarkTaskRuns",
            {"taskSlugs": [named], "modelVersionSlugs": ["none"]},
        ),
        (f"{tasks}/BatchScheduleBenchmarkTaskRuns", {"taskSlugs": named}),
        (f"{tasks}/GetBenchmarkTaskRunLogs", {"runId": 999}),
        (f"{tasks}/ListTopics", {}),
    ]
    found = {}
    for reader, headers in (("ada", world.token_headers()), ("anybody", {})):
        for number, (name, body) in enumerate(calls, start=1):
            if reader == "anybody" and number > 6:
                break
            answer = world.anybody.post(
                f"/v1/{name}", body, content_type="application/json", headers=headers
            )
            told = shown(world, answer)
            found[f"{reader} {number:02d} {name.partition('/')[2]}"] = {"sent": body, **told}

    check("api/procedures.json", found)
