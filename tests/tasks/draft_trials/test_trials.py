"""Trying: three items of up to four models at once, by real runs, shown side by side."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from rest_framework.test import APIClient

from plumbmark.common.clock import now
from plumbmark.common.errors import Conflict
from tasks_app.authoring import drafts, publication
from tasks_app.draft_trials.actions import bound_trial, start_trial
from tasks_app.draft_trials.queries import side_by_side, trial_at
from tasks_app.models import ItemTrial, Run, TaskVersion
from tasks_app.runs.contenders import contender_of_deployment

pytestmark = pytest.mark.django_db(transaction=True)

DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer, split: {column: split, private: [held]}}
prompt:
  messages: [{role: user, content: "What is {question}?"}]
sampling: {temperature: 0, max_output_tokens: 32}
scorers: [{type: exact}, {type: includes}]
"""
ROWS = b"""\
{"id": "a", "question": "1+1", "answer": "2", "split": "open"}
{"id": "b", "question": "2+2", "answer": "5", "split": "held"}
{"id": "c", "question": "3+3", "answer": "6", "split": "open"}
{"id": "d", "question": "4+4", "answer": "8", "split": "open"}
"""


def build(world: Any, definition: str = DEFINITION) -> TaskVersion:
    task = world.task()
    drafts.save_draft(
        task=task,
        definition_text=definition,
        upload=SimpleUploadedFile("sums.jsonl", ROWS),
        by=world.ada,
    )
    return publication.build_version(task=task, by=world.ada)


def client_of(user: Any) -> Client:
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_three_items_of_a_draft_are_asked_of_several_models_and_scored(world: Any) -> None:
    version = build(world)
    assert version.state == "ready"
    wordy = world.contender_of(world.add_deployment("echo"))
    unpriced = world.contender_of(world.add_deployment("model-a", priced=False))
    asked = [world.contender, wordy, unpriced]
    given = {"version": version, "contenders": asked, "namespace": world.ada.namespace}

    bounds = bound_trial(**given, by=world.ada)
    assert [one.is_askable for one in bounds] == [True, True, False]
    assert "No price" in bounds[2].refusal
    trial = start_trial(**given, by=world.ada)
    world.work()

    found = side_by_side(trial_at(trial.public_id, to=world.ada), to=world.ada)
    assert not found.is_live
    assert list(trial.refusals) == ["fake/model-a"]
    assert [row.item.key for row in found.rows] == ["a", "b", "c"]
    first, second = zip(*(row.answers for row in found.rows), strict=True)
    assert [one.output.text for one in first] == ["2", "4", "6"]
    assert [[v.value for v in one.verdicts] for one in first] == [[1, 1], [0, 0], [1, 1]]
    assert [v.scorer for v in first[0].verdicts] == ["exact", "includes"]
    assert [one.value for one in second] == [0, 0, 0]
    # Metered like any call, and within what was said before.
    assert 0 < found.columns[0].charged <= bounds[0].bound.total  # type: ignore[union-attr]
    assert Run.objects.exclude(purpose="try").count() == 0


def test_who_may_not_see_private_items_sees_the_others_alone(world: Any) -> None:
    version = build(world)
    publication.publish_task(task=version.task, visibility="public", by=world.ada)
    version.refresh_from_db()
    bob = world.person("bob")

    trial = start_trial(
        version=version, contenders=[world.contender], namespace=bob.namespace, by=bob
    )
    world.work()

    found = side_by_side(trial_at(trial.public_id, to=bob), to=bob)
    assert [row.item.key for row in found.rows] == ["a", "c"]
    assert found.hidden == 1
    page = client_of(bob).get(trial.get_absolute_url()).content.decode()
    assert "1 private item is not shown" in page
    # Nobody else sees it, not even the task's author.
    assert client_of(world.ada).get(trial.get_absolute_url()).status_code == 404
    assert Client().get(trial.get_absolute_url()).status_code == 302


def test_nothing_is_started_where_no_model_can_be_asked(world: Any) -> None:
    version = build(world)
    unpriced = world.contender_of(world.add_deployment("model-a", priced=False))

    with pytest.raises(Conflict, match="No model could be asked"):
        start_trial(
            version=version,
            contenders=[unpriced],
            namespace=world.ada.namespace,
            by=world.ada,
        )

    assert not ItemTrial.objects.exists()
    assert not Run.objects.exists()


def test_a_trial_is_swept_away_with_its_runs(world: Any) -> None:
    trial = start_trial(
        version=build(world),
        contenders=[world.contender],
        namespace=world.ada.namespace,
        by=world.ada,
    )
    world.work()
    Run.objects.update(expires_at=now() - timedelta(hours=1))
    world.sweep()
    assert ItemTrial.objects.filter(pk=trial.pk).exists()
    ItemTrial.objects.update(expires_at=now() - timedelta(hours=1))

    world.sweep()

    assert not Run.objects.exists()
    assert not ItemTrial.objects.exists()


def test_the_page_wants_one_to_four_models(world: Any) -> None:
    version = build(world)
    for name in ("model-a", "model-b", "model-c", "model-d"):
        world.add_deployment(name)
    page = client_of(world.ada)
    address = reverse("tasks:try", args=["ada", version.task.slug])
    names = [f"fake/model-{letter}" for letter in "abcd"]

    five = page.get(address, {"version": version.public_id, "models": ["fake/arithmetic", *names]})
    none = page.post(address, {"version": version.public_id})

    assert (five.status_code, none.status_code) == (422, 422)
    assert "Choose at most 4 models; these are 5." in five.content.decode()
    assert client_of(world.person("bob")).get(address).status_code == 404
    assert not Run.objects.exists()


def test_the_page_of_answers_takes_few_queries(
    world: Any, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    version = build(world)
    models = [
        contender_of_deployment(
            deployment=world.deployment, configuration={"temperature": degree}, by=world.ada
        )
        for degree in (0.0, 0.2, 0.4, 0.6)
    ]
    trial = start_trial(
        version=version, contenders=models, namespace=world.ada.namespace, by=world.ada
    )
    world.work()
    page = client_of(world.ada)

    with django_assert_max_num_queries(8):
        answer = page.get(trial.get_absolute_url())

    assert answer.content.decode().count('class="trial__verdict"') == 24


def test_the_api_tries_and_returns_the_answers(world: Any) -> None:
    version = build(world)
    api = APIClient()
    api.force_authenticate(world.ada)
    address = f"/api/v1/task-versions/{version.public_id}/trials"
    body = {"models": ["fake/arithmetic"]}

    bounds = api.post(f"{address}/cost-bounds", body, format="json")
    started = api.post(address, body, format="json")
    wrong = api.post(address, {"models": ["fake/nothing"]}, format="json")
    many = api.post(address, {"models": ["fake/arithmetic"] * 2}, format="json")
    world.work()

    assert bounds.json()["models"][0]["bound"]["samples"] == 3
    assert (started.status_code, wrong.status_code, many.status_code) == (201, 422, 422)
    found = api.get(f"/api/v1/trials/{started.json()['id']}").json()
    assert not found["is_live"]
    assert [one["answers"][0]["output"] for one in found["items"]] == ["2", "4", "6"]
    assert found["items"][0]["answers"][0]["verdicts"][1]["scorer"] == "includes"
    stranger = APIClient()
    stranger.force_authenticate(world.person("bob"))
    assert stranger.get(f"/api/v1/trials/{started.json()['id']}").status_code == 404
    assert stranger.post(address, body, format="json").status_code == 404
