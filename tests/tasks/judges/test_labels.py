"""Labelling judged answers blind, and what the labels tell of the judges."""

from typing import Any

import pytest

from plumbmark.common.errors import Conflict, InvalidInput, NotAllowed
from plumbmark.common.jobs import deliver_events
from plumbmark.common.models import AuditEvent
from tasks_app.judges.actions import label_answer, make_label_set, unlabelled
from tasks_app.judges.queries import (
    blind_answer,
    disagreements,
    label_sets_of,
    place_at,
    trust_in_judges,
)
from tasks_app.models import (
    JudgeLabel,
    JudgePanel,
    LabelSet,
    SampleScore,
    TaskVersion,
)
from tests.tasks.judges.test_judges import published, submitted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def judge(world: Any) -> Any:
    """Return a judge that finds right whatever holds the target."""
    return world.add_deployment("judge")


def judged(world: Any, *, items: int = 6, **scorer: Any) -> TaskVersion:
    """Return a version whose answers by two models are judged: every second one right."""
    version = published(world, scorer or None, count=items)
    for name in ("one", "two"):
        submitted_as(world, version, name, [f"a{n}" if n % 2 else "no" for n in range(items)])
    world.work()
    deliver_events()
    return version


def submitted_as(world: Any, version: TaskVersion, name: str, outputs: list[str]) -> Any:
    from tasks_app.runs.submissions import submit_outputs

    return submit_outputs(
        version=version,
        model_name=name,
        maker=f"Maker {name}",
        namespace=world.ada.namespace,
        rows=[{"id": f"i{n}", "output": output} for n, output in enumerate(outputs)],
        by=world.ada,
    )


def label_all(label_set: LabelSet, by: Any, value: Any) -> None:
    """Label every answer with `value(place)`."""
    for position in range(label_set.size):
        place = place_at(label_set, position)
        label_answer(place=place, value=value(place), by=by)


def is_right(place: Any) -> float:
    return float(place.sample.output.startswith("a"))


def test_a_set_is_drawn_evenly_from_the_models_and_again_by_its_seed(
    world: Any, judge: Any
) -> None:
    version = judged(world)

    one = make_label_set(version=version, size=6, seed=7, by=world.ada)
    again = make_label_set(version=version, size=6, seed=7, by=world.ada)

    samples = list(one.label_samples.values_list("position", "sample_id", "sample__run_id"))
    assert samples == list(again.label_samples.values_list("position", "sample_id", "sample__run"))
    runs = [run for *_, run in samples]
    assert sorted(runs.count(run) for run in set(runs)) == [3, 3]
    assert one.label_samples.values("sample__item").distinct().count() == 6


def test_what_the_labeller_sees_names_no_model_and_no_verdict(world: Any, judge: Any) -> None:
    version = judged(world)
    label_set = make_label_set(version=version, seed=1, by=world.ada)

    answer = blind_answer(place_at(label_set, 0), by=world.ada)

    told = repr(answer)
    assert "one" not in told.replace("None", "")
    assert "Maker" not in told
    assert "fake/judge" not in told
    assert answer.criteria.startswith(f"Is it a{answer.item_key[1:]}? hint")
    assert answer.messages == [{"role": "user", "content": f"q{answer.item_key[1:]}"}]


def test_labels_that_agree_with_the_judge_give_a_kappa_of_one(world: Any, judge: Any) -> None:
    version = judged(world)
    label_set = make_label_set(version=version, by=world.ada)

    label_all(label_set, world.ada, is_right)

    document = JudgePanel.objects.get(task_version=version).labelled["model_judge"]
    assert document["labels"] == label_set.size == 12
    assert document["combined"]["kappa"] == 1
    assert document["combined"]["n_clusters"] == 6
    assert 0 < document["judges"]["fake/judge"]["low"] < 1
    assert not disagreements(label_set, by=world.ada)


def test_labels_that_differ_lower_it_and_the_differences_are_told(world: Any, judge: Any) -> None:
    version = judged(world)
    label_set = make_label_set(version=version, by=world.ada)
    places = [place_at(label_set, position) for position in range(label_set.size)]
    strict = next(place for place in places if is_right(place))

    label_all(label_set, world.ada, lambda place: 0.0 if place == strict else is_right(place))

    combined = JudgePanel.objects.get(task_version=version).labelled["model_judge"]["combined"]
    assert combined["n_equal"] == 11
    # 11 of 12 agree; by chance 7/12 × 6/12 + 5/12 × 6/12 = 1/2.
    assert combined["kappa"] == pytest.approx((11 / 12 - 0.5) / 0.5)
    assert combined["low"] < combined["kappa"] < combined["high"]
    (told,) = disagreements(label_set, by=world.ada)
    assert (told.label, told.verdict) == (0.0, 1.0)
    assert told.ordinal == strict.sample.ordinal


