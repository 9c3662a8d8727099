"""Model suites: whose they are, who sees them, and all of one into a benchmark's grid."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client

from benchmarks_app.models import ModelSuite
from benchmarks_app.suites.actions import create_suite, update_suite
from benchmarks_app.suites.queries import contenders_of, suite_fingerprint, visible_suites
from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from plumbmark.gateway.actions import ensure_baselines
from tasks_app.runs.contenders import contender_of_deployment
from tests.factories import publish_benchmark, publish_task

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _gateway_ends() -> Iterator[None]:
    yield
    from plumbmark.gateway.calls import runtime

    runtime.shutdown()


@pytest.fixture
def ada(open_account: Callable[..., Any]) -> Any:
    return open_account(handle="ada")


def contenders(user: Any) -> list[Any]:
    """Return two of one model, in two configurations, and one of another."""
    first, second = ensure_baselines()[:2]
    return [
        contender_of_deployment(deployment=first, by=user),
        contender_of_deployment(deployment=first, configuration={"temperature": 1.0}, by=user),
        contender_of_deployment(deployment=second, by=user),
    ]


def make(user: Any, name: str = "Small", **given: Any) -> ModelSuite:
    given = {"namespace": user.namespace, "contenders": contenders(user), **given}
    return create_suite(name=name, by=user, **given)


def test_a_suite_keeps_its_order_and_is_its_owners_until_it_is_public(
    ada: Any, open_account: Callable[..., Any]
) -> None:
    bob = open_account(handle="bob")
    wanted = contenders(ada)[::-1]
    suite = make(ada, contenders=wanted)
    make(ada, "Another")

    assert list(contenders_of(suite, to=ada)) == wanted
    assert [one.size for one in visible_suites(to=ada)] == [3, 3]
    assert not visible_suites(to=bob).exists()
    update_suite(suite=suite, is_public=True, by=ada)
    assert list(visible_suites(to=bob)) == [suite]
    assert list(contenders_of(suite, to=bob)) == wanted
    with pytest.raises(NotAllowed):
        update_suite(suite=suite, name="Mine now", by=bob)


def test_the_platforms_suites_are_written_by_staff(
    ada: Any, open_account: Callable[..., Any]
) -> None:
    with pytest.raises(NotAllowed, match="Only staff"):
        make(ada, namespace=None)
    keeper = open_account(handle="keeper", is_administrator=True)
    make(keeper, namespace=None, is_public=True)
    make(ada)
    assert [one.namespace for one in visible_suites(to=ada)] == [None, ada.namespace]


@pytest.mark.parametrize(
    ("given", "path"),
    [({"contenders": []}, "contenders"), ({"name": " "}, "name"), ({"name": "Taken"}, "name")],
)
def test_a_suite_of_nothing_or_without_a_name_of_its_own_is_refused(
    ada: Any, given: dict[str, Any], path: str
) -> None:
    make(ada, "Taken")
    with pytest.raises(InvalidInput) as error:
        make(ada, **given)
    assert [one.path for one in error.value.problems] == [path]
    assert ModelSuite.objects.count() == 1


def test_the_second_of_two_editors_of_a_suite_is_told(ada: Any) -> None:
    suite = make(ada)
    read = suite_fingerprint(suite)
    update_suite(suite=suite, name="First", fingerprint=read, by=ada)
    with pytest.raises(Conflict, match="Somebody saved this suite"):
        update_suite(suite=suite, name="Second", fingerprint=read, by=ada)
    suite.refresh_from_db()
    assert suite.name == "First"


def test_the_pages_lead_from_a_new_suite_into_the_grid(
    ada: Any, client: Client, open_account: Callable[..., Any]
) -> None:
    ensure_baselines()
    publish_benchmark(ada, [publish_task(ada, "One", items=1)])
    client.force_login(ada)

    empty = client.post("/suites/new/", {"name": "Small"})
    assert empty.status_code == 422
    assert "at least one contender" in empty.content.decode()
    sent = {"name": "Small", "deployment": ["baseline/echo", "baseline/constant"]}
    made = client.post("/suites/new/", {**sent, "more": "1"})
    suite = ModelSuite.objects.get()
    assert made["Location"] == f"/suites/{suite.public_id}/edit/"
    kept = [one.public_id for one in contenders_of(suite, to=ada)]
    hot = {"deployment": "baseline/echo", "temperature": "1"}
    client.post(made["Location"], {"name": "Small", "contender": kept, **hot})
    assert suite.contenders.count() == 3

    asked = {"suite": suite.public_id, "policy": "missing"}
    grid = client.post("/benchmarks/ada/world/grid/", asked, follow=True).content.decode()
    assert "Start 3 runs?" in grid

    assert "Small" in client.get("/suites/").content.decode()
    assert "Echo (temperature 1)" in client.get(suite.get_absolute_url()).content.decode()
    client.force_login(open_account(handle="eve"))
    assert client.get(suite.get_absolute_url()).status_code == 404
    assert client.post(f"/suites/{suite.public_id}/erase/").status_code == 404
    client.force_login(ada)
    asked = client.get(f"/suites/{suite.public_id}/erase/")
    assert "cannot be brought back" in asked.content.decode()
    assert ModelSuite.objects.filter(pk=suite.pk).exists()
    assert client.post(f"/suites/{suite.public_id}/erase/").status_code == 302
    assert not ModelSuite.objects.exists()


def test_the_api_writes_suites_by_the_same_rules(
    ada: Any, client: Client, django_assert_max_num_queries: Any
) -> None:
    client.force_login(ada)
    ids = [one.public_id for one in contenders(ada)]
    json = "application/json"

    body = {"name": "Small", "contenders": ids}
    made = client.post("/api/v1/suites", body, content_type=json)
    assert made.status_code == 201
    assert [one["id"] for one in made.json()["contenders"]] == ids
    address = f"/api/v1/suites/{made.json()['suite']['id']}"
    change = {"contenders": ids[:1], "fingerprint": made.json()["fingerprint"]}
    assert client.patch(address, change, content_type=json).status_code == 200
    assert client.patch(address, change, content_type=json).status_code == 409
    unknown = {"name": "Other", "contenders": ["nobody"]}
    assert client.post("/api/v1/suites", unknown, content_type=json).status_code == 422
    staff = {**body, "name": "P", "of_platform": True}
    assert client.post("/api/v1/suites", staff, content_type=json).status_code == 403
    with django_assert_max_num_queries(8):
        assert [one["name"] for one in client.get("/api/v1/suites").json()["results"]] == ["Small"]
    assert client.delete(address).status_code == 204
