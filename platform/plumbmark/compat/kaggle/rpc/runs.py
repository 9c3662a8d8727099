"""Runs: scheduled and listed."""

from typing import Any

from django.db.models import Max
from django.http import Http404

from plumbmark.common.errors import DomainError, InvalidInput, Problem
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
    run_at,
    scorings_by_run,
    visible_runs,
)
from tasks_app.runs.start import start_run

_STATE = "BENCHMARK_TASK_RUN_STATE_"
_UNFINISHED = (Run.State.QUEUED, Run.State.RUNNING, Run.State.PAUSED)
_UNMARKED = (Scoring.State.QUEUED, Scoring.State.RUNNING, Scoring.State.PAUSED)
MAX_RUNS = 200


def batch_schedule_benchmark_task_runs(call: RpcCall) -> Answer:
    """Start a declared run of every task with every model, in the order given; start nothing if a
    task or a model is unknown. Each run that cannot start says why.
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
    return {
        "results": [
            _schedule(version, deployment, call)
            for version in versions
            for deployment in deployments
        ]
    }


def _schedule(version: TaskVersion, deployment: Deployment, call: RpcCall) -> dict[str, Any]:
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
            return {"runSkippedReason": f"run {unfinished.pk} is {unfinished.state} already"}
        run = start_run(
            version=version,
            contender=contender,
            purpose=Run.Purpose.DECLARED,
            namespace=namespace,
            by=call.user,
        )
    except DomainError as error:
        return {"runSkippedReason": error.message}
    return {"runScheduled": True, "runId": run.pk}


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
        .select_related("task_version__task__namespace", "contender")
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
    if run.state == Run.State.QUEUED:
        return "QUEUED", ""
    if run.state == Run.State.RUNNING:
        return "RUNNING", ""
    if run.state == Run.State.PAUSED:
        return "RUNNING", run.get_pause_reason_display()
    if run.state == Run.State.FAILED:
        return "ERRORED", run.failure or "The run failed."
    if run.state == Run.State.CANCELLED:
        return "ERRORED", "The run was cancelled."
    if scoring is not None and scoring.state in _UNMARKED:
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
