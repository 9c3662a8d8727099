"""Where private items may go: only the owner of their task decides, whoever starts the run."""

from decimal import Decimal
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from benchmarks_app.actions import authoring
from benchmarks_app.actions.authoring import Member
from benchmarks_app.grid.actions import start_runs
from plumbmark.common.errors import NotAllowed
from plumbmark.gateway.models import Deployment
from tasks_app.authoring import publication
from tasks_app.authoring.allowed_deployments import allow_deployment, disallow_deployment
from tasks_app.code_tasks.actions import save_code_draft
from tasks_app.models import Contender, Run, TaskVersion
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.control import resume_run
from tasks_app.scorings.plans import queue_scoring

pytestmark = pytest.mark.django_db(transaction=True)

SIMULATED_USER = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "What is {question}?"}]
  simulated_user: {model: fake/eve, instructions: "Ask again.", max_turns: 2}
sampling: {temperature: 0, max_output_tokens: 32}
scorers: [{type: exact}]
"""
CARD = dict.fromkeys(
    ("measures", "limits", "intended_use", "provenance", "licence", "contact"), "x"
)
JUDGED = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "What is {question}?"}]
sampling: {temperature: 0, max_output_tokens: 32}
scorers: [{type: model_judge, judges: [fake/eve], mode: grade, rubric: "Is {output} right?"}]
"""


def make_private(version: TaskVersion) -> TaskVersion:
    TaskVersion.objects.filter(pk=version.pk).update(private_item_count=2)
    version.refresh_from_db()
    return version


def deployment_of(world: Any, owner: Any, model: str = "arithmetic") -> Deployment:
    """Return a deployment at an address of its owner's choice."""
    deployment = world.add_deployment("eve")
    Deployment.objects.filter(pk=deployment.pk).update(owner=owner, upstream_id=model)
    deployment.refresh_from_db()
    return deployment


def contender_of(deployment: Deployment, by: Any) -> Contender:
    return contender_of_deployment(deployment=deployment, configuration={}, by=by)


def test_a_benchmark_of_ones_own_opens_nobody_elses_private_items(world: Any) -> None:
    version = make_private(world.version(5))
    eve = world.person("eve")
    contender = contender_of(deployment_of(world, eve.namespace), eve)
    benchmark = authoring.create_benchmark(
        namespace=eve.namespace, title="A trap", claim="It collects items.", by=eve
    )
    draft = authoring.draft_of(benchmark=benchmark, by=eve)
    authoring.compose_draft(
        version=draft,
        members=[Member(version, Decimal(1), "")],
        card=CARD,
        by=eve,
    )
    published = authoring.publish_benchmark(version=draft, by=eve)

    with pytest.raises(NotAllowed, match="private items"):
        start_runs(version=published, contenders=[contender], namespace=eve.namespace, by=eve)
    assert not Run.objects.exists()


def test_the_tasks_owner_allows_a_deployment_and_withdraws_it(world: Any) -> None:
    version = make_private(world.version(5))
    eve = world.person("eve")
    deployment = deployment_of(world, eve.namespace)
    contender = contender_of(deployment, eve)
    with pytest.raises(NotAllowed, match="belongs to somebody else"):
        allow_deployment(task=version.task, deployment=deployment, by=eve)

    allow_deployment(task=version.task, deployment=deployment, by=world.ada)
    run = world.start(version, contender, by=eve)
    disallow_deployment(task=version.task, deployment=deployment, by=world.ada)

    with pytest.raises(NotAllowed) as refused:
        world.start(version, contender, by=eve)
    assert refused.value.message == (
        "This task has private items, and they may not be sent to fake/eve. The task's owner, ada, "
        "can allow it in the task's settings; its id is "
        f"{deployment.public_id}. Deployments of the platform need no permission."
    )
    Run.objects.filter(pk=run.pk).update(state="paused", pause_reason="owner")
    with pytest.raises(NotAllowed, match="private items"):
        resume_run(run=run, by=eve)


