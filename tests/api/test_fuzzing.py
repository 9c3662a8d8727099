"""The API fuzzed from its own OpenAPI description, as six people: whatever is sent, no answer is a
500, every answer has a status, a type and a shape that the operation declares, and nobody sees or
changes what is not theirs.

In-process through WSGI. `PLUMBMARK_FUZZ_EXAMPLES` makes more requests than the usual few.
"""

import io
import json
import os
import random
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from plumbmark.accounts.tokens import issue_token
from plumbmark.config.wsgi import application
from tests.api.fuzz_values import JUNK_VALUES, mutate
from tests.api.fuzz_world import ROLES, FuzzWorld, Person
from tests.oracles import openapi_checks, schemathesis

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.slow(seconds=35),
    # Schemathesis reads the files that are sent, but does not close them as servers do.
    pytest.mark.filterwarnings("ignore:.*<_io.*:pytest.PytestUnraisableExceptionWarning"),
]
PARTS = 4
"""So that several workers share them."""
USUAL_EXAMPLES = 4
EXAMPLES = int(os.environ.get("PLUMBMARK_FUZZ_EXAMPLES", USUAL_EXAMPLES))
"""Requests of an operation, valid and invalid ones each; every one is sent as each person."""
SAFE = {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize("part", range(PARTS))
def test_no_request_that_the_description_admits_or_not_gets_an_undeclared_answer(
    fuzz_world: FuzzWorld, errors: list[str], part: int
) -> None:
    schema = schemathesis.openapi.from_wsgi("/api/v1/schema", application)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) > 70

    for operation in operations[part::PARTS]:
        _fuzz(operation, operation.as_strategy(), fuzz_world)
        if _can_be_wrong(operation):
            wrong = operation.as_strategy(generation_mode=schemathesis.GenerationMode.NEGATIVE)
            _fuzz(operation, wrong, fuzz_world)
        assert errors == [], operation.label


def _can_be_wrong(operation: Any) -> bool:
    """Return whether a value can be wrong: no text that has no rules, for which Hypothesis would
    try a thousand times.
    """
    in_path = [parameter.definition["schema"]["type"] for parameter in operation.path_parameters]
    in_headers = [set(parameter.definition["schema"]) for parameter in operation.headers]
    return bool(
        operation.query
        or any(words - {"type"} for words in in_headers)
        or operation.cookies
        or operation.body
        or any(kind != "string" for kind in in_path)
    )


def _fuzz(operation: Any, strategy: Any, world: FuzzWorld) -> None:
    @given(case=strategy, seed=st.integers(0, 2**32 - 1))
    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=EXAMPLES == USUAL_EXAMPLES,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    def fuzz(case: Any, seed: int) -> None:
        case, leads_somewhere = fill_with_real(case, operation, world, random.Random(seed))
        for role in ROLES:
            ask(case, operation, world, world.people[role], leads_somewhere)

    fuzz()


def fill_with_real(
    drawn: Any, operation: Any, world: FuzzWorld, luck: random.Random
) -> tuple[Any, bool]:
    """Mostly lead the path to a row, and often send a body that is valid but for a few places;
    return the request, and whether its path is one of real values.
    """
    kind = operation.path.strip("/").split("/")[2]
    is_real = True
    path, query = dict(drawn.path_parameters or {}), dict(drawn.query or {})
    for name in path:
        known = world.places.get(kind if name == "public_id" else name)
        if known and luck.random() < 0.85:
            path[name] = luck.choice(known)
        else:
            is_real = False
    for parameter in operation.query:
        if luck.random() < 0.3:
            query[parameter.name] = luck.choice(world.places.get(parameter.name, JUNK_VALUES))
    bodies = world.bodies.get(operation.definition.raw["operationId"])
    body, media_type = drawn.body, drawn.media_type
    if bodies and luck.random() < 0.7:
        body = mutate(luck.choice(bodies), luck, luck.choice([0, 0, 1, 1, 2]))
        media_type = "application/json"
    # The credentials that were drawn are left out: each person has their own, or none.
    headers = {
        name: value
        for name, value in (drawn.headers or {}).items()
        if name.lower() not in {"authorization", "cookie"}
    }
    request = operation.Case(
        path_parameters=path, query=query, headers=headers, body=body, media_type=media_type
    )
    return request, is_real


def ask(case: Any, operation: Any, world: FuzzWorld, person: Person, is_real: bool) -> None:
    headers = {"Accept-Encoding": "identity", **person.headers}
    response = case.call(headers=headers)
    is_safe = case.method.upper() in SAFE
    try:
        case.validate_response(
            response,
            checks=[
                schemathesis.checks.not_a_server_error,
                openapi_checks.status_code_conformance,
                openapi_checks.content_type_conformance,
                openapi_checks.response_schema_conformance,
            ],
        )
        is_done = response.status_code < 400
        if person.role == "suspended":
            assert not is_done
            assert response.status_code in ({400, 401, 403} if is_real else {400, 401, 403, 404})
        if person.role == "anonymous" and not is_safe:
            assert not is_done
        shown = b"".join((_unpacked(response.content), repr(dict(response.headers)).encode()))
        asked = repr((case.path_parameters, dict(case.query or {}), case.body))
        assert world.too_much(person.role, shown, asked) == []
    except BaseException as error:
        error.add_note(f"as {person.role}: {case.as_curl_command()}\n{response.status_code}")
        raise
    finally:
        if not is_safe and response.status_code < 400:
            world.restore()


def _unpacked(content: bytes) -> bytes:
    """Return the content, and what the files of an archive contain."""
    if not content.startswith(b"PK"):
        return content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return b"".join((content, *(archive.read(name) for name in archive.namelist())))


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
