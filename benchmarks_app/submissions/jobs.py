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
from plumbmark.accounts.models import Namespace, User
from plumbmark.background.actions import start_job
from plumbmark.background.kinds import JobResult, record_result
from plumbmark.background.models import Job
from plumbmark.common.errors import Conflict
from plumbmark.common.heavy_work import HEAVY_ITEMS, JOB_BYTES
from tasks_app.datasets.uploads import forget_upload, store_upload
from tasks_app.models import DataFile
from tasks_app.runs.submissions import NamedModel

SUBMIT_ALL = "submit-outputs-to-all"


def is_heavy(version: BenchmarkVersion, upload: "UploadedFile[bytes]") -> bool:
    """Return whether reading the outputs takes longer than a request may."""
    return (upload.size or 0) >= JOB_BYTES or count_outputs(
        list(members_of(version))
    ) >= HEAVY_ITEMS


def start_whole_submission(
    *,
    version: BenchmarkVersion,
    model: NamedModel,
    namespace: Namespace,
    upload: "UploadedFile[bytes]",
    return_url: str = "",
    by: User,
) -> Job:
    """Store the file as it came, and queue the rest."""
    check_whole_submission(version=version, namespace=namespace, by=by)
    source = store_upload(namespace=namespace, upload=upload, by=by)
    try:
        return start_job(
            kind=SUBMIT_ALL,
            title=f"Submit outputs of {model.name} to all tasks",
            namespace=namespace,
            subject=f"benchmark-version:{version.public_id}",
            arguments={
                "version": version.public_id,
                "file": source.public_id,
                "model": [model.name, model.maker, model.description],
            },
            return_url=return_url,
            by=by,
        )
    except BaseException:
        forget_upload(source)
        raise


def submit_all_in_job(job: Job) -> JobResult:
    version = (
        BenchmarkVersion.objects.select_related("benchmark__namespace")
        .filter(public_id=job.arguments["version"])
        .first()
    )
    source = DataFile.objects.filter(public_id=job.arguments["file"]).first()
    if version is None or source is None:
        raise Conflict("The benchmark or the file no longer exists. Send the outputs again.")
    stored: list[JobResult] = []

    def record(done: WholeSubmission) -> None:
        stored.append(_describe(version, done))
        record_result(job, stored[0])

    submit_stored_file(
        version=version,
        model=NamedModel(*job.arguments["model"]),
        namespace=job.namespace,
        source=source,
        by=job.created_by,
        within=record,
    )
    return stored[0]


def describe_whole_submission(done: WholeSubmission) -> dict[str, Any]:
    """Return what the API answers."""
    return {
        "entry": done.entry.pk,
        "contender": done.entry.contender.public_id,
        "runs": [run.pk for run in done.runs],
    }


def _describe(version: BenchmarkVersion, done: WholeSubmission) -> JobResult:
    return JobResult(
        value=describe_whole_submission(done),
        message=f"The outputs for {len(done.runs)} tasks are accepted and being scored.",
        url=version.benchmark.get_absolute_url(),
    )


def discard_whole_submission(job: Job) -> None:
    """Delete the file of a job that was cancelled before it began."""
    source = DataFile.objects.filter(public_id=job.arguments["file"]).first()
    if source is not None:
        forget_upload(source)
