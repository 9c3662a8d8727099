"""The API fuzzed from its own OpenAPI description: whatever is sent, no answer is a 500, and every
answer has a status, a type and a shape that the operation declares.

In-process through WSGI, as a signed-in owner of real rows, so that paths lead somewhere.
"""

import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from plumbmark.accounts.models import Namespace
from plumbmark.accounts.tokens import issue_token
from plumbmark.config.demo import load_demo
from plumbmark.config.wsgi import application
from plumbmark.gateway.calls import runtime
from tasks_app.jobs import work
from tests.factories import DEFINITION, publish_task, submit
from tests.oracles import openapi_checks, schemathesis

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
PARTS = 4
"""So that several workers share them."""


@pytest.fixture
def owner(open_account: Callable[..., Any], settings: Any) -> Iterator[dict[str, str]]:
    """A token of the demo's owner, and real ids for the paths."""
    from benchmarks_app.models import Benchmark, BenchmarkVersion, Entry
    from tasks_app.models import Contender, Run, Task, TaskVersion

    settings.API_REQUESTS_PER_MINUTE = 10**9
    load_demo()
    while "nothing" not in work():
        pass
    person = Namespace.objects.get(handle="demo").user
    assert person is not None
    issued = issue_token(user=person, name="fuzz", scopes=["read", "write"], expires_at=None)
    yield {
        "token": issued.secret,
        "tasks": Task.objects.first().public_id,
        "task-versions": TaskVersion.objects.first().public_id,
        "contenders": Contender.objects.first().public_id,
        "benchmarks": Benchmark.objects.first().public_id,
        "benchmark-versions": BenchmarkVersion.objects.first().public_id,
        "run_id": str(Run.objects.first().pk),
        "entry_id": str(Entry.objects.first().pk),
        "label-sets": _label_set(person),
        "position": "0",
    }
    runtime.shutdown()


def _label_set(person: Any) -> str:
    """A set of judged answers, of a task that a baseline judges without ever giving a verdict."""
    from tasks_app.models import LabelSample, LabelSet, Sample

    judged = DEFINITION.replace(
        "{type: exact}", "{type: model_judge, judges: [baseline/echo], rubric: 'Well? {output}'}"
    )
    version = publish_task(person, "Judged", definition=judged)
    submit(person, version, "fuzzed", 2)
    while "nothing" not in work():
        pass
    made = LabelSet.objects.create(
        task_version=version, scorer="model_judge", seed=1, size=1, created_by=person
    )
    sample = Sample.objects.filter(run__task_version=version).first()
    LabelSample.objects.create(label_set=made, position=0, sample=sample)
    return made.public_id


@pytest.mark.parametrize("part", range(PARTS))
def test_no_request_that_the_description_admits_or_not_gets_an_undeclared_answer(
    owner: dict[str, str], part: int
) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema", application)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 40

    for operation in operations[part::PARTS]:
        _fuzz(operation, operation.as_strategy(), owner)
        if _can_be_wrong(operation):
            wrong = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
            _fuzz(operation, wrong, owner)


def _can_be_wrong(operation: Any) -> bool:
    """No text can be that has no rules: Hypothesis would try for it a thousand times."""
    in_path = [parameter.definition["schema"]["type"] for parameter in operation.path_parameters]
    in_headers = [set(parameter.definition["schema"]) for parameter in operation.headers]
    return bool(
        operation.query
        or any(words - {"type"} for words in in_headers)
        or operation.cookies
        or operation.body
        or any(kind != "string" for kind in in_path)
    )


def _fuzz(operation: Any, strategy: Any, owner: dict[str, str]) -> None:
    kind = operation.path.strip("/").split("/")[2 if operation.path.startswith("/api") else 0]
    checks = [
        schemathesis.checks.not_a_server_error,
        openapi_checks.status_code_conformance,
        openapi_checks.content_type_conformance,
        openapi_checks.response_schema_conformance,
    ]

    @given(case=strategy, real=st.booleans())
    @settings(
        max_examples=8,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    def fuzz(case: Any, real: bool) -> None:
        if real:
            # Half of the time the path leads to a row.
            for name in list(case.path_parameters or {}):
                value = owner.get(kind if name == "public_id" else name)
                if value is not None:
                    case.path_parameters[name] = value
        headers = {"Authorization": f"Bearer {owner['token']}", "Accept-Encoding": "identity"}
        response = case.call(headers=headers)
        case.validate_response(response, checks=checks)

    fuzz()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b'{"title": NaN}',
        b'{"title": "\\u0000"}',
        b'{"title": "\\ud800"}',
        b'{"title": {"a": []}}',
        b'{"title": "' + b"x" * 1_000_000 + b'"}',
        b"[" * 5000,
        b'{"title": "a", "unknown": 1}',
        b'{"title": "a", "namespace": "somebody-else"}',
        b'{"title": "a", "tags": [1, null, "\\u202e"]}',
        '{"title": "é"}'.encode("utf-16"),
    ],
)
def test_a_bad_body_is_told_as_a_problem_and_leaves_nothing(
    body: bytes, open_account: Callable[..., Any], client: Any
) -> None:
    from benchmarks_app.models import Benchmark
    from tasks_app.models import Task

    person = open_account(handle="ada")
    issued = issue_token(user=person, name="t", scopes=["read", "write"], expires_at=None)

    for path in ("tasks", "benchmarks", "runs", "contenders", "runs/cost-bound"):
        response = client.post(
            f"/api/v1/{path}",
            data=body,
            content_type="application/json",
            headers={"Authorization": f"Bearer {issued.secret}"},
        )
        assert 400 <= response.status_code < 500, (path, response.content)
        problem = json.loads(response.content)
        assert response["Content-Type"] == "application/problem+json"
        assert problem["status"] == response.status_code
        assert problem["detail"]
    assert not Task.objects.exists()
    assert not Benchmark.objects.exists()


def test_random_bytes_in_addresses_are_never_a_server_error(
    client: Any, open_account: Callable[..., Any]
) -> None:
    client.force_login(open_account(handle="ada", is_administrator=True))
    draw = random.Random(5)
    paths = ["api/v1/tasks", "api/v1/runs", "benchmarks", "tasks", "runs", "standings", "people"]

    for _ in range(150):
        tail = "".join(f"%{draw.randrange(256):02x}" for _ in range(draw.randint(1, 8)))
        query = "".join(f"%{draw.randrange(256):02x}" for _ in range(draw.randint(1, 8)))
        for path in (
            f"/{draw.choice(paths)}/{tail}/",
            f"/{draw.choice(paths)}?q={query}&cursor={query}",
        ):
            assert client.get(path).status_code < 500, path