def test_a_label_can_be_skipped_and_changed_and_the_trail_keeps_both(
    world: Any, judge: Any
) -> None:
    version = judged(world)
    label_set = make_label_set(version=version, size=2, by=world.ada)
    place = place_at(label_set, 0)

    label_answer(place=place, value=None, by=world.ada)
    assert unlabelled(label_set, by=world.ada) == [1, 0]
    label_answer(place=place, value=1.0, by=world.ada)
    label_answer(place=place, value=0.0, by=world.ada)

    assert unlabelled(label_set, by=world.ada) == [1]
    assert JudgeLabel.objects.get(label_sample=place).value == 0.0
    trail = AuditEvent.objects.filter(action="label-answer").order_by("id")
    assert [event.details["before"] for event in trail] == ["none", None, 1.0]
    assert [event.details["value"] for event in trail] == [None, 1.0, 0.0]
    (listed,) = label_sets_of(version, by=world.ada)
    assert (listed.done, listed.skipped) == (1, 0)


def test_strangers_neither_draw_nor_label(world: Any, judge: Any) -> None:
    version = judged(world)
    label_set = make_label_set(version=version, by=world.ada)
    mallory = world.person("mallory")

    with pytest.raises(NotAllowed):
        make_label_set(version=version, by=mallory)
    with pytest.raises(NotAllowed):
        label_answer(place=place_at(label_set, 0), value=1.0, by=mallory)


@pytest.mark.parametrize(
    ("scorer", "wrong", "right"),
    [
        ({}, 0.5, 1.0),
        ({"scale": [1, 5], "metric": {"name": "g", "unit": "", "bounds": [1, 5]}}, 6.0, 4.5),
        ({"mode": "pairwise", "rubric": "Which is better? {hint}"}, 0.3, 0.5),
    ],
)
def test_a_label_is_on_the_scale_of_the_judges(
    world: Any, judge: Any, scorer: dict[str, Any], wrong: float, right: float
) -> None:
    version = published(world, scorer)
    run = submitted(world, version, ["a0", "no", "a2", "no"])
    world.work()
    # The fake judge knows neither grades nor pairs; any score will do to draw from.
    SampleScore.objects.filter(sample__run=run).update(value=1.0)
    label_set = make_label_set(version=version, by=world.ada)
    place = place_at(label_set, 0)

    with pytest.raises(InvalidInput, match="must be"):
        label_answer(place=place, value=wrong, by=world.ada)
    assert label_answer(place=place, value=right, by=world.ada).value == right


def test_a_task_without_judges_or_answers_has_nothing_to_label(world: Any, judge: Any) -> None:
    with pytest.raises(Conflict, match="No models judge"):
        make_label_set(version=world.version(4), by=world.ada)
    with pytest.raises(Conflict, match="Run a model first"):
        make_label_set(version=published(world), by=world.ada)


def test_invalid_runs_are_not_drawn_from(world: Any, judge: Any) -> None:
    from tasks_app.models import Run
    from tasks_app.runs.control import invalidate_run

    version = judged(world)
    run = Run.objects.filter(task_version=version).latest("id")
    invalidate_run(run=run, reason="A copy of the answers.", by=world.ada)

    label_set = make_label_set(version=version, by=world.ada)

    assert not label_set.label_samples.filter(sample__run=run).exists()


def test_trust_is_told_to_everybody_with_thirty_labels_and_not_before(
    world: Any, judge: Any
) -> None:
    version = judged(world, items=16)
    label_set = make_label_set(version=version, size=32, by=world.ada)
    for position in range(29):
        place = place_at(label_set, position)
        label_answer(place=place, value=is_right(place), by=world.ada)
    assert trust_in_judges(version) == {"judges": ["fake/judge"], "labels": 0}

    label_all(label_set, world.ada, is_right)

    trust = trust_in_judges(version)
    assert trust is not None
    assert (trust["labels"], trust["kappa"], trust["high"]) == (32, 1.0, 1.0)


def test_two_judges_are_held_against_each_other(world: Any, judge: Any) -> None:
    for name in ("echo", "arithmetic-2"):
        world.add_deployment(name)
    version = judged(world, judges=["fake/judge", "fake/echo", "fake/arithmetic-2"])

    document = JudgePanel.objects.get(task_version=version).judged["model_judge"]

    assert document["no_verdict"]["fake/judge"] == 0
    assert document["no_verdict"]["fake/echo"] == 12
    assert [one["n"] for one in document["between"]] == [0, 0, 0]
    assert document["between"][0]["kappa"] is None


def test_a_secondary_judge_keeps_what_each_judge_said(world: Any, judge: Any) -> None:
    from tasks_app.kinds import kind_of
    from tasks_app.scorings.output_scorer import ItemVerdict, OutputScorer

    version = published(world)
    scorer = OutputScorer.of_definition(kind_of(version).definition, secret="")
    scorer._main = "exact"
    told = {"judges": [{"judge": "fake/judge", "value": 1.0, "swapped": False}]}

    mark = scorer._together(
        {"exact": ItemVerdict(1.0, "", ""), "opinion": ItemVerdict(1.0, "", "", told)}
    )

    assert mark.details["scorers"]["opinion"]["judges"] == told["judges"]