def test_a_simulated_user_gets_no_private_items_without_permission(world: Any) -> None:
    eve = world.person("eve")
    deployment = deployment_of(world, world.ada.namespace)
    version = make_private(world.version(5, definition=SIMULATED_USER))
    assert world.start(version)

    Deployment.objects.filter(pk=deployment.pk).update(owner=eve.namespace)
    version = TaskVersion.objects.get(pk=version.pk)
    with pytest.raises(NotAllowed, match="fake/eve"):
        world.start(version)
    allow_deployment(task=version.task, deployment=deployment, by=world.ada)
    assert world.start(version)


def test_a_judge_gets_no_private_items_without_permission(world: Any) -> None:
    eve = world.person("eve")
    deployment = deployment_of(world, world.ada.namespace)
    version = make_private(world.version(5, definition=JUDGED))
    run = world.start(version)
    Deployment.objects.filter(pk=deployment.pk).update(owner=eve.namespace)

    scoring = queue_scoring(run=run, version=version, by=eve, payer=eve.namespace)
    assert scoring.grant is not None
    assert not scoring.grant.deployments.exists()

    allow_deployment(task=version.task, deployment=deployment, by=world.ada)
    scoring = queue_scoring(run=run, version=version, by=eve, payer=eve.namespace)
    assert scoring.grant is not None
    assert scoring.grant.deployments.get() == deployment


def test_public_items_need_no_permission(world: Any) -> None:
    eve = world.person("eve")

    assert world.start(
        world.version(5), contender_of(deployment_of(world, eve.namespace), eve), by=eve
    )


PROGRAM = """\
from kaggle_benchmarks import task, llm, assertions

@task(name="sums")
def sums(llm):
    return True

sums.run(llm)
"""


@pytest.mark.parametrize("is_candidate", [True, False])
def test_a_private_programs_models_need_permission_too(world: Any, is_candidate: bool) -> None:
    eve = world.person("eve")
    deployment = deployment_of(world, world.ada.namespace)
    task = world.task("Program")
    save_code_draft(
        task=task,
        upload=SimpleUploadedFile("task.py", PROGRAM.encode()),
        settings_text="private: true\n" + ("" if is_candidate else "models: [fake/eve]\n"),
        by=world.ada,
    )
    version = publication.publish_task(task=task, visibility="public", by=world.ada)
    Deployment.objects.filter(pk=deployment.pk).update(owner=eve.namespace)
    deployment.refresh_from_db()
    contender = contender_of(deployment, eve) if is_candidate else world.contender

    with pytest.raises(NotAllowed, match="may not be sent to fake/eve"):
        world.start(TaskVersion.objects.get(pk=version.pk), contender, by=eve)


def test_the_owner_sees_and_changes_permissions_by_page_and_api(world: Any, client: Any) -> None:
    eve = world.person("eve")
    deployment = deployment_of(world, eve.namespace)
    task = world.version(5).task
    page = f"{task.get_absolute_url()}settings/"
    address = f"/api/v1/tasks/{task.public_id}/allowed-deployments"
    client.force_login(world.ada)

    # Names of other people's deployments cannot be tried out.
    refused = client.post(page, {"part": "allow", "deployment": deployment.slug})
    assert refused.status_code == 422
    assert "no deployment with the id" in refused.content.decode()
    client.post(page, {"part": "allow", "deployment": deployment.public_id})
    assert "fake/eve" in client.get(page).content.decode()
    assert [one["deployment"] for one in client.get(address).json()["results"]] == ["fake/eve"]
    client.post(page, {"part": "disallow", "deployment": deployment.public_id})
    assert client.get(address).json()["results"] == []
    body = {"deployment": deployment.public_id}
    assert client.post(address, body, content_type="application/json").status_code == 204
    assert client.delete(f"{address}/{deployment.public_id}").status_code == 204
    assert client.delete(f"{address}/{deployment.public_id}").status_code == 404

    client.force_login(eve)
    assert client.get(address).status_code == 403
    assert client.post(address, body, content_type="application/json").status_code == 403
    assert client.delete(f"{address}/{deployment.public_id}").status_code == 403
