"""Runs: scheduled and listed."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Max
from django.http import Http404

from plumbmark.common.errors import Conflict, DomainError, InvalidInput, Problem
from plumbmark.compat.kaggle.rpc.calls import Answer, RpcCall
from plumbmark.compat.kaggle.rpc.errors import Unknown
from plumbmark.compat.kaggle.rpc.messages import lean, moment, result_of
from plumbmark.compat.kaggle.rpc.models import ModelNames, shorten_slug
from plumbmark.compat.kaggle.rpc.paging import page_of
from plumbmark.compat.kaggle.rpc.tasks import version_named
from plumbmark.gateway.models import Deployment
from tasks_app.models import Run, Scoring, TaskVersion
from tasks_app.runs.contenders import contender_of_deployment
from tasks_app.runs.queries import (
    deployments_for,
    obstacle_of,
    run_at,
    scorings_by_run,
    visible_runs,
)
from tasks_app.runs.start import start_run

_STATE = "BENCHMARK_TASK_RUN_STATE_"
_UNFINISHED = (Run.State.QUEUED, Run.State.RUNNING, Run.State.PAUSED)
_UNSCORED = (Scoring.State.QUEUED, Scoring.State.RUNNING)
MAX_RUNS = 200


def batch_schedule_benchmark_task_runs(call: RpcCall) -> Answer:
    """Start a declared run of every task with every model, in the order given; start nothing if a
    task or a model is unknown. Each run that cannot start says why; if none can, that is an error.
    """
    versions = [version_named(slug, call) for slug in call.body.inners("taskSlugs")]
    wanted = call.body.texts("modelVersionSlugs")
    problems = []
    if not versions:
        problems.append(Problem("Name at least one task.", "taskSlugs"))
    if not wanted:
        problems.append(Problem("Name at least one model.", "modelVersionSlugs"))
    if len(versions) * len(wanted) > MAX_RUNS:
        problems.append(Problem(f"At most {MAX_RUNS} runs can be started at once."))
    if problems:
        raise InvalidInput(problems)
    names = ModelNames(deployments_for(call.user))
    deployments = [names.deployment(name) for name in wanted]
    attempts = [
        _schedule(version, deployment, call) for version in versions for deployment in deployments
    ]
    if all(attempt.run is None for attempt in attempts):
        raise Conflict(_nothing_started_message(attempts, names))
    return {"results": [attempt.as_message() for attempt in attempts]}


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The result of starting one task with one model."""

    version: TaskVersion
    deployment: Deployment
    run: Run | None
    """The one that started, or one that is in progress already."""
    skipped_reason: str = ""

    def as_message(self) -> dict[str, Any]:
        if self.run is None or self.skipped_reason:
            return {"runSkippedReason": self.skipped_reason}
        return {"runScheduled": True, "runId": self.run.pk}


def _schedule(version: TaskVersion, deployment: Deployment, call: RpcCall) -> _Attempt:
    namespace = call.namespace
    try:
        contender = contender_of_deployment(deployment=deployment, by=call.user)
        # A request that is sent again after a broken connection starts nothing twice.
        unfinished = Run.objects.filter(
            task_version=version,
            contender=contender,
            namespace=namespace,
            purpose=Run.Purpose.DECLARED,
            state__in=_UNFINISHED,
        ).first()
        if unfinished is not None:
            reason = f"run {unfinished.pk} is {unfinished.state} already"
            return _Attempt(version, deployment, unfinished, reason)
        run = start_run(
            version=version,
            contender=contender,
            purpose=Run.Purpose.DECLARED,
            namespace=namespace,
            by=call.user,
        )
    except DomainError as error:
        return _Attempt(version, deployment, None, error.message)
    return _Attempt(version, deployment, run)


def _nothing_started_message(attempts: Sequence[_Attempt], names: ModelNames) -> str:
    """Return every reason with the models that it concerns.

    It is an error, because the command line would otherwise wait for runs that do not exist.
    """
    concerned: dict[str, dict[str, None]] = defaultdict(dict)
    for attempt in attempts:
        name = names.of_deployment(attempt.deployment)
        concerned[attempt.skipped_reason][f"{attempt.version.task.slug} with {name}"] = None
    reasons = [f"{', '.join(pairs)}: {reason}" for reason, pairs in concerned.items()]
    return "\n  ".join(["No run could start.", *reasons])


def list_benchmark_task_runs(call: RpcCall) -> Answer:
    """Return the newest run of each model on a version.

    The command line expects one run for each model: it waits until all of them have ended well, so
    an earlier attempt that failed would make a later success look like a failure.
    """
    slug = call.body.inner("taskSlug")
    version = version_named(slug, call)
    seen = (
        visible_runs(to=call.user)
        .filter(task_version=version)
        .exclude(purpose=Run.Purpose.TRY)
        .order_by()
    )
    newest = seen.values("contender_id").annotate(newest=Max("id")).values("newest")
    runs = list(
        Run.objects.filter(pk__in=newest)
        .select_related("task_version__task__namespace", "contender__deployment", "namespace")
        .order_by("-id")
    )
    names = ModelNames(deployments_for(call.user))
    wanted = {shorten_slug(name) for name in call.body.texts("modelVersionSlugs")}
    if wanted:
        runs = [run for run in runs if names.of(run.contender) in wanted]
    page = page_of(runs, call.body, key=lambda run: run.pk)
    scorings = scorings_by_run(page.items)
    return lean(
        runs=[run_message(run, scorings.get(run.pk), names) for run in page.items],
        totalResults=len(runs),
        nextPageToken=page.next_token,
    )


def run_message(run: Run, scoring: Scoring | None, names: ModelNames) -> dict[str, Any]:
    task = run.task_version.task
    state, error = run_state(run, scoring)
    return lean(
        taskSlug=lean(
            ownerSlug=task.namespace.handle,
            taskSlug=task.slug,
            versionNumber=run.task_version.number,
        ),
        modelVersionSlug=names.of(run.contender),
        id=run.pk,
        state=f"{_STATE}{state}",
        startTime=moment(run.started_at),
        endTime=moment(run.finished_at),
        errorMessage=error,
        result=result_of(scoring.estimate) if scoring and state == "COMPLETED" else None,
    )


def run_state(run: Run, scoring: Scoring | None) -> tuple[str, str]:
    """Return a state of the command line's and, if it is not a success, the reason."""
    if obstacle := obstacle_of(run):
        # It may go on later, but the command line would wait without a word until it does.
        return "ERRORED", obstacle
    if run.state == Run.State.QUEUED:
        return "QUEUED", ""
    if run.state == Run.State.RUNNING:
        return "RUNNING", ""
    if run.state == Run.State.FAILED:
        return "ERRORED", run.failure or "The run failed."
    if run.state == Run.State.CANCELLED:
        return "ERRORED", "The run was cancelled."
    if scoring is not None and scoring.state == Scoring.State.PAUSED:
        return "ERRORED", f"The scoring is paused until there is balance. {scoring.failure}".strip()
    if scoring is not None and scoring.state in _UNSCORED:
        return "SCORE_PENDING", ""
    if scoring is not None and scoring.state == Scoring.State.FAILED:
        return "ERRORED", scoring.failure or "The scoring failed."
    return "COMPLETED", ""


def run_of(call: RpcCall) -> Run:
    """Return the run of a message; 404 if the caller may not see it."""
    number = call.body.integer("runId") or 0
    try:
        return run_at(run_id=number, to=call.user)
    except Http404:
        raise Unknown(f"There is no run {number} that you can see.") from None
