"""A world to run things in: people, a fake provider's deployments, tasks of sums."""

import json
from collections.abc import Callable
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile

from plumbmark.accounts.models import User
from plumbmark.gateway.actions import add_deployment, set_price, set_quota
from plumbmark.gateway.models import Deployment
from tasks_app.authoring import actions as authoring
from tasks_app.authoring import drafts, publication
from tasks_app.jobs import work
from tasks_app.models import (
    Contender,
    Run,
    Sample,
    SampleScore,
    Scoring,
    Task,
    TaskVersion,
)
from tasks_app.runs import sweep as sweeping
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.start import start_run
from tests.fake_provider.process import FakeProvider

DEFINITION = """\
plumbmark: 1
data: {id: id, target: answer}
prompt:
  messages: [{role: user, content: "What is {question}?"}]
sampling: {temperature: 0, max_output_tokens: 32}
scorers: [{type: exact}]
"""


class World:
    """What the tests of the run machinery need again and again."""

    def __init__(self, provider: FakeProvider, open_account: Callable[..., Any]) -> None:
        self.provider = provider
        self._open_account = open_account
        self.ada = self.person("ada")
        self.deployment = self.add_deployment()
        self.contender = self.contender_of(self.deployment)

    def person(self, handle: str) -> User:
        user: User = self._open_account(handle=handle)
        set_quota(namespace=user.namespace, day_cap=10**12, month_cap=10**13, by=None)
        return user

    def add_deployment(
        self, model: str = "arithmetic", *, priced: bool = True, deadline: float = 60.0
    ) -> Deployment:
        deployment = add_deployment(
            slug=f"fake/{model}",
            provider="openai",
            upstream_id=model,
            base_url=self.provider.url,
            by=None,
        )
        Deployment.objects.filter(pk=deployment.pk).update(deadline_seconds=deadline)
        if priced:
            set_price(
                deployment=deployment,
                input_per_mtok=500_000_000,
                output_per_mtok=3_000_000_000,
                by=None,
            )
        deployment.refresh_from_db()
        return deployment

    def contender_of(self, deployment: Deployment) -> Contender:
        return contender_of_deployment(deployment=deployment, configuration={}, by=self.ada)

    def task(self, title: str = "Sums", *, by: User | None = None) -> Task:
        user = by or self.ada
        return authoring.create_task(
            namespace=user.namespace, facts=authoring.TaskFacts(title=title), by=user
        )

    def version(
        self,
        items: int = 40,
        *,
        task: Task | None = None,
        definition: str = DEFINITION,
        by: User | None = None,
        **columns: Any,
    ) -> TaskVersion:
        user = by or self.ada
        task = task or self.task(by=user)
        rows = "\n".join(
            json.dumps({"id": f"i{n}", "question": f"{n}+{n % 7}", "answer": str(n + n % 7)})
            for n in range(items)
        )
        drafts.save_draft(
            task=task,
            definition_text=definition,
            definition_format="yaml",
            upload=SimpleUploadedFile("sums.jsonl", rows.encode()),
            by=user,
        )
        return publication.publish_task(task=task, visibility="public", by=user)

    def start(
        self,
        version: TaskVersion,
        contender: Contender | None = None,
        *,
        by: User | None = None,
        purpose: str = "exploratory",
        **given: Any,
    ) -> Run:
        user = by or self.ada
        return start_run(
            version=version,
            contender=contender or self.contender,
            purpose=purpose,
            namespace=user.namespace,
            by=user,
            **given,
        )

    def work(self, most: int = 20) -> list[str]:
        """Run due jobs until nothing is left; return what they reported."""
        said = []
        for _ in range(most):
            said.append(work())
            if said[-1] == "nothing due":
                return said
        raise AssertionError(f"still at work: {said}")

    def sweep(self) -> bool:
        return sweeping.sweep()


def check_counters(run: Run) -> Run:
    """Check that a run's counters agree with its rows; return it as it is now."""
    run.refresh_from_db()
    samples = Sample.objects.filter(run=run)
    assert run.samples_done == samples.count()
    ordinals = list(samples.order_by("ordinal").values_list("ordinal", flat=True))
    assert len(ordinals) == len(set(ordinals))
    assert run.charged == sum(samples.values_list("charged", flat=True))
    scoring = Scoring.objects.get(run=run, is_inline=True, revision=run.revision)
    scores = SampleScore.objects.filter(scoring=scoring)
    assert scores.count() == samples.filter(is_scored=True).count()
    unscored = run.samples_done - scores.filter(value__isnull=False).count()
    assert run.samples_unscored == unscored
    assert scoring.samples_done == run.samples_done
    return run
