"""What judges cost at most is said before a start, a re-score and a submission, and kept to."""

from typing import Any

import pytest
from django.test import Client

from plumbmark.common.errors import Conflict
from plumbmark.gateway.models import PriceCard
from tasks_app.models import Scoring
from tasks_app.runs.cost import bound_scoring, cost_bound
from tasks_app.scorings.actions import bound_rescoring, rescore_runs_of
from tests.tasks.authoring.test_pages import client_of
from tests.tasks.judges.test_judges import published, submitted

pytestmark = pytest.mark.django_db(transaction=True)

API = "/api/v1"


@pytest.fixture
def judge(world: Any) -> Any:
    return world.add_deployment("judge")


def test_the_bound_of_a_run_itemises_model_and_judges_and_is_kept(world: Any, judge: Any) -> None:
    version = published(world)
    contender = world.contender_of(world.add_deployment("echo"))

    bound = cost_bound(version=version, contender=contender, payer=world.ada.namespace)
    run = world.start(version, contender)
    world.work()
    run.refresh_from_db()
    scoring = Scoring.objects.get(run=run)

    model, judging = bound.parts
    assert (model.role, model.deployment) == ("model", "fake/echo")
    assert (judging.role, judging.deployment) == ("judge", "fake/judge")
    assert bound.total == model.total + judging.total == run.cost_bound
    assert 0 < run.charged <= model.total
    assert 0 < scoring.charged <= judging.total
    # A judge reads the whole answer: 4 items x 4,096 tokens at 0.5 USD per million, at least.
    assert judging.total > 4 * 4096 * 500


@pytest.mark.parametrize(
    ("scorer", "times"),
    [
        ({"judges": ["fake/judge", "fake/other", "fake/third"]}, 3),
        ({"rubric": "Which is better?", "mode": "pairwise"}, 2),
        ({"rubric": "{output} or {target}? {output}"}, 1),
    ],
)
def test_every_question_of_every_judge_is_part_of_the_bound(
    world: Any, judge: Any, scorer: dict[str, Any], times: int
) -> None:
    for name in ("other", "third"):
        world.add_deployment(name)
    version = published(world, scorer)

    short, long = (
        bound_scoring(version=version, payer=world.ada.namespace, output_bytes=size)
        for size in (0, 10**6)
    )

    answers = 1024 * 3_000_000_000 // 10**6 * 4
    assert times * answers < short.total < (times + 0.5) * answers
    # Each judge reads the output as often as it stands in its question, at 0.5 USD per million.
    shown = {3: 3, 2: 2, 1: 2}[times]
    assert long.total - short.total == 4 * shown * 10**6 * 500
    assert long.samples == 4


def test_a_judge_without_a_price_keeps_a_run_from_starting(world: Any, judge: Any) -> None:
    version = published(world)
    PriceCard.objects.filter(deployment=judge).delete()

    with pytest.raises(Conflict, match="No price is known for fake/judge"):
        world.start(version, world.contender_of(world.add_deployment("echo")))


def test_a_submission_and_a_second_scoring_are_bounded_before(world: Any, judge: Any) -> None:
    version = published(world)
    outputs = ["a0", "wrong", "x" * 3000, ""]

    before = bound_scoring(version=version, payer=world.ada.namespace, output_bytes=3000)
    page = client_of(world.ada).get(f"{version.task.get_absolute_url()}submit/")
    run = submitted(world, version, outputs)
    world.work()
    first = Scoring.objects.get(run=run)
    first.delete()
    again = bound_rescoring(version=version, by=world.ada)
    (second,) = rescore_runs_of(version=version, by=world.ada)
    world.work()
    second.refresh_from_db()

    assert 0 < first.charged <= before.total
    assert 0 < second.charged <= again.total < before.total
    assert "Models judge the outputs, at your expense" in page.content.decode()


def test_the_api_says_the_bounds_and_what_judges_cost(world: Any, judge: Any) -> None:
    version = published(world)
    visitor, at = client_of(world.ada), f"{API}/task-versions/{version.public_id}"

    small = visitor.get(f"{at}/submissions/cost-bound?output_bytes=10").json()
    usual = visitor.get(f"{at}/submissions/cost-bound").json()
    run = submitted(world, version, ["a0", "a1", "a2", "no"])
    world.work()
    again = visitor.get(f"{at}/rescore/cost-bound").json()
    shown = visitor.get(f"{API}/runs/{run.pk}").json()

    assert 0 < small["total_nanodollars"] < usual["total_nanodollars"]
    assert [part["role"] for part in usual["parts"]] == ["judge"]
    assert (again["samples"], again["total_nanodollars"]) == (0, 0)
    assert shown["judges_charged_nanodollars"] == Scoring.objects.get(run=run).charged > 0
    for wrong in ("-1", "many", "9" * 12):
        assert visitor.get(f"{at}/submissions/cost-bound?output_bytes={wrong}").status_code == 422
    assert Client().get(f"{at}/rescore/cost-bound").status_code == 401


def test_the_page_of_a_run_shows_what_all_of_it_cost(world: Any, judge: Any) -> None:
    run = world.start(published(world), world.contender_of(world.add_deployment("echo")))
    world.work()

    page = client_of(world.ada).get(run.get_absolute_url()).content.decode()

    assert "for answers," in page
    assert "for judges" in page
