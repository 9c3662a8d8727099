"""Submitted outputs of many items: read, checked and stored by a worker, in a job."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile

from plumbmark.accounts.models import Namespace, User
from plumbmark.background.actions import start_job
from plumbmark.background.kinds import JobResult, record_result
from plumbmark.background.models import Job
from plumbmark.common.errors import Conflict
from plumbmark.common.heavy_work import HEAVY_ITEMS, JOB_BYTES
from tasks_app.datasets.uploads import forget_upload, store_upload
from tasks_app.models import DataFile, Run, TaskVersion
from tasks_app.runs import serializers
from tasks_app.runs.queries import run_at
from tasks_app.runs.submissions import NamedModel, check_submission, submit_file

SUBMIT = "submit-outputs"


def is_heavy(version: TaskVersion, upload: "UploadedFile[bytes] | None") -> bool:
    """Return whether reading the outputs takes longer than a request may."""
    return are_heavy(version.item_count * version.repeats, upload)


def are_heavy(outputs: int, upload: "UploadedFile[bytes] | None") -> bool:
    """Return whether reading so many outputs takes longer than a request may."""
    size = 0 if upload is None else upload.size or 0
    return size >= JOB_BYTES or outputs >= HEAVY_ITEMS


def start_submission(
    *,
    version: TaskVersion,
    model: NamedModel,
    namespace: Namespace,
    upload: "UploadedFile[bytes] | None" = None,
    rows: Sequence[Mapping[str, Any]] = (),
    return_url: str = "",
    by: User,
) -> Job:
    """Store the outputs as they came, and queue the rest."""
    check_submission(version=version, namespace=namespace, by=by)
    return queue_outputs(
        kind=SUBMIT,
        title=f"Submit outputs of {model.name}",
        subject=f"task-version:{version.public_id}",
        version_id=version.public_id,
        model=model,
        namespace=namespace,
        upload=upload or as_file(rows),
        return_url=return_url,
        by=by,
    )


def queue_outputs(
    *,
    kind: str,
    title: str,
    subject: str,
    version_id: str,
    model: NamedModel,
    namespace: Namespace,
    upload: "UploadedFile[bytes]",
    return_url: str,
    by: User,
) -> Job:
    """Store outputs of a task or of all tasks of a benchmark as they came, and queue the rest."""
    source = store_upload(namespace=namespace, upload=upload, by=by)
    try:
        return start_job(
            kind=kind,
            title=title,
            namespace=namespace,
            subject=subject,
            arguments={
                "version": version_id,
                "file": source.public_id,
                "model": [model.name, model.maker, model.description],
            },
            return_url=return_url,
            by=by,
        )
    except BaseException:
        forget_upload(source)
        raise


def as_file(rows: Sequence[Mapping[str, Any]]) -> "UploadedFile[bytes]":
    """Return outputs that came as JSON as a file that a job can read."""
    lines = "\n".join(json.dumps(row) for row in rows)
    return SimpleUploadedFile("outputs.jsonl", lines.encode())


def submit_in_job(job: Job) -> JobResult:
    versions = TaskVersion.objects.select_related("task__namespace")
    return submit_queued(
        job,
        what="task",
        version=versions.filter(public_id=job.arguments["version"]).first(),
        submit=submit_file,
        describe=lambda run: _describe_submission(run, job.created_by),
    )


def submit_queued(
    job: Job,
    *,
    what: str,
    version: Any,
    submit: Callable[..., Any],
    describe: Callable[[Any], JobResult],
) -> JobResult:
    """Submit the outputs of a job to a version. `describe` makes the result of what was stored: it
    is recorded in the same transaction, so that a job that begins again stores nothing twice.
    """
    source = DataFile.objects.filter(public_id=job.arguments["file"]).first()
    if version is None or source is None:
        raise Conflict(f"The {what} or the file no longer exists. Send the outputs again.")
    stored: list[JobResult] = []

    def record(done: Any) -> None:
        stored.append(describe(done))
        record_result(job, stored[0])

    submit(
        version=version,
        model=NamedModel(*job.arguments["model"]),
        namespace=job.namespace,
        source=source,
        by=job.created_by,
        within=record,
    )
    return stored[0]


def _describe_submission(run: Run, by: User) -> JobResult:
    return JobResult(
        value=serializers.RunDetail(run_at(run_id=run.pk, to=by)).data,
        message=f"{run.samples_total:,} outputs are accepted and being scored.",
        url=run.get_absolute_url(),
    )


def discard_submission(job: Job) -> None:
    """Delete the file of a job that was cancelled before it began."""
    source = DataFile.objects.filter(public_id=job.arguments["file"]).first()
    if source is not None:
        forget_upload(source)
