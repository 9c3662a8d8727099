"""Labels that hold for other versions of a task, and those that do not."""

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from plumbmark.common.jobs import deliver_events
from tasks_app.authoring import drafts, publication
from tasks_app.judges.actions import label_answer, make_label_set
from tasks_app.judges.queries import blind_answer, place_at
from tasks_app.models import JudgePanel, LabelSet, TaskVersion
from tasks_app.scorings.actions import rescore_runs_of
from tests.tasks.judges.test_judges import DEFINITION
from tests.tasks.judges.test_labels import is_right, judged, label_all, submitted_as

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def judge(world: Any) -> Any:
    world.add_deployment("echo")
    return world.add_deployment("judge")


def labelled_once(world: Any) -> tuple[TaskVersion, LabelSet]:
    """Return six answers each by two models, all labelled."""
    version = judged(world)
    label_set = make_label_set(version=version, by=world.ada)
    label_all(label_set, world.ada, is_right)
    return version, label_set


def next_version(world: Any, version: TaskVersion, *, items: int = 6, **changes: Any) -> Any:
    """Return the same task with another judge, or what `changes` say."""
    changed = dict(changes)
    row = changed.pop("row", {})
    definition = {**DEFINITION, **changed.pop("definition", {})}
    definition["scorers"] = [{**DEFINITION["scorers"][0], **changed}]
    lines = "\n".join(
        json.dumps(
            {"id": f"i{n}", "question": f"q{n}", "answer": f"a{n}", "hint": f"hint {n}", **row}
        )
        for n in range(items)
    )
    drafts.save_draft(
        task=version.task,
        definition_text=json.dumps(definition),
        upload=SimpleUploadedFile("items.jsonl", lines.encode()),
        by=world.ada,
    )
    return publication.publish_task(task=version.task, by=world.ada)


def marked_again(world: Any, version: TaskVersion) -> None:
    rescore_runs_of(version=version, by=world.ada)
    world.work()
    deliver_events()


def document_of(version: TaskVersion) -> Any:
    panel = JudgePanel.objects.filter(task_version=version).first()
    return panel.labelled.get("model_judge") if panel else None


def test_another_judge_of_the_same_answers_is_held_against_the_labels_there_are(
    world: Any, judge: Any
) -> None:
    first, _ = labelled_once(world)
    second = next_version(world, first, judges=["fake/judge"], max_output_tokens=900)
    marked_again(world, second)

    document = document_of(second)
    assert (document["labels"], document["carried"], document["answers"]) == (12, 12, 12)
    assert document["combined"]["kappa"] == 1
    assert document_of(first)["carried"] == 0
    page = Client().get(f"{second.get_absolute_url()}judges/")
    assert page.status_code == 200


def test_a_label_changed_later_is_taken_up_by_the_other_version(world: Any, judge: Any) -> None:
    first, label_set = labelled_once(world)
    second = next_version(world, first, max_output_tokens=900)
    marked_again(world, second)

    place = place_at(label_set, 0)
    label_answer(place=place, value=1 - is_right(place), by=world.ada)

    assert document_of(second)["combined"]["n_equal"] == 11
    assert document_of(first)["combined"]["n_equal"] == 11


def test_a_label_of_the_version_at_hand_takes_the_place_of_an_earlier_one(
    world: Any, judge: Any
) -> None:
    first, _ = labelled_once(world)
    second = next_version(world, first, max_output_tokens=900)
    marked_again(world, second)
    own = make_label_set(version=second, size=4, by=world.ada)

    label_all(own, world.ada, lambda place: 1 - is_right(place))

    document = document_of(second)
    assert (document["labels"], document["carried"]) == (12, 8)
    assert document["combined"]["n_equal"] == 8
    # The first version's answers were labelled under it: its own labels stand.
    assert (document_of(first)["carried"], document_of(first)["combined"]["n_equal"]) == (0, 12)


@pytest.mark.parametrize(
    "changes",
    [
        {"rubric": "Is it exactly {target}? {hint}\n\n{output}"},
        {"scale": [0, 5]},
        {"row": {"hint": "another hint"}},
        {"row": {"answer": "b"}},
    ],
    ids=["rubric", "scale", "a column of the rubric", "target"],
)
def test_what_a_labeller_would_see_otherwise_carries_nothing_over(
    world: Any, judge: Any, changes: dict[str, Any]
) -> None:
    first, _ = labelled_once(world)
    second = next_version(world, first, **changes)
    assert second.question_hash == first.question_hash
    marked_again(world, second)

    assert document_of(second) is None


def test_answers_that_came_anew_word_for_word_count_once_for_their_own_model(
    world: Any, judge: Any
) -> None:
    first, _ = labelled_once(world)
    # Two questions more: other questions in all, so the old runs cannot be marked again.
    second = next_version(world, first, items=8)
    assert second.question_hash != first.question_hash
    new = [f"a{n}" if n % 2 else "no" for n in range(8)]
    submitted_as(world, second, "one", [*new[:5], "not a5 any more", *new[6:]])
    submitted_as(world, second, "one", new)
    submitted_as(world, second, "three", new)
    world.work()
    deliver_events()

    document = document_of(second)
    assert (document["labels"], document["carried"], document["answers"]) == (6, 6, 6)


def test_another_question_with_an_equal_answer_carries_nothing_over(world: Any, judge: Any) -> None:
    first, _ = labelled_once(world)
    asked = {"messages": [{"role": "user", "content": "Now: {question}"}]}
    second = next_version(world, first, definition={"prompt": asked})
    submitted_as(world, second, "one", [f"a{n}" if n % 2 else "no" for n in range(6)])
    world.work()
    deliver_events()

    assert document_of(second) is None


def test_the_labeller_sees_the_right_answer_of_the_version_at_hand(world: Any, judge: Any) -> None:
    first = judged(world)
    second = next_version(world, first, row={"answer": "b"})
    marked_again(world, second)
    label_set = make_label_set(version=second, by=world.ada)

    answer = blind_answer(place_at(label_set, 0), by=world.ada)

    assert answer.targets == ["b"]
    assert answer.criteria.startswith("Is it b? hint")
