"""The bound of a large version is computed once for what it depends on, and never stale."""

from typing import Any

import pytest

from plumbmark.gateway.actions import set_price
from plumbmark.gateway.models import Deployment
from tasks_app.runs import declarative
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.cost import cost_bound

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def computed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the deployments for which a bound was really computed."""
    found: list[str] = []
    compute = declarative.DeclarativeKind._compute_bound

    def count(kind: Any, deployment: Deployment, *args: Any, **more: Any) -> Any:
        found.append(deployment.slug)
        return compute(kind, deployment, *args, **more)

    monkeypatch.setattr(declarative.DeclarativeKind, "_compute_bound", count)
    monkeypatch.setattr("tasks_app.runs.stored_bounds.MIN_ITEMS", 1)
    return found


@pytest.fixture
def version(world: Any) -> Any:
    return world.version(items=5)


def price(deployment: Deployment, dollars: int) -> None:
    set_price(
        deployment=deployment,
        input_per_mtok=dollars * 10**9,
        output_per_mtok=dollars * 10**9,
        by=None,
    )


def test_it_is_computed_once_and_again_for_whatever_changes_it(
    world: Any, version: Any, computed: list[str]
) -> None:
    deployment = world.add_deployment("model-a")
    price(deployment, 1)

    def bound(**configuration: Any) -> int:
        fresh = Deployment.objects.select_related("model").get(pk=deployment.pk)
        contender = contender_of_deployment(
            deployment=fresh, by=world.ada, configuration=configuration
        )
        return cost_bound(version=version, contender=contender, payer=world.ada.namespace).total

    first = bound()
    assert first > 0
    assert bound() == first
    assert len(computed) == 1

    price(deployment, 2)
    assert bound() == 2 * first
    assert len(computed) == 2
    assert bound(max_output_tokens=7) < 2 * first
    assert len(computed) == 3
    Deployment.objects.filter(pk=deployment.pk).update(options={"schema": "prompt"})
    bound()
    assert len(computed) == 4


def test_who_is_asked_in_which_role_is_part_of_it(
    world: Any, version: Any, computed: list[str]
) -> None:
    one, other = world.add_deployment("model-a"), world.add_deployment("model-b")
    price(one, 1)
    price(other, 3)
    bounds = [
        cost_bound(
            version=version,
            contender=contender_of_deployment(deployment=deployment, by=world.ada),
            payer=world.ada.namespace,
        ).total
        for deployment in (one, other)
    ]

    assert bounds[1] == 3 * bounds[0]
