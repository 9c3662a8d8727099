"""Trying scorers that run a program: a job, because only workers have a sandbox."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.urls import reverse

from plumbmark.accounts.models import User
from plumbmark.background.actions import start_job
from plumbmark.background.kinds import JobResult
from plumbmark.background.models import Job
from plumbmark.common.errors import Conflict, NotAllowed
from plumbmark.common.progress import report_progress
from plumbmark.gateway.calls import runtime
from tasks_app.models import Run, Task, TaskDraft
from tasks_app.permissions import can_edit_task
from tasks_app.runs.queries import viewable_runs
from tasks_app.scorer_trials.trials import (
    DraftItems,
    TrialOutput,
    TrialPair,
    TrialResult,
    TrialVerdict,
    describe_verdicts,
    pairs_of,
    pairs_of_run,
    read_draft,
    scorer_of,
)
from tasks_app.scorings.output_scorer import StoredAnswer
from tasks_app.workers import sandbox

TRY = "try-scorers"
_AT_ONCE = 10
"""Outputs between two reports of progress."""


def start_sandbox_trial(
    *, draft: TaskDraft, outputs: Sequence[TrialOutput] = (), run: Run | None = None, by: User
) -> Job:
    """Queue a trial of all scorers of a draft, those that run a program too.

    Outputs that cannot be tried are refused at once, and so is everything where no worker has a
    sandbox. The caller has checked that the person may edit the task.
    """
    if why := sandbox.why_nothing_runs_code():
        raise Conflict(f"Nothing can be run in the sandbox here. {why}", code="no-sandbox")
    if run is None:
        pairs_of(read_draft(draft), outputs)
    task = draft.task
    return start_job(
        kind=TRY,
        title=f"Try the scorers of {task.title}",
        namespace=task.namespace,
        subject=f"task:{task.public_id}",
        arguments={"outputs": [asdict(one) for one in outputs], "run": run.pk if run else None},
        return_url=_page_of(task),
        by=by,
    )


def try_in_job(job: Job) -> JobResult:
    """Try the scorers in this worker's sandbox. Nothing of it is stored but the job's result."""
    if not sandbox.is_here():
        raise Conflict(
            f"The worker that took this has no sandbox. {sandbox.reason()} Try again.",
            code="no-sandbox",
        )
    by = job.created_by
    draft = TaskDraft.objects.select_related("task__namespace", "data_file", "code_file").get(
        task__public_id=job.subject.removeprefix("task:")
    )
    if not can_edit_task(by, draft.task):
        raise NotAllowed("You may not edit this task any more.")
    read = read_draft(draft)
    results = _try_pairs(read, _pairs_of_job(job, read, by))
    return JobResult(
        value={"results": [asdict(one) for one in results]},
        message="The scorers have run.",
        url=f"{_page_of(draft.task)}?trial={job.public_id}",
    )


def results_of(job: Job) -> list[TrialResult]:
    """Return what a completed trial found; empty before its end."""
    value: Mapping[str, Any] = (job.result or {}).get("value", {})
    return [
        TrialResult(**{**one, "verdicts": [TrialVerdict(**verdict) for verdict in one["verdicts"]]})
        for one in value.get("results", ())
    ]


def outputs_of(job: Job) -> list[TrialOutput]:
    """Return the outputs that a trial was asked to try; empty for those of a run."""
    return [TrialOutput(**one) for one in job.arguments["outputs"]]


def _page_of(task: Task) -> str:
    return reverse("tasks:scorers", args=[task.namespace.handle, task.slug])


def _pairs_of_job(job: Job, read: DraftItems, by: User) -> list[TrialPair]:
    if job.arguments["run"] is None:
        return pairs_of(read, outputs_of(job))
    run = viewable_runs(to=by).filter(pk=job.arguments["run"]).first()
    if run is None:
        raise Conflict("The run is gone, or you may not see it any more.")
    return pairs_of_run(read, run, by=by)


def _try_pairs(read: DraftItems, pairs: Sequence[TrialPair]) -> list[TrialResult]:
    scorer = scorer_of(read.definition)
    found = []
    for first in range(0, len(pairs), _AT_ONCE):
        report_progress("Running scorers", first, len(pairs))
        answers = [
            StoredAnswer(number, text, item)
            for number, (text, item) in enumerate(pairs[first : first + _AT_ONCE])
        ]
        found += runtime.run(scorer.explain_with_programs(answers, sandbox))
    return describe_verdicts(read.definition, pairs, found)
