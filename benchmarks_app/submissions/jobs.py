"""Large submissions to all tasks: read, checked and stored by a worker."""

from typing import Any

from django.core.files.uploadedfile import UploadedFile

from benchmarks_app.models import BenchmarkVersion
from benchmarks_app.queries import members_of
from benchmarks_app.submissions.actions import (
    WholeSubmission,
    check_whole_submission,
    submit_stored_file,
)
from benchmarks_app.submissions.queries import count_outputs
from benchmarks_app.submissions.reading import RowsByTask
from plumbmark.accounts.models import Namespace, User
from plumbmark.background.kinds import JobResult
from plumbmark.background.models import Job
from tasks_app.runs.submission_jobs import are_heavy, as_file, queue_outputs, submit_queued
from tasks_app.runs.submissions import NamedModel

SUBMIT_ALL = "submit-outputs-to-all"


def is_heavy(version: BenchmarkVersion, upload: "UploadedFile[bytes] | None") -> bool:
    """Return whether reading the outputs takes longer than a request may."""
    return are_heavy(count_outputs(list(members_of(version))), upload)


def start_whole_submission(
    *,
    version: BenchmarkVersion,
    model: NamedModel,
    namespace: Namespace,
    upload: "UploadedFile[bytes] | None" = None,
    rows: RowsByTask | None = None,
    return_url: str = "",
    by: User,
) -> Job:
    """Store the file, or the rows, as they came, and queue the rest."""
    check_whole_submission(version=version, namespace=namespace, by=by)
    return queue_outputs(
        kind=SUBMIT_ALL,
        title=f"Submit outputs of {model.name} to all tasks",
        subject=f"benchmark-version:{version.public_id}",
        version_id=version.public_id,
        model=model,
        namespace=namespace,
        upload=upload or as_file(_with_tasks(rows or {})),
        return_url=return_url,
        by=by,
    )


def _with_tasks(sent: RowsByTask) -> list[dict[str, Any]]:
    """Return rows that came by task as rows of one table: the job reads them as a file."""
    return [{**row, "task": name} for name, rows in sent.items() for row in rows]


def submit_all_in_job(job: Job) -> JobResult:
    versions = BenchmarkVersion.objects.select_related("benchmark__namespace")
    version = versions.filter(public_id=job.arguments["version"]).first()
    return submit_queued(
        job,
        what="benchmark",
        version=version,
        submit=submit_stored_file,
        describe=_describe,
    )


def describe_whole_submission(done: WholeSubmission) -> dict[str, Any]:
    """Return what the API answers."""
    return {
        "entry": done.entry.pk,
        "contender": done.entry.contender.public_id,
        "runs": [run.pk for run in done.runs],
    }


def _describe(done: WholeSubmission) -> JobResult:
    return JobResult(
        value=describe_whole_submission(done),
        message=f"The outputs for {len(done.runs)} tasks are accepted and being scored.",
        url=done.entry.version.benchmark.get_absolute_url(),
    )
