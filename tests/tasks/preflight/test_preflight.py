"""The pre-flight: the bound alone, a guess, a probe of five items, an earlier run."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from plumbmark.accounts.models import User
from tasks_app.models import Run, Sample
from tasks_app.preflight.actions import start_probe
from tasks_app.preflight.queries import ModelPreflight, preflight, probe_positions
from tasks_app.runs.control import retry_failed_samples

pytestmark = pytest.mark.django_db(transaction=True)


def look(world: Any, version: Any, *, by: User | None = None, **given: Any) -> ModelPreflight:
    user = by or world.ada
    (found,) = preflight(
        version, [world.deployment], {}, namespace=user.namespace, by=user, **given
    )
    return found


def probe(world: Any, version: Any, *, by: User | None = None) -> Run:
    user = by or world.ada
    trial = start_probe(
        version=version,
        deployments=[world.deployment],
        configuration={},
        namespace=user.namespace,
        by=user,
    )
    run: Run = trial.runs.get()
    return run


def test_before_anything_is_asked_the_bound_alone_is_known(world: Any) -> None:
    found = look(world, world.version(items=40))

    assert found.bound is not None
    assert found.bound.total > 0
    assert found.observed is None
    assert (found.cost, found.calls, found.seconds) == (None, None, None)
    assert found.discernment.detectable is None
    # 2.8016 · √(2 · 0.25 / 40).
    assert found.discernment.at_worst == pytest.approx(0.31323, abs=1e-4)


def test_a_probe_asks_five_items_drawn_at_random_and_the_numbers_come_from_it(world: Any) -> None:
    version = world.version(items=40)
    before = look(world, version)

    run = probe(world, version)
    assert look(world, version).is_probe_live
    world.work()

    run.refresh_from_db()
    positions = probe_positions(version)
    assert run.state == "completed"
    assert (run.purpose, run.samples_done, len(positions)) == ("try", 5, 5)
    assert positions != [0, 1, 2, 3, 4]
    asked = list(Sample.objects.filter(run=run).order_by("ordinal"))
    assert [one.item.position for one in asked] == positions
    found = look(world, version)
    assert found.is_probed
    assert found.calls is not None
    assert (found.calls.mean, found.calls.low, found.calls.high) == (40, 40, 40)
    assert found.cost is not None
    assert found.cost.mean == pytest.approx(sum(one.charged for one in asked) * 8)
    assert found.bound is not None
    assert found.cost.low is not None
    assert found.cost.high is not None
    assert 0 < found.cost.low <= found.cost.mean <= found.cost.high <= found.bound.total
    assert before.probe_bound is not None
    assert run.charged <= before.probe_bound.total < found.bound.total
    # All right: Beta(5.5, 0.5) has the variance 2.75 / 42, so 2.8016 · √(2 · 0.06548 / 40).
    assert found.discernment.detectable == pytest.approx(0.16030, abs=1e-4)
    # 7.84888 · 2 · 0.065476 / 0.05² = 411.13.
    assert found.discernment.needed == 412
    assert look(world, version, points=20.0).discernment.needed is None


def test_the_run_is_within_its_range_and_then_the_numbers_come_from_it(world: Any) -> None:
    version = world.version(items=40)
    probe(world, version)
    world.work()
    likely = look(world, version).cost
    run = world.start(version)
    world.work()

    run.refresh_from_db()
    found = look(world, version)
    assert likely is not None
    assert likely.low is not None
    assert likely.high is not None
    assert likely.low <= run.charged <= likely.high
    assert found.observed is not None
    assert (found.observed.source, found.observed.run) == ("run", run)
    assert found.cost is not None
    assert found.cost.mean == pytest.approx(run.charged)


def test_another_models_tokens_are_a_guess_at_this_models_price(world: Any) -> None:
    version = world.version(items=10)
    run = world.start(version)
    world.work()
    run.refresh_from_db()
    other = world.add_deployment("echo")

    (found,) = preflight(version, [other], {}, namespace=world.ada.namespace, by=world.ada)

    assert found.observed is not None
    assert found.observed.source == "other-model"
    assert found.seconds is None
    assert found.cost is not None
    # Both have the same price.
    assert found.cost.mean == pytest.approx(run.charged, rel=0.01)
    # What one may not see is not used.
    bob = world.person("bob")
    assert look(world, version, by=bob).observed is None


def test_somebody_else_may_probe_a_public_task(world: Any) -> None:
    version = world.version(items=12)
    bob = world.person("bob")

    probe(world, version, by=bob)
    world.work()

    assert look(world, version, by=bob).is_probed
    assert look(world, version).observed is None


def test_a_failed_item_of_a_probe_is_asked_again_alone(world: Any) -> None:
    version = world.version(items=40)
    run = probe(world, version)
    world.work()
    last = Sample.objects.filter(run=run).order_by("-ordinal")[0]
    Sample.objects.filter(pk=last.pk).update(is_scored=False)
    Run.objects.filter(pk=run.pk).update(samples_unscored=1)

    retry_failed_samples(run=Run.objects.get(pk=run.pk), by=world.ada)
    world.work()

    run.refresh_from_db()
    assert (run.state, run.samples_done) == ("completed", 5)
    assert Sample.objects.filter(run=run).count() == 5


def test_the_page_probes_and_leads_to_the_run(
    world: Any, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    version = world.version(items=40)
    page = Client()
    page.force_login(world.ada, backend="django.contrib.auth.backends.ModelBackend")
    address = reverse("tasks:preflight", args=["ada", version.task.slug])
    values = {"models": "fake/arithmetic", "temperature": "0.5", "difference": "10"}

    first = page.get(address, values).content.decode()
    assert "Ask 5 items first (at most" in first
    assert "nothing is known of it on these questions yet but the bound" in first
    assert not Run.objects.exists()
    asked = page.post(address, values)
    assert "The probe is under way" in page.get(asked.url).content.decode()
    world.work()
    with django_assert_max_num_queries(8):
        found = page.get(asked.url).content.decode()

    assert "from a probe of 5 items" in found
    assert "40 items are too few for a difference of 10 points: about 103 would do." in found
    assert Run.objects.get().parameters["temperature"] == 0.5
    start = page.get(
        reverse("tasks:run", args=["ada", version.task.slug]),
        {
            "deployment": "fake/arithmetic",
            "purpose": "exploratory",
            "temperature": "0.5",
        },
    ).content.decode()
    assert "From a probe of 5 items" in start
    assert page.get(address, {"models": "fake/arithmetic", "difference": "x"}).status_code == 422


def test_the_api_has_the_same_numbers(world: Any) -> None:
    version = world.version(items=40)
    api = APIClient()
    api.force_authenticate(world.ada)
    address = f"/api/v1/task-versions/{version.public_id}/preflight"
    body = {"models": ["fake/arithmetic"]}

    before = api.post(address, body, format="json").json()["models"][0]
    started = api.post(f"{address}/probe", body, format="json")
    world.work()
    after = api.post(address, body, format="json").json()["models"][0]

    assert before["observed"] is None
    assert before["bound"]["samples"] == 40
    assert started.status_code == 201
    assert after["observed"]["kind"] == "probe"
    assert after["calls"] == {"mean": 40.0, "low": 40.0, "high": 40.0}
    assert after["difference"]["items_needed"] == 412
    assert api.post(address, {"models": []}, format="json").status_code == 422
    assert (
        api.post(address, {**body, "configuration": {"heat": 1}}, format="json").status_code == 422
    )
